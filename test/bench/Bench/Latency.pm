# From the moment at which COMMIT has returned to the arrival of the message.

package Bench::Latency;

use strict;
use warnings;

use Bench::Database;

sub run
{
	my ($setup) = @_;
	my $sim = $setup->simulator(forget_messages => 0);
	my $database = Bench::Database->create($setup->cluster, 'latency', $sim,
		people => 1, known => 0);

	$database->ask("SELECT teams_send('ada\@contoso.com', 'warm')");
	_wait_for_messages($sim, 1);
	_measure($setup, $sim, 'steady', $setup->amount(200, 50), 50, 150);
	_measure($setup, $sim, 'idle', $setup->amount(25, 3), 3000, 3000);
	$database->drop;
	return;
}

sub _measure
{
	my ($setup, $sim, $name, $count, $least, $most) = @_;
	my $before = $sim->message_count;
	my (%committed, @latencies);

	open my $pipe, '-|', $setup->{clock}, $setup->cluster->conninfo('latency'),
	  'ada@contoso.com', $count, $least, $most
	  or die "$setup->{clock}: $!";
	while (my $line = <$pipe>)
	{
		my ($number, $time) = split / /, $line;
		$committed{$number} = $time;
	}
	close $pipe or die 'commit_clock failed';
	_wait_for_messages($sim, $before + $count);
	for my $message (($sim->messages)[ -$count .. -1 ])
	{
		my $committed = $committed{ $message->{text} } or die 'what is that?';
		push @latencies, ($message->{received_at_ns} - $committed) / 1e6;
	}
	my @sorted = sort { $a <=> $b } @latencies;
	my $detail = sprintf '%d messages, %.2f..%.2f ms', $count, @sorted[ 0, -1 ];
	$setup->goals->value_at_most("latency-$name-median", 1,
		Bench::Goals::median(@latencies), 'ms', $detail);
	$setup->goals->value_at_most("latency-$name-99", 10,
		Bench::Goals::percentile(99, @latencies), 'ms', $detail);
	return;
}

sub _wait_for_messages
{
	my ($sim, $count) = @_;

	for (1 .. 500)
	{
		return if $sim->message_count >= $count;
		Time::HiRes::sleep(0.02);
	}
	die 'messages do not arrive';
}

1;
