# Every sample of the documents runs as it stands, one after the other, and prints
# what the documents say.

use strict;
use warnings;

use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TeamsDocument;
use TeamsNode;
use TeamsSim;

# A bot that a sample configures for a real tenant reaches nobody.
my $conf = <<'END';
max_worker_processes = 60
max_connections = 100
teams_proactive.max_databases = 50
teams_proactive.proxy = 'http://127.0.0.1:9'
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
END

my $sim = TeamsSim->start;
my $node = TeamsNode->start('primary', $sim, conf => $conf, configure => 0);

$sim->post('/config', decode_json(slurp_file("$ENV{TESTDIR}/test/setup/contoso.json")));
$node->credential('ops-bot', TeamsSim::CLIENT_SECRET);

# For what brings about that of which the documents speak: "\! $SIMULATE /faults
# '{...}'" asks the simulator's administration.
$ENV{CREDENTIALS} = $node->data_dir . '/teams_credentials';
$ENV{SIMULATE} = $node->basedir . '/simulate';
append_to_file($ENV{SIMULATE}, <<'END' =~ s/ADMIN/$sim->admin_url/er);
#!/usr/bin/perl
use HTTP::Tiny;
HTTP::Tiny->new->post("ADMIN$ARGV[0]", { content => $ARGV[1],
	headers => { 'Content-Type' => 'application/json' } })->{success} or die;
END
chmod 0700, $ENV{SIMULATE};

my @documents = map { TeamsDocument->read("$ENV{TESTDIR}/$_", $_) }
  grep { !defined $ENV{DOCUMENT} || /$ENV{DOCUMENT}/ }
  map { s{^\Q$ENV{TESTDIR}\E/}{}r }
  map { glob("'$ENV{TESTDIR}/$_'") } 'README.md', 'CONTRIBUTING.md', 'docs/*.md', 'docs/reference/*.md';

my @services = map { ('-v', "$_=" . $sim->$_) } qw(login_url graph_url connector_url);
my $superuser = $node->value('SELECT current_user');

# Each has a database of its own, with the extension as the documents install it
# and a bot, all at once.  The README has the playground's, as who plays there.
sub database
{
	my ($document) = @_;
	my $database = $document->name =~ s/\.md$//r =~ s/\W/_/gr;

	$database = 'play' if $database eq 'README';
	$node->value("CREATE DATABASE \"$database\"");
	if ($database eq 'play')
	{
		system_or_bail('psql', '-Xq', '-d', $node->connstr($database), @services,
			'-o', '/dev/null', '-f', "$ENV{TESTDIR}/test/play/setup.sql");
		return "$database user=developer";
	}
	$node->value(<<END, $database);
CREATE SCHEMA teams;
CREATE EXTENSION teams_proactive SCHEMA teams;
ALTER DATABASE "$database" SET search_path = "\$user", public, teams;
END
	$node->configure($sim, database => $database, credential => "'ops-bot'");
	return $database;
}

sub psql
{
	my ($document) = @_;
	my $printed = '';
	my @command = ('psql', TeamsDocument::options, @services, '-v', "superuser=$superuser",
		'-d', $node->connstr . ' dbname=' . database($document));
	my $script = $document->script;

	utf8::encode($script);
	$document->{printed} = \$printed;
	return IPC::Run::start(\@command, '<', \$script, '>&', \$printed,
		IPC::Run::timeout(180));
}

{
	local $ENV{PGTZ} = 'UTC';
	local $ENV{PGCLIENTENCODING} = 'UTF8';
	my @running = map { psql($_) } @documents;
	for my $psql (@running)
	{
		next if eval { $psql->finish; 1 };
		diag "psql had to be ended: $@";
		$psql->kill_kill;
	}
}

for my $document (@documents)
{
	my $printed = ${ $document->{printed} };

	append_to_file("$PostgreSQL::Test::Utils::log_path/" . $document->name =~ s/\W/_/gr . '.out', $printed);
	utf8::decode($printed);
	$document->heard($printed);
	my @faults = $document->faults;
	is(scalar @faults, 0, $document->name) or diag join("\n", @faults);
	note $document->name . ", not run: $_" for $document->left_out;
}

done_testing();
