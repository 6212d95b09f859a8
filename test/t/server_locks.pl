# Who locks the worker's tables is waited for: that is said once, costs no
# message, and keeps nobody from stopping the server.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $users = 300;
my $sim = TeamsSim->start->contoso;
$sim->config(generate_users => { count => $users, installed => $users,
	upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim);
my $sent = 0;

# Have messages pending and on the wire.
sub load
{
	my ($rounds) = @_;
	my $before = $sim->message_count;

	$sim->settings(latency_ms => 100);
	$node->send_to_all($users, ($sent += $users) . ' +') for 1 .. $rounds;
	TeamsNode::wait_for('messages',
		sub { $sim->message_count >= $before + 100 });
	return;
}

# Nothing is lost, sent twice, or in doubt.
sub all_is_well
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$sim->settings(latency_ms => 0);
	ok($node->wait_until_sent, 'then the worker goes on');
	is($sim->message_count, $sent, 'nothing is lost');
	is(scalar($sim->duplicates), 0, 'nothing is sent twice');
	is( $node->value(
			'SELECT fate, doubtful, count(*) FROM teams_delivery GROUP BY 1, 2'),
		"sent|f|$sent", 'all is on record');
	return;
}

# A session that has the lock.
sub lock_outbox
{
	my $session = $node->background_psql('postgres');

	$session->query_safe('BEGIN');
	$session->query_safe('LOCK TABLE teams_outbox IN ACCESS EXCLUSIVE MODE');
	return $session;
}

sub is_waiting
{
	return $node->wait_until('SELECT count(*) = 1 FROM pg_locks'
		  . ' JOIN teams_worker USING (pid) WHERE NOT granted');
}

sub logged
{
	my ($pattern) = @_;
	return scalar(my @lines = slurp_file($node->logfile) =~ /$pattern/g);
}

# A lock that lasts for several tries of the worker.
load(4);
my $pid = $node->worker_pid;
my $locker = lock_outbox();
my %errors;
TeamsNode::wait_for('three tries',
	sub {
		$errors{ $node->value('SELECT last_error_at FROM teams_worker_detail'
			  . " WHERE last_error ~ 'lock timeout'") } = 1;
		delete $errors{''};
		return keys %errors == 3;
	});
is(logged(qr/\[$pid\].*ERROR:.*lock timeout/), 1,
	'an ACCESS EXCLUSIVE lock on the outbox is logged once in three tries');
$locker->query_safe('COMMIT');
$locker->quit;
all_is_well();
is($node->worker_pid, $pid, 'it is the same worker');

# The same, and the server stops.
load(2);
$locker = lock_outbox();
is_waiting();
my $took = TeamsNode::duration(sub { $node->stop('fast') });
cmp_ok($took, '<', 2, 'a lock is no reason to be late for a shutdown');
eval { $locker->quit };
$node->start;
all_is_well();

# A lock that does not end with its session.
load(2);
$pid = $node->worker_pid;
$node->value('BEGIN; LOCK TABLE teams_outbox IN ACCESS EXCLUSIVE MODE;'
	  . " PREPARE TRANSACTION 'locker'");
is_waiting();
$took = TeamsNode::duration(sub { $node->stop('fast') });
note("the shutdown took $took s");
cmp_ok($took, '<', 2, 'nor is one that outlives the shutdown');
$node->start;
my $doubtful = $node->value('SELECT sum(cardinality(ids)) FROM teams_inflight');
$node->value("COMMIT PREPARED 'locker'");
$sim->settings(latency_ms => 0);
ok($node->wait_until_sent, 'then the next worker goes on');
is($node->value('SELECT count(*) FROM teams_delivery'),
	$sent, 'nothing is lost');
is($node->value('SELECT count(*) FROM teams_delivery WHERE doubtful'),
	$doubtful, 'in doubt is what could not be written, and is in the ledger');
cmp_ok(scalar($sim->duplicates), '<=', $doubtful, 'no others are sent twice');

done_testing();
