# A PostgreSQL server with the extension preloaded, for a TAP test.
#
#   my $sim = TeamsSim->start;
#   $sim->contoso;
#   my $node = TeamsNode->start('primary', $sim);
#   my $id = $node->send('ada@contoso.com', 'hello');
#   is($node->fate($id), 'sent');
#   $node->set('teams_proactive.max_attempts' => 3);
#   like($node->error_of('CALL teams_wait(0)'), qr/does not exist/);

package TeamsNode;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes ();

our @ISA = ('PostgreSQL::Test::Cluster');

# Start a server whose database "postgres" has the extension and, if there is
# a simulator, the bot "default". Options: conf => lines for postgresql.conf,
# preload => 0, configure => 0. A server that is there is just started again.
sub start
{
	my ($class, $name, $sim, %options) = @_;

	return $class->SUPER::start($name ? ($name, $sim, %options) : ())
	  if ref $class;
	my $node = PostgreSQL::Test::Cluster->new($name);

	bless $node, $class;
	$node->init(%{ $options{init} || {} });
	$node->append_conf('postgresql.conf', <<"END");
teams_proactive.allowed_hosts = '127.0.0.1, localhost'
teams_proactive.retry_base_delay = 100ms
max_prepared_transactions = 5
END
	$node->append_conf('postgresql.conf',
		"shared_preload_libraries = 'teams_proactive'")
	  if $options{preload} // 1;
	$node->append_conf('postgresql.conf', $options{conf})
	  if defined $options{conf};
	$node->credential('ops', TeamsSim::CLIENT_SECRET());
	$node->SUPER::start;
	$node->close_public;
	$node->safe_psql('postgres', 'CREATE EXTENSION teams_proactive');
	$node->configure($sim) if $sim && ($options{configure} // 1);
	return $node;
}

# Let only superusers create in the schema public, of databases to come, too: as
# it is from 15 on.
sub close_public
{
	my ($node) = @_;

	return if $node->value('SHOW server_version_num') >= 150000;
	$node->value('ALTER DATABASE template0 ALLOW_CONNECTIONS true');
	$node->value('REVOKE CREATE ON SCHEMA public FROM PUBLIC', $_)
	  for qw(template0 template1 postgres);
	$node->value('ALTER DATABASE template0 ALLOW_CONNECTIONS false');
	return;
}

# Write a credential file with the given mode.
sub credential
{
	my ($node, $name, $secret, $mode) = @_;
	my $directory = $node->data_dir . '/teams_credentials';

	mkdir $directory, 0700 unless -d $directory;
	open(my $file, '>', "$directory/$name") or die "$name: $!";
	print $file "$secret\n";
	close $file;
	chmod $mode // 0600, "$directory/$name";
	return;
}

# Change settings of the running server; a name => value list.
sub set
{
	my ($node, %settings) = @_;

	$node->append_conf('postgresql.conf', "$_ = '$settings{$_}'")
	  for sort keys %settings;
	$node->reload;
	return;
}

# Have the bot talk to the simulator. Options: database, bot, version,
# client_id, credential, and any other parameter of teams_configure() as SQL.
sub configure
{
	my ($node, $sim, %options) = @_;
	my $database = delete $options{database} // 'postgres';
	my $version = delete $options{version} // 'v1.0';
	my %arguments = (
		tenant_id => "'" . TeamsSim::TENANT_ID() . "'",
		client_id => "'" . TeamsSim::CLIENT_ID() . "'",
		teams_app_id => "'" . TeamsSim::TEAMS_APP_ID() . "'",
		credential => "'ops'",
		login_url => "'" . $sim->login_url . "'",
		graph_url => "'" . $sim->graph_url($version) . "'",
		connector_url => "'" . $sim->connector_url . "'",
		connector_rate => 100000,
		graph_rate => 100000,
		chat_limits => "'{10000,10000,10000,10000}'",
		%options);

	$node->safe_psql($database,
		    'SELECT teams_configure('
		  . join(', ', map { "$_ => $arguments{$_}" } sort keys %arguments)
		  . ')');
	return;
}

# Send a text, each in a transaction of its own; returns the id.
sub send
{
	my ($node, $user, $text, %options) = @_;
	my $database = delete $options{database} // 'postgres';
	my $more = join '', map { ", $_ => '$options{$_}'" } sort keys %options;

	return $node->safe_psql($database,
		"SELECT teams_send('$user', '$text'$more)");
}

# Send one text to each of the generated users user1@contoso.com and so on,
# "$text 1" to the first of them, in one transaction.
sub send_to_all
{
	my ($node, $count, $text, %options) = @_;
	my $database = delete $options{database} // 'postgres';
	my $more = join '', map { ", $_ => '$options{$_}'" } sort keys %options;

	return $node->safe_psql($database,
		"SELECT count(teams_send('user' || i || '\@contoso.com',"
		  . " '$text ' || i$more)) FROM generate_series(1, $count) AS i");
}

# Wait until the query, which must return one boolean, says so.
sub wait_until
{
	my ($node, $query, $database) = @_;

	return $node->poll_query_until($database // 'postgres', $query);
}

# The fate of a message, once it has one.
sub fate
{
	my ($node, $id, $database) = @_;

	$node->wait_until(
		"SELECT count(*) = 1 FROM teams_delivery WHERE id = $id", $database)
	  or die "message $id has no fate: "
	  . $node->value("SELECT teams_message_detail FROM teams_message_detail WHERE id = $id");
	return $node->value("SELECT fate FROM teams_delivery WHERE id = $id",
		$database);
}

# What became of a message, once it has a fate: that, its error code, if it has
# one, and other columns of teams_delivery, with spaces between.
sub outcome
{
	my ($node, $id, @columns) = @_;

	$node->fate($id);
	return $node->value('SELECT concat_ws(\' \', '
		  . join(', ', qw(fate error_code), @columns)
		  . ") FROM teams_delivery WHERE id = $id");
}

# Send Ada a text that meets a fault of the simulator; returns what became of
# it, "fate code attempts doubtful", and how often the text has arrived.
sub outcome_of_fault
{
	my ($node, $sim, $fault, %options) = @_;
	my $text = 'case ' . ++$node->{fault_cases} . '.';

	$sim->fault(operation => 'send', text => $text, %$fault);
	my $id = $node->send('ada@contoso.com', $text, %options);
	return join ' ', $node->outcome($id, qw(attempts doubtful)),
	  $sim->times_arrived($text);
}

# Columns of what teams_installation has of a target.
sub installation
{
	my ($node, $target, $columns) = @_;

	return $node->value("SELECT $columns FROM teams_installation"
		  . " WHERE target = '$target'");
}

# Have the directory read, to its end.
sub sync_directory
{
	my ($node) = @_;

	$node->value('SELECT teams_sync_directory()');
	return $node->wait_until('SELECT count(*) = 0 FROM teams_directory'
		  . " WHERE state IN ('wanted', 'running')");
}

# Wait until a broadcast is in that state, or done.
sub wait_for_broadcast
{
	my ($node, $id, $state) = @_;
	$state //= 'done';

	return $node->wait_until(
		"SELECT state = '$state' FROM teams_broadcast WHERE id = $id");
}

# Wait until nothing is pending.
sub wait_until_sent
{
	my ($node, $database) = @_;

	return $node->wait_until('SELECT count(*) = 0 FROM teams_outbox',
		$database);
}

sub value
{
	my ($node, $query, $database) = @_;

	return $node->safe_psql($database // 'postgres', $query);
}

# What psql says on stderr, '' if all went well. An error does not end the
# script, so that the last statement is the one to look at.
sub error_of
{
	my ($node, $script, $database, @more) = @_;
	my ($status, $out, $err) = $node->psql($database // 'postgres', $script,
		on_error_stop => 0, @more);

	return $err;
}

# The pid of a database's worker, once there is one.
sub worker_pid
{
	my ($node, $database) = @_;
	$database //= 'postgres';

	$node->wait_until("SELECT count(*) = 1 FROM teams_worker"
		  . " WHERE database = '$database' AND state = 'running'")
	  or die "no worker in $database";
	return $node->value(
		"SELECT pid FROM teams_worker WHERE database = '$database'");
}

# Pids of processes that pg_stat_activity says are workers of the database.
sub worker_pids
{
	my ($node, $database) = @_;

	return split /\n/, $node->value(
		    'SELECT pid FROM pg_stat_activity'
		  . " WHERE backend_type = 'teams_proactive worker'"
		  . " AND datname = '$database'", 'template1');
}

# How many seconds the code takes.
sub duration
{
	my ($code) = @_;
	my $start = Time::HiRes::time();

	$code->();
	return Time::HiRes::time() - $start;
}

# Wait until the code returns true; at most 60 seconds, or the time given.
sub wait_for
{
	my ($what, $code, $timeout) = @_;
	my $deadline = Time::HiRes::time() + ($timeout // 60);

	until ($code->())
	{
		die "timed out waiting for $what" if Time::HiRes::time() > $deadline;
		Time::HiRes::sleep(0.02);
	}
	return 1;
}

1;
