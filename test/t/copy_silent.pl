# A copy of the database writes to nobody until it is told to.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my $pending = 10;

# Something that waits, at the time of the copy.
$node->fate($node->send('ada@contoso.com', 'known'));
$node->value("SELECT teams_pause()");
$node->value("SELECT count(teams_send('ada\@contoso.com', 'waits ' || i))"
	  . " FROM generate_series(1, $pending) AS i");

sub is_silent
{
	my ($database, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	ok( $node->wait_until("SELECT paused_by = 'copy' FROM teams_bot", $database),
		"$name: the bot is paused");
	like($node->value('SELECT paused_reason, paused_hint FROM teams_bot', $database),
		qr/is a copy.*\|.*teams_resume/, 'and says why');
	is($node->value('SELECT count(*) FROM teams_outbox', $database),
		$pending, 'all its messages wait');
	is($sim->message_count, 1, 'nothing was sent');
	is($node->value('SELECT balanced FROM teams_accounting', $database),
		't', 'the account is balanced');
	return;
}

# The original is resumed only while it is not copied, so let the copies be
# made from a dump of a bot that is not paused.
my $dump = $node->basedir . '/dump.sql';
command_ok([ 'pg_dump', '--no-sync', '-f', $dump, $node->connstr('postgres') ],
	'the database can be dumped');
my $text = slurp_file($dump);
like($text, qr/COPY public.teams_outbox/, 'with its messages');

# Restored as it was when it was running: without the pause.
$text =~ s/^(default\t.*)\t\S+ \S+\tpaused by an operator\t[^\t]*\toperator\t/$1\t\\N\t\\N\t\\N\t\\N\t/m
  or die 'no row of teams_bot in the dump';
append_to_file("$dump.running", $text);
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-q', '-f', "$dump.running",
		'-d', $node->connstr('restored') ], 'and restored');
is_silent('restored', 'a restored database');

# A database made from another one.
$node->safe_psql('restored', "UPDATE teams_bot SET paused_at = NULL,"
	  . ' paused_reason = NULL, paused_by = NULL');
$node->wait_until("SELECT paused_by = 'copy' FROM teams_bot", 'restored');
$node->safe_psql('template1', 'CREATE DATABASE cloned TEMPLATE restored');
is_silent('cloned', 'a cloned database');

# Somebody says that this is the one.
$node->safe_psql('cloned', 'SELECT teams_resume()');
ok($node->wait_until_sent('cloned'), 'teams_resume() lets it send');
is($sim->message_count, 1 + $pending, 'what was waiting');
$node->restart;
$node->fate($node->value("SELECT teams_send('ada\@contoso.com', 'x')", 'cloned'),
	'cloned');
is($sim->message_count, 2 + $pending, 'and from then on it is at home there');
is($node->value('SELECT paused_by FROM teams_bot'), 'operator',
	'the original is as it was');

done_testing();
