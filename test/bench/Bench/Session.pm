# A psql that stays, so that asking costs the server next to nothing.
#
#   my $session = Bench::Session->new($psql, $host, 'bench');
#   my $sum = $session->ask('SELECT sum(sent) FROM teams_worker');

package Bench::Session;

use strict;
use warnings;

use IPC::Open2;

my $end = '-- that was all';

sub new
{
	my ($class, $psql, $host, $database) = @_;
	my $self = bless { database => $database }, $class;

	$self->{pid} = open2($self->{out}, $self->{in}, $psql, '-XAtq',
		'-v', 'ON_ERROR_STOP=1', '-h', $host, '-U', 'postgres',
		'-d', $database);
	return $self;
}

# What the statements return, a line for each row.
sub ask
{
	my ($self, $statements) = @_;

	$self->start($statements);
	return $self->finish;
}

# The same in two halves, for what takes time.
sub start
{
	my ($self, $statements) = @_;
	my $in = $self->{in};

	print $in "$statements\n;\n\\echo $end\n";
	$in->flush;
	return;
}

sub finish
{
	my ($self) = @_;
	my $out = $self->{out};
	my @lines;

	while (defined(my $line = <$out>))
	{
		chomp $line;
		return join "\n", @lines if $line eq $end;
		push @lines, $line;
	}
	die "psql has ended: database $self->{database}";
}

sub close
{
	my ($self) = @_;

	close $self->{in} if $self->{in};
	waitpid $self->{pid}, 0 if $self->{pid};
	delete @$self{qw(in pid)};
	return;
}

1;
