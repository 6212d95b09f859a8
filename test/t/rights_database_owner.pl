# The owner of a database, who is no superuser, does not become one by what
# superusers, the worker and triggers do with the extension there.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my $mine = "IF current_user <> 'dbo' THEN ALTER ROLE dbo SUPERUSER; END IF;";

# Make the database owned by dbo, who is a sender, and have the extension there
# as a superuser would: in public, and if that is refused, as the hint says. The
# schema is returned. What dbo does before is given.
sub make_database
{
	my ($database, $before) = @_;
	my $schema = 'public';

	$node->value("CREATE DATABASE $database OWNER dbo");
	as_owner($database, $before) if defined $before;
	my $refused = $node->error_of('CREATE EXTENSION teams_proactive', $database);
	if ($refused ne '')
	{
		like($refused, qr/schema public is not safe/,
			"$database: public is refused");
		$schema = 'teams';
		$node->value('CREATE SCHEMA teams;'
			  . 'CREATE EXTENSION teams_proactive SCHEMA teams', $database);
	}
	$node->value("SELECT $schema.teams_configure_dry_run();"
		  . "SELECT $schema.teams_grant('dbo', 'sender')", $database);
	return $schema;
}

# Returns the errors.
sub as_owner
{
	my ($database, $script) = @_;

	return $node->error_of($script, $database, extra_params => [ '-U', 'dbo' ]);
}

sub stays_owner
{
	my ($what) = @_;

	is($node->value("SELECT rolsuper FROM pg_roles WHERE rolname = 'dbo'"), 'f',
		"$what: the owner is no superuser");
	$node->value('ALTER ROLE dbo NOSUPERUSER');
	return;
}

$node->value('CREATE ROLE dbo LOGIN');

#
# Another schema in place of the extension's, with functions for its worker
#
sub take_place
{
	my ($database, $schema) = @_;

	return as_owner($database, <<"END");
ALTER SCHEMA $schema RENAME TO ext;
CREATE SCHEMA $schema;
CREATE TABLE $schema.teams_template (name text, locale text, kind text,
	body jsonb, summary text);
INSERT INTO $schema.teams_template VALUES ('hi');
CREATE FUNCTION $schema.teams_render(text, jsonb, text) RETURNS jsonb
LANGUAGE plpgsql AS \$f\$ BEGIN $mine
	RETURN '{"type": "message", "text": "mine"}'; END \$f\$;
CREATE FUNCTION $schema.teams_check_url(text, text) RETURNS void
LANGUAGE plpgsql AS \$f\$ BEGIN $mine END \$f\$;
GRANT ALL ON ALL TABLES IN SCHEMA $schema TO PUBLIC;
GRANT USAGE ON SCHEMA $schema TO PUBLIC;
SET search_path = ext, $schema;
SELECT teams_broadcast(ARRAY['ada\@contoso.com'], template => 'hi');
END
}

my $schema = make_database('renamed');
take_place('renamed', $schema);
my $broadcasts = $node->value("SELECT oid::regclass FROM pg_class WHERE"
	  . " relname = 'teams_broadcast' AND relkind = 'r'", 'renamed');
ok($node->wait_until("SELECT NOT EXISTS (SELECT FROM $broadcasts"
		  . " WHERE state = 'running')", 'renamed'), 'no broadcast is left');
stays_owner('renaming the schema');

# It is the superuser's first, and the owner's later.
SKIP:
{
	skip 'until 15 the schema public is not the owner\'s', 3
	  if $node->value('SHOW server_version_num') < 150000;
	$node->value('CREATE DATABASE given');
	$node->value('CREATE EXTENSION teams_proactive', 'given');
	$node->configure($sim, database => 'given');
	$node->value("SELECT teams_set_template('hi', 'hello');"
		  . "SELECT teams_grant('dbo', 'sender')", 'given');
	$node->value('ALTER DATABASE given OWNER TO dbo');
	my $errors = take_place('given', 'public');
	like($errors, qr/cannot rename schema "public"/, 'it cannot be renamed');
	like(as_owner('given', "SELECT teams_send('ada\@contoso.com', 'hello')"),
		qr/schema public is not safe/, 'and nothing is sent by it');
	$node->error_of("SELECT teams_configure(gen_random_uuid(), gen_random_uuid(),"
		  . " gen_random_uuid(), 'ops', login_url => 'https://x')", 'given');
	stays_owner('renaming the schema later');
}

#
# Functions that wait in the schema for the script
#
$schema = make_database('planted', <<"END");
CREATE FUNCTION public.array_length(integer[], integer) RETURNS integer
LANGUAGE plpgsql AS \$f\$ BEGIN $mine
	RETURN pg_catalog.array_length(\$1, \$2); END \$f\$;
CREATE FUNCTION public.to_jsonb(text) RETURNS jsonb
LANGUAGE plpgsql AS \$f\$ BEGIN $mine
	RETURN pg_catalog.to_jsonb(\$1); END \$f\$;
CREATE FUNCTION public.quote_ident(name) RETURNS text
LANGUAGE plpgsql AS \$f\$ BEGIN $mine
	RETURN pg_catalog.quote_ident(\$1); END \$f\$;
CREATE FUNCTION public.pg_has_role(regrole, text) RETURNS boolean
LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION public.pg_has_role(oid, text) RETURNS boolean
LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION public.has_table_privilege(regclass, text) RETURNS boolean
LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION public.format(text, text) RETURNS text
LANGUAGE plpgsql AS \$f\$ BEGIN $mine
	RETURN pg_catalog.format(\$1, \$2); END \$f\$;
END
$node->value("SELECT $schema.teams_configure(gen_random_uuid(),"
	  . " gen_random_uuid(), gen_random_uuid(), 'ops', bot => 'other');"
	  . "SELECT $schema.teams_set_template('hi', 'hello', summary => 'summary');"
	  . "INSERT INTO $schema.teams_outbox (bot, target, activity) VALUES"
	  . " ('none', 'ada\@contoso.com', '{\"type\": \"message\", \"text\": \"hello\"}');"
	  . "SELECT * FROM $schema.teams_message", 'planted');
is( $node->value("SET SESSION AUTHORIZATION dbo;"
		  . " SELECT count(*) FROM $schema.teams_message", 'planted'),
	0, 'the owner does not see what others send');
stays_owner('functions in the schema');

#
# Functions that wait for whoever watches
#
$schema = make_database('watched');
as_owner('watched', <<"END");
CREATE FUNCTION public.format(text, text, text, numeric, bigint, bigint, text,
	text) RETURNS text LANGUAGE plpgsql AS \$f\$ BEGIN $mine
	RETURN 'mine'; END \$f\$;
CREATE FUNCTION public.times(numeric, integer) RETURNS numeric
LANGUAGE plpgsql AS \$f\$ BEGIN $mine RETURN 1; END \$f\$;
CREATE OPERATOR public.* (FUNCTION = public.times, LEFTARG = numeric,
	RIGHTARG = integer);
END
my $broadcast = $node->value("SELECT $schema.teams_broadcast("
	  . "ARRAY['ada\@contoso.com'], 'hello', draft => true)", 'watched');
like($node->error_of("CALL $schema.teams_watch($broadcast)", 'watched'),
	qr/draft     \.+ 0\.0% 0\/1 sent/, 'a broadcast is watched');
stays_owner('watching a broadcast');

done_testing;
