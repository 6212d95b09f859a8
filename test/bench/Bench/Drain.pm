# How fast messages to known people leave, and what that costs.

package Bench::Drain;

use strict;
use warnings;

# Over TLS to a service that answers at once, 50 at a time: the machine is the
# limit.
sub run_tls
{
	my ($setup) = @_;
	my $goals = $setup->goals;
	my $database = $setup->database;
	my $count = $setup->amount(40_000, 20_000);
	my $loop = $setup->nginx_loop;
	my ($ours, $floors) = Bench::Goals::alternate($setup->rounds,
		sub { $database->drain($count) },
		sub { $loop->run(requests => $count, in_flight => 50) });
	my $memory = Bench::Goals::median(map { $_->{memory} } @$ours);

	$goals->at_least('drain-tls-50', 0.70, $ours, $floors, 'rate', 'messages/s');
	$goals->at_most('drain-cpu', 1.6, $ours, $floors, 'cpu', 'us/message');
	$goals->value_at_most('memory-tls-50', 20, $memory / 1024, 'MB');
	return;
}

# To a service that takes 80 ms, 200 at a time: waiting is the limit.
sub run_slow
{
	my ($setup) = @_;
	my $goals = $setup->goals;
	my $people = 1000;
	my $sim = $setup->people($setup->simulator(latency_ms => 80), $people,
		$people);
	my $database = Bench::Database->create($setup->cluster, 'slow', $sim,
		people => $people, known => 0);
	my $count = $setup->amount(20_000, 6_000);

	$setup->cluster->set('teams_proactive.max_in_flight' => 200);
	$database->drain(1, $people);
	my $loop = $setup->loop($sim, split /\n/, $database->ask(
		'SELECT chat_id FROM teams_installation ORDER BY target'));
	my ($ours, $floors) = Bench::Goals::alternate($setup->rounds,
		sub { $database->drain($count, 1000) },
		sub { $loop->run(requests => $count, in_flight => 200, warm => 1000) });
	$goals->at_least('drain-80ms-200', 0.95, $ours, $floors, 'rate', 'messages/s');
	$setup->cluster->set('teams_proactive.max_in_flight' => 50);
	$database->drop;
	$sim->stop;
	return;
}

1;
