# With the published quotas enforced: no slower than they are, and no 429.
#
# QUOTA_KNOWN=500 and QUOTA_UNKNOWN=1500 do it with fewer people.

package Bench::Quota;

use strict;
use warnings;

use JSON::PP;
use Time::HiRes qw(sleep time);

use Bench::Database;

my %quotas = (connector_rate => 50, graph_rate => 30,
	chat_limits => "'{7,8,60,1800}'");

sub _measure
{
	my ($setup, $sim, $database, $name, $goal, $least) = @_;
	my $goal_count = $database->settled + $database->people;

	$sim->settings(enforce_quotas => JSON::PP::true());
	$database->configure($sim, %quotas);
	$sim->reset_stats;

	# What made them known without a quota has left the second that counts.
	sleep 0.05 while $database->ask('SELECT sum(left_now) FROM teams_throttle');
	my $start = time;
	$database->enqueue($database->people);
	$database->wait_for($goal_count);
	my $elapsed = time - $start;
	my $stats = $sim->stats;
	$setup->goals->at_most("quota-$name", $goal, [$elapsed], [$least], '', 's');
	$setup->goals->note(sprintf '%s: the services saw %s', $name, join ', ',
		map { "$_ $stats->{$_}" } grep { /requests$/ && $stats->{$_} }
		sort keys %$stats);
	$setup->goals->value_at_most("quota-$name-429s", 0, $stats->{throttled},
		'answers');
	$database->drop;
	return;
}

sub run_known
{
	my ($setup) = @_;
	return _skip($setup, 'quota-known') if $setup->is_quick;
	my $people = 0 + ($ENV{QUOTA_KNOWN} || 3000);
	my $sim = $setup->people($setup->simulator, $people, $people);
	my $database = Bench::Database->create($setup->cluster, 'known', $sim,
		people => $people, known => 0);

	$database->drain(1, $people);
	_measure($setup, $sim, $database, 'known', 1.02, $people / 50);
	return;
}

sub _skip
{
	my ($setup, $name) = @_;
	return $setup->goals->skip($name, 'it takes minutes; see make bench');
}

# Each needs an installation, a look-up of it and one of the chat, which the
# quotas count separately (contract 5.2), at 30 a second each.
sub run_unknown
{
	my ($setup) = @_;
	return _skip($setup, 'quota-unknown') if $setup->is_quick;
	my $people = 0 + ($ENV{QUOTA_UNKNOWN} || 10_000);
	my $sim = $setup->people($setup->simulator, $people, 0);
	my $database = Bench::Database->create($setup->cluster, 'unknown', $sim,
		people => $people, known => 0);

	_measure($setup, $sim, $database, 'unknown', 1.05, $people / 30);
	return;
}

1;
