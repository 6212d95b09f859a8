# Messages that are changed, deleted or answered before they were sent.

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
my $ada = 'ada@contoso.com';

$sim->generate_users(1000, installed => 1000);
$node->fate($node->send($ada, 'have tokens at hand'));

sub fates
{
	return join ' ', map { $node->fate($_) } @_;
}

sub texts
{
	my ($pattern) = @_;

	return join ', ', map { $_->{text} . ($_->{text} eq $_->{arrived_as} ? '' : " (was $_->{arrived_as})") }
	  grep { $_->{arrived_as} =~ $pattern || $_->{text} =~ $pattern } $sim->messages;
}

# Scheduled: people see the last text, and no other.
my $id = $node->value("SELECT teams_send('$ada', 'a old', send_at => now() + '1 s')");
my $edit = $node->value("SELECT teams_edit($id, 'a new')");
is($node->value("SELECT state, refers_to, attempts FROM teams_message_detail WHERE id = $edit"),
	"sent|$id|0", 'an edit of what is scheduled is carried out at once');
my $second = $node->value("SELECT teams_edit($id, 'a newest')");
is(fates($id, $edit, $second), 'sent sent sent', 'all are sent');
is(texts(qr/^a /), 'a newest', 'with the last text');
$edit = $node->value("SELECT teams_edit($id, 'a later')");
is(fates($edit), 'sent', 'after that it is edited at the service');
is(texts(qr/^a /), 'a later (was a newest)', 'as ever');

# An edit that is rolled back has not been made.
$id = $node->value("SELECT teams_send('$ada', 'b old', send_at => now() + '1 s')");
$node->value("BEGIN; SELECT teams_edit($id, 'b new'); ROLLBACK");
is(fates($id) . ' ' . texts(qr/^b /), 'sent b old', 'an edit that is rolled back has no effect');

# Waiting for a retry.
$sim->fault(operation => 'send', text => 'c old', status => 503, headers => { 'Retry-After' => '2' });
$id = $node->send($ada, 'c old');
$node->wait_until("SELECT count(*) = 1 FROM teams_outbox WHERE id = $id AND retrying");
$edit = $node->value("SELECT teams_edit($id, 'c new')");
is(fates($id, $edit) . ' ' . texts(qr/^c /), 'sent sent c new', 'a retry has the new text');

# On the wire, and back; edits then come one after the other.
$sim->fault(operation => 'send', text => 'd old', status => 503, delay_ms => 1000,
	headers => { 'Retry-After' => '1' });
$id = $node->send($ada, 'd old');
$node->wait_until("SELECT count(*) = 1 FROM teams_inflight WHERE $id = ANY (ids)");
$edit = $node->value("SELECT teams_edit($id, 'd new')");
is($node->value("SELECT state FROM teams_message WHERE id = $edit"), 'pending',
	'what is on the wire is edited afterwards');
$node->wait_until("SELECT count(*) = 1 FROM teams_outbox WHERE id = $id AND retrying");
$second = $node->value("SELECT teams_edit($id, 'd newest')");
is(fates($id, $edit, $second), 'sent sent sent', 'a retry and its edits');
is(texts(qr/^d /), 'd newest (was d old)', 'the last one counts');

# A set: each of 5,000 says what its edit said.
$node->value("SELECT count(teams_send(format('user%s\@contoso.com', i % 1000 + 1), 'e old ' || i,"
	  . " send_at => now() + '1 hour')) FROM generate_series(1, 5000) AS i");
is($node->value("SELECT count(*) FROM teams_edit(ARRAY(SELECT id FROM teams_outbox), 'e same')"),
	5000, 'a set of pending messages is edited');
$node->value("SELECT teams_edit(id, 'e new ' || row_number) FROM (SELECT id, row_number()"
	  . ' OVER (ORDER BY id) FROM teams_outbox) AS o');
$node->value('UPDATE teams_outbox SET due_at = now()');
$node->wait_until_sent;
my @sent = grep { /^e / } map { $_->{arrived_as} } $sim->messages;
is_deeply([ sort @sent ], [ sort map { "e new $_" } 1 .. 5000 ], 'each arrives as it was edited');

# A reply waits for the scheduled message that starts its thread; others go on.
sub post
{
	my ($text, $thread, $more) = @_;

	return $node->value("SELECT teams_post('$team->{id}', '$channel', '$text', "
		  . ($thread ? "'$thread'" : 'NULL') . ($more // '') . ')');
}
my $root = post('f root', 'f', ", send_at => now() + '2 s', priority => 'low'");
my $reply = post('f reply', 'f', ", priority => 'high'");
my $other = post('f other');
is(fates($other), 'sent', 'other posts go on');
is($node->value("SELECT state FROM teams_message_detail WHERE id = $reply"), 'pending',
	'a reply waits for the message that starts its thread');
my $corrected = $node->value("SELECT teams_edit($reply, 'f reply, corrected')");
is(fates($root, $reply, $corrected), 'sent sent sent', 'and follows it');
my %by_text = map { $_->{text} => $_ } $sim->messages(conversation => $channel);
is($by_text{'f reply, corrected'}{thread}, $by_text{'f root'}{thread}, 'in the thread');

# If that comes to nothing, the reply is not left waiting.
for my $end ('teams_cancel(ID)', 'teams_delete(ID)')
{
	$root = post("g $end", $end, ", send_at => now() + '1 hour'");
	$reply = post("g reply $end", $end);
	(my $call = $end) =~ s/ID/$root/;
	$node->value("SELECT $call");
	is(fates($root), 'cancelled', "$end");
	is(fates($reply), 'failed', 'the reply is told');
	is($node->value("SELECT error_code FROM teams_delivery WHERE id = $reply"), 'not_sent', 'why');
}

# Deleted while it waits for a retry: it is not sent.
$sim->fault(operation => 'send', text => 'h', status => 503, headers => { 'Retry-After' => '1' });
$id = $node->send($ada, 'h');
$node->wait_until("SELECT count(*) = 1 FROM teams_outbox WHERE id = $id AND retrying");
is($node->value("SELECT teams_delete($id) IS NULL"), 't', 'a retry is deleted');
is(fates($id, $node->send($ada, 'after h')), 'cancelled sent', 'by not sending it');
is(texts(qr/^h$/), '', 'nobody sees it');

# Others cannot.
$node->value("CREATE ROLE mallory; SELECT teams_grant('mallory', 'sender')");
$id = $node->value("SELECT teams_send('$ada', 'i', send_at => now() + '1 hour')");
like($node->error_of("SET ROLE mallory; SELECT teams_edit($id, 'Pay')"), qr/does not exist/,
	'nobody else edits what is pending');
is($node->value("SELECT activity ->> 'text' FROM teams_outbox WHERE id = $id"), 'i', 'it says the same');
is($node->value('SELECT bool_and(balanced) FROM teams_accounting'), 't', 'the account is balanced');

done_testing();
