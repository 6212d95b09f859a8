# Rows that are larger or longer than what can be sent, or of no kind that there
# is: at the door they are an error, and where they are nevertheless, the worker's
# memory does not pay.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my $pid = $node->worker_pid;
my $megabyte = 1024 * 1024;

sub goes_on
{
	my ($what) = @_;

	is($node->fate($node->send('grace@contoso.com', $what)), 'sent', $what);
	return;
}

# The most memory that the worker has ever had.
sub peak
{
	open(my $file, '<', "/proc/$pid/status") or die "no worker: $!";
	my ($kilobytes) = map { /^VmHWM:\s+(\d+)/ ? $1 : () } <$file>;
	close $file;
	return $kilobytes * 1024;
}

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE loader LOGIN;
GRANT USAGE ON SCHEMA public TO loader;
GRANT INSERT (target, activity) ON teams_outbox TO loader;
SQL
goes_on('to begin with, messages are sent');
my $before = peak();

# A loader's row, small on disk.
my $huge = "INSERT INTO teams_outbox (target, activity) SELECT 'ada\@contoso.com',"
  . " ('{\"type\":\"message\",\"text\":\"' || repeat('x', 30 * $megabyte) || '\"}')::json";
like($node->error_of("SET ROLE loader; $huge"),
	qr/invalid "activity" in a row.*\n.*more than 1048576 bytes/,
	'a loader cannot write a row that nobody can send');

# From before there was a limit, or by somebody who may pass it by.
$node->safe_psql('postgres', <<"SQL");
BEGIN;
ALTER TABLE teams_outbox DISABLE TRIGGER USER;
$huge FROM generate_series(1, 4);
INSERT INTO teams_outbox (target, activity, error_code)
	VALUES ('ada\@contoso.com', '{"type":"message","text":"long code"}', repeat('c', 30 * $megabyte));
INSERT INTO teams_outbox (scope, target, activity)
	VALUES ('chat', repeat('c', 20000), '{"type":"message","text":"x"}');
INSERT INTO teams_outbox (kind, scope, target, activity)
	VALUES ('wave', 'user', 'ada\@contoso.com', '{"type":"message","text":"of no kind"}'),
	(repeat('k', 20000), 'user', 'ada\@contoso.com', NULL),
	('send', 'galaxy', 'ada\@contoso.com', '{"type":"message","text":"of no scope"}');
ALTER TABLE teams_outbox ENABLE TRIGGER USER;
COMMIT;
SQL
goes_on('a message behind them is sent');
$node->wait_until_sent;
is( $node->value('SELECT string_agg(DISTINCT error_code || \': \' || error, \' \')'
		  . " FROM teams_delivery WHERE fate = 'failed'"),
	'invalid_row: Its activity is too large to be read.'
	  . ' invalid_row: Its kind or scope is none that there is.'
	  . ' invalid_row: Its target or team is too long.',
	'they have failed, with the reason');
is($node->value("SELECT count(*) FROM teams_delivery WHERE fate = 'failed'"),
	8, 'each of them');
is((grep { $_->{text} eq 'long code' } $sim->messages), 1,
	'what can be sent is');
SKIP:
{
	skip 'sanitizers need much memory', 1 if $ENV{SANITIZE};
	cmp_ok(peak() - $before, '<', 20 * $megabyte,
		'without room for them in memory');
}
is($node->worker_pid, $pid, 'by the same worker');

# The operator who sends again all that has failed is not stopped by them.
is($node->value('SELECT count(*) FROM teams_retry((SELECT array_agg(id) FROM teams_delivery))'),
	0, 'they are not sent again');

# Ids up to the limit have a fate.
my $user = ('a' x 244) . '@contoso.com';
my $chat = '19:' . ('a' x 987) . '@thread.v2';
my $id = $node->send($user, 'x');
is($node->fate($id), 'failed', 'a long user id is asked for');
$id = $node->value("SELECT teams_send_chat('$chat', 'x')");
is($node->fate($id), 'failed', 'so is a long chat id');
$node->safe_psql('postgres', <<"SQL");
INSERT INTO teams_installation (bot, scope, target, state, installation_id, chat_id)
	VALUES ('default', 'chat', '$chat', 'installed', 'x', '@{[ TeamsSim::GROUP_CHAT() ]}')
	ON CONFLICT (bot, scope, target) DO UPDATE SET state = 'installed',
		installation_id = excluded.installation_id, chat_id = excluded.chat_id
SQL
my $last = $node->value("SELECT max(teams_send_chat('$chat', 'long ' || i)) FROM generate_series(1, 30) AS i");
$node->wait_until_sent;
is($node->value("SELECT count(*) FROM teams_delivery WHERE id > $last - 30 AND id <= $last"),
	30, 'and of many messages to one each has a fate');

$node->stop;
done_testing();
