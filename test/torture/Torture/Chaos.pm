# Carries out a schedule, and has a look at the accounts now and then.

package Torture::Chaos;

use strict;
use warnings;

use JSON::PP;
use Time::HiRes qw(sleep time);

use PostgreSQL::Test::Utils;
use TeamsSim;
use Torture::Faults;

use constant LOOK_EVERY => 0.5;

# Options: server, sim, line (to it), users, has_accounting.
sub new
{
	my ($class, %options) = @_;

	return bless {
		%options,
		injected => {},
		kind_of_fault => {},
		looks => 0,
		wrong_looks => [],
		max_pending => 0,
		max_memory => 0,
		longest_stop => 0,
		resumed => 0,
		hours_before_start => 0,
		next_look => 0,
		cuts => 0,
	}, $class;
}

# Do what is due at its time, for so many seconds; returns how much was done.
sub run
{
	my ($self, $duration, @schedule) = @_;
	my $began = time;
	my $done = 0;

	for my $action (@schedule)
	{
		while ((my $left = $began + $action->{at} - time) > 0)
		{
			$self->look_if_due;
			sleep($left < 0.1 ? $left : 0.1);
		}
		last if time - $began > $duration + 1;
		$self->perform($action);
		$self->look_if_due;
		$done++;
	}
	return $done;
}

sub perform
{
	my ($self, $action) = @_;
	my $name = $action->{name};
	my $method = "do_$name";
	my $label = $self->$method($action) // $name;

	$self->{injected}{$label}++;
	return;
}

# ----------
# What happens to the server
# ----------

sub kill_process
{
	my ($self, $kind) = @_;
	my $pid = $self->{server}->pid_of($kind);

	return "kill -9 of the $kind: there was none" unless $pid;
	kill 'KILL', $pid;
	return "kill -9 of the $kind";
}

sub do_kill_worker { return $_[0]->kill_process('worker'); }
sub do_kill_launcher { return $_[0]->kill_process('launcher'); }

sub start_again
{
	my ($self) = @_;

	$self->{server}->rise;
	$self->{hours_before_start} = $self->hours;
	return;
}

sub do_kill_server
{
	my ($self) = @_;

	$self->{server}->kill9;
	$self->start_again;
	return 'kill -9 of the server';
}

sub do_stop_immediate
{
	my ($self) = @_;

	$self->{server}->go_down('immediate');
	$self->start_again;
	return 'immediate stop';
}

sub do_restart
{
	my ($self) = @_;
	my $seconds;

	# It answers "starting up" while it recovers, and cannot be stopped fast.
	$self->{server}->ask('SELECT 1');
	$seconds = $self->{server}->go_down('fast');
	$self->{longest_stop} = $seconds if $seconds > $self->{longest_stop};
	$self->start_again;
	return 'fast restart';
}

sub signal_process
{
	my ($self, $kind, $function) = @_;

	$self->{server}->try("SELECT $function(pid) FROM pg_stat_activity"
		  . " WHERE backend_type = 'teams_proactive $kind'");
	return "$function of the $kind";
}

sub do_terminate_worker
{
	return $_[0]->signal_process('worker', 'pg_terminate_backend');
}

sub do_terminate_launcher
{
	return $_[0]->signal_process('launcher', 'pg_terminate_backend');
}

sub do_cancel_worker
{
	return $_[0]->signal_process('worker', 'pg_cancel_backend');
}

sub do_terminate_senders
{
	$_[0]{server}->try('SELECT pg_terminate_backend(pid) FROM pg_stat_activity'
		  . " WHERE backend_type = 'client backend'"
		  . ' AND pid <> pg_backend_pid()');
	return 'pg_terminate_backend of senders';
}

# A session sends in the worker's place, as long as there is no launcher to
# start another, and may be cancelled in the middle of it.
sub do_drain
{
	my ($self, $action) = @_;
	my $kinds = "('teams_proactive launcher', 'teams_proactive worker')";
	my $timeout = $action->{cut_off} ? '700ms' : '0';
	my ($status, $out, $err) = eval { $self->{server}->psql('postgres', <<"END") };
SELECT pg_terminate_backend(pid, 3000) FROM pg_stat_activity
	WHERE backend_type IN $kinds ORDER BY backend_type;
SET statement_timeout = '$timeout';
CALL teams_drain('1500 ms');
END

	return 'teams_drain' if !$@ && $status == 0;
	return 'teams_drain, cut off' if ($err // '') =~ /statement timeout/;
	return 'teams_drain, too late';
}

# A reload of the configuration, with a change in it.
sub do_change_setting
{
	my ($self, $action) = @_;
	my ($setting, $value) = @$action{qw(setting value)};

	$self->{server}->try(
		"ALTER SYSTEM SET teams_proactive.$setting = '$value';\n"
		  . 'SELECT pg_reload_conf()');
	return 'reload with another setting';
}

sub do_configure
{
	my ($self, $action) = @_;

	return 'configure: the server is down' unless eval {
		$self->{server}->configure_bot(@$self{qw(sim line)}, $action->{rate}); 1 };
	return;
}

# Longer than the worker waits for a lock.  To wait for long for a table would
# lock out the senders that have to finish the prepared transactions it is in.
sub do_lock_table
{
	my ($self, $action) = @_;
	my $result = $self->{server}->try("SET lock_timeout = '500ms';\nBEGIN;\n"
		  . "LOCK TABLE $action->{table} IN SHARE MODE;\n"
		  . "SELECT pg_sleep(1.3);\nCOMMIT");

	return "lock on $action->{table}" . (defined $result ? '' : ', not granted');
}

sub do_lock_rows
{
	$_[0]{server}->try("BEGIN;\nSELECT count(*) FROM (SELECT FROM teams_outbox"
		  . " ORDER BY random() LIMIT 20 FOR UPDATE SKIP LOCKED) AS chosen;\n"
		  . "SELECT pg_sleep(0.7);\nCOMMIT");
	return 'lock on rows of teams_outbox';
}

sub do_forget_installations
{
	$_[0]{server}->try('DELETE FROM teams_installation');
	return;
}

# The next look lets it go on.
sub do_pause
{
	$_[0]{server}->try('SELECT teams_pause()');
	return;
}

# ----------
# What happens to the services
# ----------

sub do_fault
{
	my ($self, $action) = @_;
	my $id = $self->{sim}->fault(Torture::Faults::describe($action));

	$self->{kind_of_fault}{$id} = $action->{kind};
	return 'faults set';
}

sub do_expire_tokens
{
	$_[0]{sim}->expire_tokens;
	return;
}

sub do_uninstall
{
	my ($self, $action) = @_;

	return 'uninstall: it was not installed'
	  unless eval { $self->{sim}->uninstall($action->{user}) };
	return;
}

sub do_block { $_[0]{sim}->block($_[1]{user}); return; }
sub do_unblock { $_[0]{sim}->block($_[1]{user}, 0); return; }
sub do_latency { $_[0]{sim}->settings(latency_ms => $_[1]{ms}); return; }

sub do_quotas
{
	$_[0]{sim}->settings(enforce_quotas => JSON::PP::true);
	return;
}

sub do_no_quotas
{
	$_[0]{sim}->settings(enforce_quotas => JSON::PP::false);
	return;
}

# The services neither answer nor refuse, for longer than most requests may
# take; what was sent to them meanwhile arrives afterwards.
sub do_freeze
{
	my ($self) = @_;

	kill 'STOP', $self->{sim}->pid;
	sleep 1.8;
	kill 'CONT', $self->{sim}->pid;
	return;
}

# Nothing gets through to the services, nor back: what was on its way is in
# doubt, and what comes then is not.
sub do_cut
{
	my ($self) = @_;

	$self->{line}->cut unless $self->{cuts}++;
	return;
}

sub do_mend
{
	my ($self) = @_;

	$self->{line}->mend unless --$self->{cuts};
	return;
}

# How often a kind of fault has hit.
sub hits
{
	my ($self) = @_;
	my %hits;

	for my $fault (@{ $self->{sim}->faults })
	{
		my $kind = $self->{kind_of_fault}{ $fault->{id} } // next;
		$hits{$kind} += $fault->{hits};
	}
	return \%hits;
}

# How often a service has asked to be left alone for an hour.
sub hours
{
	my ($self) = @_;
	my $hits = $self->hits;
	my $sum = 0;

	$sum += $hits->{$_} for grep { Torture::Faults::is_for_an_hour($_) } keys %$hits;
	return $sum;
}

# Let everything go well from now on; what has been hit stays on record.
sub calm_down
{
	my ($self) = @_;
	my $sim = $self->{sim};

	$self->{hits} = $self->hits;
	$self->{wait_an_hour} = $self->hours > $self->{hours_before_start};
	$self->{line}->mend if $self->{cuts};
	$sim->clear_faults;
	$sim->settings(latency_ms => 0, enforce_quotas => JSON::PP::false);
	$sim->block($_, 0) for @{ $self->{users} };
	return;
}

# ----------
# Looks
# ----------

# One statement has one snapshot, so the sum must be right at every look.
sub look_query
{
	my ($self) = @_;
	my $view = $self->{has_accounting}
	  ? 'SELECT coalesce(bool_and(balanced), true) FROM teams_accounting' : 'SELECT true';

	return 'SELECT (SELECT count(*) FROM torture.accepted)'
	  . ' + (SELECT count(*) FROM torture.change),'
	  . ' (SELECT count(*) FROM teams_outbox WHERE broadcast IS NULL),'
	  . ' (SELECT count(*) FROM teams_delivery WHERE broadcast IS NULL),'
	  . " ($view),"
	  . ' (SELECT count(*) FROM teams_bot WHERE paused_at IS NOT NULL),'
	  . ' (SELECT count(*) FROM teams_outbox WHERE broadcast IS NOT NULL)'
	  . ' + (SELECT count(*) FROM teams_broadcast'
	  . " WHERE state IN ('running', 'paused')),"
	  . " (SELECT string_agg(broadcast::text, ' ') FROM teams_progress_detail"
	  . " WHERE kind = 'send' AND recipients <> excluded + waiting + pending"
	  . ' + sent + failed + cancelled + expired + not_sent),'
	  . ' (SELECT max(pid) FROM pg_stat_activity'
	  . " WHERE backend_type = 'teams_proactive worker')";
}

sub look_if_due
{
	my ($self) = @_;

	return if time < $self->{next_look};
	$self->{next_look} = time + LOOK_EVERY;
	$self->look;
	return;
}

# Returns how many messages and broadcasts are pending, or undef if the server is down.
sub look
{
	my ($self) = @_;
	my $row = $self->{server}->try($self->look_query) // return undef;
	my ($accepted, $pending, $settled, $balanced, $paused, $broadcasts, $lost,
		$worker) = split /\|/, $row, -1;

	$self->{looks}++;
	$self->{max_pending} = $pending if $pending > $self->{max_pending};
	push @{ $self->{wrong_looks} },
	  "$accepted accepted, $pending pending, $settled settled"
	  if $accepted != $pending + $settled;
	push @{ $self->{wrong_looks} }, 'teams_accounting is not balanced'
	  if $balanced ne 't';
	push @{ $self->{wrong_looks} }, "broadcast $lost has lost recipients"
	  if $lost ne '';
	$self->weigh($worker) if $worker;
	$self->resume if $paused;
	return $pending + $broadcasts;
}

# The memory that is the worker's own.
sub weigh
{
	my ($self, $pid) = @_;
	my ($kb) = (eval { slurp_file("/proc/$pid/status") } // '')
	  =~ /^RssAnon:\s+(\d+)/m or return;

	$self->{max_memory} = $kb if $kb > $self->{max_memory};
	return;
}

# What an operator does who has mended something.
sub resume
{
	my ($self) = @_;

	$self->{resumed}++ if defined $self->{server}->try('SELECT teams_resume()');
	return;
}

1;
