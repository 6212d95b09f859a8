# What all measurements share: the server, the services, how much work to do.

package Bench::Setup;

use strict;
use warnings;

use Bench::Cluster;
use Bench::Database;
use Bench::Loop;
use Bench::Nginx;
use TeamsSim;

sub new
{
	my ($class, %options) = @_;
	my $work = $ENV{WORK};
	my $self = bless {
		work => $work,
		quick => $ENV{BENCH} eq 'quick',
		goals => $options{goals},
		loop => "$work/src/test/bench/curl_loop",
		clock => "$work/src/test/bench/commit_clock",
	}, $class;

	$self->{cluster} = Bench::Cluster->start($ENV{BINDIR}, $work, <<"END");
shared_preload_libraries = 'teams_proactive'
teams_proactive.allowed_hosts = '127.0.0.1'
teams_proactive.ca_file = '$work/ca.pem'
teams_proactive.http_version = '1.1'
teams_proactive.credential_directory = '$work/credentials'
END
	mkdir "$work/credentials", 0700;
	open my $file, '>', "$work/credentials/ops" or die $!;
	print $file TeamsSim::CLIENT_SECRET(), "\n";
	close $file;
	chmod 0600, "$work/credentials/ops";
	$self->{nginx} = Bench::Nginx->start($ENV{NGINX_PROGRAM}, $work);
	return $self;
}

sub goals { return $_[0]{goals}; }
sub cluster { return $_[0]{cluster}; }
sub nginx { return $_[0]{nginx}; }
sub rounds { return $_[0]{quick} ? 3 : 5; }
sub is_quick { return $_[0]{quick}; }

# The first number for the full benchmark, the second for the quick one.
sub amount { my ($self, $full, $quick) = @_; return $self->{quick} ? $quick : $full; }

# A simulator over TLS.
sub simulator
{
	my ($self, %options) = @_;
	return TeamsSim->start(tls_cert => "$self->{work}/service.pem",
		tls_key => "$self->{work}/service.key", forget_messages => 1,
		%options)->contoso;
}

# With so many people, of whom some have the bot.
sub people
{
	my ($self, $sim, $count, $installed) = @_;

	$sim->config(generate_users => { count => $count, installed => $installed,
		upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
	return $sim;
}

# The database that most measurements use, with nginx as the service.
sub database
{
	my ($self) = @_;

	$self->{database} //= Bench::Database->create($self->{cluster}, 'bench',
		$self->{nginx});
	return $self->{database};
}

sub loop
{
	my ($self, $service, @conversations) = @_;
	return Bench::Loop->new($self->{loop}, $self->{work}, $service,
		@conversations);
}

# The loop against nginx, to the same conversations.
sub nginx_loop
{
	my ($self) = @_;

	$self->{nginx_loop} //= $self->loop($self->{nginx}, split /\n/,
		$self->database->ask('SELECT chat_id FROM teams_installation'));
	return $self->{nginx_loop};
}

sub stop
{
	my ($self) = @_;

	$self->{database}{session}->close if $self->{database};
	$self->{cluster}->stop;
	$self->{nginx}->stop;
	return;
}

1;
