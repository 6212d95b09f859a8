# Digests over time: each row that triggers collect is in exactly one message,
# whoever commits when, and whatever crashes.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $rows = 5000;
my $people = 500;
my $sim = TeamsSim->start->contoso;
$sim->config(generate_users => { count => $people, installed => $people,
	upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim, conf => 'restart_after_crash = on');
my $ada = 'ada@contoso.com';

$node->safe_psql('postgres', <<'END');
SELECT teams_set_template('tasks', '${count}: ${join(select(rows, r, string(r.id)), '' '')}');
SELECT teams_set_template('fragile', '${count}: ${join(select(rows, r, string(r.id)), '' '')}');
CREATE TABLE task (id int, who text);
CREATE TABLE soon (LIKE task);
CREATE TABLE lost (LIKE task);
CREATE TRIGGER t AFTER INSERT ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('tasks', 'to=who', 'digest=1 hour');
CREATE TRIGGER t AFTER INSERT ON soon FOR EACH ROW
	EXECUTE FUNCTION teams_notify('tasks', 'to=who', 'digest=1 second');
CREATE TRIGGER t AFTER INSERT ON lost FOR EACH ROW
	EXECUTE FUNCTION teams_notify('fragile', 'to=who', 'digest=1 second');
END

# The ids that have arrived, by whom they were for.
sub arrived
{
	my %ids;

	push @{ $ids{ $_->{upn} } }, $_->{text} =~ /: (.*)/ ? split(/ /, $1) : ()
	  for $sim->messages;
	return \%ids;
}

# The clock starts with the first row, and nobody waits for anybody.
my $open = $node->background_psql('postgres');
$open->query_safe('BEGIN');
$open->query_safe("INSERT INTO soon VALUES (1, '$ada')");
$node->value("SET lock_timeout = '1s'; INSERT INTO soon VALUES (2, 'ADA\@contoso.com')");
$node->value("INSERT INTO soon VALUES (3, '$ada')");
is($node->value('SELECT lower(target), rows, sender = current_user FROM teams_digest'),
	"$ada|2|t", 'rows are collected, while another transaction has some');
ok($node->wait_until("SELECT count(*) = 1 FROM teams_delivery"), 'one message is sent');
is($sim->told(TeamsSim::ADA), '2: 2 3', 'with what was committed by then');

# What commits late goes into the next one.
$open->query_safe('COMMIT');
$node->value("INSERT INTO soon VALUES (4, '$ada')");
ok($node->wait_until("SELECT NOT EXISTS (SELECT FROM teams_digest)"), 'the rest is sent');
$node->wait_until_sent;
is_deeply([ sort @{ arrived()->{$ada} } ], [ 1 .. 4 ], 'no row is lost, none is there twice');
$open->quit;

# Many rows of many people, from transactions beside each other.
my @inserts = map {
	my $psql = $node->background_psql('postgres');
	$psql->query_safe('BEGIN');
	$psql;
} 0 .. 4;
for my $part (0 .. 3)
{
	for my $client (0 .. 4)
	{
		my $n = $rows / 20;
		my $first = ($part * 5 + $client) * $n;

		$inserts[$client]->query_safe("INSERT INTO task SELECT i, 'user' || 1 + i % $people || '\@contoso.com'"
			  . " FROM generate_series($first, $first + $n - 1) AS i");
	}
}
$inserts[$_]->query_safe($_ == 4 ? 'ROLLBACK' : 'COMMIT') for 0 .. 4;
$_->quit for @inserts;
my $lost = 4 * $rows / 20;
is($node->value('SELECT count(*), sum(rows) FROM teams_digest'), $people . '|' . ($rows - $lost),
	'what was rolled back is not there');
$node->value("INSERT INTO task SELECT (p * 5 + 4) * $rows / 20 + i, 'user' || 1 + ((p * 5 + 4) * $rows / 20 + i) % $people || '\@contoso.com'"
	  . " FROM generate_series(0, 3) AS p, generate_series(0, $rows / 20 - 1) AS i");

# The server is killed while they become messages, which takes its time.
$node->safe_psql('postgres', <<'END');
CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END';
CREATE TRIGGER doze BEFORE INSERT ON teams_outbox FOR EACH ROW EXECUTE FUNCTION doze();
UPDATE teams_digest_row SET due_at = now();
SELECT teams_pause();
SELECT teams_resume();
END
ok($node->wait_until("SELECT count(*) < $rows FROM teams_digest_row"), 'digests become messages');
kill 'KILL', $node->worker_pid;
ok($node->poll_query_until('postgres', 'SELECT true'), 'the server comes back from a crash');
cmp_ok($node->value('SELECT count(*) FROM teams_digest_row'), '>', 0, 'in the middle of them');
$node->value('DROP TRIGGER doze ON teams_outbox');
ok($node->wait_until('SELECT NOT EXISTS (SELECT FROM teams_digest_row)'), 'the rest becomes messages');
ok($node->wait_until_sent, 'that are sent');

# Without those that the crash has sent again: they are the same messages.
my %seen;
my $wrong = 0;
my %wanted;
$wanted{"user" . (1 + $_ % $people) . '@contoso.com'}{$_} = 1 for 0 .. $rows - 1;
for my $message (grep { $_->{upn} ne $ada } $sim->messages)
{
	next if $seen{"$message->{upn} $message->{text}"}++;
	my ($count, $ids) = $message->{text} =~ /^(\d+): (.*)$/;
	my @ids = split / /, $ids;
	$wrong++ if $count != @ids;
	$wrong++ for grep { !delete $wanted{ $message->{upn} }{$_} } @ids;
}
is($wrong, 0, 'each row is in one message, that of its recipient');
is(scalar(grep { %$_ } values %wanted), 0, 'and none is missing');
is($node->value("SELECT count(*) FROM teams_delivery WHERE target LIKE 'user%'"), $people,
	'one message for each');
is($node->value('SELECT balanced FROM teams_accounting'), 't', 'the account is balanced');

# A template that is gone: the message has failed, and the others go on.
$node->value("INSERT INTO lost VALUES (1, '$ada'), (2, '$ada')");
$node->value("SELECT teams_drop_template('fragile')");
$node->value("INSERT INTO soon VALUES (5, 'grace\@contoso.com')");
ok($node->wait_until('SELECT NOT EXISTS (SELECT FROM teams_digest_row)'), 'a digest that fails stops nothing');
$node->wait_until_sent;
is(join(' ', @{ arrived()->{'grace@contoso.com'} }), '5', 'others are sent');
is($node->value("SELECT fate, error_code, error, hint FROM teams_delivery WHERE target = '$ada' AND fate <> 'sent'"),
	'failed|digest_failed|template "fragile" does not exist|Its rows are in teams_notify_error.',
	'the message says why it has failed');
is($node->value("SELECT table_name, template, data -> 'rows' -> 1 ->> 'id' FROM teams_notify_error"),
	'lost|fragile|2', 'its rows are kept');
is($node->value("SELECT count(*) FROM teams_retry(ARRAY(SELECT id FROM teams_delivery WHERE error_code = 'digest_failed'))"),
	0, 'it is nothing to try again');
is($node->value('SELECT balanced FROM teams_accounting'), 't', 'the account is balanced');

# So does one whose sender is no more.
$node->safe_psql('postgres', <<'END');
CREATE ROLE leaver;
SELECT teams_grant('leaver', 'sender');
ALTER TABLE soon OWNER TO leaver;
END
$node->value("INSERT INTO soon VALUES (6, '$ada')");
is($node->value('SELECT sender FROM teams_digest'), 'leaver', 'a digest is its owner\'s');
$node->safe_psql('postgres', <<'END');
ALTER TABLE soon OWNER TO CURRENT_USER;
SELECT teams_revoke('leaver');
DROP ROLE leaver;
END
ok($node->wait_until("SELECT error = 'role \"leaver\" does not exist' FROM teams_delivery"
	  . " WHERE sender = 'leaver'"), 'without the role it fails, too');

# A copy is silent: by a dump, and of the files.
$node->value("INSERT INTO task VALUES (1, '$ada')");
my $dump = $node->basedir . '/dump.sql';
command_ok([ 'pg_dump', '--no-sync', '-f', $dump, $node->connstr('postgres') ], 'the database is dumped');
$node->value('CREATE DATABASE copy TEMPLATE template0');
IPC::Run::run([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('copy') ],
	'>', \my $out, '2>', \my $err);
is($err, '', 'and restored');
my $told = $sim->message_count;
is($node->value('SELECT target, rows, due_at FROM teams_digest', 'copy'), "$ada|1|", 'what it had collected is held');
$node->value("UPDATE teams_digest_row SET due_at = now()", 'copy');
ok($node->wait_until("SELECT paused_by = 'copy' FROM teams_bot", 'copy'), 'its bot is paused');
is($node->value('SELECT count(*) FROM teams_digest', 'copy'), 1, 'and it is there still');
$node->value('SELECT teams_resume()', 'copy');
ok($node->wait_until("SELECT NOT EXISTS (SELECT FROM teams_digest_row)", 'copy'), 'until somebody says that it may go on');
$node->wait_until_sent('copy');
is($sim->message_count, $told + 1, 'then it is sent');

# A session sends them, too, but not before their time.
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
$node->value("INSERT INTO task VALUES (2, '$ada')");
$node->value('CALL teams_drain()');
is($node->value('SELECT rows FROM teams_digest'), 2, 'a digest waits for its time');
$node->value("UPDATE teams_digest_row SET due_at = now()");
$node->value('CALL teams_drain()');
is($sim->told(TeamsSim::ADA) =~ /2: 1 2$/ ? 'sent' : $sim->told(TeamsSim::ADA), 'sent', 'teams_drain() sends it then');

$node->stop;
$sim->stop;
done_testing();
