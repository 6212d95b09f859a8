# The extension stops where its schema could be changed by others than
# superusers, says why, and goes on once it is theirs again.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my $unsafe = qr/schema public is not safe for extension teams_proactive/;

$node->value($_) for 'CREATE ROLE owner LOGIN', 'CREATE ROLE app LOGIN',
  'CREATE DATABASE owned OWNER owner', 'CREATE DATABASE given';

# A database of somebody who is no superuser.
SKIP:
{
	skip 'until 15 the schema public is not the owner\'s', 3
	  if $node->value('SHOW server_version_num') < 150000;
	my $refused = $node->error_of('CREATE EXTENSION teams_proactive', 'owned');
	like($refused, $unsafe, 'not into a schema of the database\'s owner');
	like($refused, qr/DETAIL:.*role "owner", is not a superuser/,
		'the owner is named');
	like($refused, qr/HINT:.*CREATE SCHEMA teams; CREATE EXTENSION/,
		'and what to type instead');
}
$node->value('CREATE SCHEMA teams; CREATE EXTENSION teams_proactive SCHEMA teams',
	'owned');
like($node->error_of('SET ROLE owner; ALTER SCHEMA teams RENAME TO mine',
		'owned'), qr/must be owner of schema/, 'what it says can be typed');

# Whose the schema is may change afterwards: as by each of these, undone by the
# second of a pair.
my @changes = (
	['of a role that is not a superuser',
		'ALTER EVENT TRIGGER teams_guard_schema DISABLE;'
		  . 'ALTER SCHEMA public OWNER TO owner;'
		  . 'ALTER EVENT TRIGGER teams_guard_schema ENABLE ALWAYS',
		'ALTER SCHEMA public OWNER TO CURRENT_USER',
		qr/role "owner", is not a superuser/],
	['with CREATE for PUBLIC',
		'ALTER EVENT TRIGGER teams_guard_schema DISABLE;'
		  . 'GRANT CREATE ON SCHEMA public TO PUBLIC;'
		  . 'ALTER EVENT TRIGGER teams_guard_schema ENABLE ALWAYS',
		'REVOKE CREATE ON SCHEMA public FROM PUBLIC',
		qr/PUBLIC, not a superuser, may create objects in it/]);
# As it is from 15 on.
push @changes, ['of the database\'s owner',
	'ALTER SCHEMA public OWNER TO pg_database_owner;'
	  . 'ALTER DATABASE given OWNER TO owner',
	'ALTER DATABASE given OWNER TO CURRENT_USER',
	qr/role "owner", is not a superuser/],
  ['of a superuser who is one no more',
	'CREATE ROLE chief SUPERUSER; ALTER SCHEMA public OWNER TO chief;'
	  . 'ALTER ROLE chief NOSUPERUSER',
	'ALTER ROLE chief SUPERUSER', qr/role "chief", is not a superuser/]
  if $node->value('SHOW server_version_num') >= 140000;

$node->value('CREATE EXTENSION teams_proactive', 'given');
$node->configure($sim, database => 'given');
my $text = 0;
for my $change (@changes)
{
	my ($what, $make, $undo, $detail) = @$change;
	my $session = $node->background_psql('given', on_error_stop => 0);

	# The session knows that the schema is safe, and so does the worker.
	$session->query_safe("SELECT teams_send('ada\@contoso.com', 'text "
		  . ++$text . "')");
	$node->wait_until_sent('given');
	my $late = $node->value("SELECT teams_send('ada\@contoso.com', 'late $text',"
		  . " send_at => now() + interval '3 seconds')", 'given');

	$node->value($make, 'given');
	my $since = $node->value('SELECT now()');
	my ($out, $failed) =
	  $session->query("SELECT teams_send('ada\@contoso.com', 'no')");
	like($session->{stderr}, $unsafe, "a session sends nothing by a schema $what");
	like($session->{stderr}, $detail, 'and says why');
	$session->{stderr} = '';
	$session->quit;
	ok( $node->wait_until(
			"SELECT last_error ~ 'schema public is not safe'"
			  . " AND last_error_at > '$since' FROM teams_worker_detail WHERE database = 'given'"),
		'nor does the worker');
	is($node->value("SELECT count(*) FROM teams_outbox WHERE id = $late", 'given'),
		1, 'what is due waits');

	$node->value($undo, 'given');
	is($node->fate($late, 'given'), 'sent', 'then it is sent');
	$node->value('ALTER SCHEMA public OWNER TO CURRENT_USER', 'given');
}

done_testing;
