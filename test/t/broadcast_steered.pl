# Broadcasts that are steered while some of their messages are in trouble.

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

$node->fate($node->send($ada, 'have tokens at hand'));

sub broadcast
{
	my ($text, $more) = @_;
	return $node->value("SELECT teams_broadcast('{$ada}'::text[], '$text'"
		  . ($more // '') . ')');
}

sub progress
{
	my ($id) = @_;

	return $node->value('SELECT state, recipients, waiting, pending, sent, failed,'
		  . " not_sent, percent FROM teams_progress_detail WHERE broadcast = $id");
}

sub wait_for_state
{
	my ($id, $state) = @_;

	ok($node->wait_for_broadcast($id, $state), "broadcast $id is $state");
	return;
}

sub wait_for_retry
{
	my ($id) = @_;

	$node->wait_until("SELECT count(*) = 1 FROM teams_outbox WHERE broadcast = $id"
		  . ' AND retrying AND due_at IS NOT NULL');
	return;
}

# A message that waits for its retry is paused, too, and then it holds nobody
# back; resumed, it goes on.
$sim->fault(operation => 'send', text => 'paused', status => 503,
	headers => { 'Retry-After' => '2' });
my $id = broadcast('paused');
wait_for_retry($id);
my $behind = $node->send($ada, 'behind it');
$node->value("SELECT teams_pause_broadcast($id)");
is($node->value("SELECT retrying, due_at FROM teams_outbox WHERE broadcast = $id"),
	'f|infinity', 'a retry is held back');
is($node->fate($behind), 'sent', 'what it held back goes on');
is($node->value("SELECT state FROM teams_message_detail WHERE broadcast = $id"),
	'pending', 'without it');
$node->value("SELECT teams_resume_broadcast($id)");
wait_for_state($id, 'done');
is(progress($id), 'done|1|0|0|1|0|0|100.0', 'resumed, it is sent');

# What was failed and is sent again counts once.
$sim->fault(operation => 'send', text => 'refused', status => 400,
	code => 'BadArgument');
$id = broadcast('refused');
wait_for_state($id, 'done');
is(progress($id), 'done|1|0|0|0|1|0|100.0', 'one has failed');
my $again = $node->value('SELECT teams_retry(array(SELECT id FROM teams_delivery'
	  . " WHERE broadcast = $id))");
is($node->fate($again), 'sent', 'it is sent again');
is(progress($id), 'done|1|0|0|1|0|0|100.0', 'the recipient is counted once');
is($node->value('SELECT balanced FROM teams_accounting'), 't',
	'the account is balanced');

# An edit that waits while the worker hands over messages reaches those, too.
my $feeder = $node->background_psql('postgres');
$id = broadcast('fed');
wait_for_state($id, 'done');
$feeder->query_safe('BEGIN');
$feeder->query_safe("SELECT FROM teams_broadcast WHERE id = $id FOR UPDATE");
my $editor = $node->background_psql('postgres');
$editor->query_until(qr/editing/, "\\echo editing\nSELECT teams_edit_broadcast($id, 'edited');\n");
$node->wait_until('SELECT count(*) = 1 FROM pg_stat_activity'
	  . " WHERE query ~ 'teams_edit_broadcast' AND wait_event_type = 'Lock'");
my $late = $feeder->query_safe('INSERT INTO teams_outbox (target, broadcast)'
	  . " VALUES ('$ada', $id) RETURNING id");
$feeder->query_safe('COMMIT');
$feeder->quit;
$editor->quit;
is($node->value("SELECT up_to >= $late FROM teams_broadcast WHERE refers_to = $id"),
	't', 'an edit reaches what was handed over while it waited');
$node->wait_until_sent;
is($node->value("SELECT balanced FROM teams_accounting"), 't',
	'the account is balanced');

# Edits come in their order, also if somebody has the first one for a while.
$sim->fault(operation => 'send', text => 'original', delay_ms => 1000);
$id = broadcast('original');
$node->wait_until('SELECT count(*) = 1 FROM teams_inflight');
my $first = $node->value("SELECT teams_edit_broadcast($id, 'first')");
my $blocker = $node->background_psql('postgres');
$blocker->query_safe('BEGIN');
$blocker->query_safe("SELECT teams_pause_broadcast($first)");
wait_for_state($id, 'done');
my $second = $node->value("SELECT teams_edit_broadcast($id, 'second')");
$node->fate($node->send($ada, 'the worker has looked')) for 1 .. 3;
$blocker->query_safe('ROLLBACK');
$blocker->quit;
wait_for_state($_, 'done') for $first, $second;
is_deeply([ map { $_->{text} } grep { $_->{arrived_as} eq 'original' }
		$sim->messages ], ['second'], 'the last edit counts');

# A change that is cancelled accounts for what it has reached, also of what was
# on the wire when it was made.
$sim->fault(operation => 'send', text => 'on its way', delay_ms => 700);
$id = broadcast('on its way');
$node->wait_until('SELECT count(*) = 1 FROM teams_inflight');
$sim->fault(operation => 'delete', status => 503, count => -1,
	headers => { 'Retry-After' => '3600' });
my $recall = $node->value("SELECT teams_recall($id)");
wait_for_retry($recall);
$node->value("SELECT teams_cancel_broadcast($recall)");
is(progress($recall), 'cancelled|1|0|0|0|0|0|100.0',
	'a recall that is cancelled has the recipients that it had reached');
$sim->clear_faults;

# A transaction that changes an old broadcast stays open: the worker, who wants
# to remove it, has other things to do.
sub make_old
{
	my (@ids) = @_;

	$node->value('UPDATE teams_broadcast SET finished_at = finished_at'
		  . " - interval '1 hour' WHERE id IN (" . join(', ', @ids) . ')');
	return;
}

sub is_there
{
	my ($broadcast) = @_;
	return $node->value("SELECT count(*) FROM teams_broadcast WHERE id = $broadcast");
}

$id = broadcast('old');
wait_for_state($id, 'done');
$node->set('teams_proactive.retention' => 1);
make_old($id);
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN');
$session->query_safe("SELECT teams_edit_broadcast($id, 'edited')");
$node->reload;
$node->wait_until("SELECT count(*) = 0 FROM teams_recipient WHERE broadcast = $id");
is($node->fate($node->send($ada, 'nobody waits')), 'sent',
	'an open transaction keeps no outcome from being written');
is(is_there($id), 1, 'and what it wants to change from being removed');
$session->query_safe('ROLLBACK');
$session->quit;
$node->reload;
ok($node->wait_until("SELECT count(*) = 0 FROM teams_broadcast WHERE id = $id"),
	'then the old broadcast is removed');

# One that was cancelled stays as long as a message of it is on the wire, to say
# what that says.
$sim->fault(operation => 'send', text => 'long', delay_ms => 2500);
my $old = broadcast('older');
wait_for_state($old, 'done');
$id = broadcast('long');
TeamsNode::wait_for('the request',
	sub { $sim->stats->{requests_under_way} == 1 });
$node->value("SELECT teams_cancel_broadcast($id)");
make_old($id, $old);
$node->reload;
$node->wait_until("SELECT count(*) = 0 FROM teams_broadcast WHERE id = $old");
is(is_there($id), 1, 'a broadcast with pending messages is not removed');
$node->wait_until_sent;
$node->reload;
ok($node->wait_until("SELECT count(*) = 0 FROM teams_broadcast WHERE id = $id"),
	'and without, it is');

# A message whose broadcast is gone cannot be sent, and that is all.
my $sent = $node->send($ada, 'sent');
$node->fate($sent);
for my $kind (qw(send edit))
{
	$id = $node->value('INSERT INTO teams_outbox (kind, target, broadcast, refers_to)'
		  . " VALUES ('$kind', '$ada', 4711,"
		  . ($kind eq 'edit' ? $sent : 'NULL') . ') RETURNING id');
	is($node->fate($id), 'failed', "without its broadcast, it fails ($kind)");
	is($node->value("SELECT error_code FROM teams_delivery WHERE id = $id"),
		'broadcast_gone', 'and says why');
}
is($node->fate($node->send($ada, 'still there')), 'sent', 'the worker goes on');
is($node->value('SELECT balanced FROM teams_accounting'), 't',
	'the account is balanced');

done_testing();
