# A dump is restored where the roles that sent are missing: nothing is lost,
# and nobody is shown what another role has sent.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $pending = 5000;
my $settled = 1000;
my @roles = ("alice", "Bob \"the\" Builder", "10");

my $node = TeamsNode->start('primary', undef);

sub quoted
{
	my ($role) = @_;

	return $node->value(
		"SELECT quote_ident(\$r\$$role\$r\$)");
}

sub sql_as
{
	my ($role, $sql, $database) = @_;

	return $node->value('SET SESSION AUTHORIZATION ' . quoted($role) . "; $sql",
		$database);
}

# What a database has of messages, a line for each.
sub messages
{
	my ($database) = @_;

	return $node->value('SELECT id, sender, target, activity::text, created_at,'
		  . ' NULL, NULL FROM teams_outbox UNION ALL SELECT id, sender, target,'
		  . ' activity::text, created_at, fate, settled_at FROM teams_delivery'
		  . ' ORDER BY id', $database);
}

# What a database has of the extension itself, a line for each fact.
sub catalog
{
	my ($database) = @_;

	return $node->value("\\i test/catalog.sql\n", $database);
}

$node->value("SELECT teams_configure_dry_run('dry')");
$node->value('INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id,'
	  . " credential) SELECT 'default', x, x, x, 'ops'"
	  . ' FROM gen_random_uuid() AS x');
for my $role (@roles)
{
	$node->value('CREATE ROLE ' . quoted($role));
	$node->value("SELECT teams_grant(\$r\$$role\$r\$, 'sender')");
	sql_as($role, "SELECT count(teams_send('user' || i || '\@contoso.com',"
		  . " 'pending ' || i, bot => CASE WHEN i > $settled THEN 'default'"
		  . " ELSE 'dry' END)) FROM generate_series(1, $pending + $settled) AS i");
}
my $rows = @roles * ($pending + $settled);
is($node->value('SELECT count(*) FROM teams_message_detail'), $rows,
	'three roles have sent');
$node->value("INSERT INTO teams_installation (bot, scope, target, state,"
	  . " uninstalled_by) VALUES ('default', 'user', 'ada\@contoso.com',"
	  . " 'uninstalled', 'alice')");
my $before = messages('postgres');

my $dump = $node->basedir . '/dump.sql';
command_ok([ 'pg_dump', '--no-sync', '-f', $dump, $node->connstr('postgres') ],
	'the database can be dumped');
$node->value('CREATE DATABASE keeps TEMPLATE template0');
my @kept = ($roles[1]);
for my $role ('alice', '10')
{
	$node->value('DROP OWNED BY ' . quoted($role));
	$node->value('DROP ROLE ' . quoted($role));
}

# Grants to roles that are missing fail; nothing else may.
my ($out, $err) = ('', '');
IPC::Run::run([ 'psql', '-X', '-q', '-f', $dump, '-d', $node->connstr('keeps') ],
	'>', \$out, '2>', \$err);
unlike($err, qr/ERROR:  (?!role "(alice|10)" does not exist)/,
	'a dump can be restored without the roles that sent');
my $after = messages('keeps');
is(scalar(split /\n/, $after), $rows, 'with all pending messages and the history');
ok($before eq $after, 'each is what it was');
is(catalog('keeps'), catalog('postgres'), 'and so is the extension');
is($node->value('SELECT uninstalled_by FROM teams_installation', 'keeps'),
	'alice', 'and so is who had the bot uninstalled');

# Who is there sees what is its own; a name without a role is nobody's.
is(sql_as($kept[0], 'SELECT count(*), count(DISTINCT sender) FROM teams_message_detail',
		'keeps'),
	($pending + $settled) . '|1', 'a role that is there sees its own');
$node->value('CREATE ROLE stranger');
$node->value("SELECT teams_grant('stranger', 'sender')", 'keeps');
is(sql_as('stranger', 'SELECT count(*) FROM teams_message_detail', 'keeps'), 0,
	'another role sees none');
my $id = $node->value(
	"SELECT min(id) FROM teams_outbox WHERE sender = 'alice'", 'keeps');
is(sql_as('stranger', "SELECT teams_cancel($id)", 'keeps'), 'f',
	'nor cancels any');
like($node->error_of("SET ROLE stranger; CALL teams_wait($id)", 'keeps'),
	qr/message $id does not exist/, 'nor waits for any');
like($node->error_of("SET ROLE stranger; SELECT teams_edit($id, 'x')", 'keeps'),
	qr/message $id does not exist/, 'nor edits any');
is($node->value("SELECT teams_cancel($id)", 'keeps'), 't',
	'an operator can cancel them');
is($node->value("SELECT sender, fate FROM teams_delivery WHERE id = $id",
		'keeps'), 'alice|cancelled', 'under the name');

done_testing();
