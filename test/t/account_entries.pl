# The account under logical replication, and with very many entries.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim, conf => 'wal_level = logical');

# What may be updated or deleted in a published table has a replica identity.
$node->safe_psql('postgres', 'CREATE PUBLICATION everything FOR ALL TABLES');
is($node->value(<<'SQL'), '', 'each table of the extension has a primary key');
SELECT string_agg(c.relname, ', ') FROM pg_depend AS d
JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'teams_proactive'
JOIN pg_class AS c ON c.oid = d.objid AND c.relkind = 'r'
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass
  AND d.deptype = 'e' AND c.relreplident = 'd'
  AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary)
SQL
$node->fate($node->send('ada@contoso.com', "number $_")) for 1 .. 5;
my $id = $node->value(q{SELECT teams_broadcast(ARRAY['ada@contoso.com', 'grace@contoso.com'], 'all')});
$node->wait_for_broadcast($id);
$node->wait_until('SELECT count(*) = 4 FROM teams_account');
is( $node->value('SELECT broadcast, entry, messages FROM teams_account ORDER BY 1 NULLS FIRST, 2'),
	"|accepted|5\n|sent|5\n$id|accepted|2\n$id|sent|2", 'the account is added up');
is($node->value('SELECT count(*) FROM teams_worker_detail WHERE last_error IS NOT NULL'),
	0, 'and no step of the worker has failed');
$node->safe_psql('postgres', 'DROP PUBLICATION everything');

# Entries to which nothing is added are left alone.
$node->safe_psql('postgres', q{INSERT INTO teams_account (bot, broadcast, entry, messages)
	SELECT 'default', 1000000 + i, 'sent', 1 FROM generate_series(1, 30000) AS i;
	INSERT INTO teams_account (bot, broadcast, entry, messages) VALUES ('default', 1000001, 'sent', 2)});
$node->fate($node->send('ada@contoso.com', 'wakes the worker'));
$node->wait_until(q{SELECT count(*) = 1 FROM teams_account WHERE broadcast = 1000001});
is($node->value('SELECT messages FROM teams_account WHERE broadcast = 1000001'),
	3, 'what is added up is');
my $before = $node->value('SELECT min(id) FROM teams_account WHERE broadcast = 1000002');
$node->safe_psql('postgres', q{SELECT pg_stat_reset_single_table_counters('teams_account'::regclass)});
$node->fate($node->send('ada@contoso.com', "one more $_")) for 1 .. 3;
$node->wait_until(q{SELECT count(*) = 2 FROM teams_account WHERE broadcast IS NULL});
$node->wait_until(q{SELECT n_tup_del > 0 FROM pg_stat_user_tables WHERE relname = 'teams_account'});
cmp_ok($node->value(q{SELECT n_tup_del + n_tup_ins FROM pg_stat_user_tables WHERE relname = 'teams_account'}),
	'<', 100, 'and nothing else is written anew');
is($node->value('SELECT min(id) FROM teams_account WHERE broadcast = 1000002'),
	$before, 'not even once');
is($node->value('SELECT count(*), sum(messages) FROM teams_account WHERE broadcast > 1000000'),
	'30000|30002', 'all of it is there');

$node->stop;
done_testing();
