# The orders of docs/examples: the program and its own tests, which record what would
# be sent.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $python = '/usr/bin/python3';

plan skip_all => 'python3-psycopg2 is missing: see test/setup/packages.sh fuzz'
  if system("$python -c 'import psycopg2' 2>/dev/null") != 0;

my $example = "$ENV{TESTDIR}/docs/examples/orders";
my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

# A role of its own, as an application has it.
$node->value("CREATE ROLE shop LOGIN; SELECT teams_grant('shop', 'sender')");
$node->value('CREATE DATABASE shop_test');
$node->value('CREATE EXTENSION teams_proactive', 'shop_test');
$node->value('SELECT teams_configure_dry_run()', 'shop_test');
$node->value("SELECT teams_grant('shop', 'sender'), teams_grant('shop', 'operator')", 'shop_test');
for my $database ('postgres', 'shop_test')
{
	$node->value(slurp_file("$example/orders.sql"), $database);
	$node->value('GRANT SELECT, INSERT, UPDATE ON orders TO shop', $database);
}

# Runs a program of the example as the shop, in a database.
sub run
{
	my ($database, @command) = @_;
	local @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE PYTHONDONTWRITEBYTECODE)} =
	  ($node->host, $node->port, 'shop', $database, 1);
	my ($out, $err);
	my $is_well = IPC::Run::run([ $python, @command ], '>', \$out, '2>', \$err);

	return ($is_well, $out, $err);
}

# With a bot that sends.
my ($is_well, $out, $err) = run('postgres', "$example/orders.py", 'ada@contoso.com');
is($out, "order 1 is on its way\n", 'an order is placed and shipped') or diag($err);
$node->wait_until_sent;
is_deeply([ map { $_->{activity}{summary} // $_->{text} } $sim->messages ],
	[ 'Order 1 is placed', 'Order 1 is on its way.' ], 'and the buyer is told of both');
is($node->value("SELECT string_agg(reference, ' ') FROM teams_message_detail"), 'order 1 order 1',
	'by messages that have a reference');

# The application's tests.
($is_well, $out, $err) = run('shop_test', "$example/test_orders.py");
ok($is_well, 'its tests pass') or diag($err);
like($err, qr/^Ran 3 tests/m, 'three of them');
like($err, qr/^\.*order \d+: WARNING:  invalid user id: "at the counter"$/m, 'who cannot be told is logged');

done_testing();
