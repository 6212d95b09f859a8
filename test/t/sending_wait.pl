# Waiting for the fate of a message, and sending from a session where there is
# no worker.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

# Does the script end with this error (and detail, and hint)?
sub raises
{
	my ($script, $error, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return like($node->error_of($script), $error, $name);
}

# A message that is sent.
my $send = q{SELECT teams_send('ada@contoso.com', 'hello') AS id \gset};
is($node->error_of("$send\nCALL teams_wait(:id)"), '',
	'waiting for a message that is sent raises nothing');
is($sim->message_count, 1, 'it has arrived by then');
is($node->error_of('CALL teams_wait(1)'), '', 'also later');
is($node->error_of('BEGIN; CALL teams_wait(1); COMMIT'), '',
	'also in a transaction');
$sim->settings(latency_ms => 500);
my $took = TeamsNode::duration(
	sub { $node->value("$send\nCALL teams_wait(:id)") });
is($sim->message_count, 2, 'it waits for a slow service');
cmp_ok($took, '>=', 0.5, 'as long as that takes');
$sim->settings(latency_ms => 0);
is( $node->error_of("SELECT teams_ensure_installed('grace\@contoso.com') AS id"
		  . " \\gset\nCALL teams_wait(:id)"),
	'', 'a job can be waited for, too');
is($sim->stats->{installs}, 1, 'and has been done by then');

# A message that is not.
raises("SELECT teams_send('nobody\@contoso.com', 'hello') AS id \\gset\n"
	  . 'CALL teams_wait(:id)',
	qr/message \d+ failed\nDETAIL:  NotFound: .*\nHINT:  .*user id/,
	'a failure is raised');
raises('CALL teams_wait(123456)', qr/message 123456 does not exist/,
	'an unknown id is refused');
raises('CALL teams_wait(NULL)', qr/id must not be null/, 'and so is none');
$took = TeamsNode::duration(sub {
	raises("BEGIN;\n$send\nCALL teams_wait(:id)",
		qr/is not committed yet\nHINT:  .*commits/,
		'waiting for what this very transaction holds back is refused');
});
cmp_ok($took, '<', 5, 'at once');

# A message that takes too long.
$node->value("SELECT teams_pause(reason => 'out for lunch')");
raises("$send\nCALL teams_wait(:id, '100 ms')",
	qr/is still pending\nDETAIL:  bot_paused: out for lunch\nHINT:  Call teams_resume\(\)/,
	'there is an end to waiting, and it says what is the matter');
$took = TeamsNode::duration(sub {
	raises("$send\nSET statement_timeout = '200ms';\n"
		  . 'CALL teams_wait(:id, NULL)',
		qr/statement timeout/, 'waiting can be cancelled');
});
cmp_ok($took, '<', 5, 'at once');
$node->value('SELECT teams_resume()');

# Other people's messages.
$node->value(<<'END');
CREATE ROLE sender; CREATE ROLE other; CREATE ROLE boss; GRANT sender TO boss;
SELECT teams_grant('sender', 'sender');
GRANT EXECUTE ON PROCEDURE teams_wait(bigint, interval)
	TO sender, other, boss;
END
my $id = $node->value(
	"SET ROLE sender; SELECT teams_send('ada\@contoso.com', 'private')");
is($node->error_of("SET ROLE sender; CALL teams_wait($id)"), '',
	'who has sent a message can wait for it');
raises("SET ROLE other; CALL teams_wait($id)",
	qr/message $id does not exist\nHINT:  .*not be yours/, 'others cannot');
is($node->error_of("SET ROLE boss; CALL teams_wait($id)"), '',
	'unless they have that role');

# With a worker there is nothing to drain.
raises('CALL teams_drain()', qr/another process sends.*\nHINT:  .*teams_status/,
	'draining is refused while there is a worker');

# Without preloading there is no worker.
my $alone = TeamsNode->start('alone', $sim, preload => 0);
my $count = $sim->message_count;
$alone->value($send);
$alone->value("SELECT teams_send('grace\@contoso.com', 'hello ' || i)"
	  . ' FROM generate_series(1, 50) AS i');
$alone->value("SELECT teams_send('nobody\@contoso.com', 'hello')");
is($alone->value('SELECT count(*) FROM teams_outbox'), 52,
	'without preloading, messages wait in the outbox');
is($alone->value('SELECT count(*) FROM teams_worker'), 0, 'there is no worker');
like(
	$alone->error_of('CALL teams_wait(1)'),
	qr/is still pending\nDETAIL:  no_worker: .*not preloaded.*\nHINT:  .*shared_preload_libraries.*teams_drain/,
	'waiting for it says what to set');
like($alone->error_of('BEGIN; CALL teams_drain()'),
	qr/cannot run inside a transaction block/,
	'draining in a transaction is refused');
is($sim->message_count, $count, 'and sends nothing');
is($alone->error_of('CALL teams_drain()'), '', 'a session can send instead');
is($alone->value('SELECT fate, count(*) FROM teams_delivery'
		  . ' GROUP BY 1 ORDER BY 1'),
	"failed|1\nsent|51", 'all that there was');
is($sim->message_count, $count + 51, 'it has arrived');
is($alone->error_of('CALL teams_drain()'), '', 'no work is no error');
is($sim->message_count, $count + 51, 'and nothing is sent again');
is($alone->error_of('CALL teams_wait(1)'), '', 'what is sent can be waited for');

# A session that drains has an end, too.
$sim->fault(operation => 'send', status => 503, count => -1);
$alone->value($send);
$took = TeamsNode::duration(
	sub { $alone->error_of("CALL teams_drain('500 ms')") });
cmp_ok($took, '<', 5, 'draining ends when it is to');
is($alone->value('SELECT count(*) FROM teams_outbox'), 1,
	'and what could not be sent stays');
$sim->clear_faults;
$alone->wait_until('SELECT due_at <= now() FROM teams_outbox');
is($alone->error_of('CALL teams_drain()'), '', 'until the next time');
is($alone->value('SELECT count(*) FROM teams_outbox'), 0, 'when it is sent');

# A session may drain again, whatever was found out: here, that a host cannot be
# reached.
$alone->configure($sim, connector_url => "'http://127.0.0.1:1'");
$alone->value($send);
is($alone->error_of("CALL teams_drain('3 s');\nCALL teams_drain('3 s')"),
	'', 'two in one session');
is($alone->value('SELECT error_code FROM teams_outbox'), 'connection_failed',
	'that send nothing');
$alone->configure($sim);
$alone->wait_until('SELECT due_at <= now() FROM teams_outbox');
is($alone->error_of('CALL teams_drain()'), '', 'and one in another');
is($alone->value('SELECT count(*) FROM teams_outbox'), 0, 'that does');

done_testing();
