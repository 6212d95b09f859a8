# Random numbers that a seed and the name of a stream determine, whatever else
# draws random numbers in the process.
#
#   my $random = Torture::Random->new(7, 'schedule');
#   $random->below(10), $random->between(0.5, 2), $random->chance(0.1);
#   $random->pick(qw(a b c));
#   $random->weighted([ [ often => 9 ], [ seldom => 1 ] ]);

package Torture::Random;

use strict;
use warnings;

use Digest::MD5 qw(md5);

sub new
{
	my ($class, $seed, $stream) = @_;
	my ($high, $low) = unpack 'NN', md5("$seed/$stream");

	return bless { state => ($high << 32 | $low) || 1 }, $class;
}

# xorshift64; the lower bits are the weaker ones.
sub _bits
{
	my ($self) = @_;
	my $x = $self->{state};

	$x ^= $x << 13;
	$x ^= $x >> 7;
	$x ^= $x << 17;
	$self->{state} = $x;
	return $x >> 16;
}

sub below
{
	my ($self, $limit) = @_;
	return $self->_bits % $limit;
}

sub between
{
	my ($self, $from, $to) = @_;
	return $from + ($to - $from) * $self->_bits / 2**48;
}

sub chance
{
	my ($self, $probability) = @_;
	return $self->between(0, 1) < $probability;
}

sub pick
{
	my ($self, @choices) = @_;
	return $choices[ $self->below(scalar @choices) ];
}

# Pairs of a choice and its weight.
sub weighted
{
	my ($self, $pairs) = @_;
	my $sum = 0;

	$sum += $_->[1] for @$pairs;
	my $left = $self->between(0, $sum);
	for my $pair (@$pairs)
	{
		return $pair->[0] if ($left -= $pair->[1]) < 0;
	}
	return $pairs->[-1][0];
}

1;
