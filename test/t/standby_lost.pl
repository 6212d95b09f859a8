# While a synchronous standby is away, the worker's commits wait for it like
# anybody's. So nothing is sent that the standby would not know to be in doubt;
# and the worker can still be told to end.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $users = 200;
my $sim = TeamsSim->start->contoso;
$sim->config(generate_users => { count => $users, installed => $users,
	upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim,
	init => { allows_streaming => 1 });

$node->send_to_all($users, 'known');
$node->wait_until_sent;
my $pid = $node->worker_pid;
my $waits = "SELECT wait_event = 'SyncRep' FROM pg_stat_activity"
  . " WHERE pid = $pid";

sub lose_standby
{
	$node->set(synchronous_standby_names => 'lost');
	return $node->wait_until("SELECT setting = 'lost' FROM pg_settings"
		  . " WHERE name = 'synchronous_standby_names'");
}

# The sessions of this test do not wait.
$ENV{PGOPTIONS} = '-c synchronous_commit=local';
lose_standby();
$node->send_to_all($users, 'meanwhile');
ok($node->wait_until($waits), 'the worker waits for the standby');
is($sim->message_count, $users,
	'nothing is sent whose ledger entry the standby has not got');
$node->set(synchronous_standby_names => '');
ok($node->wait_until_sent, 'without that standby it goes on');
is($sim->message_count, 2 * $users, 'and sends what there is');

# The worker is told to end while it waits, as at a shutdown: pg_ctl would wait
# for it for a minute.
lose_standby();
$node->send_to_all($users, 'in the end');
$node->wait_until($waits);
$node->value("SELECT pg_terminate_backend($pid)");
ok( eval {
		TeamsNode::wait_for('the worker', sub { !kill 0, $pid }, 3);
	},
	'it ends when it is told to');
is($sim->message_count, 2 * $users, 'and sends nothing then');
$node->set(synchronous_standby_names => '');
ok($node->wait_until_sent, 'the next worker goes on');
is($sim->message_count, 3 * $users, 'and sends what there is');
is(scalar($sim->duplicates), 0, 'nothing is sent twice');

done_testing();
