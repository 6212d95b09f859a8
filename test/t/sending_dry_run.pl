# A dry-run bot records, and nothing of it ever reaches the network.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

sub requests
{
	my $stats = $sim->stats;

	return join ', ', map { "$_ $stats->{$_}" }
	  grep { /requests|tokens|installs|messages/ } sort keys %$stats;
}
my $before = requests();

# Beside a real bot, with a worker.
$node->value("SELECT teams_configure_dry_run('test')");
$node->value("SELECT teams_send('ada\@contoso.com', 'recorded', bot => 'test')");
is($node->value('SELECT text FROM teams_recorded_detail'),
	'recorded', 'a message is recorded');

# A broadcast is fed by the worker.
my $broadcast = $node->value(
	"SELECT teams_broadcast(ARRAY['ada\@contoso.com', 'grace\@contoso.com'], 'to all', bot => 'test')");
ok( $node->wait_until("SELECT state = 'done' FROM teams_progress_detail"
		  . " WHERE broadcast = $broadcast"),
	'a broadcast gets done');
is($node->value("SELECT string_agg(target || ' ' || text, ', ' ORDER BY id)"
		  . " FROM teams_recorded_detail WHERE broadcast = $broadcast"),
	'ada@contoso.com to all, grace@contoso.com to all',
	'what each gets is recorded, with the text that they have in common');

# What is in the outbox already, of whatever age, and what gets there past the
# triggers.
$node->value('SELECT teams_pause()');
$node->value("SELECT count(teams_send('ada\@contoso.com', 'old ' || i, send_at => CASE"
	  . " WHEN i % 2 = 0 THEN now() + interval '1 day' END))"
	  . ' FROM generate_series(1, 1500) AS i');
$node->value("UPDATE teams_bot SET dry_run = true WHERE bot = 'default'");
ok($node->wait_until('SELECT count(*) = 0 FROM teams_outbox'),
	'what was pending when a bot became a dry-run bot is recorded');
is($node->value('SELECT count(*) FROM teams_recorded_detail'), 1503, 'all of it');
$node->value(q{SET session_replication_role = replica;
	INSERT INTO teams_outbox (bot, target, activity)
	VALUES ('test', 'ada@contoso.com', '{"type": "message", "text": "past"}');
	SET session_replication_role = origin;
	UPDATE teams_outbox SET priority = priority});
ok( $node->wait_until('SELECT count(*) = 0 FROM teams_outbox'),
	'so is what no trigger has seen');
is( $node->value("SELECT sum(accepted), sum(sent), bool_and(balanced)"
		  . " FROM teams_accounting WHERE bot = 'default'"),
	'1500|1500|t', 'the account is balanced');

# A broadcast's template is filled in by the worker; it calls no function that
# somebody has given in place of one.
$node->value(q{CREATE FUNCTION public.whoever(jsonb) RETURNS jsonb
	LANGUAGE sql AS 'SELECT to_jsonb(current_user)'});
$node->value("SELECT teams_set_template('hello', 'Hello, \${name}')");
$broadcast = $node->value("SELECT teams_broadcast(ARRAY['ada\@contoso.com'],"
	  . " template => 'hello', data => '{\"name\": \"Ada\"}', bot => 'test')");
$node->wait_for_broadcast($broadcast);
is($node->value("SELECT text FROM teams_recorded_detail WHERE broadcast = $broadcast"),
	'Hello, Ada', 'a template makes a message');
like($node->error_of("SELECT teams_broadcast(ARRAY['ada\@contoso.com'],"
		  . " template => 'public.whoever', bot => 'test')"),
	qr/template "public.whoever" does not exist/, 'a function does not');
# For whom it says nothing, it is not sent to.
$node->value("SELECT teams_set_template('alarm', jsonb '{\"type\": \"message\","
	  . " \"\$when\": \"\${loud}\", \"text\": \"Wake up\"}')");
$broadcast = $node->value("SELECT teams_broadcast(\$\$SELECT 'ada\@contoso.com' AS user_id,"
	  . " jsonb '{\"loud\": true}' AS data UNION ALL SELECT 'grace\@contoso.com', '{}'\$\$,"
	  . " template => 'alarm', bot => 'test')");
$node->wait_for_broadcast($broadcast);
is($node->value('SELECT target, excluded FROM teams_recipient'
		  . " WHERE broadcast = $broadcast ORDER BY n"),
	"ada\@contoso.com|\ngrace\@contoso.com|template \"alarm\" leaves nothing to say",
	'a template that says nothing excludes the recipient');
is(requests(), $before, 'and no request was made');

# The other way round: it goes on as a real bot.
$node->configure($sim, replace => 'true');
my $id = $node->send('ada@contoso.com', 'for real');
is($node->fate($id), 'sent', 'a bot that is real again sends');
is($sim->message_count, 1, 'what is new, and nothing of what was recorded');
is($node->value("SELECT count(*) FROM teams_recorded WHERE id = $id"),
	0, 'and that is not recorded');

# A session that has sent knows its bot, and learns of what others, or itself,
# make of it, and of what does not come to be.
my $other_session = q{\! psql -X -q -d "} . $node->connstr('postgres') . q{" -c};
my $make = q{UPDATE teams_bot SET dry_run = };
is( $node->value(qq{
	\\o /dev/null
	SELECT teams_send('ada\@contoso.com', 'sent 1');
	$other_session "${make}true"
	SELECT teams_send('ada\@contoso.com', 'recorded 1');
	$other_session "${make}false"
	SELECT teams_send('ada\@contoso.com', 'sent 2');
	BEGIN;
	SAVEPOINT here;
	${make}true;
	SELECT teams_send('ada\@contoso.com', 'recorded and undone');
	ROLLBACK TO here;
	SELECT teams_send('ada\@contoso.com', 'sent 3');
	${make}true;
	SELECT teams_send('ada\@contoso.com', 'recorded and undone');
	ROLLBACK;
	SELECT teams_send('ada\@contoso.com', 'sent 4');
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	SELECT 1;
	$other_session "${make}true"
	SELECT teams_send('ada\@contoso.com', 'sent to be recorded');
	COMMIT;
	SELECT teams_send('ada\@contoso.com', 'recorded 2');
	\\o
	SELECT string_agg(text, ', ' ORDER BY id) FROM teams_recorded
		WHERE bot = 'default' AND text LIKE 'recorded %'}),
	'recorded 1, recorded 2', 'a session learns at once what becomes of a bot');
$node->stop;
my $sent = $sim->message_count;

# Without a worker, a session that drains feeds broadcasts.
my $other = TeamsNode->start('other', $sim, preload => 0, configure => 0);
$other->value('SELECT teams_configure_dry_run()');
$other->value("SELECT teams_broadcast(ARRAY['ada\@contoso.com'], 'to all')");
$other->value('CALL teams_drain()');
is($other->value('SELECT target, text FROM teams_recorded_detail'),
	'ada@contoso.com|to all', 'a broadcast is recorded where no worker is');
is($sim->message_count, $sent, 'without sending');

done_testing();
