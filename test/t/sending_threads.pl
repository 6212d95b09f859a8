# Threads in channels by a key, and what happens to messages that were sent.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my $team = $sim->team(channels => ['Invoices']);
my $channel = $team->{channels}{Invoices};

sub post
{
	my ($text, %options) = @_;
	my $thread = $options{thread} ? "'$options{thread}'" : 'NULL';
	my $id = $node->value("SELECT teams_post('$team->{id}', '$channel', '$text', $thread)");

	$node->fate($id) unless $options{later};
	return $id;
}

sub message_of
{
	my ($id) = @_;
	my $activity_id = $node->value("SELECT activity_id FROM teams_delivery WHERE id = $id");

	return (grep { $_->{id} eq $activity_id } $sim->messages)[0];
}

# The first message with a key starts the thread, the others answer it; also
# when they are written before the first one is sent.
$node->value('SELECT teams_pause()');
my $first = post('44 is due', thread => '44', later => 1);
my $second = post('44 is paid', thread => '44', later => 1);
my $other = post('45 is due', thread => '45', later => 1);
my $alone = post('hello', later => 1);
$node->value('SELECT teams_resume()');
$node->wait_until_sent;
my @texts = map { $_->{text} } $sim->messages(conversation => $channel);
is_deeply(\@texts, [ '44 is due', '44 is paid', '45 is due', 'hello' ],
	'a channel gets them in the order of writing');
is(message_of($second)->{thread}, message_of($first)->{thread},
	'a message with the key of a thread is in it');
isnt(message_of($other)->{thread}, message_of($first)->{thread},
	'another key is another thread');
isnt(message_of($alone)->{thread}, message_of($first)->{thread},
	'as is a message without');
like($node->value("SELECT teams_message_url($second)"),
	qr{^https://teams\.microsoft\.com/l/message/.*&groupId=\Q$team->{id}\E&parentMessageId=},
	'there is a link to it');

# One whose first message fails is started by the next.
$sim->fault(service => 'connector', operation => 'create', count => 1,
	status => 400, code => 'BadSyntax');
my $broken = post('46 is due', thread => '46');
is($node->value("SELECT fate FROM teams_delivery WHERE id = $broken"), 'failed',
	'a message that was to start a thread fails');
my $next = post('46 is due', thread => '46');
is($node->value("SELECT fate, refers_to IS NULL FROM teams_delivery WHERE id = $next"),
	'sent|t', 'the next one starts it');

# Editing and deleting, in a channel and in a chat.
my $edit = $node->value("SELECT teams_edit($second, '44 is paid, thank you')");
is($node->fate($edit), 'sent', 'an edit is carried out');
is(message_of($second)->{text}, '44 is paid, thank you', 'in the channel');
my $to_ada = $node->send('ada@contoso.com', 'one');
$node->fate($to_ada);
$edit = $node->value("SELECT teams_edit($to_ada, 'two')");
my $later = $node->send('ada@contoso.com', 'three');
$node->fate($later);
is(message_of($to_ada)->{text}, 'two', 'and in a chat, before what is written later');
my $delete = $node->value("SELECT teams_delete($to_ada)");
is($node->fate($delete), 'sent', 'a message is deleted');
ok(message_of($to_ada)->{deleted}, 'and gone');
$edit = $node->value("SELECT teams_edit($to_ada, 'four')");
is($node->fate($edit), 'failed', 'then it cannot be edited');
is($node->value("SELECT error_code, hint ~ 'send a new one' FROM teams_message_detail WHERE id = $edit"),
	'ActivityNotFoundInConversation|t', 'and it is said why');
$delete = $node->value("SELECT teams_delete($to_ada)");
is($node->fate($delete), 'sent', 'but it can be deleted twice');

# What never was sent cannot be edited by a job that is under way.
$node->value('SELECT teams_pause()');
my $lost = $node->send('nobody@contoso.com', 'x');
$edit = $node->value("INSERT INTO teams_outbox (kind, target, activity, refers_to) VALUES ('edit',"
	  . " 'nobody\@contoso.com', '{\"type\": \"message\", \"text\": \"y\"}', $lost) RETURNING id");
$node->value('SELECT teams_resume()');
is($node->fate($edit), 'failed', 'an edit of what was not sent fails');

# An answer that does not come: to change twice is to change once.
$sim->fault(service => 'connector', operation => 'edit', count => 1,
	close => 'after');
$edit = $node->value("SELECT teams_edit($later, 'three, really')");
is($node->fate($edit), 'sent', 'an edit without an answer is repeated');
is($node->value("SELECT doubtful FROM teams_delivery WHERE id = $edit"), 'f',
	'without doubt');
is(message_of($later)->{text}, 'three, really', 'and has its effect');
is($node->value('SELECT balanced FROM teams_accounting'), 't',
	'the account is balanced');

# The history keeps what started a thread.
$node->set('teams_proactive.retention' => 0);
$node->wait_until("SELECT count(*) = 0 FROM teams_delivery WHERE id = $alone");
is($node->value("SELECT count(*) FROM teams_delivery WHERE id IN ($first, $other)"),
	2, 'however old it is');
$node->set('teams_proactive.retention' => '30d');
my $third = post('44 is closed', thread => '44');
is(message_of($third)->{thread}, message_of($first)->{thread},
	'and the thread goes on');

done_testing();
