# Whoever has no right but to make temporary functions can lock the extension:
# ALTER FUNCTION ... DEPENDS ON EXTENSION does, to the end of the transaction.
# That must not keep the worker from sending, nor from starting, and DROP
# EXTENSION must still find a moment.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

$node->value('CREATE ROLE mallory LOGIN');
is($node->fate($node->send('ada@contoso.com', 'before')), 'sent', 'it sends');
my $pid = $node->worker_pid;

my $stranger = $node->background_psql('postgres',
	extra_params => [ '-U', 'mallory' ]);
$stranger->query_safe('CREATE FUNCTION pg_temp.f() RETURNS int'
	  . " LANGUAGE sql AS 'SELECT 1'");
$stranger->query_safe('BEGIN');
$stranger->query_safe(
	'ALTER FUNCTION pg_temp.f() DEPENDS ON EXTENSION teams_proactive');
is( $node->value('SELECT mode FROM pg_locks'
		  . " WHERE classid = 'pg_extension'::regclass AND objsubid = 0"
		  . ' AND granted'
		  . " AND mode LIKE '%Exclusive%'"),
	'AccessExclusiveLock', 'a stranger has locked the extension');

is($node->fate($node->send('ada@contoso.com', 'meanwhile')), 'sent',
	'the worker sends nevertheless');
is($node->value('SELECT last_error IS NULL FROM teams_worker_detail'), 't',
	'and has met no error');

# A worker that starts meanwhile.
$node->value("SELECT pg_terminate_backend($pid)");
ok( $node->wait_until(
		"SELECT pid <> $pid AND state = 'running' FROM teams_worker"),
	'another worker starts');
is($node->fate($node->send('ada@contoso.com', 'again')), 'sent',
	'it sends, too');

# Whoever drops the extension has to wait for the stranger, not for the worker,
# and the worker for neither until it is so far.
my $dropper = $node->background_psql('postgres', on_error_stop => 0);
$dropper->query_until(qr/begun/, "\\echo begun\nDROP EXTENSION teams_proactive;\n");
ok( $node->wait_until('SELECT count(*) = 1 FROM pg_locks'
		  . " WHERE classid = 'pg_extension'::regclass AND NOT granted"
		  . " AND mode = 'AccessExclusiveLock'"),
	'DROP EXTENSION waits for the stranger');
is($node->fate($node->send('ada@contoso.com', 'last')), 'sent',
	'the worker still sends');
$stranger->query_safe('ROLLBACK');
ok( $node->wait_until(
		'SELECT count(*) = 0 FROM pg_extension'
		  . " WHERE extname = 'teams_proactive'"),
	'then it is dropped');
ok($node->wait_until("SELECT count(*) = 0 FROM pg_stat_activity"
		. " WHERE backend_type = 'teams_proactive worker'"),
	'and the worker goes');
unlike(slurp_file($node->logfile), qr/deadlock/, 'without a deadlock');
is($sim->message_count, 4, 'each message was sent once');

$dropper->quit;
$stranger->quit;
done_testing();
