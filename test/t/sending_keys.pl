# Keys: nobody waits for another's, and a key that is free again is taken once.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my $team = $sim->team(channels => ['Invoices']);
my $channel = $team->{channels}{Invoices};
my $ada = 'ada@contoso.com';

$node->value("CREATE ROLE $_; SELECT teams_grant('$_', 'sender')") for qw(alice mallory);

# Mallory keeps her transaction open.
my $holds = $node->background_psql('postgres');
$holds->query_safe('SET ROLE mallory; BEGIN');
my $send = "SELECT teams_send('$ada', 'x', dedupe_key => 'k')";
my $post = "SELECT teams_post('$team->{id}', '$channel', 'x', thread => 't')";
my $broadcast = "SELECT teams_broadcast('{$ada}'::text[], 'x', dedupe_key => 'k')";
$holds->query_safe($_) for $send, $post, $broadcast;
is($node->error_of("SET ROLE alice; SET statement_timeout = '20s'; $send; $post; $broadcast"), '',
	'another sender does not wait for keys that are not committed');
like($node->error_of("SET ROLE mallory; SET lock_timeout = '200ms'; $send"), qr/lock timeout/,
	'the same one does');
$holds->query_safe('COMMIT');

# A thread that is there keeps nobody waiting, its sender neither.
$holds->query_safe("BEGIN; $post");
is($node->error_of("SET ROLE mallory; SET statement_timeout = '20s'; $post"), '',
	'answers do not wait for each other');
$holds->query_safe('ROLLBACK');

# A reminder is cancelled and made anew; of several who do so one writes it.
sub remind
{
	my ($text) = @_;

	return "SELECT teams_send('$ada', '$text', send_at => now() + '1 day', dedupe_key => 'reminder')";
}
my $first = $node->value(remind('v1'));
$node->value("SELECT teams_cancel($first)");
is($node->fate($first), 'cancelled', 'a message is cancelled');
$holds->query_safe('RESET ROLE; BEGIN');
my $second = $holds->query_safe(remind('v2'));
isnt($second, $first, 'the next one with its key is written');
my $other = $node->background_psql('postgres');
$other->query_until(qr/going/, "\\echo going\n" . remind('v3') . ";\n");
$node->wait_until('SELECT count(*) = 1 FROM pg_stat_activity'
	  . " WHERE query ~ 'v3' AND query !~ 'pg_stat_activity' AND wait_event_type = 'Lock'");
$holds->query_safe('COMMIT');
$holds->quit;
$other->quit;
is($node->value("SELECT string_agg(id || ' ' || (activity ->> 'text'), ',') FROM teams_outbox"
		  . " WHERE activity ->> 'text' ~ '^v'"), "$second v2", 'once');
is($node->value("SELECT id FROM teams_dedupe WHERE dedupe_key = 'reminder'"), $second,
	'and has the key');

# What failed gives its key away.
my $failed = $node->value("SELECT teams_send('nobody\@contoso.com', 'x', dedupe_key => 'f')");
is($node->fate($failed), 'failed', 'a message fails');
my $next = $node->value("SELECT teams_send('$ada', 'x', dedupe_key => 'f')");
is($node->fate($next), 'sent', 'the next one with its key is sent');
is($node->value("SELECT teams_send('$ada', 'x', dedupe_key => 'f')"), $next, 'once');

# Keys go with their messages.
$node->set('teams_proactive.retention' => 0);
ok($node->wait_until("SELECT array_agg(id) = '{$second}' FROM teams_dedupe"),
	'a key goes with its message');

done_testing();
