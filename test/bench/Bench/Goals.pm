# Keeps what was measured, and says which goals are met.
#
#   $goals->at_least('drain-tls', 0.70, \@ours, \@floors, 'rate', 'messages/s');
#   $goals->at_most('memory', 20, $megabytes, 'MB');

package Bench::Goals;

use strict;
use warnings;

sub new
{
	my ($class, $console) = @_;
	return bless { console => $console, lines => [], notes => [], short => 0 },
	  $class;
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	my $half = int(@sorted / 2);

	return 0 unless @sorted;
	return @sorted % 2 ? $sorted[$half]
	  : ($sorted[ $half - 1 ] + $sorted[$half]) / 2;
}

sub percentile
{
	my ($percent, @values) = @_;
	my @sorted = sort { $a <=> $b } @values;
	my $index = int(@sorted * $percent / 100);

	return $sorted[ $index > $#sorted ? $#sorted : $index ];
}

sub spread
{
	my @sorted = sort { $a <=> $b } @_;
	return map { _number($_) } @sorted[ 0, -1 ];
}

sub _number
{
	my ($value) = @_;
	my $size = abs $value;

	return sprintf $size >= 100 ? '%.0f' : $size >= 10 ? '%.1f' : '%.2f', $value;
}

# Measure two things in turn, so that both see the same machine; which of them
# is first alternates, too.
sub alternate
{
	my ($rounds, $ours, $floor) = @_;
	my (@ours, @floors);

	for my $round (1 .. $rounds)
	{
		push @floors, $floor->() if $round % 2;
		push @ours, $ours->();
		push @floors, $floor->() unless $round % 2;
	}
	return (\@ours, \@floors);
}

# The median of the ratios of each round, against the goal.
sub ratio
{
	my ($self, $name, $comparison, $goal, $ours, $floors, $key, $unit) = @_;
	my @our_values = map { ref $_ ? $_->{$key} : $_ } @$ours;
	my @floor_values = map { ref $_ ? $_->{$key} : $_ } @$floors;
	my @ratios = map { $our_values[$_] / ($floor_values[$_] || 1) }
	  0 .. $#our_values;

	$self->_add(name => $name, value => median(@ratios), unit => '',
		comparison => $comparison, goal => $goal,
		ratios => join('..', spread(@ratios)),
		ours => _figures($unit, @our_values),
		floor => _figures($unit, @floor_values));
	return;
}

sub _figures
{
	my ($unit, @values) = @_;
	return sprintf '%s %s [%s..%s]', _number(median(@values)), $unit,
	  spread(@values);
}

sub at_least { my ($self, $name, @more) = @_; return $self->ratio($name, '>=', @more); }
sub at_most { my ($self, $name, @more) = @_; return $self->ratio($name, '<=', @more); }

# A figure that is a goal by itself.
sub value_at_most
{
	my ($self, $name, $goal, $value, $unit, $detail) = @_;

	$self->_add(name => $name, value => $value, unit => $unit,
		comparison => '<=', goal => $goal, ratios => '', ours => $detail // '',
		floor => '');
	return;
}

sub skip
{
	my ($self, $name, $reason) = @_;
	my $console = $self->{console};

	printf $console "%-28s %s\n", $name, "skipped: $reason";
	push @{ $self->{lines} }, { name => $name, skipped => $reason };
	return;
}

sub note
{
	my ($self, $text) = @_;
	my $console = $self->{console};

	print $console "# $text\n";
	push @{ $self->{notes} }, $text;
	return;
}

sub _add
{
	my ($self, %line) = @_;
	my $console = $self->{console};
	my $met = $line{comparison} eq '>=' ? $line{value} >= $line{goal}
	  : $line{value} <= $line{goal};

	$line{verdict} = $met ? 'met' : 'short';
	$line{shown} = _shown($line{value}, $line{unit});
	$line{wanted} = "$line{comparison} " . _shown($line{goal}, $line{unit});
	printf $console "%-28s %10s  %-12s %s\n", @line{qw(name shown wanted verdict)};
	push @{ $self->{lines} }, \%line;
	return;
}

sub _shown
{
	my ($value, $unit) = @_;
	return $unit eq '' ? sprintf('%.3f', $value) : _number($value) . " $unit";
}

sub write
{
	my ($self, $file, @head) = @_;

	open my $out, '>', $file or die "$file: $!";
	print $out @head, "| goal | ratio or figure | goal | | spread of the ratio"
	  . " | ours, median [least..most] | against |\n|---|---|---|---|---|---|---|\n";
	for my $line (@{ $self->{lines} })
	{
		print $out $line->{skipped}
		  ? "| $line->{name} | | | skipped: $line->{skipped} | | | |\n"
		  : '| ' . join(' | ',
			@$line{qw(name shown wanted verdict ratios ours floor)}) . " |\n";
	}
	print $out "\n", map { "- $_\n" } @{ $self->{notes} };
	close $out;
	return;
}

1;
