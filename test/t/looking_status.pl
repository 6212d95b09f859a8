# What teams_status() says: in a word and a sentence whether all is well, for each
# bot and for the database, and what to do if it is not.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim, configure => 0,
	init => { allows_streaming => 1 },
	conf => "max_worker_processes = 5\nteams_proactive.max_databases = 2");

# A line of teams_status(), as far as it does not change by itself.
sub status
{
	my ($bot, $columns, $server) = @_;
	$columns //= 'state, why';

	return ($server // $node)->value(
		"SELECT $columns FROM teams_status() WHERE bot = '$bot'");
}

sub becomes
{
	my ($bot, $state, $reason, $what) = @_;

	ok( $node->wait_until("SELECT state = '$state' AND why ~ '$reason'"
			  . " FROM teams_status() WHERE bot = '$bot'"), $what)
	  or diag(status($bot));
	return;
}

is(status('*'), 'not configured|there is no bot: see teams_configure()',
	'without a bot');
$node->configure($sim);
$node->worker_pid;
becomes('*', 'well', 'a worker sends', 'with one');
is(status('default', 'state, pending, late, last_sent, failed, why'),
	'well|0|||0|nothing waits', 'which has nothing to do');
is($node->fate($node->send('ada@contoso.com', 'hello')), 'sent', 'it sends');
is( status('default', "pending, late, last_sent <= now() AND last_sent > now() - interval '1 minute'"),
	'0||t', 'and when it did is known');
$node->outcome($node->send('nobody@contoso.com', 'hello'));
is(status('default', 'state, failed, why'),
	'well|1|teams_message_detail says why some have failed', 'one has failed');

# What is late: neither what is for later, nor what waits for a bot that is
# paused.
$node->send('ada@contoso.com', 'later', send_at => '2999-01-01');
is(status('default', 'state, pending, late'), 'well|1|',
	'what is for later is not late');
$node->value("SELECT teams_pause(reason => 'out for lunch')");
$node->send('ada@contoso.com', 'after lunch');
is(status('default', 'state, pending, late, why'),
	'paused|2||out for lunch (Until teams_resume().)', 'nor is what a paused bot has');
$node->value("SELECT teams_cancel(array(SELECT id FROM teams_message WHERE state = 'pending'))");
$node->value('SELECT teams_resume()');

# A message that has come due while the bot was paused.
$node->value("SELECT teams_pause()");
my $soon = $node->send('ada@contoso.com', 'soon',
	send_at => $node->value("SELECT now() + interval '1 second'"));
$node->wait_until("SELECT now() > created_at + interval '1 second' FROM teams_message_detail WHERE id = $soon");
is(status('default', 'state, late'), 'paused|', 'a bot that is paused is never late');
$node->value("UPDATE teams_outbox SET created_at = now() - interval '1 year' WHERE id = $soon");
$node->configure($sim, login_url => "'http://127.0.0.1:1/login'");
becomes('default', 'in trouble', '127.0.0.1', 'it cannot be sent now');
is(status('default', "late < '1 minute'"), 't',
	'and is late since its time, whenever it was written');
$node->value("SELECT teams_cancel(array(SELECT id FROM teams_message WHERE state = 'pending'))");
$node->configure($sim);

# A service that cannot be reached, and one that refuses the bot.
$node->configure($sim, bot => "'lost'", connector_url => "'http://127.0.0.1:1/teams'",
	client_id => 'gen_random_uuid()');
$node->configure($sim, bot => "'cut'", login_url => "'http://127.0.0.1:1/login'");
my $cut = $node->send('ada@contoso.com', 'hello', bot => 'cut');
becomes('cut', 'in trouble', '127.0.0.1', 'a service out of reach is trouble');
is(status('cut', 'pending, late IS NOT NULL'), '1|t', 'and its messages are late');
$node->send('ada@contoso.com', 'hello', bot => 'lost');
becomes('lost', 'paused', 'It is tried again by itself', 'a bot that is refused is paused');
is(status('default'), 'well|teams_message_detail says why some have failed',
	'the others are well');
$node->value("SELECT teams_cancel(array(SELECT id FROM teams_message WHERE state = 'pending'))");
$node->value("DELETE FROM teams_bot WHERE bot IN ('lost', 'cut')");

# Nothing gets through any more.
$node->value(<<'END');
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	SELECT 'failing', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops';
INSERT INTO teams_delivery (id, bot, kind, scope, target, sender, fate, attempts,
		doubtful, error_code, hint, created_at)
	SELECT -i, 'failing', 'send', 'user', 'ada@contoso.com', current_user, 'failed', 1,
		false, 'NotFound', 'Check the app.', now() FROM generate_series(1, 5) AS i;
END
is( status('failing'),
	'failing|nothing was sent within the hour; the last failure: NotFound: Check the app.',
	'a bot whose messages fail all');
$node->value("DELETE FROM teams_bot WHERE bot = 'failing'");

# Messages of no bot.
$node->value('ALTER TABLE teams_outbox DISABLE TRIGGER USER;'
	  . " INSERT INTO teams_outbox (bot, target, activity) VALUES ('gone', 'ada\@contoso.com', '{}');"
	  . " INSERT INTO teams_account (bot, entry, messages) VALUES ('gone', 'accepted', 1);"
	  . ' ALTER TABLE teams_outbox ENABLE ALWAYS TRIGGER teams_accept;'
	  . ' ALTER TABLE teams_outbox ENABLE ALWAYS TRIGGER teams_judge;'
	  . ' ALTER TABLE teams_outbox ENABLE ALWAYS TRIGGER teams_wake');
is(status('gone', 'state, pending'), 'not configured|1', 'a bot that there is not');
$node->value("SELECT teams_cancel(array(SELECT id FROM teams_message WHERE bot = 'gone'))");

# A dry-run bot.
$node->value("SELECT teams_configure_dry_run('test')");
is(status('test'), 'well|it records messages and sends none', 'a dry-run bot');

# Slots are used up: a third database has none.
for my $database (qw(second third))
{
	$node->value("CREATE DATABASE $database");
	$node->value('CREATE EXTENSION teams_proactive', $database);
	$node->configure($sim, database => $database);
	$node->worker_pid($database) if $database eq 'second';
}
my $third = "SELECT state, why FROM teams_status() WHERE bot = '*'";
ok($node->wait_until("SELECT state = 'not running' AND why ~ 'max_databases' FROM teams_status() WHERE bot = '*'", 'third'),
	'used up slots are told of, with the setting') or diag($node->value($third, 'third'));
is($node->value("SELECT state FROM teams_status() WHERE bot = 'default'", 'third'),
	'not running', 'for the bot, too');

my $stuck = $node->send('ada@contoso.com', 'hello', database => 'third');
like( $node->error_of("CALL teams_wait($stuck, '1 ms')", 'third'),
	qr/DETAIL:  no_worker: other databases have all 2 workers.*\nHINT:  Raise teams_proactive\.max_databases/,
	'and for who waits for a message');

# A copy of a database.
$node->value('DROP DATABASE third');
$node->value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'second' AND pid <> pg_backend_pid()");
$node->value('CREATE DATABASE copied TEMPLATE second');
is( $node->value("SELECT string_agg(state, ' ' ORDER BY bot) FROM teams_status()", 'copied'),
	'paused paused', 'a copy waits');

# No process is left for the worker.
$node->value('DROP DATABASE copied');
$node->set(max_worker_processes => 2);
$node->restart;
becomes('*', 'not running', 'max_worker_processes',
	'used up processes are told of, with the setting');
$node->set(max_worker_processes => 8);
$node->restart;
becomes('*', 'well', 'a worker sends', 'until there are enough');

# Nobody has loaded the library.
my $alone = TeamsNode->start('alone', $sim, preload => 0);
is( status('*', undef, $alone),
	"not running|set shared_preload_libraries = 'teams_proactive' and restart the server, or call teams_drain()",
	'the library is not preloaded');

# On a standby.
$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
is( $standby->safe_psql('postgres', "SELECT state FROM teams_status() WHERE bot IN ('*', 'default')"),
	"standby\nstandby", 'a standby says that it is one');

done_testing();
