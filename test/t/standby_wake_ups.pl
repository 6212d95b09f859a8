# A message that is committed while the worker waits for a synchronous standby
# is not forgotten when that wait ends.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim,
	init => { allows_streaming => 1 });
my $ada = 'ada@contoso.com';

sub arrives
{
	my ($text) = @_;
	return eval {
		TeamsNode::wait_for($text, sub { $sim->times_arrived($text) }, 4);
	};
}

sub set_standby
{
	my ($name) = @_;

	$node->set(synchronous_standby_names => $name);
	return $node->wait_until("SELECT setting = '$name' FROM pg_settings"
		  . " WHERE name = 'synchronous_standby_names'");
}

# The sessions of this test do not wait for the standby.
$ENV{PGOPTIONS} = '-c synchronous_commit=local';
$node->fate($node->send($ada, 'known'));
my $pid = $node->worker_pid;

# The service takes its time, longer than the worker looks around after a
# wake-up.  So the outcome is written when there is nothing else to do.
$sim->fault(operation => 'send', text => 'slow', delay_ms => 2500);
my $slow = $node->send($ada, 'slow');
ok(arrives('slow'), 'the service has a message and thinks about it');
set_standby('lost');
ok( $node->wait_until("SELECT wait_event = 'SyncRep' FROM pg_stat_activity"
		  . " WHERE pid = $pid"),
	'the worker waits for the standby with the outcome');
$node->send($ada, 'unheard');
set_standby('');
is($node->fate($slow), 'sent', 'that wait ends');
ok(arrives('unheard'), 'what was committed meanwhile is sent');
$node->send($ada, 'next');
ok(arrives('next'), 'and what is committed after it');
$node->value('SELECT teams_resume()');
ok($node->wait_until_sent, 'in the end all is sent');
is(scalar($sim->duplicates), 0, 'and nothing twice');

done_testing();
