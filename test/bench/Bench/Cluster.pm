# The private PostgreSQL server of the benchmark, and what its processes use.
#
#   my $cluster = Bench::Cluster->start($bindir, $work, 'teams_proactive.x = 1');
#   my $session = $cluster->session('postgres');
#   my $cpu = $cluster->cpu;

package Bench::Cluster;

use strict;
use warnings;

use POSIX ();

use Bench::Session;

my $ticks = POSIX::sysconf(&POSIX::_SC_CLK_TCK);

use constant SETTINGS => <<'END';
listen_addresses = ''
shared_buffers = 512MB
max_wal_size = 8GB
checkpoint_timeout = 1h
max_connections = 40
max_worker_processes = 16
END

sub start
{
	my ($class, $bindir, $work, $settings) = @_;
	my $self = bless {
		bindir => $bindir,
		data => "$work/data",
		host => $work,
		log => "$work/server.log",
		owner => $$,
	}, $class;

	$self->run('initdb', '-D', $self->{data}, '-A', 'trust', '-U', 'postgres',
		'--no-locale', '-E', 'UTF8');
	open my $conf, '>>', "$self->{data}/postgresql.conf" or die $!;
	print $conf SETTINGS, "unix_socket_directories = '$work'\n", $settings;
	close $conf;
	$self->run('pg_ctl', '-D', $self->{data}, '-l', $self->{log}, '-w', 'start');
	open my $file, '<', "$self->{data}/postmaster.pid" or die $!;
	$self->{pid} = 0 + <$file>;
	return $self;
}

# Run one of PostgreSQL's programs, and return what it prints.
sub run
{
	my ($self, $program, @arguments) = @_;

	open my $pipe, '-|', "$self->{bindir}/$program", @arguments
	  or die "$program: $!";
	my @lines = <$pipe>;
	close $pipe or die "$program failed: @lines; see $self->{log}";
	return join '', @lines;
}

sub stop
{
	my ($self) = @_;

	return unless $self->{pid} && $self->{owner} == $$;
	delete $self->{pid};
	$self->run('pg_ctl', '-D', $self->{data}, '-m', 'fast', '-w', 'stop');
	return;
}

sub DESTROY { my ($self) = @_; local ($@, $!, $?); $self->stop; return; }

sub session
{
	my ($self, $database) = @_;
	return Bench::Session->new("$self->{bindir}/psql", $self->{host}, $database);
}

sub conninfo
{
	my ($self, $database) = @_;
	return "host=$self->{host} user=postgres dbname=$database";
}

# pgbench with one connection on a script; returns transactions a second.
sub pgbench
{
	my ($self, $database, $script, @options) = @_;
	my $report = $self->run('pgbench', '-n', '-c1', '-M', 'prepared',
		'-h', $self->{host}, '-U', 'postgres', '-f', $script, @options,
		$database);

	$report =~ /^tps = ([\d.]+)/m or die "pgbench said $report";
	return $1;
}

sub set
{
	my ($self, %settings) = @_;
	my $session = $self->session('postgres');

	$session->ask("ALTER SYSTEM SET $_ = '$settings{$_}'")
	  for sort keys %settings;
	$session->ask('SELECT pg_reload_conf()');
	$session->close;
	return;
}

# ----------
# What the processes use
# ----------

sub _stat
{
	my ($pid) = @_;

	open my $file, '<', "/proc/$pid/stat" or return;
	my $line = <$file> // return;
	$line =~ s/^.*\) // or return;
	return split / /, $line;
}

# CPU seconds of all processes of the server so far, with those that have ended.
sub cpu
{
	my ($self) = @_;
	my @postmaster = _stat($self->{pid});
	my $sum = $postmaster[13] + $postmaster[14];

	opendir my $proc, '/proc' or die $!;
	for my $pid (grep { /^\d+$/ } readdir $proc)
	{
		my @stat = _stat($pid) or next;
		$sum += $stat[11] + $stat[12]
		  if $pid == $self->{pid} || $stat[1] == $self->{pid};
	}
	return $sum / $ticks;
}

# Memory of its own that a process has, in kB.
sub anonymous_memory
{
	my ($pid) = @_;

	open my $file, '<', "/proc/$pid/status" or return 0;
	while (my $line = <$file>)
	{
		return $1 if $line =~ /^RssAnon:\s*(\d+) kB/;
	}
	return 0;
}

1;
