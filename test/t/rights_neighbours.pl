# What an administrator of one database can do with another one's credentials,
# and what its operators see of it.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim, configure => 0);
my $directory = $node->data_dir . '/teams_credentials';

# A neighbour with an administrator, an operator and the extension.
$node->value("CREATE DATABASE neighbour TEMPLATE template0");
$node->value('CREATE EXTENSION teams_proactive', 'neighbour');
$node->value("CREATE ROLE $_ LOGIN") for qw(admin oncall watcher);
$node->value("SELECT teams_grant('admin', 'administrator')", 'neighbour');
$node->value("SELECT teams_grant('oncall', 'operator')", 'neighbour');
$node->value("SELECT teams_grant('watcher', 'operator')", 'neighbour');
$node->value('GRANT pg_monitor TO watcher', 'neighbour');

# A credential in the directory of its database.
mkdir "$directory/postgres", 0700 or die $!;
rename("$directory/ops", "$directory/postgres/ops") or die $!;
$node->configure($sim);
my $id = $node->send('ada@contoso.com', 'hello');
is($node->fate($id), 'sent', 'a database uses what is in its directory');

sub configure_as_admin
{
	my ($credential, $database) = @_;

	return $node->error_of('SET SESSION AUTHORIZATION admin;'
		  . " SELECT teams_configure('" . TeamsSim::TENANT_ID() . "', '"
		  . TeamsSim::CLIENT_ID() . "', '" . TeamsSim::TEAMS_APP_ID() . "', "
		  . "credential => '$credential', login_url => '" . $sim->login_url
		  . "', graph_url => '" . $sim->graph_url('v1.0')
		  . "', connector_url => '" . $sim->connector_url . "')", $database);
}
for my $name ('ops', 'postgres', 'postgres/ops', '../teams_credentials/postgres/ops',
	'./postgres/ops')
{
	like(configure_as_admin($name, 'neighbour'),
		qr/credential "\Q$name\E" cannot be used/,
		"another database's administrator cannot use it as $name");
}

# Not even the worker, of a row that was there before.
$node->credential('shared', TeamsSim::CLIENT_SECRET());
is(configure_as_admin('shared', 'neighbour'), '',
	'what is in no directory of a database is for all of them');
$node->value("UPDATE teams_bot SET credential = 'ops'", 'neighbour');
$id = $node->send('ada@contoso.com', 'stolen', database => 'neighbour');
ok( $node->wait_until(
		"SELECT paused_reason LIKE '%could not be opened%' FROM teams_bot",
		'neighbour'),
	'nor does the worker use it for another database');
is(configure_as_admin('shared', 'neighbour'), '', 'with another one');
is($node->fate($id, 'neighbour'), 'sent', 'it sends');

# The own file is taken before one of the same name for all.
$node->credential('ops', 'not the secret');
$node->restart;
is($node->fate($node->send('ada@contoso.com', 'after')), 'sent',
	"a database's own file comes first");

# Operators of one database see nothing of others.
sub seen_by
{
	my ($role, $query) = @_;

	return $node->value("SET SESSION AUTHORIZATION $role; $query", 'neighbour');
}
my $databases = "SELECT string_agg(database, ',' ORDER BY database) FROM teams_worker";
$node->worker_pid('postgres');
$node->worker_pid('neighbour');
is(seen_by('oncall', $databases), 'neighbour',
	'an operator sees the own worker');
is(seen_by('watcher', $databases), 'neighbour,postgres',
	'who may read all statistics sees all');

my $other = '11111111-2222-3333-4444-555555555555';
$node->configure($sim, bot => "'other'", client_id => "'$other'");
$node->send('ada@contoso.com', 'x', bot => 'other');
my $others = "SELECT count(*) FROM _teams_throttles() WHERE client_id = '$other'";
ok($node->wait_until("SELECT ($others) > 0"), 'another bot has a pace');
is(seen_by('oncall', $others), 0, "an operator sees no other database's bots");
isnt(seen_by('watcher', $others), 0, 'who may read all statistics does');

done_testing();
