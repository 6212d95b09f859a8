# Jobs over a query: in batches, within the quotas, in order, and in nobody's way.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use TeamsNode;
use TeamsSim;

my $people = 200;
my $sim = TeamsSim->start->contoso;
$sim->generate_users($people);
my $node = TeamsNode->start('primary', $sim);
$node->value("CREATE TABLE staff AS SELECT 'user' || i || '\@contoso.com' AS id"
	  . " FROM generate_series(1, $people) AS i");

sub requests
{
	my ($code) = @_;
	$sim->reset_stats;
	$code->();
	$node->wait_until_sent;
	return $sim->stats->{graph_requests};
}

sub states
{
	return $node->value('SELECT string_agg(DISTINCT concat_ws(\' \', state,'
		  . " app_version, outdated), ', ') FROM teams_installed_detail");
}

# Everybody, with one statement each.
cmp_ok(requests(sub {
	$node->value('SELECT count(teams_ensure_installed(s.id)) FROM staff AS s');
}), '<=', 3 * $people / 20 + 15, 'installations for all travel in batches');
is(states(), 'installed 1.4.0', 'all have it');
$sim->publish('1.5.0');
cmp_ok(requests(sub {
	$node->value('SELECT count(teams_check_installed(s.id)) FROM staff AS s');
}), '<=', $people / 20 + 10, 'so do checks');
is(states(), 'installed 1.4.0 t', 'all are outdated');

# A few of them are upgraded by hand; the drift of the others is repaired, while
# somebody else gets a message.
$node->value("SELECT count(teams_upgrade(id)) FROM staff WHERE id ~ '^user1'");
$node->wait_until_sent;
is($node->value('SELECT bool_and(outdated = (target !~ \'^user1\'))'
		  . ' FROM teams_installed'), 't', 'drift shows person by person');
$sim->settings(enforce_quotas => JSON::PP::true());
$node->configure($sim, connector_rate => 50, graph_rate => 30,
	chat_limits => "'{7,8,60,1800}'");
$sim->reset_stats;
$node->value('SELECT count(teams_upgrade(target)) FROM teams_installed'
	  . ' WHERE outdated');
my $first = $node->send('user1@contoso.com', 'not delayed');
is($node->fate($first), 'sent', 'a message to somebody who needs no job');
cmp_ok($node->value('SELECT count(*) FROM teams_outbox'), '>', 0,
	'does not wait for the jobs of others');
$node->wait_until_sent;
is(states(), 'installed 1.5.0 f', 'all have the new version');
is($sim->stats->{throttled}, 0, 'and Graph throttled nothing');

# Uninstallations have a quota of their own: 15 a second.
my $start = time;
$sim->reset_stats;
$node->value('SELECT count(teams_uninstall(id)) FROM (SELECT id FROM staff'
	  . ' ORDER BY id LIMIT 60) AS s');
$node->wait_until_sent;
my $elapsed = time - $start;
is($sim->stats->{throttled}, 0, 'sixty uninstallations keep the quota');
cmp_ok($elapsed, '>=', 3, 'of 15 a second');
cmp_ok($elapsed, '<', 8, 'and use it');
is($node->value("SELECT count(*) FROM teams_installed_detail"
		  . " WHERE state = 'uninstalled' AND trim(uninstalled_by::text, '\"') = current_user"),
	60, 'all are on record');

# Messages and jobs in turn, in several priorities: in order for each person.
$sim->settings(enforce_quotas => JSON::PP::false());
$node->configure($sim);
$node->value(<<'END');
SELECT count(CASE
	WHEN i % 5 = 0 THEN teams_check_installed(s.id, priority => p)
	WHEN i % 5 = 3 THEN teams_upgrade(s.id, priority => p)
	ELSE teams_send(s.id, i::text, priority => p) END)
FROM generate_series(1, 20) AS i,
	(SELECT id FROM staff ORDER BY id DESC LIMIT 60) AS s,
	LATERAL (SELECT (ARRAY['high', 'normal', 'low'])[1 + (i + length(s.id)) % 3]) AS v (p)
END
$node->wait_until_sent;
my %got;
push @{ $got{ $_->{upn} } }, $_->{text}
  for grep { $_->{text} =~ /^\d+$/ } $sim->messages;
my @expected = grep { $_ % 5 != 0 && $_ % 5 != 3 } 1 .. 20;
is(scalar keys %got, 60, 'messages among jobs arrive');
is((grep { "@{ $got{$_} }" ne "@expected" } keys %got), 0, 'in order');

# However many jobs there are, and however slowly they go: others are served.
$sim->generate_users(1500, installed => 1500, id_prefix => '00000001',
	upn => 'crowd%d@contoso.com');
my $crowd = "(SELECT 'crowd' || i || '\@contoso.com' AS id, i"
  . ' FROM generate_series(1, 1500) AS i) AS c';
$node->value("SELECT count(teams_ensure_installed(id)) FROM $crowd");
$node->wait_until_sent;
$node->configure($sim, graph_rate => 1);
$node->value("SELECT count(teams_check_installed(id)) FROM $crowd WHERE i <= 1300");
$node->value("SELECT count(teams_send(id, 'hello')) FROM $crowd WHERE i > 1300");
ok($node->wait_until("SELECT count(*) = 0 FROM teams_outbox WHERE kind = 'send'"),
	'messages are sent');
cmp_ok($node->value('SELECT count(*) FROM teams_outbox'), '>', 1200,
	'while the jobs of others wait');
$node->configure($sim);
ok($node->wait_until_sent, 'and those are carried out');

# Jobs that are cancelled, or expire, hold back nobody.
$sim->fault(operation => 'lookup', status => 503, count => -1);
my ($a, $b) = map { "user" . ($people - $_) . '@contoso.com' } 0, 1;
my @ids = split /\n/, $node->value(
	"SELECT teams_check_installed('$a'); SELECT teams_send('$a', 'a');"
	  . " SELECT teams_upgrade('$b', expires_at => now() + '1 second');"
	  . " SELECT teams_send('$b', 'b')");
$node->wait_until("SELECT count(*) = 2 FROM teams_outbox WHERE retrying");
is($node->value("SELECT count(*) FROM teams_outbox WHERE kind = 'send'"), 2,
	'messages wait for jobs that are tried again');
ok($node->wait_until("SELECT teams_cancel($ids[0])"), 'one is cancelled');
is($node->fate($ids[1]), 'sent', 'what was behind it is sent');
is($node->fate($ids[2]), 'expired', 'another expires');
is($node->fate($ids[3]), 'sent', 'what was behind that is sent');
$sim->clear_faults;

# A worker that dies meanwhile.
$node->value('SELECT count(teams_uninstall(id)), count(teams_ensure_installed(id))'
	  . " FROM staff WHERE id ~ '^user2'");
$node->stop('immediate');
$node->start;
ok($node->wait_until_sent, 'jobs go on after a crash');
is($node->value("SELECT DISTINCT state FROM teams_installed"
		  . " WHERE target ~ '^user2'"), 'installed', 'in their order');
is($node->value('SELECT bool_and(balanced) FROM teams_accounting'), 't',
	'and nothing is lost');

done_testing();
