# Texts of errors reach people whole, and in the encoding of their database;
# and what has become of a message is waited for in any transaction.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

# What a worker's error says is cut between characters, wherever it is.
for my $start ('', 'x', 'xx', 'xxx')
{
	$node->value(<<"END");
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \$\$
BEGIN
	RAISE '%', '$start' || repeat(U&'\\+01F600', 200);
END \$\$;
DROP TRIGGER IF EXISTS refuse ON teams_delivery;
CREATE TRIGGER refuse BEFORE INSERT ON teams_delivery
	FOR EACH ROW EXECUTE FUNCTION refuse();
END
	$node->send('ada@contoso.com', 'hello');
	ok( $node->wait_until("SELECT last_error ~ ('^$start' || U&'\\+01F600' || '+\$')"
			  . ' AND octet_length(last_error) = ' . (252 + length $start)
			  . " FROM teams_worker_detail WHERE database = 'postgres'"),
		"an error of four-byte characters after '$start' is cut between them");
}

# A database of another encoding shows what it can of it.
$node->safe_psql('postgres',
	"CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
$node->safe_psql('latin', 'CREATE EXTENSION teams_proactive');
$node->configure($sim, database => 'latin');
is($node->value("SELECT last_error FROM teams_worker_detail WHERE database = 'postgres'",
		'latin'), 'xxx' . '?' x 252, 'what is not ASCII is a question mark there');
$node->value('DROP TRIGGER refuse ON teams_delivery');
$node->wait_until_sent;

# What a message waits for, and what became of it.
sub in_latin
{
	my ($sql) = @_;
	my (undef, undef, $error) = $node->psql('latin',
		"SET client_encoding = 'UTF8'; $sql");

	return $error;
}
in_latin("SELECT teams_pause(reason => '\xc3\x9cbung')");
my $id = $node->send('ada@contoso.com', 'hello', database => 'latin');
like(in_latin("CALL teams_wait($id, '1 ms')"), qr/DETAIL:  bot_paused: \xc3\x9cbung$/m,
	'why one is pending');
$sim->fault(operation => 'send', status => 400, code => 'BadArgument',
	message => "\x{fc}bel");
$node->value('SELECT teams_resume()', 'latin');
$node->fate($id, 'latin');
like(in_latin("CALL teams_wait($id)"), qr/DETAIL:  BadArgument: (\xc3\xbcbel|\?+bel)$/m,
	'and why one has failed');

# A transaction that goes by an older snapshot learns of it, too.
for my $level ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	$sim->fault(operation => 'send', text => $level, delay_ms => 1500);
	$id = $node->send('ada@contoso.com', $level);
	is($node->error_of("BEGIN ISOLATION LEVEL $level;"
			  . ' SELECT count(*) FROM teams_bot;'
			  . " CALL teams_wait($id, '1 min'); COMMIT"),
		'', "in a transaction that is $level");
	$sim->fault(operation => 'send', text => "$level again", delay_ms => 1500);
	$id = $node->send('ada@contoso.com', "$level again");
	is($node->error_of("BEGIN ISOLATION LEVEL $level;"
			  . ' SELECT count(*) FROM teams_bot; SAVEPOINT s;'
			  . " DO \$\$ BEGIN CALL teams_wait($id, '1 min');"
			  . ' EXCEPTION WHEN division_by_zero THEN NULL; END $$; COMMIT'),
		'', "and in a part of one that is $level");
	like($node->error_of("BEGIN ISOLATION LEVEL $level;"
			  . " SELECT teams_send('ada\@contoso.com', 'x') AS id \\gset\n"
			  . " CALL teams_wait(:id, '1 min');"),
		qr/message \d+ is not committed yet/, 'not for what it has written itself');
}

done_testing();
