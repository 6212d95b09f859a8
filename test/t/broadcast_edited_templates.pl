# An edit of a broadcast is committed while the worker takes up messages that a
# template has made: nobody goes without, and all say the new text in the end.
#
# The worker is stopped in the middle of its statement, when it has a snapshot
# that does not know of the edit and has not locked any message yet.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use TeamsNode;
use TeamsSim;

my ($broadcasts, $people, $hits) = (2, 600, 0);
my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim, conf => 'teams_proactive.max_in_flight = 200');
my $editor = $node->background_psql('postgres');
my $watcher = $node->background_psql('postgres');

$sim->generate_users($people, installed => $people);
$sim->settings(latency_ms => 300);
$node->value("SELECT teams_set_template('news', 'old \${n}')");

# Stop the worker; the other process sees to it that it goes on, since it may
# have something that whoever looks at it has to wait for.
sub stopped
{
	my ($pid, $do) = @_;
	my $waker;

	kill 'STOP', $pid;
	$waker = fork() // die "could not fork: $!";
	if (!$waker)
	{
		sleep 0.5;
		kill 'CONT', $pid;
		POSIX::_exit(0);
	}
	my $result = $do->();
	kill 'KILL', $waker;
	waitpid($waker, 0);
	kill 'CONT', $pid;
	return $result;
}

sub enters_ledger
{
	return $watcher->query_safe(<<'END') eq '1';
SELECT count(*) FROM pg_stat_activity AS a JOIN pg_locks AS l USING (pid)
	WHERE a.backend_type = 'teams_proactive worker'
	AND a.backend_xid IS NULL AND a.backend_xmin IS NOT NULL
	AND l.relation = 'teams_inflight'::regclass AND l.mode = 'RowExclusiveLock'
END
}

# Returns whether that succeeded in time; it is committed in any case.
sub commit_meanwhile
{
	my $pid = $node->value('SELECT pid FROM pg_stat_activity'
		  . " WHERE backend_type = 'teams_proactive worker'");
	my $deadline = time + 20;
	my $done = 0;

	until ($done || time > $deadline)
	{
		$done = stopped($pid, sub {
			return enters_ledger() && defined $editor->query_safe('COMMIT'); });
		sleep rand 0.01;
	}
	$editor->query_safe('COMMIT') unless $done;
	return $done;
}

for my $n (1 .. $broadcasts)
{
	my $id = $node->value("SELECT teams_broadcast(\$\$SELECT format('user%s\@contoso.com', i) AS user_id,"
		  . " jsonb_build_object('n', i) AS data FROM generate_series(1, $people) AS i\$\$,"
		  . " template => 'news')");

	$node->wait_until("SELECT sent > 0 FROM teams_progress WHERE broadcast = $id");
	$editor->query_safe("BEGIN; SELECT teams_edit_broadcast($id, 'new $n')");
	$node->wait_until('SELECT count(*) = 0 FROM teams_inflight');
	$hits += commit_meanwhile();
	ok($node->wait_until("SELECT bool_and(state = 'done') FROM teams_progress"), "broadcast $n is edited and done");
	is($node->value('SELECT fate, error_code, count(*) FROM teams_delivery'
			  . " WHERE broadcast = $id GROUP BY 1, 2"), "sent||$people", 'nobody goes without');
}
cmp_ok($hits, '>', 0, 'the worker was stopped in time');
is(scalar(grep { $_->{text} !~ /^new / } $sim->messages), 0, 'all say the new text');
$_->quit for $editor, $watcher;

done_testing();
