# Sends, edits, deletes and broadcasts while everything breaks, and then proves
# that nothing was lost, sent twice without a word, or put out of order.
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

use TeamsLine;
use TeamsSim;
use Torture::Broadcaster;
use Torture::Changer;
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

	# They only get broadcasts.
	BROADCASTERS => 2,
	CROWD => 500,
	CROWD_INSTALLED => 470,

	# The outbox has to empty within so many seconds in all, and never stand
	# still for longer than this.
	DRAIN_PATIENCE => 300,
	STANDSTILL => 60,
};

$console->autoflush(1);
my $seed = $ENV{SEED} || 1 + int(rand(1e6));
my $duration = $ENV{DURATION} || 300;
my $logs = $PostgreSQL::Test::Utils::log_path;
my @channels = qw(Alerts Deploys);
my $team;
my @users = map { "user$_\@contoso.com" } 1 .. USERS;

sub start_simulator
{
	my $sim = TeamsSim->start->contoso;

	$sim->config(generate_users => { count => USERS, installed => INSTALLED,
		upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
	$team = $sim->team(channels => [ @channels ]);
	$sim->install($team->{id});
	$sim->generate_users(CROWD, installed => CROWD_INSTALLED,
		upn => 'crowd%d@contoso.com', id_prefix => 'c0000000');
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
			channels => { map { $_ => $team->{channels}{$_} } @channels },
			shared => [ @users[ 0 .. SHARED - 1 ] ],
			own => [ @own[ grep { $_ % SENDERS == $number - 1 } 0 .. $#own ] ]);

		$senders{$pid} = $journal;
	}
	return %senders;
}

# Those who change what the senders have written, and who broadcast.
sub start_others
{
	my ($server, $until) = @_;
	my %common = (seed => $seed, node => $server, until => $until);
	my %others;

	$others{ Torture::Changer->start(%common, number => 'c',
			journal => "$logs/journal-c") } = "$logs/journal-c";
	for my $number (1 .. BROADCASTERS)
	{
		my $journal = "$logs/journal-b$number";

		$others{ Torture::Broadcaster->start(%common, number => $number,
				journal => $journal, crowd => CROWD,
				shared => [ @users[ 0 .. SHARED - 1 ] ]) } = $journal;
	}
	return %others;
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

# Messages that are to wait for an hour have waited for long enough, and so have
# broadcasts; and one message at a time is too few.
sub hurry
{
	my ($server) = @_;

	$server->ask('ALTER SYSTEM RESET teams_proactive.max_in_flight');
	$server->ask('SELECT pg_reload_conf()');
	$server->ask("SELECT CASE state WHEN 'draft' THEN teams_start_broadcast(id)"
		  . ' ELSE teams_resume_broadcast(id) END FROM teams_broadcast'
		  . " WHERE state IN ('draft', 'paused')");
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
	for my $query ('TABLE teams_bot', 'TABLE teams_broadcast', 'TABLE teams_worker',
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
	$history->{expires} = { map { $_->[0] => $_->[1] }
		$server->rows('SELECT text, extract(epoch FROM expires)'
			. ' FROM torture.accepted WHERE expires IS NOT NULL') };
	$history->{outbox} = { map { $_->[0] => "target $_->[1], due $_->[2],"
			. " attempts $_->[3], retrying $_->[4], error $_->[5]" }
		$server->rows('SELECT id, target, due_at, attempts, retrying,'
			. ' error_code FROM teams_outbox') };
	$history->{delivery} = named($server, 'teams_delivery',
		qw(id fate doubtful error_code kind target attempts broadcast refers_to
		  activity_id retried_as));
	$history->{arrivals} = [ map { { text => $_->{arrived_as},
			user => $_->{upn} // $_->{channel}, at => $_->{received_at_ns} / 1e9, id => $_->{id},
			now => $_->{text}, deleted => $_->{deleted} ? 1 : 0 } }
		$sim->messages ];
	$history->{made} = { map { $_->[0] => 1 }
		$server->rows('SELECT name FROM torture.step') };
	$history->{changes} = named($server, 'torture.change',
		qw(job message text));
	$history->{broadcasts} = named($server, '(SELECT p.*, b.refers_to, a.text'
		  . ' FROM teams_progress_detail AS p JOIN teams_broadcast AS b'
		  . ' ON b.id = p.broadcast LEFT JOIN torture.broadcast AS a'
		  . ' ON a.id = b.id) AS b',
		qw(broadcast text kind refers_to state recipients excluded not_sent
		  sent failed cancelled expired));
	$history->{inflight} = $server->ask('SELECT count(*) FROM teams_inflight');
	$history->{accounting} = accounting($server) if $chaos->{has_accounting};
	$history->{looks} = $chaos->{wrong_looks};
	$history->{crashes} = [ $server->crashes ];
	return $history;
}

# Rows by their first column, as hashes; null is undef.
sub named
{
	my ($server, $table, $key, @columns) = @_;
	my %rows;

	for my $row ($server->rows("SELECT $key, "
			. join(', ', map { "coalesce($_\::text, '\\N')" } @columns)
			. " FROM $table"))
	{
		my ($id, @values) = map { $_ eq '\N' ? undef : $_ } @$row;

		@{ $rows{$id} }{@columns} = @values;
		$rows{$id}{doubtful} = $rows{$id}{doubtful} eq 'true'
		  if exists $rows{$id}{doubtful};
	}
	return \%rows;
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
		'SELECT id, target, kind, broadcast, refers_to, activity_id, fate,'
		  . ' attempts, doubtful, error_code, created_at,'
		  . ' settled_at, translate(error, E\'\\n|\', \'  \')'
		  . ' FROM teams_delivery ORDER BY id');
	print $out join("\t", 'change', map { $_ // '' } @$_), "\n" for $server->rows(
		'SELECT c.*, d.fate, d.attempts, d.error_code, d.created_at, d.settled_at'
		  . ' FROM torture.change AS c LEFT JOIN teams_delivery AS d'
		  . ' ON d.id = c.job ORDER BY job');
	print $out join("\t", 'broadcast', @$_), "\n" for $server->rows(
		'SELECT * FROM teams_broadcast ORDER BY id');
	print $out join("\t", 'arrived', @$_{qw(at text user id now deleted)}), "\n"
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
		'max kB of the worker' => $chaos->{max_memory},
		'starts of the server' => $kills,
		'seconds, longest fast stop' => sprintf('%.1f', $chaos->{longest_stop}),
		'seconds, draining' => sprintf('%.1f', $drained_in));
	Torture::Report::table($console, 'Changes and broadcasts',
		Torture::Report::changes($history));
	Torture::Report::table($console, 'Complaints of launcher and workers',
		%{ $chaos->{server}->complaints });
	return;
}

my @schedule = Torture::Schedule::build($seed, $duration, \@users);
printf $console "torture: DURATION=%d SEED=%d (%d actions, schedule %s)\n",
  $duration, $seed, scalar(@schedule), Torture::Schedule::digest(@schedule);
write_schedule(@schedule);

my $sim = start_simulator();
my $line = TeamsLine->start($sim->port);
my $server = Torture::Server->start_with($sim, $line);
my $chaos = Torture::Chaos->new(server => $server, sim => $sim,
	line => $line, users => \@users,
	has_accounting => exists_in($server, class => 'teams_accounting'));

my $until = time + $duration;
my %senders = (start_senders($server, $until), start_others($server, $until));
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
