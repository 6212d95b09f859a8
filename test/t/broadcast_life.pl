# A broadcast: frozen audience, feeding, pause, edit, recall, progress.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $people = 5000;
my $sim = TeamsSim->start->contoso;
$sim->config(generate_users => { count => $people, installed => $people,
		upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim);
my $audience = "SELECT 'user' || i || '\@contoso.com' AS user_id"
  . " FROM generate_series(1, $people) AS i";

sub progress
{
	my ($id) = @_;

	return $node->value('SELECT state, recipients, excluded, waiting, pending,'
		  . " sent, failed, cancelled, not_sent FROM teams_progress_detail WHERE broadcast = $id");
}

# More than the outbox is given at a time; the payload is there once.
my $id = $node->value("SELECT teams_broadcast(\$\$$audience\$\$, 'hello, everyone')");
$node->wait_until('SELECT count(*) > 0 FROM teams_delivery');
cmp_ok($node->value('SELECT count(*) FROM teams_outbox'), '<=', 2000,
	'the outbox has only what is sent soon');
is($node->value('SELECT count(*) FROM teams_outbox WHERE activity IS NOT NULL'),
	0, 'without the payload');
$node->wait_for_broadcast($id, 'done');
is(progress($id), "done|$people|0|0|0|$people|0|0|0", 'all is sent');
is($sim->message_count, $people, 'and arrives');
is( $node->value('SELECT balanced, accepted FROM teams_accounting'),
	"t|$people", 'the account is balanced');
my %texts = map { $_->{text} => 1 } $sim->messages;
is_deeply([ keys %texts ], ['hello, everyone'], 'as it was written');

# Editing all of it, and taking it back.
my $edit = $node->value("SELECT teams_edit_broadcast($id, 'hello again')");
$node->wait_for_broadcast($edit, 'done');
is(progress($edit), "done|$people|0|0|0|$people|0|0|0", 'all is edited');
is(scalar(grep { $_->{text} eq 'hello again' && $_->{edited} } $sim->messages),
	$people, 'everywhere');
my $recall = $node->value("SELECT teams_recall($id)");
$node->wait_for_broadcast($recall, 'done');
is(progress($recall), "done|$people|0|0|0|$people|0|0|0", 'all is deleted');
is(scalar(grep { $_->{deleted} } $sim->messages), $people, 'everywhere');
is(progress($id), "done|$people|0|0|0|$people|0|0|0",
	'and the broadcast itself is as it was');

# A rate of its own; paused it stands still, and goes on from there.
my $before = $sim->message_count;
$id = $node->value("SELECT teams_broadcast(\$\$$audience LIMIT 100\$\$, 'slowly', rate => 50)");
$node->wait_until("SELECT sent > 0 FROM teams_progress_detail WHERE broadcast = $id");
$node->value("SELECT teams_pause_broadcast($id)");
$node->wait_until('SELECT count(*) = 0 FROM teams_inflight');
my $sent = $sim->message_count - $before;
cmp_ok($sent, '<', 100, 'a paused broadcast is not done');
my $other = $node->send('user1@contoso.com', 'in between');
$node->wait_until("SELECT fate IS NOT NULL FROM teams_delivery WHERE id = $other");
is($sim->message_count - $before, $sent + 1, 'it stands still, others go on');
$node->value("SELECT teams_resume_broadcast($id)");
$node->wait_for_broadcast($id, 'done');
is(progress($id), 'done|100|0|0|0|100|0|0|0', 'resumed, it is done');
is($sim->message_count - $before, 101, 'and nobody gets it twice');

# Cancelled half way: each recipient is accounted for.
$id = $node->value("SELECT teams_broadcast(\$\$$audience\$\$, 'never mind', rate => 20)");
$node->wait_until("SELECT sent > 0 FROM teams_progress_detail WHERE broadcast = $id");
$node->value("SELECT teams_cancel_broadcast($id)");
$node->wait_until('SELECT count(*) = 0 FROM teams_outbox');
is( $node->value('SELECT state, sent + cancelled + not_sent FROM teams_progress_detail'
		  . " WHERE broadcast = $id"),
	"cancelled|$people", 'a cancelled one has sent, cancelled or left out each');
is($node->value('SELECT balanced FROM teams_accounting'), 't',
	'the account is balanced');

# What is pending at an edit goes out as edited; what was sent is edited.
$id = $node->value("SELECT teams_broadcast(\$\$$audience LIMIT 60\$\$, 'draft text', rate => 20)");
$node->wait_until("SELECT sent > 0 FROM teams_progress_detail WHERE broadcast = $id");
$edit = $node->value("SELECT teams_edit_broadcast($id, 'final text')");
$node->wait_for_broadcast($_, 'done') for $id, $edit;
is(scalar(grep { $_->{text} eq 'draft text' } $sim->messages), 0,
	'nobody is left with the old text');
is(scalar(grep { $_->{text} eq 'final text' } $sim->messages), 60,
	'all have the new one');

# A restart in between loses nothing and repeats nothing.
$id = $node->value("SELECT teams_broadcast(\$\$$audience LIMIT 300\$\$, 'restarted', rate => 200)");
$node->wait_until("SELECT sent > 0 FROM teams_progress_detail WHERE broadcast = $id");
$node->restart;
$node->wait_for_broadcast($id, 'done');
is(progress($id), 'done|300|0|0|0|300|0|0|0', 'after a restart it is done');
is(scalar(grep { $_->{text} eq 'restarted' } $sim->messages), 300,
	'and each gets it once');

done_testing();
