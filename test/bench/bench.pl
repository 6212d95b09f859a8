# The benchmark: one line for each goal.  See run.sh.

use strict;
use warnings;

use IO::Handle;
use Time::HiRes qw(time);

use Bench::Drain;
use Bench::Goals;
use Bench::Machine;
use Bench::Setup;

# In this order; a name on the command line chooses all that begin with it.
my @measurements = (
	[ 'drain-tls', \&Bench::Drain::run_tls ],
	[ 'drain-slow', \&Bench::Drain::run_slow ],
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
$goals->write("$ENV{WORK}/results.md", Bench::Machine::description())
  unless @ARGV;
exit $failed;
