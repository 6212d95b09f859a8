# A template that takes long for each recipient, with data that its sender has
# chosen for that, has a part of the worker's time and not all of it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE mallory LOGIN;
SELECT teams_grant('mallory', 'sender');
SELECT teams_set_template('list', '{"type": "AdaptiveCard", "version": "1.5",
	"body": [{"type": "TextBlock", "$data": "${items}", "text": "${$data}"}]}'::jsonb);
CREATE TABLE blanks (data jsonb);
INSERT INTO blanks SELECT jsonb_build_object('items', jsonb_agg('  '::text))
	FROM generate_series(1, 9000);
GRANT SELECT ON blanks TO mallory;
SQL

# The first recipient is filled in at the call, and has data that cost nothing.
my $id = $node->value(<<'SQL');
SET ROLE mallory;
SELECT teams_broadcast($$
	SELECT 'nobody' || i || '@contoso.com' AS user_id,
		   CASE WHEN i = 1 THEN '{"items": ["ok"]}'::jsonb END AS data
	FROM generate_series(1, 20000) AS i
$$, template => 'list', data => (SELECT data FROM blanks))
SQL

# What it costs is known when it has come some way.  Looking at the process: a
# step is a transaction, and between them others have their turn.
my $position = "SELECT position FROM teams_broadcast WHERE id = $id";
ok($node->wait_until("SELECT ($position) >= 2"), 'it has begun');
my ($in_steps, $looks) = (0, 0);
my $pid = $node->worker_pid;
my $until = time + 15;
while (time < $until)
{
	$in_steps += $node->value('SELECT count(xact_start) FROM pg_stat_activity'
		  . " WHERE pid = $pid AND now() - xact_start > interval '100 ms'");
	$looks++;
	select undef, undef, undef, 0.02;
}
cmp_ok($in_steps, '>', 0, 'it takes long steps');
cmp_ok($in_steps / $looks, '<', 0.5, 'it has a part of the time');
my $before = $node->value($position);
ok($node->wait_until("SELECT ($position) > $before"), 'and goes on');
is($node->fate($node->send('ada@contoso.com', 'meanwhile')), 'sent',
	'others are sent meanwhile');
is($node->value("SELECT state FROM teams_progress WHERE broadcast = $id"),
	'running', 'while it runs');

done_testing();
