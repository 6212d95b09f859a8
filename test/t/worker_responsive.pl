# Requests that hang keep the worker from nothing: it hears commits, signals
# and shutdowns at once.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $users = 50;
my $sim = TeamsSim->start(no_strict_conversations => 1)->contoso;
$sim->config(generate_users => { count => $users, installed => $users,
	upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $grace = 3;
my $node = TeamsNode->start('primary', $sim,
	conf => "teams_proactive.shutdown_grace = '${grace}s'");
my $activity = q{FROM pg_stat_activity WHERE datname = 'postgres'
	AND backend_type = 'teams_proactive worker'};

# How long it takes until a text is at the simulator.
sub arrives_in
{
	my ($user, $text, %options) = @_;
	my $count = grep { $_->{text} eq $text } $sim->messages;

	$node->send($user, $text, %options);
	return TeamsNode::duration(sub {
		TeamsNode::wait_for($text,
			sub { $count < grep { $_->{text} eq $text } $sim->messages });
	});
}

sub wait_for_flights
{
	my ($count) = @_;
	return $node->wait_until("SELECT in_flight >= $count FROM teams_worker"
		  . " WHERE database = 'postgres' AND state = 'running'");
}

# How often a process went to sleep.
sub sleeps
{
	my ($pid) = @_;
	my ($count) = slurp_file("/proc/$pid/status")
	  =~ /^voluntary_ctxt_switches:\s*(\d+)/m;
	return $count;
}

# A worker that has nothing to do, to be looked at later.
$node->value('CREATE DATABASE idle');
$node->value('CREATE EXTENSION teams_proactive', 'idle');
my $idle = $node->worker_pid('idle');
my $proc = -r "/proc/$idle/status";
my $sleeps = $proc ? sleeps($idle) : 0;

# All but one of the places are taken by requests that hang.
$node->configure($sim, bot => "'second'");
$node->send_to_all($users, 'known');
$node->fate($node->send('ada@contoso.com', 'known', bot => $_))
  for 'default', 'second';
$node->wait_until_sent;
is($node->value("SELECT state $activity"), 'idle',
	'without work the worker is shown as idle');
$sim->fault(operation => 'send', text => 'hang', delay_ms => 20000,
	count => -1);
$node->send_to_all($users - 1, 'hang');
ok(wait_for_flights($users - 1), 'nearly all requests hang');
is( $node->value("SELECT state, xact_start IS NULL, backend_xmin IS NULL,"
		  . " query $activity"),
	'active|t|t|sending: ' . ($users - 1) . ' on the wire, 0 more in memory',
	'pg_stat_activity shows it, and that no transaction is open');
is($node->value('SELECT in_flight FROM teams_worker'
		  . " WHERE database = 'postgres'"),
	$users - 1, 'and so does teams_worker');
cmp_ok(arrives_in('ada@contoso.com', 'in time'), '<', 1,
	'a commit is heard while requests hang');

# All places are taken: another bot has its own, and more can be had.
$node->value("SELECT teams_send('user$users\@contoso.com', 'hang $users')");
ok(wait_for_flights($users), 'now all requests hang');
my $waiting = $node->send('ada@contoso.com', 'waiting for a place');
cmp_ok(arrives_in('ada@contoso.com', 'from the second', bot => 'second'),
	'<', 1, 'another bot has places of its own');
is($node->value("SELECT state FROM teams_message WHERE id = $waiting"),
	'pending', 'while the first has to wait');
like($node->value("SELECT query $activity"),
	qr/^sending: $users on the wire, 1 more in memory$/,
	'and that can be seen');
my $took = TeamsNode::duration(sub {
	$node->set('teams_proactive.max_in_flight' => $users + 1);
	$node->fate($waiting);
});
cmp_ok($took, '<', 2, 'a changed setting is heard while requests hang');

# What is not due and what has nothing to do cost nothing.
SKIP:
{
	skip 'there is no /proc', 1 unless $proc;
	cmp_ok(sleeps($idle) - $sleeps, '<', 50,
		'a worker without work sleeps all the time');
}

# Signals, without and with patience.
sub time_to_end
{
	my ($pid) = @_;
	return TeamsNode::duration(sub {
		$node->value("SELECT pg_terminate_backend($pid)");
		TeamsNode::wait_for('the worker to end', sub { !kill 0, $pid });
	});
}

sub lasts
{
	my ($time, $least, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	cmp_ok($time, '>=', $least - 0.1, "$name for the grace");
	cmp_ok($time, '<', $least + 1.5, 'and not much longer');
	return;
}

lasts(time_to_end($node->worker_pid), $grace, 'after SIGTERM the worker waits');
ok(wait_for_flights($users), 'the next worker sends what was on the wire');
lasts(TeamsNode::duration(sub { $node->stop('fast') }), $grace,
	'the server waits before it stops');
$node->append_conf('postgresql.conf', 'teams_proactive.shutdown_grace = 0');
$node->start;
ok(wait_for_flights($users), 'after a start the requests hang again');
cmp_ok(time_to_end($node->worker_pid), '<', 1.5,
	'without grace SIGTERM is obeyed at once');
ok(wait_for_flights($users), 'and again the requests hang');
cmp_ok(TeamsNode::duration(sub { $node->stop('fast') }), '<', 1.5,
	'and the server stops at once');

# In the end all is well.
$sim->clear_faults;
$node->start;
ok($node->wait_until_sent, 'when the service is well, all is sent');
is( $node->value('SELECT fate, count(*) FROM teams_delivery WHERE doubtful'
		  . ' GROUP BY fate'),
	"sent|$users", 'in doubt is what was on the wire, and nothing else');
is($node->value("SELECT count(*) FROM teams_delivery WHERE fate <> 'sent'"),
	0, 'nothing has failed');

done_testing();
