# A line to a server on this machine that can be cut and mended.  While it is
# cut, connections are refused, and those that were open are closed.  A reset by
# one end is passed on to the other.
#
#   my $line = TeamsLine->start($sim->port);
#   ... have the extension use "http://127.0.0.1:" . $line->port ...
#   $line->cut;
#   $line->mend;
#
# The line ends with the object, and with the test in any case.

package TeamsLine;

use strict;
use warnings;

use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER);
use POSIX qw(_exit);

sub start
{
	my ($class, $to) = @_;
	my $listener = _listen(0);
	my $self = bless { port => $listener->sockport, owner => $$ }, $class;

	pipe(my $orders, $self->{orders}) or die "could not make a pipe: $!";
	pipe($self->{answers}, my $answers) or die "could not make a pipe: $!";
	$self->{pid} = fork() // die "could not fork: $!";
	if (!$self->{pid})
	{
		close $self->{orders};
		close $self->{answers};
		_serve($self->{port}, $listener, $to, $orders, $answers);
		_exit(0);
	}
	$self->{orders}->autoflush(1);
	return $self;
}

sub port { return $_[0]{port}; }
sub cut { return $_[0]->_order('cut'); }
sub mend { return $_[0]->_order('mend'); }

# It has happened when this returns.
sub _order
{
	my ($self, $order) = @_;
	my $answers = $self->{answers};

	print { $self->{orders} } "$order\n";
	my $answer = <$answers>;
	defined $answer or die 'the line is gone';
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($@, $!, $?);

	return unless $self->{owner} == $$;
	kill 'KILL', $self->{pid};
	waitpid($self->{pid}, 0);
	return;
}

sub _listen
{
	my ($port) = @_;
	return IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
		ReuseAddr => 1, Listen => 100) // die "could not listen: $!";
}

# Runs in a process of its own until the other end of the pipe is closed.
sub _serve
{
	my ($port, $listener, $to, $orders, $answers) = @_;
	my $select = IO::Select->new($orders, $listener);
	my %peer;

	$answers->autoflush(1);
	for (;;)
	{
		for my $ready ($select->can_read)
		{
			if ($ready == $orders)
			{
				my $order = <$orders> // _exit(0);
				if ($order eq "cut\n")
				{
					$select->remove($listener, map { $_->[0] } values %peer);
					close $_->[0] for values %peer;
					close $listener;
					%peer = ();
				}
				else
				{
					$listener = _listen($port);
					$select->add($listener);
				}
				print $answers "done\n";
				last;
			}
			if ($ready == $listener)
			{
				my $here = $listener->accept or next;
				my $there = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
					PeerPort => $to) or next;
				$peer{$here} = [ $here, $there ];
				$peer{$there} = [ $there, $here ];
				$select->add($here, $there);
				next;
			}
			my $pair = $peer{$ready} or next;
			my $other = $pair->[1];
			my $data;
			my $got = sysread($ready, $data, 65536);
			next if $got && _write_all($other, $data);
			setsockopt($other, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0))
			  unless defined $got;
			$select->remove($ready, $other);
			delete @peer{ $ready, $other };
			close $ready;
			close $other;
		}
	}
}

sub _write_all
{
	my ($socket, $data) = @_;
	local $SIG{PIPE} = 'IGNORE';

	while (length $data)
	{
		my $written = syswrite($socket, $data) or return 0;
		substr($data, 0, $written) = '';
	}
	return 1;
}

1;
