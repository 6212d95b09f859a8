# A function that is in nobody's list is for nobody: a version of the extension
# whose author forgot one is closed nevertheless.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $node = TeamsNode->start('primary', undef);
my $directory =
  $node->value("SELECT setting FROM pg_config WHERE name = 'SHAREDIR'")
  . '/extension';
my $script = slurp_file("$directory/teams_proactive--1.0.sql");
my $more = join "\n", map { "CREATE $_\n" }
  'FUNCTION @extschema@.teams_forgotten() RETURNS text LANGUAGE sql AS $$ SELECT current_user::text $$;',
  'FUNCTION @extschema@.teams_send(integer) RETURNS integer LANGUAGE sql AS $$ SELECT $1 $$;',
  'PROCEDURE @extschema@.teams_forgotten(text) LANGUAGE sql AS $$ SELECT $1 $$;',
  'AGGREGATE @extschema@.teams_forgotten_sum(integer) (SFUNC = int4pl, STYPE = integer);';

$script =~ s/^(CREATE TABLE \@extschema\@\.teams_bot )/$more$1/m or die;
open(my $file, '>', "$directory/teams_proactive--forgotten.sql") or die $!;
print $file $script;
close $file;

$node->value('CREATE ROLE app LOGIN');
$node->value('CREATE DATABASE forgotten');
$node->value('CREATE SCHEMA teams;'
	  . "CREATE EXTENSION teams_proactive SCHEMA teams VERSION 'forgotten';"
	  . 'GRANT USAGE ON SCHEMA teams TO PUBLIC;', 'forgotten');
like($node->error_of("SET ROLE app; $_", 'forgotten'), qr/permission denied/,
	"$_ is refused")
  for 'SELECT teams.teams_forgotten()', 'SELECT teams.teams_send(1)',
  "CALL teams.teams_forgotten('x')", 'SELECT teams.teams_forgotten_sum(1)';

# What has the name of something that is granted is granted.
$node->value("SELECT teams.teams_grant('app', 'sender')", 'forgotten');
is($node->value('SET ROLE app; SELECT teams.teams_send(1)', 'forgotten'), 1,
	'a namesake goes with the name');
like($node->error_of('SET ROLE app; SELECT teams.teams_forgotten()', 'forgotten'),
	qr/permission denied/, 'a sender may not call the others, either');

done_testing;
