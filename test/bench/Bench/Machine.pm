# Where and with what it was measured.

package Bench::Machine;

use strict;
use warnings;

use POSIX qw(strftime);

sub _first_line
{
	my (@command) = @_;

	open my $pipe, '-|', 'sh', '-c', "@command 2>&1" or return 'unknown';
	my $line = <$pipe> // 'unknown';
	chomp $line;
	return $line;
}

sub _from
{
	my ($file, $pattern) = @_;

	open my $in, '<', $file or return 'unknown';
	while (my $line = <$in>)
	{
		return $1 if $line =~ $pattern;
	}
	return 'unknown';
}

sub description
{
	my (@names) = @_;
	my $command = ($ENV{BENCH} eq 'quick' ? 'BENCH=quick ' : '') . 'make bench'
	  . (@names ? " GOALS='@names'" : '');
	my $memory = _from('/proc/meminfo', qr/^MemTotal:\s*(\d+)/);
	my @facts = (
		[ 'command', "`$command` at $ENV{COMMIT}, "
			. strftime('%Y-%m-%d', localtime) ],
		[ 'machine', _first_line('nproc') . ' x '
			. _from('/proc/cpuinfo', qr/^model name\s*:\s*(.*)/)
			. sprintf(', %.0f GiB', $memory / 1024 / 1024) ],
		[ 'system', _from('/etc/os-release', qr/^PRETTY_NAME="(.*)"/) . ', Linux '
			. _first_line('uname -r') ],
		[ 'PostgreSQL', _first_line("$ENV{BINDIR}/postgres --version")
			. '; fsync and synchronous_commit on, shared_buffers 512MB' ],
		[ 'libcurl', _first_line('curl-config --version') ],
		[ 'service', _first_line("$ENV{NGINX_PROGRAM} -v") . ', one process' ],
	);

	return "# Results of the benchmark\n\n",
	  "Written by `make bench`. Ratios are to what the same machine does in the"
	  . " same run;\nabsolute figures say more of the machine than of the"
	  . " extension.\n\n",
	  (map { "- $_->[0]: $_->[1]\n" } @facts), "\n";
}

1;
