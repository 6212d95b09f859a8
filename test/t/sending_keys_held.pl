# A sender that is about to write a message again, whose first one came to
# nothing long ago, keeps nobody waiting: the history is purged around it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

$node->value("CREATE ROLE $_ LOGIN") for qw(mallory alice);
$node->value("SELECT teams_grant('$_', 'sender')") for qw(mallory alice);

sub write_as
{
	my ($role, $key) = @_;
	return "SET SESSION AUTHORIZATION $role; SELECT teams_send("
	  . "'ada\@contoso.com', 'x', send_at => now() + interval '1 day',"
	  . " dedupe_key => '$key')";
}

# Messages that came to nothing, and have kept their keys, for long.
my %first = map { $_ => $node->value(write_as($_, 'invoice')) } qw(mallory alice);
is($node->value('SELECT teams_cancel(ARRAY(SELECT id FROM teams_outbox))'),
	2, 'both are cancelled');
my $taker = $node->background_psql('postgres');
$taker->query_safe('BEGIN');
$taker->query_safe(write_as('mallory', 'invoice'));
$node->value(
	"UPDATE teams_delivery SET settled_at = now() - interval '1 hour'");
$node->set('teams_proactive.retention' => 1);

# The purge begins with the reload.
ok( $node->wait_until(
		"SELECT count(*) = 0 FROM teams_delivery WHERE id = $first{alice}"),
	'what nobody holds is purged');
is($node->value('SELECT sender FROM teams_dedupe'),
	'mallory', 'with its key');
is($node->fate($node->send('ada@contoso.com', 'meanwhile')), 'sent',
	'messages leave meanwhile');
is($node->value('SELECT last_error IS NULL FROM teams_worker_detail'), 't',
	'the worker has met no error');

# If it comes to nothing again, the first one still says so.
$taker->query_safe('ROLLBACK');
is($node->value("SELECT id FROM teams_dedupe"),
	$first{mallory}, 'the key is that of the first message');
my $second = $node->value(write_as('mallory', 'invoice'));
isnt($second, $first{mallory}, 'it can be taken again');
$node->value('SELECT pg_reload_conf()');
ok( $node->wait_until(
		"SELECT count(*) = 0 FROM teams_delivery WHERE id = $first{mallory}"),
	'then the first one is purged');
is($node->value("SELECT id FROM teams_dedupe"),
	$second, 'and the key stays with the second');
$taker->quit;

# Where purging fails for another reason, nothing else does.
$node->value(write_as('alice', 'other'));
$node->value("SELECT teams_cancel(ARRAY(SELECT id FROM teams_outbox))");
$node->value(
	"UPDATE teams_delivery SET settled_at = now() - interval '1 hour'");
$node->value('ALTER TABLE teams_notify_error RENAME TO gone');
$node->value('SELECT pg_reload_conf()');
ok( $node->wait_until("SELECT last_error ~ 'teams_notify_error' FROM teams_worker_detail"),
	'purging fails');
is($node->fate($node->send('ada@contoso.com', 'nevertheless')), 'sent',
	'messages leave all the same');
$node->value('ALTER TABLE gone RENAME TO teams_notify_error');

done_testing();
