# Bytes that have no UTF-8, in databases of other encodings: whoever writes them
# is told, and where they are nevertheless, others' messages are sent.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

# Valid in the encoding, as far as that goes, and nowhere in Unicode.
my %bytes = (
	SQL_ASCII => '\xff',
	WIN1252 => '\x81',
	EUC_JP => '\xa9\xa1');

sub goes_on
{
	my ($database, $what) = @_;
	my $id = $node->send('ada@contoso.com', $what, database => $database);

	is($node->fate($id, $database), 'sent', "$database: $what");
	return;
}

sub is_refused
{
	my ($database, $call, $what) = @_;

	like($node->error_of("SELECT $call", $database),
		qr/cannot be written as UTF-8/, "$database: $what is refused");
	return;
}

for my $encoding (sort keys %bytes)
{
	my $database = lc $encoding;
	my $bad = "E'$bytes{$encoding}'";

	$node->safe_psql('postgres',
		"CREATE DATABASE $database ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	$node->safe_psql($database, 'CREATE EXTENSION teams_proactive');
	$node->configure($sim, database => $database);
	$node->wait_until("SELECT count(*) = 1 FROM teams_worker"
		  . " WHERE database = '$database' AND state = 'running'");
	goes_on($database, 'to begin with, messages are sent');

	# At the door, whichever it is.
	is_refused($database, "teams_send('m' || $bad || '\@contoso.com', 'x')",
		'a user id');
	is_refused($database, "teams_send('ada\@contoso.com', $bad)", 'a text');
	is_refused($database, "teams_ensure_installed('m' || $bad || '\@contoso.com')",
		'the target of a job');
	is_refused($database,
		"teams_broadcast(ARRAY['ada\@contoso.com'], text => $bad)",
		"a broadcast's text");
	like($node->error_of(
			"SELECT teams_send_chat('19:m' || $bad || '\@thread.v2', 'x')", $database),
		qr/invalid chat/, "$database: a chat is refused");
	for my $row ("(target, activity) VALUES ('m' || $bad || '\@contoso.com', '{}')",
		"(target, activity) VALUES ('ada\@contoso.com', ('{\"text\":\"' || $bad || '\"}')::json)",
		"(bot, target, activity) VALUES ($bad, 'ada\@contoso.com', '{}')")
	{
		like($node->error_of("INSERT INTO teams_outbox $row", $database),
			qr/ERROR:  invalid "\w+" in a row for "teams_outbox"/,
			"$database: so is a loader's row");
	}

	# Recipients are excluded, each by itself.
	$node->safe_psql($database, "SELECT teams_set_template('greeting', 'Hello \${name}')");
	my $id = $node->value(<<"SQL", $database);
SELECT teams_broadcast(\$\$
	SELECT 'ada\@contoso.com' AS user_id, '{"name": "Ada"}'::jsonb AS data
	UNION ALL SELECT 'm' || $bad || '\@contoso.com', '{}'
	UNION ALL SELECT 'grace\@contoso.com', jsonb_build_object('name', $bad)
\$\$, template => 'greeting')
SQL
	$node->wait_until("SELECT state = 'done' FROM teams_progress_detail WHERE broadcast = $id",
		$database);
	is( $node->value('SELECT recipients, excluded, sent FROM teams_progress_detail'
			  . " WHERE broadcast = $id", $database),
		'3|2|1', "$database: a broadcast reaches those that it can");
	is( $node->value("SELECT count(*) FROM teams_recipient WHERE excluded ~"
			  . " '^template \"greeting\" becomes what cannot be sent: .*UTF-8'", $database),
		1, "$database: and says why others get nothing");

	# What no trigger has judged.
	$node->safe_psql($database, <<"SQL");
BEGIN;
ALTER TABLE teams_outbox DISABLE TRIGGER USER;
INSERT INTO teams_outbox (target, activity) VALUES
	('m' || $bad || '\@contoso.com', '{"type": "message", "text": "x"}'),
	('ada\@contoso.com', ('{"type": "message", "text": "' || $bad || '"}')::json);
INSERT INTO teams_outbox (target, activity, due_at, retrying)
	VALUES ('m' || $bad || '\@contoso.com', '{"type": "message", "text": "x"}', now(), true);
ALTER TABLE teams_outbox ENABLE TRIGGER USER;
COMMIT;
SQL
	goes_on($database, 'a message behind what cannot be read is sent');
	$node->send('ada@contoso.com', 'on time', database => $database,
		send_at => '2020-01-01');
	$node->wait_until_sent($database);
	is( $node->value('SELECT count(*) FROM teams_delivery WHERE'
			  . " fate = 'failed' AND error_code = 'invalid_row' AND error <> ''", $database),
		3, "$database: and that has failed, with the reason");
	is($node->value('SELECT count(*) FROM teams_inflight', $database),
		0, "$database: nothing is left in the ledger");

	# A broadcast's own recipients count, whatever they are.
	$id = $node->value("SELECT teams_broadcast(ARRAY['ada\@contoso.com',"
		  . " 'grace\@contoso.com'], text => 'hello', draft => true)", $database);
	$node->safe_psql($database, "UPDATE teams_recipient SET target = 'm' || $bad || '\@contoso.com'"
		  . " WHERE broadcast = $id AND n = 1; SELECT teams_start_broadcast($id)");
	$node->wait_until("SELECT state = 'done' FROM teams_progress WHERE broadcast = $id",
		$database);
	is( $node->value('SELECT sent, failed FROM teams_progress'
			  . " WHERE broadcast = $id", $database),
		'1|1', "$database: a recipient that cannot be read fails alone");
	is($node->value("SELECT last_error IS NULL FROM teams_worker_detail"
			  . " WHERE database = '$database'", $database),
		't', "$database: no step of the worker has failed");
}

# What the encoding does have goes both ways, as the target of an installation.
my $database = 'win1252';
$node->psql($database, "SET client_encoding = 'UTF8';"
	  . " SELECT teams_ensure_installed('j\xc3\xbcrgen\@contoso.com')");
$node->wait_until_sent($database);
is( $node->value("SELECT count(*) FROM teams_installation"
		  . " WHERE target = 'j' || chr(252) || 'rgen\@contoso.com'", $database),
	1, 'a name beyond ASCII is kept as it is written');

$node->stop;
done_testing();
