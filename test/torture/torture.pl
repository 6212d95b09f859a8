# Sends while everything breaks, and then proves that nothing was lost, sent
# twice without a word, or put out of order.
#
#   DURATION=60 SEED=7 test/torture/run.sh

use strict;
use warnings;

# PostgreSQL::Test::Utils sends what is printed to a log.
my $console;
BEGIN { open($console, '>&', \*STDOUT) or die $!; }

use FindBin;
use lib $FindBin::Bin;

use IO::Handle;
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

use TeamsSim;
use Torture::Chaos;
use Torture::Check;
use Torture::Report;
use Torture::Schedule;
use Torture::Sender;
use Torture::Server;

use constant {
	SENDERS => 4,
	USERS => 40,
	INSTALLED => 30,
	SHARED => 4,

	# The outbox has to empty within so many seconds in all, and never stand
	# still for longer than this.
	DRAIN_PATIENCE => 300,
	STANDSTILL => 60,
};

$console->autoflush(1);
my $seed = $ENV{SEED} || 1 + int(rand(1e6));
my $duration = $ENV{DURATION} || 300;
my $logs = $PostgreSQL::Test::Utils::log_path;
my @users = map { "user$_\@contoso.com" } 1 .. USERS;

sub start_simulator
{
	my $sim = TeamsSim->start->contoso;

	$sim->config(generate_users => { count => USERS, installed => INSTALLED,
		upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
	return $sim;
}

sub exists_in
{
	my ($server, $what, $name) = @_;
	return $server->ask("SELECT to_reg$what('$name') IS NOT NULL") eq 't';
}

# Each sender has people of its own, and some that all write to.
sub start_senders
{
	my ($server, $until) = @_;
	my $can_cancel = exists_in($server, procedure => 'teams_cancel(bigint)');
	my $can_plan = $server->takes('teams_send', 'priority');
	my @own = @users[ SHARED .. $#users ];
	my %senders;

	for my $number (1 .. SENDERS)
	{
		my $journal = "$logs/journal-$number";
		my $pid = Torture::Sender->start(number => $number, seed => $seed,
			node => $server, journal => $journal, until => $until,
			can_cancel => $can_cancel, can_plan => $can_plan,
			shared => [ @users[ 0 .. SHARED - 1 ] ],
			own => [ @own[ grep { $_ % SENDERS == $number - 1 } 0 .. $#own ] ]);

		$senders{$pid} = $journal;
	}
	return %senders;
}

# Returns what went wrong with them.
sub wait_for_senders
{
	my (@pids) = @_;
	my @failed;

	for my $pid (@pids)
	{
		waitpid($pid, 0);
		push @failed, "a sender ended with status $?" if $?;
	}
	return @failed;
}

# Messages that are to wait for an hour have waited for long enough.
sub hurry
{
	my ($server) = @_;

	$server->ask('UPDATE teams_outbox SET due_at = now()'
		  . " WHERE due_at > now() + interval '1 minute'");
	return;
}

# Wait until nothing is pending; returns the seconds that it took.
sub drain
{
	my ($chaos) = @_;
	my $began = time;
	my ($pending, $moved_at) = (-1, time);

	hurry($chaos->{server});
	while (time < $began + DRAIN_PATIENCE)
	{
		my $now_pending = $chaos->look // -1;

		if ($now_pending == 0)
		{
			$pending = 0;
			last;
		}
		$moved_at = time if $now_pending != $pending;
		$pending = $now_pending;
		if ($chaos->{wait_an_hour} && time > $moved_at + 10)
		{
			# The bot, too, was told to wait for an hour: a restart forgets it.
			$chaos->{injected}{'restart, to forget Retry-After 99999999'}++;
			$chaos->do_restart;
			$chaos->{wait_an_hour} = 0;
		}
		last if time > $moved_at + STANDSTILL;
		sleep 0.2;
	}
	write_standstill($chaos) if $pending > 0;
	return time - $began;
}

# What the server and the services say of themselves when nothing moves.
sub write_standstill
{
	my ($chaos) = @_;
	my ($server, $sim) = @$chaos{qw(server sim)};

	open(my $out, '>', "$logs/standstill") or die $!;
	for my $query ('TABLE teams_bot', 'TABLE teams_worker',
		'TABLE teams_inflight', 'TABLE teams_installation',
		'SELECT pid, backend_type, state, wait_event, query'
		. ' FROM pg_stat_activity WHERE backend_type LIKE \'teams%\'')
	{
		print $out "$query\n";
		print $out '  ', join('|', @$_), "\n" for $server->rows($query);
	}
	print $out JSON::PP->new->canonical->pretty->encode($sim->stats);
	close $out;
	return;
}

sub collect
{
	my ($chaos, @journals) = @_;
	my ($server, $sim) = @$chaos{qw(server sim)};
	my $history = Torture::Sender::read_journals(@journals);

	$history->{accepted} = { map { $_->[0] => $_->[1] }
		$server->rows('SELECT text, id FROM torture.accepted') };
	$history->{outbox} = { map { $_->[0] => "target $_->[1], due $_->[2],"
			. " attempts $_->[3], retrying $_->[4], error $_->[5]" }
		$server->rows('SELECT id, target, due_at, attempts, retrying,'
			. ' error_code FROM teams_outbox') };
	$history->{delivery} = { map { $_->[0] => { fate => $_->[1],
			doubtful => $_->[2] eq 't', error_code => $_->[3] } }
		$server->rows('SELECT id, fate, doubtful, error_code'
			. ' FROM teams_delivery') };
	$history->{arrivals} = [ map { { text => $_->{text}, user => $_->{upn},
			at => $_->{received_at_ns} / 1e9 } } $sim->messages ];
	$history->{inflight} = $server->ask('SELECT count(*) FROM teams_inflight');
	$history->{accounting} = accounting($server) if $chaos->{has_accounting};
	$history->{looks} = $chaos->{wrong_looks};
	$history->{crashes} = [ $server->crashes ];
	return $history;
}

sub accounting
{
	my ($server) = @_;
	my ($row) = $server->rows(
		'SELECT bool_and(balanced), sum(accepted) FROM teams_accounting');

	return { balanced => $row->[0] eq 't', accepted => $row->[1] };
}

sub write_schedule
{
	open(my $out, '>', "$logs/schedule") or die $!;
	print $out Torture::Schedule::as_text($_), "\n" for @_;
	close $out;
	return;
}

# For whoever has to find out what went wrong.
sub write_history
{
	my ($server, $history) = @_;

	open(my $out, '>', "$logs/history") or die $!;
	print $out join("\t", 'accepted', @$_), "\n" for $server->rows(
		'SELECT id, text, target FROM torture.accepted ORDER BY id');
	print $out join("\t", 'pending', @$_), "\n"
	  for $server->rows('SELECT * FROM teams_outbox ORDER BY id');
	print $out join("\t", 'settled', @$_), "\n" for $server->rows(
		'SELECT id, target, fate, attempts, doubtful, error_code, created_at,'
		  . ' settled_at, translate(error, E\'\\n|\', \'  \')'
		  . ' FROM teams_delivery ORDER BY id');
	print $out join("\t", 'arrived', @$_{qw(at text user)}), "\n"
	  for @{ $history->{arrivals} };
	close $out;
	return;
}

sub report
{
	my ($chaos, $history, $drained_in) = @_;
	my $kills = () = join("\n", $chaos->{server}->log_lines) =~
	  /database system is ready to accept connections/g;

	Torture::Report::table($console, 'Injected', %{ $chaos->{injected} });
	Torture::Report::table($console, 'Faults that hit', %{ $chaos->{hits} });
	Torture::Report::table($console, 'Outcome',
		Torture::Report::outcomes($history),
		'looks at the accounts' => $chaos->{looks},
		'times the bot was let go on' => $chaos->{resumed},
		'max pending' => $chaos->{max_pending},
		'starts of the server' => $kills,
		'seconds, longest fast stop' => sprintf('%.1f', $chaos->{longest_stop}),
		'seconds, draining' => sprintf('%.1f', $drained_in));
	Torture::Report::table($console, 'Complaints of launcher and workers',
		%{ $chaos->{server}->complaints });
	return;
}

my @schedule = Torture::Schedule::build($seed, $duration, \@users);
printf $console "torture: DURATION=%d SEED=%d (%d actions, schedule %s)\n",
  $duration, $seed, scalar(@schedule), Torture::Schedule::digest(@schedule);
write_schedule(@schedule);

my $sim = start_simulator();
my $server = Torture::Server->start_with($sim);
my $chaos = Torture::Chaos->new(server => $server, sim => $sim,
	users => \@users,
	has_accounting => exists_in($server, class => 'teams_accounting'));

my %senders = start_senders($server, time + $duration);
my $done = $chaos->run($duration, @schedule);
my @surprises = wait_for_senders(keys %senders);
$chaos->calm_down;
my $drained_in = drain($chaos);
my $history = collect($chaos, values %senders);
push @{ $history->{surprises} }, @surprises, @{ $server->{surprises} || [] };

print $console "$done of the actions were carried out in time\n"
  if $done < @schedule;
write_history($server, $history);
report($chaos, $history, $drained_in);
my @violations = Torture::Check::violations($history);
Torture::Report::verdict($console, @violations);
exit(@violations ? 1 : 0);
