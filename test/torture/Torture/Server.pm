# The server under torture: a TeamsNode that goes down by order, and is asked
# without caring whether it is just coming up.

package Torture::Server;

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use TeamsNode;

our @ISA = ('TeamsNode');

# How long the server may take to come up, or to go down.
use constant PATIENCE => 60;

# A slow commit is one that is hit more often.
sub start_with
{
	my ($class, $sim, $line) = @_;
	my $server = $class->SUPER::start('torture', $sim, conf => <<'END');
restart_after_crash = on
fsync = on
commit_delay = 10000
commit_siblings = 0
max_prepared_transactions = 50
max_connections = 50
log_statement = none
log_line_prefix = '%m [%p] [%b] '
teams_proactive.retry_max_delay = 2s
teams_proactive.request_timeout = 1500ms
teams_proactive.max_in_flight = 20
END

	$server->configure_bot($sim, $line, 400);
	$server->safe_psql('postgres', <<'END');
CREATE SCHEMA torture;
CREATE TABLE torture.accepted (id bigint PRIMARY KEY, text text NOT NULL UNIQUE,
	target text NOT NULL, delivery text NOT NULL, expires timestamptz);
CREATE TABLE torture.step (name text PRIMARY KEY);
CREATE TABLE torture.change (job bigint PRIMARY KEY, text text, message bigint);
CREATE TABLE torture.broadcast (id bigint PRIMARY KEY, text text NOT NULL);
END
	return $server;
}

# What the extension can do depends on its version.
sub takes
{
	my ($server, $function, $parameter) = @_;
	return $server->ask("SELECT count(*) FROM pg_proc WHERE proname = '$function'"
		  . " AND '$parameter' = ANY (proargnames)") > 0;
}

# Whoever has lost the bot shall get it again, and nobody is kept waiting by
# the limits of chats: there are few chats here.
sub configure_bot
{
	my ($server, $sim, $line, $rate) = @_;
	my $port = $sim->port;
	my %more = (login_url => $sim->login_url,
		graph_url => $sim->graph_url('v1.0'),
		connector_url => $sim->connector_url);

	s/:$port\b/':' . $line->port/e, $_ = "'$_'" for values %more;
	$more{reinstall} = 'true' if $server->takes('teams_configure', 'reinstall');
	$more{chat_limits} = "'{100,200,2000,100000}'"
	  if $server->takes('teams_configure', 'chat_limits');
	$server->configure($sim, connector_rate => $rate, graph_rate => 100, %more);
	return;
}

# Has psql ended because the server went down, is not up yet, or ended the
# session?
sub is_gone
{
	my ($status, $error) = @_;

	return $status == 2 || $error =~ /server\ closed\ the\ connection
		|terminating\ connection|connection\ to\ server
		|the\ database\ system\ is|could\ not\ (?:send|receive)\ data/x;
}

# The result of a query; undef if there is no answer, or an error.  Errors
# that the torture does not explain are kept.
sub try
{
	my ($server, $query) = @_;
	my ($status, $out, $err) = eval { $server->psql('postgres', $query,
			timeout => PATIENCE) };

	return undef if $@;
	return $out if $status == 0;
	push @{ $server->{surprises} }, "$query: $err"
	  unless is_gone($status, $err) || $err =~ /lock timeout/;
	return undef;
}

# The same, but wait until the server is there to answer.
sub ask
{
	my ($server, $query) = @_;
	my $deadline = time + PATIENCE;

	while (time < $deadline)
	{
		my $result = $server->try($query);

		return $result if defined $result;
		sleep 0.05;
	}
	die "the server does not answer: $query\n";
}

# Rows of a query, as references to their columns.
sub rows
{
	my ($server, $query) = @_;
	return map { [ split /\|/, $_, -1 ] } split /\n/, $server->ask($query);
}

sub pid_of
{
	my ($server, $kind) = @_;
	return $server->try('SELECT pid FROM pg_stat_activity'
		  . " WHERE backend_type = 'teams_proactive $kind' LIMIT 1");
}

# Start after a death: the dead server's processes have to be gone first.
sub rise
{
	my ($server) = @_;
	my $deadline = time + PATIENCE;

	until ($server->start(fail_ok => 1))
	{
		die "the server does not start\n" if time > $deadline;
		$server->{_pid} = undef;
		sleep 0.1;
	}
	return;
}

# A dead process that nobody has buried yet looks as if it were running.
sub kill9
{
	my ($server) = @_;
	my $pid = $server->{_pid};

	$server->SUPER::kill9;
	TeamsNode::wait_for('the death of the server',
		sub { !kill 0, $pid }, PATIENCE);
	return;
}

# Returns how many seconds it took.
sub go_down
{
	my ($server, $mode) = @_;
	my $began = time;

	$server->stop($mode);
	return time - $began;
}

# ----------
# The log
# ----------

sub log_lines
{
	my ($server) = @_;
	open(my $in, '<', $server->logfile) or die $server->logfile . ": $!";
	chomp(my @lines = <$in>);
	close $in;
	return @lines;
}

# Crashes that nobody has ordered.
sub crashes
{
	my ($server) = @_;
	return grep { /PANIC:|TRAP:|was terminated by signal (?!9\b)\d+/ }
	  $server->log_lines;
}

# What the launcher and the workers have complained of: how often what was said.
sub complaints
{
	my ($server) = @_;
	my %count;

	for my $line ($server->log_lines)
	{
		my ($level, $text) = $line =~
		  /\[teams_proactive \w+\] (WARNING|ERROR|FATAL):\s+(.*)/ or next;
		$text =~ s/\d+/N/g;
		$count{"$level: $text"}++;
	}
	return \%count;
}

1;
