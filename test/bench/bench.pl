# The benchmark: one line for each goal.  See run.sh.

use strict;
use warnings;

use IO::Handle;
use Time::HiRes qw(time);

use Bench::Broadcast;
use Bench::Depth;
use Bench::Drain;
use Bench::Enqueue;
use Bench::Goals;
use Bench::Latency;
use Bench::Machine;
use Bench::Memory;
use Bench::Peers;
use Bench::Quota;
use Bench::Setup;
use Bench::Wal;

# In this order; a name on the command line chooses all that begin with it.
my @measurements = (
	[ 'drain-tls', \&Bench::Drain::run_tls ],
	[ 'peer', \&Bench::Peers::run ],
	[ 'drain-slow', \&Bench::Drain::run_slow ],
	[ 'latency', \&Bench::Latency::run ],
	[ 'enqueue-single', \&Bench::Enqueue::run_single ],
	[ 'enqueue-bulk', \&Bench::Enqueue::run_bulk ],
	[ 'broadcast', \&Bench::Broadcast::run ],
	[ 'session', \&Bench::Enqueue::run_session ],
	[ 'bystander', \&Bench::Enqueue::run_bystander ],
	[ 'wal', \&Bench::Wal::run ],
	[ 'depth-not_due', \&Bench::Depth::run_not_due ],
	[ 'depth-history', \&Bench::Depth::run_history ],
	[ 'depth-held_xmin', \&Bench::Depth::run_held ],
	[ 'memory', \&Bench::Memory::run ],
	[ 'quota-known', \&Bench::Quota::run_known ],
	[ 'quota-unknown', \&Bench::Quota::run_unknown ],
);

my $console = \*STDOUT;
$console->autoflush(1);
my $goals = Bench::Goals->new($console);
my $setup = Bench::Setup->new(goals => $goals);
my $failed = 0;

for my $measurement (@measurements)
{
	my ($name, $code) = @$measurement;
	next if @ARGV && !grep { index($name, $_) == 0 } @ARGV;
	my $start = time;

	unless (eval { $code->($setup); 1 })
	{
		$goals->skip($name, "it failed: $@");
		$failed = 1;
	}
	printf STDERR "# %s took %.0f s\n", $name, time - $start if $ENV{BENCH_TIMES};
}
$setup->stop;
$goals->write("$ENV{WORK}/results.md", Bench::Machine::description(@ARGV));
exit $failed;
