# Whatever size a caller gives a template, or an administrator a file: the
# session can be ended, and most of it does not take long.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;
use POSIX qw(mkfifo);

my $node = TeamsNode->start('primary');

# Each of these took time with the square of its length, or for ever.
my %texts = (
	'strings without an end' => q!'${''' || repeat('${\''', 300000)!,
	'strings with an end, and escaped quotes' => q!repeat('${\"', 300000) || '"{'!,
	'strings of either kind' => q!repeat('${"${''', 300000)!,
	'many short strings' => q!repeat('${''a''', 300000)!,
	'expressions in strings' => q!repeat('${''${''"${"', 200000) || '`'!,
	'backslashes' => q!repeat('${\\\\', 300000) || '''"'!);

for my $what (sort keys %texts)
{
	is( $node->error_of("SET statement_timeout = '20s';"
			  . " SELECT length(teams_expand(to_jsonb($texts{$what}), '{}')::text) > 0"),
		'', "$what are looked through once");
}
my $error = $node->error_of(q!SET statement_timeout = '20s';
	SELECT teams_expand(jsonb_object_agg(repeat('k', 500000) || i, '${x}'), '{}')
	FROM generate_series(1, 2) AS i;
	SELECT length(teams_expand(jsonb_build_object(repeat('k', 2000000),
		(SELECT jsonb_agg('${x}'::text) FROM generate_series(1, 20000))), '{}')::text) > 0!);
is($error, '', 'a long name is not kept for each text under it');

# Loops over what takes long to look at.
like( $node->error_of(<<'SQL'), qr/template takes too long to fill in/,
SET statement_timeout = '20s';
SELECT teams_expand('{"$data": "${items}", "$when": "${length($root.big) < 0}", "text": "x"}',
	jsonb_build_object('big', repeat('x', 1000000),
		'items', (SELECT jsonb_agg(i) FROM generate_series(1, 50000) AS i)))
SQL
	'a loop over a long text has an end');

# A FIFO in the place of a credential.
my $path = $node->data_dir . '/teams_credentials/fifo';
mkfifo($path, 0600) or die "$path: $!";
like($node->error_of("SET statement_timeout = '20s'; SELECT teams_check_credential('fifo')"),
	qr/It is not a regular file/, 'a FIFO is no credential, and nobody waits for it');
$node->safe_psql('postgres', q{
	SELECT teams_configure(gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops',
		login_url => 'http://127.0.0.1:1', graph_url => 'http://127.0.0.1:1/v1.0',
		connector_url => 'http://127.0.0.1:1');
	UPDATE teams_bot SET credential = 'fifo'});
$node->send('ada@contoso.com', 'x');
$node->wait_until("SELECT trouble IS NOT NULL OR paused_reason IS NOT NULL FROM teams_bot");
my $pid = $node->worker_pid;
$node->value("SELECT pg_terminate_backend($pid)");
$node->wait_until("SELECT count(*) = 1 FROM teams_worker"
	  . " WHERE database = 'postgres' AND state = 'running' AND pid <> $pid");
isnt($node->worker_pid, $pid, 'nor does the worker');

$node->stop;
done_testing();
