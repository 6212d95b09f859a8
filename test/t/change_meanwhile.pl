# Messages that somebody cancels or holds back while Graph is asked about their
# recipients: whatever the answer, they are not lost, and no others wait.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my $ada = 'ada@contoso.com';
my $nobody = 'nobody@contoso.com';

$node->fate($node->send($ada, 'have tokens at hand'));

# Send to somebody whom Graph does not know, and whose answer takes a while.
sub send_to_nobody
{
	my $id;

	$sim->fault(operation => 'batch', delay_ms => 1500);
	$id = $node->send($nobody, 'hello');
	TeamsNode::wait_for('the question',
		sub { $sim->stats->{requests_under_way} == 1 });
	return $id;
}

sub wait_for_verdict
{
	TeamsNode::wait_for('the answer',
		sub { $sim->stats->{requests_under_way} == 0 });

	# It is written no later than what comes after it.
	is($node->fate($node->send($ada, 'after it')), 'sent', 'others go on');
	return;
}

my $id = send_to_nobody();
is($node->value("SELECT teams_cancel($id)"), 't', 'it can be cancelled');
wait_for_verdict();
is($node->value("SELECT fate, error_code FROM teams_delivery WHERE id = $id"),
	'cancelled|', 'it stays cancelled when the answer comes');

# A transaction that cancels, and stays open while the answer comes.
for my $end (qw(ROLLBACK COMMIT))
{
	$id = send_to_nobody();
	my $session = $node->background_psql('postgres');
	$session->query_safe('BEGIN');
	is($session->query_safe("SELECT teams_cancel($id)"), 't', 'cancelled');
	wait_for_verdict();
	is($node->value('SELECT state FROM teams_message WHERE target = \'' . $nobody
			  . "' AND id = $id"), 'pending', 'this one waits for the transaction');
	$session->query_safe($end);
	$session->quit;
	is($node->fate($id), $end eq 'COMMIT' ? 'cancelled' : 'failed',
		"and then is what it is after $end");
}
is($node->value('SELECT balanced FROM teams_accounting'), 't',
	'the account is balanced');

done_testing();
