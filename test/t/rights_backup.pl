# Who may make a backup: the database's owner may not read the messages, so it
# takes a superuser or a member of pg_read_all_data, as the documentation says.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $node = TeamsNode->start('primary', undef);

plan skip_all => 'pg_read_all_data is there since 14'
  if $node->value('SHOW server_version_num') < 140000;

$node->value("CREATE ROLE $_ LOGIN") for qw(dbo backup);
$node->value('GRANT pg_read_all_data TO backup');
$node->value('CREATE DATABASE owned OWNER dbo');
$node->value('CREATE SCHEMA teams; CREATE EXTENSION teams_proactive SCHEMA teams;'
	  . 'SELECT teams.teams_configure_dry_run();'
	  . "SELECT teams.teams_send('ada\@contoso.com', 'hello ' || i)"
	  . ' FROM generate_series(1, 10) AS i', 'owned');
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';

command_fails_like(
	[ 'pg_dump', '--no-sync', '-U', 'dbo', '-f', $dump, $node->connstr('owned') ],
	qr/permission denied|may lack SELECT privilege/, 'the owner of the database may not');
command_ok([ 'pg_dump', '--no-sync', '-U', 'backup', '-f', $dump,
		$node->connstr('owned') ],
	'who may read everything may');

# It is all there, where the sequences are, too.
$node->value('CREATE DATABASE restored');
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump,
		$node->connstr('restored') ], 'and what was dumped can be restored');
my $all = 'SELECT count(*), max(id), (SELECT last_value FROM teams.teams_outbox_id_seq)'
  . ' FROM teams.teams_delivery';
is($node->value($all, 'restored'), $node->value($all, 'owned'),
	'with all that there was');

done_testing;
