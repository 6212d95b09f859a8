# While the disk is full, outcomes stay in the worker's memory, nothing that the
# ledger cannot take is sent, and afterwards all goes on by itself.
#
# A file system that is really full takes root to make.  The nearest that the
# server's own user can do is to forbid the worker, and nobody else, to make
# files longer (RLIMIT_FSIZE): its writes fail in the kernel, in the same place
# and with the same message but for the reason.  WAL has to be left out of it,
# as it is in real life by lying on another disk: without WAL the server itself
# goes down, and the worker with it.  Hence segments shorter than the limit.
# The SQLSTATE of a full disk, 53100, is then raised by triggers.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $users = 200;
my $sim = TeamsSim->start(latency_ms => 20)->contoso;
$sim->config(generate_users => { count => $users, installed => $users,
	upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim,
	init => { extra => [ '--wal-segsize', 1 ] },
	conf => 'autovacuum = off');
my $sent = 0;

sub send_more
{
	$node->send_to_all($users, ($sent += $users) . ' +');
	return;
}

sub settled
{
	return $node->value('SELECT count(*) FROM teams_delivery WHERE id > 0');
}

# Send more, and wait until the worker has met the error twice; returns
# how often it was logged.
sub meets
{
	my ($pattern) = @_;
	my $pid = $node->worker_pid;
	my $offset = -s $node->logfile;
	my $start = $node->value('SELECT clock_timestamp()');
	my %errors;

	send_more();
	TeamsNode::wait_for('two tries',
		sub {
			my $at = $node->value('SELECT last_error_at FROM teams_worker_detail'
				  . " WHERE last_error ~ '$pattern' AND last_error_at > '$start'");
			$errors{$at} = 1 if $at;
			return keys %errors == 2;
		});
	my $log = substr(slurp_file($node->logfile), $offset);
	return scalar(my @lines = $log =~ /\[$pid\].*ERROR:.*$pattern/g);
}

# All is as if nothing had happened.
sub recovers
{
	my ($pid) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	ok($node->wait_until_sent, 'afterwards the worker goes on');
	is($node->worker_pid, $pid, 'it is the same');
	is($sim->message_count, $sent, 'nothing is lost');
	is(scalar($sim->duplicates), 0, 'nothing is sent twice');
	is( $node->value('SELECT fate, doubtful, count(*) FROM teams_delivery'
			  . ' WHERE id > 0 GROUP BY 1, 2'),
		"sent|f|$sent", 'all is on record');
	return;
}

# The history cannot grow.
send_more();
$node->wait_until_sent;
my $pid = $node->worker_pid;
SKIP:
{
	skip 'there is no prlimit', 8
	  unless grep { -x "$_/prlimit" } split /:/, $ENV{PATH};
	$node->value(<<'END');
INSERT INTO teams_delivery (id, bot, kind, scope, target, sender, fate,
	attempts, doubtful, created_at)
SELECT -i, 'default', 'send', 'user', 'old', 'pg_monitor', 'sent', 1, false,
	now()
FROM generate_series(1, 30000) AS i
END
	my $size = $node->value("SELECT pg_relation_size('teams_delivery')");
	cmp_ok($size, '>', 2 * 1024 * 1024, 'the limit leaves WAL alone');
	system_or_bail('prlimit', '--pid', $pid, "--fsize=$size:");
	is(meets('could not extend file'), 1,
		'that a file cannot be extended is logged once in two tries');
	my $arrived = $sim->message_count;
	cmp_ok($arrived, '>', settled(), 'the worker knows more than is written');
	system_or_bail('prlimit', '--pid', $pid, '--fsize=unlimited:');
	recovers($pid);
}

# Neither the history nor the ledger take anything.
$node->value(<<'END');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE SQLSTATE '53100' USING MESSAGE = 'no room in ' || TG_TABLE_NAME;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON teams_inflight
	EXECUTE FUNCTION refuse()
END
my $before = $sim->message_count;
is(meets('no room in teams_inflight'), 1,
	'that the ledger takes no entry is logged once');
is($sim->message_count, $before, 'and nothing is sent meanwhile');
$node->value('DROP TRIGGER refuse ON teams_inflight');
recovers($pid);

my $refuse = 'CREATE TRIGGER refuse BEFORE INSERT ON teams_delivery'
  . ' EXECUTE FUNCTION refuse()';
$node->value($refuse);
is(meets('no room in teams_delivery'), 1,
	'that the history takes no row is logged once');
cmp_ok($sim->message_count, '>', $before + $users,
	'which is noticed when messages have been sent');
$node->value('DROP TRIGGER refuse ON teams_delivery');
recovers($pid);

# The worker ends before there is room again: now there is doubt.
$node->value($refuse);
meets('no room in teams_delivery');
$node->value("SELECT pg_terminate_backend($pid)");
TeamsNode::wait_for('the worker to end', sub { !kill 0, $pid }, 3);
my $doubtful = $sim->message_count - settled();
$node->value('DROP TRIGGER refuse ON teams_delivery');
ok($node->wait_until_sent, 'the next worker goes on');
is($sim->message_count, $sent + $doubtful,
	'what could not be written is sent again');
is($node->value('SELECT count(*) FROM teams_delivery WHERE doubtful'),
	$doubtful, 'and known to be in doubt');
is(settled(), $sent, 'everything has one fate');

done_testing();
