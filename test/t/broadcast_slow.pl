# Broadcasts that cost much to fill in, or that are many: others' messages go on
# meanwhile, and an operator can cancel them.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

sub goes_on
{
	my ($what) = @_;

	is($node->fate($node->send('ada@contoso.com', $what)), 'sent', $what);
	return;
}

# An ordinary template; the first recipient, who is looked at in the call, has
# data that cost little.
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE mallory LOGIN;
CREATE ROLE oncall LOGIN;
SELECT teams_grant('mallory', 'sender');
SELECT teams_grant('oncall', 'operator');
SELECT teams_set_template('news', '{"type": "AdaptiveCard", "version": "1.5",
	"body": [{"type": "TextBlock", "text": "${name}"}]}'::jsonb);
SQL
goes_on('to begin with, messages are sent');

# Much to fill in for each of many, and brackets, in which a link is looked for.
my $id = $node->value(<<'SQL');
SET ROLE mallory;
SELECT teams_broadcast($$
	SELECT 'nobody' || i || '@contoso.com' AS user_id,
		   CASE WHEN i = 1 THEN '{"name": "ok"}'::jsonb END AS data
	FROM generate_series(1, 20000) AS i
$$, template => 'news', data => jsonb_build_object('name', repeat('[', 99000) || '][](y)'))
SQL
goes_on("message $_ of somebody else is sent meanwhile") for 1 .. 10;
cmp_ok($node->value("SELECT position FROM teams_broadcast WHERE id = $id"),
	'<', 5000, 'and does not wait for long');
is($node->value("SELECT state FROM teams_progress WHERE broadcast = $id"),
	'running', 'while the broadcast goes on');
is( $node->error_of(
		"SET lock_timeout = '10s'; SET ROLE oncall; SELECT teams_cancel_broadcast($id)"),
	'', 'an operator cancels it');
is($node->value("SELECT state FROM teams_progress_detail WHERE broadcast = $id"),
	'cancelled', 'and that is the end of it');
goes_on('messages are sent after it');

# A template by which each recipient gets something else is fed in parts, none
# is left out, and each gets his own.
$node->safe_psql('postgres', q{SELECT teams_configure_dry_run('dry')});
$id = $node->value(<<'SQL');
SELECT teams_broadcast($$
	SELECT 'user' || i || '@contoso.com' AS user_id,
		   jsonb_build_object('name', 'number ' || i) AS data
	FROM generate_series(1, 5000) AS i
$$, template => 'news', bot => 'dry')
SQL
$node->wait_for_broadcast($id);
is( $node->value("SELECT count(DISTINCT target), count(*) FROM teams_recorded_detail WHERE broadcast = $id"
		  . " AND target = replace(summary, 'number ', 'user') || '\@contoso.com'"),
	'5000|5000', 'all recipients get what is theirs, once');

# Broadcasts for later are not looked at.
$node->safe_psql('postgres', <<'SQL');
INSERT INTO teams_broadcast (bot, state, sender, activity, send_at, created_at)
	SELECT 'default', 'running', 'mallory', '{"type": "message", "text": "later"}',
		   '2099-01-01', now()
	FROM generate_series(1, 30000);
ANALYZE teams_broadcast;
SELECT pg_stat_reset_single_table_counters('teams_broadcast'::regclass);
SQL
my $soon = $node->value(q{SELECT teams_broadcast(ARRAY['grace@contoso.com'], 'soon',
	send_at => clock_timestamp() + interval '1 second')});
$id = $node->value(q{SELECT teams_broadcast(array(SELECT 'user' || i || '@contoso.com'
	FROM generate_series(1, 3000) AS i), 'now', bot => 'dry')});
$node->wait_until("SELECT bool_and(state = 'done') FROM teams_progress_detail WHERE broadcast IN ($id, $soon)");
is($node->value("SELECT sent FROM teams_progress_detail WHERE broadcast = $soon"),
	1, 'one that is due soon is sent in time');
$node->wait_until("SELECT n_tup_upd > 2 FROM pg_stat_user_tables WHERE relname = 'teams_broadcast'");
cmp_ok($node->value('SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_user_tables'
		  . " WHERE relname = 'teams_broadcast'"),
	'<', 30000, 'and those for much later are not looked at');

# Nor do many that are due at once keep others from their turn.
$node->safe_psql('postgres', <<'SQL');
DELETE FROM teams_broadcast WHERE send_at = '2099-01-01';
SELECT count(teams_broadcast(ARRAY['ada@contoso.com'], 'crowd ' || i, bot => 'dry'))
	FROM generate_series(1, 500) AS i;
SQL
goes_on('a message passes a crowd of broadcasts');
$node->wait_until("SELECT bool_and(state <> 'running') FROM teams_progress_detail");
is($node->value("SELECT count(*) FROM teams_recorded WHERE text LIKE 'crowd %'"),
	500, 'and each of them has its turn');

$node->stop;
done_testing();
