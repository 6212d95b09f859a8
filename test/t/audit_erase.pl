# A person is erased, in all tables, by whatever name; nobody else loses
# anything, and all that was counted stays counted.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $people = 5000;
my $sim = TeamsSim->start->contoso;
$sim->generate_users($people, installed => $people);
my ($name, $id) = ('user4711@contoso.com', TeamsSim::generated_id(4711));
my $called = 'Zebulon Quill';
$sim->change_user($name, display_name => $called);
my $group = $sim->group(id => 'c0ffee00-0000-4000-8000-000000000001',
	display_name => 'Everybody', members => [ $name, 'ada@contoso.com', 'user4712@contoso.com' ]);

my $node = TeamsNode->start('primary', $sim, conf => <<'END');
teams_proactive.keep_text = on
log_min_messages = warning
END
$node->value('CREATE ROLE boss LOGIN');
$node->value('CREATE ROLE ops LOGIN');
$node->value("SELECT teams_grant('boss', 'administrator'), teams_grant('ops', 'operator')");

# What "boss" is told, as "table erased still_named" in lines.
sub erase
{
	my ($person, @more) = @_;
	my $arguments = join ', ', "'$person'", @more;

	return $node->value("SET ROLE boss; SELECT concat_ws(' ', table_name, erased, still_named)"
		  . " FROM teams_erase_person($arguments)");
}

# Not like(), which would print all of it.
sub unlike_dump
{
	my ($dump, $text) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return ok($dump !~ /(?<!super)\Q$text\E(?!\.au)/i, "the dump has no $text");
}

sub dumped
{
	my $file = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';

	$node->PostgreSQL::Test::Cluster::command_ok([ 'pg_dump', '-f', $file, $node->connstr('postgres') ], 'the database is dumped');
	return slurp_file($file);
}

# She is in all tables: the directory, a group, broadcasts that are over, that
# go on and that have not begun, messages by both names, keys, opt-outs, errors.
$node->value("SELECT teams_sync_directory(), teams_sync_group('$group')");
$node->wait_until("SELECT bool_and(state = 'done') FROM teams_directory");
my $data = "jsonb_build_object('name', 'user' || i || '\@contoso.com')";
my $audience = "SELECT ''user'' || i || ''\@contoso.com'' AS user_id, "
  . ($data =~ s/'/''/gr) . " AS data FROM generate_series(1, $people) AS i";
$node->value(q{SELECT teams_set_template('hello', 'Hello ${name}')});
my $over = $node->value("SELECT teams_broadcast('$audience', template => 'hello', title => 'over')");
$node->wait_for_broadcast($over);
my $draft = $node->value("SELECT teams_broadcast('$audience', template => 'hello',"
	  . " title => 'draft', topic => 'sports', draft => true)");
$node->value("SELECT teams_opt_out('user' || i || '\@contoso.com', 'news')"
	  . ' FROM generate_series(4700, 4720) AS i');
$node->fate($node->send($name, 'by name', dedupe_key => "welcome $name"));
my $sent = $node->send($id, 'by id');
$node->fate($sent);
my $later = q{, send_at => now() + '1 day'};
$node->value("SELECT teams_send('$name', 'later'$later), teams_send('$id', 'later'$later),"
	  . " teams_send('user4712\@contoso.com', 'later'$later, dedupe_key => 'welcome user4712')");
$node->value("SELECT teams_edit($sent, 'edited')");
$node->value("INSERT INTO teams_notify_error (schema_name, table_name, trigger_name, template,"
	  . " error_code, error, data) VALUES ('s', 't', 'g', 'hello', '22P02', 'x', '{\"mail\": \"$name\"}'),"
	  . " ('s', 't', 'g', 'hello', '22P02', 'x', '{\"mail\": \"user4712\@contoso.com\"}'),"
	  . " ('s', 't', 'g', 'hello', '22P02', 'x', '{\"mail\": \"super$name\"}'),"
	  . " ('s', 't', 'g', 'hello', '22P02', 'x', '{\"mail\": \"$name.au\"}')");
$node->value(<<END);
CREATE TABLE alert (who text);
CREATE TRIGGER alert AFTER INSERT ON alert
	FOR EACH ROW EXECUTE FUNCTION teams_notify('hello', 'to=who', 'digest=1 day');
INSERT INTO alert VALUES ('\U$name\E'), ('$id'), ('user4712\@contoso.com');
DROP TABLE alert;
END
$node->wait_until("SELECT count(*) = 3 FROM teams_outbox");
my $chat = $node->value("SELECT min(chat_id) FROM teams_installation WHERE target IN ('$name', '$id')");
my $dump = dumped();
cmp_ok(index($dump, $_), '>', 0, "there is $_") for $name, $id, $chat, $called;

# All rows but hers, as they were.
my @tables = grep { !/^teams_(?:account|broadcast)$/ } split /\n/, $node->value(
	q{SELECT relname FROM pg_class WHERE relname ~ '^teams_' AND relkind = 'r' ORDER BY 1});
sub all_rows
{
	return join(' UNION ALL ', map { "SELECT '$_' AS name, t::text AS content FROM $_ AS t" } @tables);
}
$node->value('CREATE TABLE before AS SELECT *, count(*) AS n FROM (' . all_rows() . ') AS t'
	  . " WHERE content !~ '\\m$name(?!\\.)|$id' AND strpos(content, '$chat') = 0 GROUP BY name, content");
my $accepted = $node->value('SELECT accepted FROM teams_accounting');
cmp_ok($node->value('SELECT count(*) FROM before'), '>', 3 * $people, 'there are others');

# Who may, and what it asks.
like($node->error_of("SET ROLE ops; SELECT teams_erase_person('$name')"),
	qr/permission denied/, 'an operator may not');
like($node->error_of("SELECT teams_erase_person(NULL)"), qr/user_id must be given/, 'a person is needed');
like($node->error_of("SELECT teams_erase_person('$_')"), qr/invalid user id: "\Q$_\E".*HINT/s,
	'one who can be told from others') for '', '@', 'a', '.', '%@', $chat =~ s/\@.*//r;
like($node->error_of("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT teams_erase_person('$name')"),
	qr/READ COMMITTED transaction only/, 'an old snapshot would miss what the worker has written');
like($node->error_of("SELECT teams_erase_person('$id')"),
	qr/has opted out of topics, 1 in all.*DETAIL.*HINT.*keep_opt_outs/s,
	'what is to become of opt-outs has to be said');
is($node->value("SELECT count(*) FROM teams_recipient WHERE target = '$name'"), 2,
	'and nothing is erased then');
is($node->value("BEGIN; SELECT count(*) > 0 FROM teams_erase_person('$name', false); ROLLBACK;"
	  . " SELECT count(*) FROM teams_recipient WHERE target = '$name'"), "t\n2", 'it can be rolled back');

is(erase(uc $name, 'keep_opt_outs => false'), <<'END' =~ s/\n$//r, 'it says what was erased');
teams_dedupe 1 0
teams_delivery 4 0
teams_digest_row 2 0
teams_group_member 1 0
teams_installation 2 0
teams_notify_error 1 0
teams_opt_out 1 0
teams_outbox 2 0
teams_person 1 0
teams_recipient 2 0
END
is($node->value('SELECT count(*) FROM before AS b FULL JOIN (SELECT name, content, count(*) AS n FROM ('
	  . all_rows() . ') AS t GROUP BY 1, 2) AS a USING (name, content)'
	  . " WHERE a.n IS DISTINCT FROM b.n AND NOT (name = 'teams_recipient' AND content ~ ',erased,')"),
	0, 'all rows of the others are as they were');
$dump = dumped();
unlike_dump($dump, $_) for $name, $id, $chat, $called;
is($node->value('SELECT accepted, pending, balanced FROM teams_accounting'),
	"$accepted|1|t", 'what was counted is');
is($node->value("SELECT recipients, excluded, sent, percent FROM teams_progress_detail WHERE broadcast = $over"),
	"$people|0|$people|100.0", 'also of a broadcast that is over');
is($node->value("SELECT excluded FROM teams_plan($draft)"), '{"erased": 1}', 'one to come leaves her out');
is(erase($name), '', 'there is nothing more');

$node->value('DROP TABLE before');

# What is to come reaches the others.
my $arrived = $sim->message_count;
$node->value("SELECT teams_start_broadcast($draft)");
ok($node->wait_for_broadcast($draft), 'a broadcast goes on');
is($sim->message_count - $arrived, $people - 1, 'to all others');
is($node->value("SELECT excluded, sent, percent FROM teams_progress_detail WHERE broadcast = $draft"),
	'1|' . ($people - 1) . '|100.0', 'and is done');
my $edit = $node->value("SELECT teams_edit_broadcast($draft, 'edited')");
ok($node->wait_for_broadcast($edit), 'what it has said can be edited');
is($node->value('SELECT balanced FROM teams_accounting'), 't', 'and all adds up');

# An opt-out can stay.
$node->value("SELECT teams_opt_out('user1\@contoso.com', 'news')");
like(erase('user1@contoso.com', 'keep_opt_outs => true'), qr/^teams_opt_out 0 1$/m,
	'an opt-out that is kept is told');
is($node->value("SELECT count(*) FROM teams_opt_out WHERE target = 'user1\@contoso.com'"), 1, 'and kept');

# While the worker is sending to a person, also by a broadcast that is edited,
# until nothing is left.
($name, $id) = ('user2@contoso.com', TeamsSim::generated_id(2));
$chat = $node->value("SELECT chat_id FROM teams_installation WHERE target = '$name'");
$sim->fault(operation => 'send', text => 'hangs', delay_ms => 15000);
my $running = $node->value("SELECT teams_broadcast('$audience', template => 'hello', title => 'running')");
my $hangs = $node->send($name, 'hangs');
$node->value("SELECT count(teams_send(t, 'number ' || i)) FROM generate_series(1, 200) AS i,"
	  . " unnest('{$name,$id,user3\@contoso.com}'::text[]) AS t");
$node->wait_until("SELECT count(*) > 0 FROM teams_inflight WHERE $hangs = ANY (ids)");
my ($status, $out, $err) = $node->psql('postgres', "SELECT * FROM teams_erase_person('$name')");
like($err, qr/NOTICE:  a message to "\Q$name\E" is on the wire.*HINT.*again/s, 'what is on the wire is told');
like($out, qr/^teams_outbox\|[1-9]\d*\|1$/m, 'the rest is cancelled');
TeamsNode::wait_for('the end', sub { $out = erase($name) . erase($id); return $out eq ''; });
ok($node->wait_for_broadcast($running), 'the broadcast goes on');
$node->wait_until("SELECT count(*) = 1 FROM teams_outbox");
is(erase($name) . erase($id), '', 'in the end there is nothing');
$dump = dumped();
unlike_dump($dump, $_) for $name, $id, $chat;
is($node->value('SELECT pending, balanced FROM teams_accounting'), '1|t', 'and all adds up');

done_testing();
