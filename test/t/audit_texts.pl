# What was said to whom can be answered, if it is to be kept; and by whom.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my $ada = TeamsSim::ADA();

sub said
{
	my ($columns, $condition) = @_;

	return $node->value("SELECT $columns FROM teams_said_detail"
		  . " WHERE $condition ORDER BY id");
}

# By default nothing is kept but what a broadcast says to all.
my $first = $node->send('ada@contoso.com', 'not kept');
$node->fate($first);
is(said('id, kind, target, text IS NULL, activity IS NULL', "id = $first"),
	"$first|send|ada\@contoso.com|t|t", 'by default only that something was said is kept');
is($node->value("SELECT activity FROM teams_delivery WHERE id = $first"), '',
	'in no table');
my $broadcast = $node->value(
	q{SELECT teams_broadcast('{ada@contoso.com,grace@contoso.com}'::text[], 'to all of you')});
$node->wait_for_broadcast($broadcast);
is(said('target, text', "broadcast = $broadcast"),
	"ada\@contoso.com|to all of you\ngrace\@contoso.com|to all of you",
	'what a broadcast says to all is in its row');
is($node->value("SELECT count(activity) FROM teams_delivery WHERE broadcast = $broadcast"),
	0, 'once');

# Kept: texts, edits before and after they were sent, cards, templates.
$node->set('teams_proactive.keep_text' => 'on');
$node->wait_until('SHOW teams_proactive.keep_text')
  if $node->value('SHOW teams_proactive.keep_text') ne 'on';
my $kept = $node->send($ada, 'kept');
$node->fate($kept);
$node->value("SELECT teams_edit($kept, 'kept and edited')");
$node->value(q{SELECT teams_send('ada@contoso.com', teams_card('{"type": "AdaptiveCard", "version": "1.4",
	"body": [{"type": "TextBlock", "text": "Invoice 42"}]}'))});
$node->wait_until_sent;
$node->value('SELECT teams_pause()');
my $early = $node->send('ada@contoso.com', 'a typpo');
$node->value("SELECT teams_edit($early, 'no typo')");
$node->value('SELECT teams_resume()');
$node->wait_until_sent;
$node->value("SELECT teams_delete($kept)");
$node->value(q{SELECT teams_set_template('hello', 'Hello ${name}')});
$broadcast = $node->value(q{SELECT teams_broadcast($$
	SELECT user_id, jsonb_build_object('name', upper(user_id)) AS data
	FROM unnest('{ada@contoso.com,grace@contoso.com}'::text[]) AS user_id$$, template => 'hello')});
$node->wait_for_broadcast($broadcast);
is($node->value(<<"END"), <<"END" =~ s/\n$//r, 'what was said to Ada, by whatever name');
SELECT s.kind, s.text FROM teams_said AS s
WHERE s.target = ANY (ARRAY(SELECT unnest(teams_names('ADA\@contoso.com'))))
  AND s.at >= current_date AND s.id > $first ORDER BY s.id
END
send|to all of you
send|kept
edit|kept and edited
send|Invoice 42
send|no typo
edit|no typo
delete|
send|Hello ADA\@CONTOSO.COM
END
is($node->value("SELECT teams_names('ada\@contoso.com') = teams_names('$ada')"), 't',
	'all names lead to all');
like(said('activity', "summary ~ 'Invoice'"), qr/AdaptiveCard/, 'a card is kept as it was');

# Who said it: the role, and the application.
$node->value('CREATE ROLE erp LOGIN');
$node->value('CREATE ROLE crm LOGIN');
$node->value('CREATE ROLE nagios LOGIN');
$node->value('CREATE ROLE ops LOGIN');
$node->value("SELECT teams_grant('erp', 'sender'), teams_grant('crm', 'sender'),"
	  . " teams_grant('nagios', 'monitor'), teams_grant('ops', 'operator')");
sub send_as
{
	my ($role, $application, $text) = @_;

	return $node->value("SET application_name = '$application'; SET ROLE $role; SELECT teams_send('grace\@contoso.com', '$text')");
}
my $by_erp = send_as('erp', 'billing run 7', 'from billing');
my $by_crm = send_as('crm', '', 'from nowhere');
$node->wait_until_sent;
is(said('sender, application_name', "id IN ($by_erp, $by_crm)"),
	"erp|billing run 7\ncrm|",
	'the application is known, if it has said its name');
is($node->value("SELECT application_name FROM teams_message_detail WHERE id = $by_erp"),
	'billing run 7', 'in teams_message_detail, too');
{
	local $ENV{PGAPPNAME} = 'campaigns';
	$broadcast = $node->value(q{SELECT teams_broadcast('{ada@contoso.com}'::text[], 'campaign')});
	$node->wait_for_broadcast($broadcast);
}
is(said('application_name', "broadcast = $broadcast"), 'campaigns',
	'of a broadcast it is that of whoever made it');

# Who may read it.
sub sees { return $node->error_of("SET ROLE $_[0]; SELECT text FROM teams_said")
	  || $node->value("SET ROLE $_[0]; SELECT string_agg(text, ',') FROM teams_said"); }
is(sees('erp'), 'from billing', 'a sender reads its own');
like(sees('nagios'), qr/permission denied/, 'a monitor nothing');
like(sees('ops'), qr/from nowhere.*from billing.*Hello GRACE/, 'an operator all');
like($node->error_of('SET ROLE nagios; SELECT activity FROM teams_delivery'),
	qr/permission denied/, 'nor does a monitor read it in the table');
like($node->error_of('SET ROLE ops; SET teams_proactive.keep_text = on'),
	qr/permission denied to set parameter/, 'what is kept, a superuser decides');

# A database can have its own setting, and the history does not last for ever.
$node->value('ALTER DATABASE postgres SET teams_proactive.keep_text = off');
$node->value('SELECT pg_terminate_backend(' . $node->worker_pid('postgres') . ')');
$node->wait_until('SELECT count(*) = 1 FROM teams_worker WHERE pid IS NOT NULL');
my $not = $node->send('ada@contoso.com', 'not kept any more');
$node->fate($not);
is(said('activity IS NULL', "id = $not"), 't', 'a database can have a setting of its own');
$node->set('teams_proactive.retention' => '0');
ok($node->wait_until('SELECT count(*) = 0 FROM teams_said'),
	'what was said goes with the history');

done_testing();
