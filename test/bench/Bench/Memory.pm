# The worker's own memory does not grow with what waits, nor with what it sent.

package Bench::Memory;

use strict;
use warnings;

use Bench::Cluster;
use Bench::Database;

sub run
{
	my ($setup) = @_;
	my $count = $setup->amount(1_000_000, 100_000);
	my $database = Bench::Database->create($setup->cluster, 'memory',
		$setup->nginx);

	$database->drain(10_000) for 1 .. 2;
	my $worker = $database->worker_pid;
	my $before = Bench::Cluster::anonymous_memory($worker);
	my $result = $database->drain($count);
	my $after = Bench::Cluster::anonymous_memory($worker);

	die 'there is another worker' if $database->worker_pid != $worker;
	$setup->goals->value_at_most('memory-pending', 8,
		($result->{memory} - $before) / 1024, 'MB',
		sprintf '%d pending, from %.1f MB', $count, $before / 1024);
	$setup->goals->value_at_most('memory-sent', 1,
		($after - $before) / 1024, 'MB',
		sprintf 'after %d sent, at %.0f/s', $count, $result->{rate});
	$database->drop;
	return;
}

1;
