# Mistakes of whoever administers the server: whoever waits hears at once what is
# missing and which setting mends it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $send = "SELECT teams_send('ada\@contoso.com', 'x');\n";

sub tells
{
	my ($node, $script, $database, $what, @wanted) = @_;
	my $told;
	my $took = TeamsNode::duration(sub { $told = $node->error_of($script, $database) });

	$told =~ s/^psql:<stdin>:\d+: //mg;
	cmp_ok($took, '<', 10, "$what: at once");
	like($told, $_, $what) for @wanted;
	note sprintf("%s, %.1f s:\n%s", $what, $took, $told);
	return;
}

# Nobody has loaded the library.
my $alone = TeamsNode->start('alone', $sim, preload => 0);
$alone->value('CREATE DATABASE fresh');
my $preload = qr/^HINT:  Set shared_preload_libraries = 'teams_proactive' and restart the server/m;
tells($alone, 'CREATE EXTENSION teams_proactive', 'fresh', 'CREATE EXTENSION',
	qr/^NOTICE:  teams_proactive is not preloaded/m, $preload);
tells($alone, "SET client_min_messages = warning;\nDROP EXTENSION teams_proactive;\n"
	  . 'CREATE EXTENSION teams_proactive', 'fresh', 'a dump that is restored', qr/^$/);
tells($alone, "$send CALL teams_wait()", 'postgres', 'waiting for nobody',
	qr/DETAIL:  no_worker: the library is not preloaded/, $preload);
tells($alone, "$send CALL teams_wait(timeout => NULL)", 'postgres', 'not even for ever', $preload);
like($alone->value('SELECT DISTINCT concat_ws(\' \', error_code, error, hint) FROM teams_message_detail'),
	qr/^no_worker the library is not preloaded.* Set shared_preload_libraries/, 'and messages say it');
like($alone->error_of('SELECT 1; CALL teams_wait()'), qr/this session has sent no message\n.*HINT/,
	'a session that has sent nothing has nothing to wait for');
$alone->stop;

my $node = TeamsNode->start('primary', $sim, conf => <<'END');
max_worker_processes = 4
teams_proactive.max_databases = 1
teams_proactive.retry_max_delay = 500ms
END
$node->worker_pid;

# The session's last message.
is($node->error_of("$send CALL teams_wait()"), '', 'without an id it is the last one');
is($node->error_of("SELECT teams_ensure_installed('ada\@contoso.com');\nCALL teams_wait()"), '', 'also a job');
like($node->error_of("BEGIN;\n$send ROLLBACK;\nCALL teams_wait()"), qr/message \d+ does not exist/,
	'one that was rolled back is not there');
like($node->error_of("BEGIN;\n$send CALL teams_wait()"), qr/is not committed yet/, 'nor is it sent before the commit');
like($node->error_of("SELECT teams_send('ada\@contoso.com', 'x', send_at => 'tomorrow');\nCALL teams_wait()"),
	qr/is still pending\nDETAIL:  it is not to be sent before/, 'nor before its time');
$node->value("SELECT teams_cancel(array(SELECT id FROM teams_message WHERE state = 'pending'))");

# Paused by somebody.
$node->value("SELECT teams_pause(reason => 'out for lunch')");
tells($node, "$send CALL teams_wait()", 'postgres', 'a paused bot',
	qr/^ERROR:  message \d+ is still pending\nDETAIL:  bot_paused: out for lunch\nHINT:  Call teams_resume/m);
tells($node, "$send SET statement_timeout = '2s';\nCALL teams_wait(timeout => NULL)", 'postgres',
	'who wants to wait for ever may', qr/^WARNING:  message \d+ is still pending\nDETAIL:  bot_paused/m,
	qr/statement timeout/);
$node->value('SELECT teams_resume()');
$node->wait_until_sent;

# No slot is left.
$node->value('CREATE DATABASE second');
$node->value('CREATE EXTENSION teams_proactive', 'second');
$node->configure($sim, database => 'second');
ok($node->wait_until("SELECT last_error ~ 'max_databases' FROM teams_worker_detail WHERE database = 'second'", 'second'),
	'teams_worker says of a database without a slot what to raise');
tells($node, "$send CALL teams_wait(timeout => '2s')", 'second', 'max_databases',
	qr/^WARNING:  message \d+ is still pending\nDETAIL:  no_worker: .*max_databases\nHINT:  Raise teams_proactive.max_databases and restart/m,
	qr/^ERROR:  message \d+ is still pending\nDETAIL:  no_worker/m);
$node->value('DROP DATABASE second');

# No process is left.
$node->set(max_worker_processes => 2);
$node->restart;
ok($node->wait_until("SELECT last_error ~ 'max_worker_processes' FROM teams_worker_detail"),
	'teams_worker says that there is no process, and what to raise');
tells($node, "$send CALL teams_wait(timeout => '2s')", 'postgres', 'max_worker_processes',
	qr/^WARNING:  message \d+ is still pending\nDETAIL:  no_worker: .*max_worker_processes/m);
$node->set(max_worker_processes => 4);
$node->restart;
$node->worker_pid;
$node->wait_until_sent;

# Hosts that cannot be reached.
tells($node, "SELECT teams_check_url('connector_url', 'https://gateway.example.com/teams')", 'postgres',
	'a host that is not allowed, when it is configured',
	qr/"https:\/\/gateway\.example\.com\/teams"/, qr/HINT:  .*add it to teams_proactive\.allowed_hosts/);
$node->set('teams_proactive.allowed_hosts' => 'localhost');
tells($node, "$send CALL teams_wait(timeout => '2s')", 'postgres', 'a host that is not allowed any more',
	qr/^NOTICE:  message \d+ is still pending\nDETAIL:  bot_in_trouble: could not reach http:\/\/127\.0\.0\.1:\d+: /m,
	qr/HINT:  .*add it to teams_proactive\.allowed_hosts/);
$node->set('teams_proactive.allowed_hosts' => '127.0.0.1, localhost, nowhere.invalid');
$node->wait_until_sent;
$node->configure($sim, login_url => "'https://localhost:1/login'");
tells($node, "$send CALL teams_wait(timeout => '2s')", 'postgres', 'a firewall', qr/bot_in_trouble/,
	qr/HINT:  .*firewalls.*teams_proactive\.proxy/);
$node->configure($sim, login_url => "'https://nowhere.invalid/login'");
tells($node, "$send CALL teams_wait(timeout => '2s')", 'postgres', 'a name that cannot be resolved',
	qr/bot_in_trouble/, qr/HINT:  .*DNS.*teams_proactive\.proxy/);
like($node->value("SELECT hint FROM teams_message_detail WHERE state = 'pending' ORDER BY id DESC LIMIT 1"),
	qr/teams_proactive\.proxy/, 'the same in the view');
like($node->value("SELECT why FROM teams_status() WHERE bot = 'default'"), qr/nowhere\.invalid.*teams_proactive\.proxy/,
	'and in teams_status()');

done_testing();
