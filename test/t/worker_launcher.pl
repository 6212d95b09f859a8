# Which databases the launcher looks into, and when: where something can have
# changed, and nowhere else.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim, conf => <<'END');
log_min_messages = debug1
END

sub oid
{
	my ($database) = @_;
	return $node->value("SELECT oid FROM pg_database WHERE datname = '$database'");
}

# How many processes have been started so far, by database. The launcher does one
# thing after the other: when a database that is new has its worker, it has done
# what was asked before.
my $markers = 0;

sub processes
{
	my $marker = 'marker' . ++$markers;
	my %count;

	$node->value("CREATE DATABASE $marker");
	$node->value('CREATE EXTENSION teams_proactive', $marker);
	$node->worker_pid($marker);
	$node->value("DROP DATABASE $marker");
	$count{$_}++ for slurp_file($node->logfile) =~
	  /starting background worker process "teams_proactive worker for database (\d+)"/g;
	return \%count;
}

$node->value('CREATE DATABASE plain');
$node->value('CREATE DATABASE another');
my @watched = (oid('plain'), oid('another'), oid('postgres'));

# The processes that were started in the meantime for "plain another postgres".
my $before = processes();

sub started
{
	my $now = processes();
	my $said = join ' ', map { $now->{$_} - $before->{$_} } @watched;

	$before = $now;
	return $said;
}

is(started(), '0 0 0', 'a new database makes it look into no other');
for my $i (1 .. 5)
{
	$node->value("BEGIN; CREATE TABLE t$i (); PREPARE TRANSACTION 'p$i'", 'plain');
	$node->value("COMMIT PREPARED 'p$i'", 'plain');
	$node->value("BEGIN; CREATE TABLE t$i (); PREPARE TRANSACTION 'q$i'");
	$node->value("COMMIT PREPARED 'q$i'");
}
is(started(), '0 0 0', 'nor does COMMIT PREPARED');
$node->value('DROP EXTENSION plpgsql', 'plain');
$node->value('CREATE EXTENSION plpgsql', 'plain');
is(started(), '0 0 0', 'nor does an extension of another kind');
$node->value('ALTER DATABASE another CONNECTION LIMIT 5');
is(started(), '0 1 0', 'what is done to a database concerns that one');

# What a transaction brings that was prepared.
$node->value('BEGIN; CREATE EXTENSION teams_proactive;'
	  . " PREPARE TRANSACTION 'extension'", 'plain');
is(started(), '0 0 0', 'an extension that is being prepared is not there yet');
$node->value("COMMIT PREPARED 'extension'", 'plain');
ok($node->worker_pid('plain'), 'and has a worker when that is committed');
$node->value('DROP EXTENSION teams_proactive', 'plain');
TeamsNode::wait_for('the worker to end',
	sub { !$node->worker_pids('plain') });
$node->value('CREATE EXTENSION teams_proactive', 'plain');
ok($node->worker_pid('plain'), 'so it has when it is dropped and created again');

# Databases to which nobody can connect, and some to which one can again.
$node->value('CREATE DATABASE closed');
$node->value('CREATE EXTENSION teams_proactive', 'closed');
$node->worker_pid('closed');
$node->value('ALTER DATABASE closed ALLOW_CONNECTIONS false');
$node->value('CREATE DATABASE half_dropped TEMPLATE plain');
$node->value('UPDATE pg_database SET datconnlimit = -2'
	  . " WHERE datname = 'half_dropped'");
# A worker may have been under way to it when that was written.
my $old_log = -s $node->logfile;
$node->restart;
ok($node->worker_pid('plain'), 'a restart');
$before = processes();
is($node->value('SELECT string_agg(database, \' \' ORDER BY database)'
		  . ' FROM teams_worker'),
	'plain postgres', 'databases that nobody can connect to have no slot');
unlike(substr(slurp_file($node->logfile), $old_log),
	qr/cannot connect to invalid database|not currently accepting connections/,
	'and it is not tried');
$node->value('ALTER DATABASE closed ALLOW_CONNECTIONS true');
ok($node->worker_pid('closed'), 'one that is open again has its worker');

# The database that is there for longest has its worker first, wherever its row
# is; and the one for which nothing is left is named.
$node->value('DROP DATABASE half_dropped');
$node->value("ALTER DATABASE $_ CONNECTION LIMIT 90") for qw(closed plain postgres);
$node->set('teams_proactive.max_databases' => 2);
my $log = -s $node->logfile;
$node->restart;
ok($node->worker_pid, 'with too few slots the first database has one');
TeamsNode::wait_for('a warning', sub { slurp_file($node->logfile, $log) =~
	  /more databases than teams_proactive can have workers for/ });
like(slurp_file($node->logfile, $log),
	qr/DETAIL:  There is no room to look into database "another"/,
	'and another is named for which there is none');
ok($node->worker_pid('plain'), 'the second has the other one');
$node->value('DROP DATABASE plain');
ok($node->worker_pid('closed'), 'a slot that is free again is used');

# The same for processes.
$node->set('teams_proactive.max_databases' => 16, max_worker_processes => 2);
$log = -s $node->logfile;
$node->restart;
$node->wait_until("SELECT state = 'failed' FROM teams_worker_detail"
	  . " WHERE database = 'postgres'");
like($node->value("SELECT last_error FROM teams_worker_detail"
		  . " WHERE database = 'postgres'"),
	qr/all processes of max_worker_processes are in use; raise it/,
	'teams_worker_detail says why there is no worker');
like(slurp_file($node->logfile, $log), qr/DETAIL:  Database "postgres" has none/,
	'and so does the log');

done_testing();
