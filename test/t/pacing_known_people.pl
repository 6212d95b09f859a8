# Known people at the published quotas: 50 messages a second, and no 429.
#
# TEAMS_QUOTA_PEOPLE=3000 takes a minute for each round instead of ten seconds.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use TeamsNode;
use TeamsSim;

my $people = 0 + ($ENV{TEAMS_QUOTA_PEOPLE} // 500);
my $sim = TeamsSim->start->contoso;
$sim->config(generate_users => { count => $people, installed => $people,
		upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim);

# Make them known at a rate that only the test's own service allows.
$node->value("SELECT count(teams_ensure_installed('user' || i || '\@contoso.com'))"
	  . " FROM generate_series(1, $people) AS i");
$node->wait_until_sent;
$sim->settings(enforce_quotas => JSON::PP::true());
$node->configure($sim, connector_rate => 50, graph_rate => 30,
	chat_limits => "'{7,8,60,1800}'");

# Other work of this machine can hold messages back and let them meet in one
# second at the service; so one round of three has to be without.
my $rounds = 0;
my $throttled;
my $elapsed;
do
{
	my $start = time;

	$sim->reset_stats;
	$node->send_to_all($people, 'notice ' . ++$rounds);
	$node->wait_until_sent;
	$elapsed = time - $start;
	$throttled = $sim->stats->{throttled};
	diag(sprintf('%d messages took %.1f s, %d were throttled',
			$people, $elapsed, $throttled));
} until ($throttled == 0 && $elapsed < $people / 50 * 1.2) || $rounds == 3;

is($sim->message_count, $rounds * $people, 'all arrive');
is($throttled, 0, 'none is throttled');
cmp_ok($elapsed, '<', $people / 50 * 1.2, 'and the quota is used');

done_testing();
