# What must not bring the worker down, nor stop it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start;
$sim->contoso;
my $node = TeamsNode->start('primary', $sim);
my $ada = 'ada@contoso.com';

# Each step ends with a message that arrives, from a server that went on.
my $born = $node->value('SELECT pg_postmaster_start_time()');
my $crashes = 0;

sub goes_on
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is($node->fate($node->send($ada, $name)), 'sent', $name);
	my $log = slurp_file($node->logfile);
	my $seen = () = $log =~ /terminated by signal/g;
	is($seen, $crashes, 'and nothing has crashed');
	$crashes = $seen;
	return;
}

goes_on('to begin with, messages are sent');

# A job for a person who is known, while there is a token.
my $job = $node->value("SELECT teams_ensure_installed('$ada')");
is($node->fate($job), 'sent', 'a job for a known person is done');
goes_on('and is not posted');

# Rows that no function would have written.
$node->value(q{INSERT INTO teams_outbox (target, activity)
	SELECT target, '{"type":"message","text":"x"}'
	FROM unnest('{nobody,nobody,..,a b@c}'::text[]) AS target});
$node->wait_until_sent;
is( $node->value(q{SELECT count(*) FROM teams_delivery
		WHERE fate = 'failed' AND error_code = 'invalid_target'}),
	4, 'rows with impossible targets fail by themselves');
goes_on('and others are sent');

# A trigger that sends from inside the worker.
$node->safe_psql('postgres', <<'END');
CREATE FUNCTION tell_operator() RETURNS trigger LANGUAGE plpgsql
	SET search_path = public AS $$
BEGIN
	PERFORM teams_send('ada@contoso.com', 'failed: ' || NEW.id);
	RETURN NULL;
END $$;
CREATE TRIGGER tell_operator AFTER INSERT ON teams_delivery
	FOR EACH ROW WHEN (NEW.fate = 'failed') EXECUTE FUNCTION tell_operator();
END
my $failing = $node->send('nobody@contoso.com', 'to nobody');
is($node->fate($failing), 'failed', 'a trigger on the history may send');
TeamsNode::wait_for('what the trigger sends',
	sub { grep { $_->{text} eq "failed: $failing" } $sim->messages });
goes_on('and the worker commits as before');
$node->safe_psql('postgres', 'DROP TRIGGER tell_operator ON teams_delivery');

# Signals of an operator.
my $pid = $node->worker_pid;
$node->value("SELECT pg_cancel_backend($pid)");
goes_on('a cancel does not end the worker');
is($node->worker_pid, $pid, 'which is the same');
for my $round (1 .. 3)
{
	$pid = $node->worker_pid;
	$node->value("SELECT pg_terminate_backend($pid)");
	$node->wait_until("SELECT count(*) = 1 FROM teams_worker
		WHERE state = 'running' AND pid <> $pid");
	goes_on("a worker that was terminated is replaced ($round)");
}
unlike(slurp_file($node->logfile), qr/is already held/,
	'and leaves no lock behind');

# A host whose name has to be looked up, and is not found.
$node->append_conf('postgresql.conf',
	"teams_proactive.allowed_hosts = '127.0.0.1, no-such-host.invalid'");
$node->reload;
$node->wait_until(
	"SELECT current_setting('teams_proactive.allowed_hosts') ~ 'invalid'");
$pid = $node->worker_pid;
$node->configure($sim, login_url => "'https://no-such-host.invalid/login'");
my $id = $node->send($ada, 'looked up');
ok( $node->wait_until(
		"SELECT error ~ 'resolve' FROM teams_message_detail WHERE id = $id"),
	'a name that cannot be looked up is told as the reason');
$node->configure($sim);
is($node->fate($id), 'sent', 'and mended by configuring the bot anew');
is($node->worker_pid, $pid, 'by the same worker');

# A table that somebody has locked.
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN');
$locker->query_safe('LOCK TABLE teams_delivery IN SHARE MODE');
$id = $node->send($ada, 'behind a lock');
ok( $node->wait_until(
		"SELECT last_error ~ 'lock timeout' FROM teams_worker_detail"),
	'a lock on a table is told as the reason');
$locker->query_safe('COMMIT');
$locker->quit;
is($node->fate($id), 'sent', 'and waited for');
is((grep { $_->{text} eq 'behind a lock' } $sim->messages),
	1, 'without sending twice');

is($node->value('SELECT pg_postmaster_start_time()'),
	$born, 'the server was never restarted');

# What teams_wait() raises can be caught.
is( $node->value(<<"END"), 'caught', 'teams_wait() works inside a block');
DO \$\$
BEGIN
	CALL teams_wait($failing);
EXCEPTION WHEN external_routine_exception THEN
	CREATE TEMPORARY TABLE result AS SELECT 'caught' AS result;
END \$\$;
SELECT result FROM result;
END

done_testing();
