# Looking at messages costs the same however many there are: the last ones, a
# person's, a message, what is pending, what went wrong lately, teams_status().

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TeamsNode;
use TeamsSim;

my $HISTORY = 200_000;
my $PENDING = 3_000;
my $MOST = 250;    # rows that a look may read

my $node = TeamsNode->start('primary', undef, preload => 0);

$node->value(<<"END");
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('default', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');
CREATE ROLE app; CREATE ROLE neighbour; CREATE ROLE boss; CREATE ROLE watcher;
SELECT teams_grant('app', 'sender'), teams_grant('neighbour', 'sender'),
	teams_grant('boss', 'administrator'), teams_grant('watcher', 'monitor');
-- One person has been written to a thousand times, others forty times.
INSERT INTO teams_delivery (id, bot, kind, scope, target, sender, fate,
		attempts, doubtful, error_code, created_at, settled_at)
	SELECT i, 'default', 'send', 'user',
		'user' || CASE WHEN i % 200 = 1 THEN 0 ELSE i % 5000 END || '\@contoso.com',
		CASE WHEN i % 10 = 0 THEN 'neighbour' ELSE 'app' END,
		CASE WHEN i % 1000 = 0 THEN 'failed' ELSE 'sent' END, 1,
		i % 5000 = 0, CASE WHEN i % 1000 = 0 THEN 'NotFound' END, t, t
	FROM generate_series(1, $HISTORY) AS i,
		 LATERAL (SELECT now() - ($HISTORY - i) * interval '1 second') AS m (t);
ALTER SEQUENCE teams_outbox_id_seq RESTART $HISTORY;
SELECT nextval('teams_outbox_id_seq');
SET ROLE app;
SELECT count(teams_send('user' || i || '\@contoso.com', 'hello'))
	FROM generate_series(0, $PENDING - 1) AS i;
SELECT count(teams_send('user0\@contoso.com', 'later', send_at => now() + interval '1 year'))
	FROM generate_series(1, 100);
END
$node->value('VACUUM ANALYZE teams_outbox, teams_delivery, teams_account');

# Rows that the scans of a plan have read, and which they were.
sub scans
{
	my ($plan) = @_;
	my @below = map { scans($_) } @{ $plan->{Plans} || [] };

	return @below unless $plan->{'Relation Name'};
	my $rows = ($plan->{'Actual Rows'} + ($plan->{'Rows Removed by Filter'} // 0)
		+ ($plan->{'Rows Removed by Index Recheck'} // 0)) * $plan->{'Actual Loops'};
	return (@below, { rows => $rows, name => $plan->{'Relation Name'} });
}

sub looks_little
{
	my ($role, $query, $what, $most) = @_;
	my $json = $node->value("SET ROLE $role; EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) $query");
	my @scans = scans(decode_json($json)->[0]{Plan});
	my $rows = 0;

	$rows += $_->{rows} for @scans;
	ok(@scans > 0 && $rows <= ($most // $MOST), "$role: $what")
	  or diag("$rows rows read:\n$query\n$json");
	return;
}

for my $role (qw(app boss watcher))
{
	for my $view (qw(teams_message teams_message_detail))
	{
		looks_little($role, "SELECT * FROM $view ORDER BY id DESC LIMIT 10",
			"the last ten of $view");
		looks_little($role, "SELECT * FROM $view LIMIT 10",
			"the first ten of $view, which are the last");
		looks_little($role, "SELECT * FROM $view WHERE target = 'user17\@contoso.com'",
			"all of a person in $view");
		looks_little($role,
			"SELECT * FROM $view WHERE target = 'user0\@contoso.com' ORDER BY id DESC LIMIT 10",
			"the last ten in $view of a person who gets many: only that one's", 1500);
		looks_little($role, "SELECT * FROM $view WHERE id = 4711", "one of $view");
		looks_little($role, "SELECT * FROM $view WHERE state = 'pending' LIMIT 10",
			"ten of $view that are pending");
	}
}
for my $role (qw(boss watcher))
{
	looks_little($role, 'SELECT error_code, count(*) FROM teams_message_detail'
		  . " WHERE state = 'failed' AND settled_at > now() - interval '1 hour' GROUP BY 1",
		'what failed within the hour');
	looks_little($role, 'SELECT * FROM teams_message_detail WHERE doubtful AND state <> \'pending\'',
		'what is in doubt');
}

# The order is that of ids, across both tables.
is($node->value('SELECT count(*), min(id), max(id) FROM (SELECT id FROM teams_message LIMIT 3200) AS m'),
	'3200|' . ($HISTORY - 99) . '|' . ($HISTORY + $PENDING + 100), 'the latest come first');

# A function's plan is not shown, but what it reads is counted.
is($node->value('SET ROLE watcher; SELECT state, pending, late < interval \'1 hour\', failed'
		  . " FROM teams_status() WHERE bot = 'default'"),
	'not running|3100|t|4', 'teams_status() counts');
my $reads = $node->value(<<'END');
BEGIN;
SELECT count(*) FROM teams_status() \g /dev/null
SELECT sum(pg_stat_get_xact_tuples_returned(c.oid) + pg_stat_get_xact_tuples_fetched(c.oid))
	FROM pg_class AS c LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
	WHERE coalesce(i.indrelid, c.oid) IN ('teams_outbox'::regclass, 'teams_delivery'::regclass);
END
cmp_ok($reads, '<=', $MOST, 'and reads little');

done_testing();
