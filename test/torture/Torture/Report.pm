# Prints what was injected, and what came of it.

package Torture::Report;

use strict;
use warnings;

use Torture::CheckChanges;

# A table with a heading, of what counts and how often.
sub table
{
	my ($out, $heading, %counts) = @_;

	printf $out "%s\n", $heading;
	printf $out "  %-42s %8s\n", $_, $counts{$_} for sort keys %counts;
	return;
}

# What became of the messages, by the history.
sub outcomes
{
	my ($history) = @_;
	my (%counts, %arrived);

	$counts{'messages written'} = @{ $history->{messages} };
	for my $message (@{ $history->{messages} })
	{
		my $outcome = $message->{outcome};

		$outcome .= exists $history->{accepted}{ $message->{text} }
		  ? ', committed' : ', rolled back' if $outcome eq 'unknown';
		$counts{"transaction: $outcome"}++;
	}
	$counts{accepted} = keys %{ $history->{accepted} };
	for my $record (values %{ $history->{delivery} })
	{
		my $why = $record->{fate} eq 'failed' ? " ($record->{error_code})" : '';

		$counts{"$record->{fate}$why"}++;
		$counts{'in doubt'}++ if $record->{doubtful};
	}
	$arrived{"$_->{text} $_->{user}"}++ for @{ $history->{arrivals} };
	$counts{arrivals} = @{ $history->{arrivals} };
	$counts{'arrivals in channels'} = grep { $_->{user} !~ /@/ }
	  @{ $history->{arrivals} };
	$counts{'arrived more than once'} = grep { $_ > 1 } values %arrived;
	$counts{'still pending'} = keys %{ $history->{outbox} };
	return %counts;
}

# The same for what changes messages, and for broadcasts.
sub changes
{
	my ($history) = @_;
	my %counts = (map { $_ => 0 } 'jobs: edit', 'jobs: delete',
		'broadcast messages');

	for my $step (@{ $history->{steps} })
	{
		my $outcome = $step->{outcome};

		$outcome .= $history->{made}{ $step->{name} }
		  ? ', committed' : ', rolled back' if $outcome eq 'unknown';
		$counts{"transaction: $outcome"}++;
	}
	$counts{"broadcasts: $_->{kind}, $_->{state}"}++
	  for values %{ $history->{broadcasts} };
	for my $record (values %{ $history->{delivery} })
	{
		my $is_send = $record->{kind} !~ /^(?:edit|delete)$/;

		$counts{"jobs: $record->{kind}"}++ unless $is_send;
		$counts{"jobs: $record->{kind}, $record->{fate}"
			  . (Torture::CheckChanges::is_in_place($record) ? ' before it was sent' : '') }++
		  unless $is_send;
		$counts{'broadcast messages'}++ if $is_send && $record->{broadcast};
		$counts{"broadcast messages, $record->{fate}"}++
		  if $is_send && $record->{broadcast};
	}
	$counts{'arrivals that were edited'} =
	  grep { $_->{now} ne $_->{text} } @{ $history->{arrivals} };
	$counts{'arrivals that were deleted'} =
	  grep { $_->{deleted} } @{ $history->{arrivals} };
	return %counts;
}

# One line for each kind of violation, with some examples.
sub verdict
{
	my ($out, @violations) = @_;
	my %by_kind;

	unless (@violations)
	{
		print $out "PASS\n";
		return;
	}
	push @{ $by_kind{ $_->[0] } }, $_->[1] for @violations;
	for my $kind (sort keys %by_kind)
	{
		my @all = @{ $by_kind{$kind} };

		printf $out "  %s: %d\n", $kind, scalar @all;
		print $out "    $_\n" for @all[ 0 .. ($#all < 9 ? $#all : 9) ];
	}
	print $out 'FAIL: ', join(', ',
		map { scalar(@{ $by_kind{$_} }) . " x $_" } sort keys %by_kind), "\n";
	return;
}

1;
