# A database with the extension, people and a bot, for one measurement.
#
#   my $database = Bench::Database->create($cluster, 'bench', $service,
#       people => 10_000);
#   my $drain = $database->drain(20_000);   # {rate, cpu, seconds, memory}

package Bench::Database;

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use TeamsSim;

use constant {
	# Some 300 bytes with what the extension adds.
	TEXT => 'x' x 262,
	POLL => 0.02,
	PATIENCE => 1800,
};

# Options: people => how many, known => 0 if they are to be looked up.
sub create
{
	my ($class, $cluster, $name, $service, %options) = @_;
	my $people = $options{people} // 10_000;
	my $self;

	my $session = $cluster->session('postgres');
	$session->ask("CREATE DATABASE $name");
	$session->close;
	$self = bless { cluster => $cluster, name => $name,
		session => $cluster->session($name), people => $people }, $class;
	$self->ask('CREATE EXTENSION teams_proactive');
	$self->configure($service, connector_rate => 1000000,
		graph_rate => 1000000, chat_limits => "'{60000,60000,60000,60000}'");
	$self->ask("CREATE TABLE people AS SELECT 'user' || i || '\@contoso.com' AS id,"
		. " text, ('{\"type\":\"message\",\"text\":\"' || text || '\"}')::json"
		. " AS activity FROM generate_series(1, $people) AS i,"
		. " (VALUES ('" . TEXT . "')) AS v (text)");
	$self->know_people if $options{known} // 1;
	$self->ask('VACUUM ANALYZE');
	return $self;
}

sub ask { my ($self, $statements) = @_; return $self->{session}->ask($statements); }
sub name { return $_[0]{name}; }
sub people { return $_[0]{people}; }

sub configure
{
	my ($self, $service, %options) = @_;
	my %arguments = (
		tenant_id => "'" . TeamsSim::TENANT_ID() . "'",
		client_id => "'" . TeamsSim::CLIENT_ID() . "'",
		teams_app_id => "'" . TeamsSim::TEAMS_APP_ID() . "'",
		credential => "'ops'",
		login_url => "'" . $service->login_url . "'",
		graph_url => "'" . $service->graph_url . "'",
		connector_url => "'" . $service->connector_url . "'",
		%options);

	$self->ask('SELECT teams_configure('
		. join(', ', map { "$_ => $arguments{$_}" } sort keys %arguments) . ')');
	return;
}

# As if they had been looked up.
sub know_people
{
	my ($self) = @_;

	$self->ask("INSERT INTO teams_installation"
		. " (bot, scope, target, state, installation_id, chat_id)"
		. " SELECT 'default', 'user', id, 'installed', md5(id),"
		. "  '19:' || md5(id) || '\@unq.gbl.spaces' FROM people");
	return;
}

sub pause { $_[0]->ask('SELECT teams_pause()'); return; }
sub resume { $_[0]->ask('SELECT teams_resume()'); return; }

# Messages that the workers of this database have settled.
sub settled
{
	my ($self) = @_;
	return $self->ask("SELECT sent + failed FROM teams_worker"
		. " WHERE database = current_database()") || 0;
}

sub worker_pid
{
	my ($self) = @_;
	return $self->ask("SELECT pid FROM teams_worker"
		. " WHERE database = current_database() AND state = 'running'");
}

# Write so many messages, to one person after the other.  What a sender pays for
# is measured elsewhere, so this is the fast way.
sub enqueue
{
	my ($self, $count, $due_at) = @_;
	my $each = $self->{people};

	$due_at //= 'NULL';
	while ($count > 0)
	{
		my $part = $count < $each ? $count : $each;

		$self->ask('INSERT INTO teams_outbox (target, activity, due_at)'
			. " SELECT id, activity, $due_at"
			. " FROM (SELECT * FROM people LIMIT $part) AS p");
		$count -= $part;
	}
	return;
}

# Wait until so many have been settled; returns the most memory seen.
sub wait_for
{
	my ($self, $goal) = @_;
	my $deadline = time + PATIENCE;
	my $pid = $self->worker_pid;
	my $peak = 0;

	while ($self->settled < $goal)
	{
		my $memory = Bench::Cluster::anonymous_memory($pid);

		$peak = $memory if $memory > $peak;
		sleep POLL;
		die "database $self->{name} does not send: "
		  . $self->ask('SELECT * FROM teams_worker_detail') if time > $deadline;
	}
	return $peak;
}

# Send so many messages; the time runs from the moment at which the bot may.
# Those before it see to it that there are connections.
sub drain
{
	my ($self, $count, $warm) = @_;
	my ($start, $cpu, $wal, $goal, %result);

	$warm //= 500;
	$goal = $self->settled + $warm;
	$self->enqueue($warm);
	$self->wait_for($goal);
	$self->pause;
	$self->enqueue($count);
	$self->ask('VACUUM ANALYZE teams_outbox');
	$goal += $count;
	$wal = $self->ask("SELECT pg_current_wal_insert_lsn() - '0/0'");
	$cpu = $self->{cluster}->cpu;
	$start = time;
	$self->resume;
	$result{memory} = $self->wait_for($goal);
	$result{seconds} = time - $start;
	$result{cpu} = ($self->{cluster}->cpu - $cpu) / $count * 1e6;
	$result{rate} = $count / $result{seconds};
	$result{wal} = ($self->ask("SELECT pg_current_wal_insert_lsn() - '0/0'")
		- $wal) / $count;
	$self->check;
	return \%result;
}

# All of it was sent, or the figures mean nothing.
sub check
{
	my ($self) = @_;
	my $bad = $self->ask("SELECT failed, retried, coalesce(last_error, '')"
		. " FROM teams_worker_detail WHERE database = current_database()"
		. " AND (failed, retried) <> (0, 0)");

	die "database $self->{name} had trouble: $bad" if $bad ne '';
	return;
}

sub drop
{
	my ($self) = @_;
	my $session = $self->{cluster}->session('postgres');

	$self->{session}->close;
	$session->ask("DROP DATABASE $self->{name} WITH (FORCE)");
	$session->close;
	return;
}

1;
