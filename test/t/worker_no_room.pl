# Where there is no connection, no process or no sane setting left, the worker
# comes or says once why it does not.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim, conf => <<'END');
max_connections = 8
superuser_reserved_connections = 2
END
my $ada = 'ada@contoso.com';

# All connections are taken, and the worker has to be started anew.
my $pid = $node->worker_pid;
my @sessions = map { $node->background_psql('postgres') } 1 .. 8;
like($node->error_of('SELECT 1'), qr/too many clients/,
	'all connections are taken');
my $session = $sessions[0];
$session->query_safe("SELECT pg_terminate_backend($pid)");
$session->query_safe("SELECT teams_send('$ada', 'crowded')");
TeamsNode::wait_for('the message', sub { $sim->times_arrived('crowded') == 1 });
like( $session->query_safe('SELECT pid FROM teams_worker'
		  . " WHERE state = 'running' AND pid <> $pid"),
	qr/^\d+$/, 'a new worker needs no connection');
$_->quit for @sessions;

# What ALTER DATABASE and ALTER ROLE set is for others.  The sessions of this
# test are among them, hence the options.
my %hostile = (
	statement_timeout => "'1ms'",
	lock_timeout => "'1ms'",
	search_path => 'pg_temp, nonsense',
	default_transaction_read_only => 'on',
	default_transaction_isolation => 'serializable',
	default_transaction_deferrable => 'on',
	session_replication_role => 'replica',
	synchronous_commit => 'off',
	row_security => 'off',
	role => 'stranger');
my $sane = '-c statement_timeout=0 -c lock_timeout=0 -c search_path=public'
  . ' -c default_transaction_read_only=off -c role=none'
  . ' -c session_replication_role=origin'
  . ' -c default_transaction_isolation=read\ committed';

$node->value('CREATE ROLE stranger');
for my $whose ('DATABASE postgres', 'ROLE CURRENT_USER')
{
	local $ENV{PGOPTIONS} = $sane;
	$node->value("ALTER $whose SET $_ = $hostile{$_}") for sort keys %hostile;
	{
		local $ENV{PGOPTIONS} = '';
		like($node->error_of('CREATE TABLE public.t ()'),
			qr/timeout|read-only|permission denied/, "ALTER $whose has an effect");
	}
	$pid = $node->worker_pid;
	$node->value("SELECT pg_terminate_backend($pid)");
	$node->wait_until('SELECT count(*) = 1 FROM teams_worker'
		  . " WHERE state = 'running' AND pid <> $pid");
	my $id = $node->send($ada, "in spite of ALTER $whose");
	is($node->fate($id), 'sent', 'but the worker sends');
	is( $node->value('SELECT last_error FROM teams_worker_detail'
			  . " WHERE state = 'running' AND last_error <> ''"),
		'', 'without an error');
	$node->value("ALTER $whose RESET ALL");
}

# One process less than there are workers to be started: the launcher of logical
# replication has one, ours another.
$node->set(max_worker_processes => 2);
$node->restart;
my $warning = qr/WARNING:\s+could not start a teams_proactive worker/;

sub warnings_since
{
	my ($offset) = @_;
	my $log = substr(slurp_file($node->logfile), $offset);
	my @found = $log =~ /$warning/g;

	return scalar @found;
}

$node->wait_until("SELECT state = 'failed' FROM teams_worker"
	  . " WHERE database = 'postgres'");
$node->value('CREATE DATABASE other');
$node->value('CREATE EXTENSION teams_proactive', 'other');
ok( $node->wait_until("SELECT array_agg(database::text ORDER BY database)"
		  . " = '{other,postgres}' FROM teams_worker WHERE state = 'failed'"),
	'without a process the workers of both databases are shown as failed');
is(warnings_since(0), 1, 'and that is warned of once');
like(slurp_file($node->logfile), qr/HINT:.*max_worker_processes/,
	'with what to do about it');
my $id = $node->send($ada, 'for later');
like( $node->error_of("CALL teams_wait($id, '1 ms')"),
	qr/is still pending\nDETAIL:  no_worker: could not start the worker: .*max_worker_processes/,
	'who waits for a message is told, too');
$node->set(max_worker_processes => 5);
$node->restart;
is($node->fate($id), 'sent', 'with enough of them, what waited is sent');
ok($node->worker_pid('other'), 'and the other database has its worker');
is(warnings_since(0), 1, 'without another warning');

done_testing();
