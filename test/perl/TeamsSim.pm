# Runs the simulator of Entra ID, Microsoft Graph and the Bot Connector for a
# test, and speaks with its administration port.  Needs core modules only.
#
#   my $sim = TeamsSim->start(enforce_quotas => 1, latency_ms => 20);
#   $sim->contoso;
#   ... configure the extension with $sim->login_url, $sim->graph_url and
#   $sim->connector_url, let it send ...
#   is($sim->message_count, 1);
#
# The simulator ends with the object, and with the test in any case.

package TeamsSim;

use strict;
use warnings;

use Carp;
use File::Basename qw(dirname);
use File::Spec;
use File::Temp;
use HTTP::Tiny;
use JSON::PP;
use POSIX qw(_exit);
use Time::HiRes qw(sleep time);

use constant {
	CLIENT_ID => '2d0c7d7f-5b1e-4a3c-9a59-0c3b1f6a7e01',
	CLIENT_SECRET => 'S3cret~with+special/chars=',
	TENANT_ID => '6b1f0c2a-8d3e-4f57-9b60-1a2b3c4d5e6f',
	TEAMS_APP_ID => '7b1c0a0e-0c55-4a7c-9d0a-9a2f8b0d4a11',
	MANIFEST_ID => '3f0e7f7e-2b64-4bb1-8a53-6b9a5f3d2c10',
	ADA => '9f4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c01',
	GRACE => '1c7de2f0-3b77-4a7e-8f0b-5b8d7b1f2a02',
	TEAM => 'b8a4f3d1-6c2e-4e0b-9d37-5f1c8a2e7b03',
	GROUP_CHAT => '19:2e5c1f7a9b3d4c6e8f0a1b2c3d4e5f60@thread.v2',
	START_TIMEOUT => 10,
};

# What the extension needs at most, the least of each kind.
use constant ROLES => [
	(map { "TeamsAppInstallation.ReadWriteSelfFor$_.All" } qw(User Team Chat)),
	qw(AppCatalog.Read.All Channel.ReadBasic.All User.Read.All
	  GroupMember.Read.All)
];

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# The program, built next to this module unless TEAMS_SIM names another.
sub _binary
{
	return $ENV{TEAMS_SIM} if $ENV{TEAMS_SIM};
	my $here = dirname(File::Spec->rel2abs(__FILE__));
	return File::Spec->catfile($here, File::Spec->updir, 'sim', 'teams-sim');
}

# Start a simulator.  The options are those of the program, with underscores:
# latency_ms => 20 gives --latency-ms=20, enforce_quotas => 1 gives
# --enforce-quotas, and what is undefined or '' is left out.
sub start
{
	my ($class, %options) = @_;
	my $binary = _binary();
	my $dir = File::Temp->newdir('teams-sim-XXXXXXXX', TMPDIR => 1);
	my $port_file = File::Spec->catfile("$dir", 'ports');
	my @args = ('--port-file', $port_file, '--exit-with-parent', '--quiet');

	-x $binary
	  or croak "the simulator is not built: no program at $binary";
	for my $name (sort keys %options)
	{
		my $value = $options{$name};
		next unless defined $value && $value ne '';
		(my $option = "--$name") =~ tr/_/-/;
		my $is_flag = $name =~ /^(?:enforce_quotas|(?:no_)?strict_conversations
			|forget_messages|styled)$/x;
		next if $is_flag && !$value;
		push @args, $is_flag ? $option : "$option=$value";
	}

	my $self = bless {
		dir => $dir,
		owner => $$,
		scheme => $options{tls_cert} ? 'https' : 'http',
		http => HTTP::Tiny->new(timeout => 60),
	}, $class;
	$self->{pid} = _spawn($binary, @args);
	$self->_wait_for_ports($port_file);
	return $self;
}

sub _spawn
{
	my @command = @_;
	my $pid = fork();

	croak "could not fork: $!" unless defined $pid;
	return $pid if $pid;

	# An error can be told by the exit status only; no END block may run.
	{ no warnings 'exec'; exec { $command[0] } @command; }
	print STDERR "could not run $command[0]: $!\n";
	_exit(127);
}

sub _wait_for_ports
{
	my ($self, $port_file) = @_;
	my $deadline = time + START_TIMEOUT;

	while (!-e $port_file)
	{
		if (waitpid($self->{pid}, POSIX::WNOHANG()) != 0)
		{
			my $status = $? >> 8;
			delete $self->{pid};
			croak "the simulator ended at once, with status $status";
		}
		if (time > $deadline)
		{
			$self->stop;
			croak 'the simulator did not open its ports in '
			  . START_TIMEOUT . ' seconds';
		}
		sleep 0.005;
	}
	open my $in, '<', $port_file or croak "could not open $port_file: $!";
	my $line = <$in>;
	close $in;
	($self->{port}, $self->{admin_port}) = $line =~ /^(\d+) (\d+)$/
	  or croak "the port file makes no sense: $line";
}

sub stop
{
	my ($self) = @_;
	my $pid = delete $self->{pid};

	return unless $pid && $self->{owner} == $$;
	local $?;
	kill 'TERM', $pid;
	waitpid($pid, 0);
}

sub DESTROY
{
	my ($self) = @_;
	local ($@, $!, $?);
	$self->stop;
}

sub port { return $_[0]{port}; }
sub admin_port { return $_[0]{admin_port}; }
sub pid { return $_[0]{pid}; }
sub origin { return "$_[0]{scheme}://127.0.0.1:$_[0]{port}"; }
sub admin_url { return "http://127.0.0.1:$_[0]{admin_port}"; }
sub login_url { return $_[0]->origin . '/login'; }

sub graph_url
{
	my ($self, $version) = @_;
	return $self->origin . '/graph/' . ($version // 'v1.0');
}

sub connector_url { return $_[0]->origin . '/connector/teams'; }

# One call of the administration; dies if it is refused.
sub _call
{
	my ($self, $method, $path, $data) = @_;
	my %request;

	%request = (
		headers => { 'Content-Type' => 'application/json' },
		content => $json->encode($data)) if defined $data;
	my $response = $self->{http}->request($method,
		$self->admin_url . $path, \%request);
	croak "the simulator refused $method $path: $response->{status} "
	  . $response->{content}
	  unless $response->{success};
	return $response->{content}
	  if ($response->{headers}{'content-type'} // '') =~ m{^text/plain};
	return $json->decode($response->{content});
}

sub get { my ($self, $path) = @_; return $self->_call('GET', $path); }

sub post
{
	my ($self, $path, $data) = @_;
	return $self->_call('POST', $path, $data);
}

sub delete
{
	my ($self, $path, $data) = @_;
	return $self->_call('DELETE', $path, $data);
}

# "user=ada%40contoso.com&limit=3"
sub _query
{
	my ($self, %arguments) = @_;
	my $query = $self->{http}->www_form_urlencode(\%arguments);

	$query =~ s/\+/%20/g;
	return $query eq '' ? '' : "?$query";
}

sub config
{
	my ($self, %config) = @_;
	return $self->post('/config', \%config);
}

sub settings
{
	my ($self, %settings) = @_;
	return %settings ? $self->post('/settings', \%settings)
	  : $self->get('/settings');
}

# Script a fault; returns its id.
sub fault
{
	my ($self, %fault) = @_;
	return $self->post('/faults', \%fault)->{id};
}

sub faults { return $_[0]->get('/faults'); }
sub clear_faults { return $_[0]->delete('/faults'); }

# A list of messages; conversation (also "channel;messageid=N"), user, limit
# and after restrict it. Each has scope, conversation, thread, text (what it says
# now), arrived_as (what it said first), edited, deleted and more; user and upn
# only if the chat is personal.
sub messages
{
	my ($self, %arguments) = @_;
	return @{ $self->get('/messages' . $self->_query(%arguments)) };
}

# What one person has been told, by whatever name, in its order.
sub told
{
	my ($self, $id) = @_;
	return join ' ', map { $_->{deleted} ? 'deleted' : $_->{text} }
	  grep { ($_->{user} // '') eq $id } $self->messages;
}

# How often a text has arrived, wherever.
sub times_arrived
{
	my ($self, $text) = @_;
	return scalar(grep { $_->{text} eq $text } $self->messages);
}

sub message_count { return $_[0]->get('/messages/count')->{count}; }
sub duplicates { return @{ $_[0]->get('/duplicates') }; }
sub stats { return $_[0]->get('/stats'); }
sub reset_stats { return $_[0]->post('/stats/reset'); }
sub transcript { return $_[0]->get('/transcript'); }

sub installations
{
	my ($self, %arguments) = @_;
	return @{ $self->get('/installations' . $self->_query(%arguments)) };
}

# Let a user, team or group chat have the app, in the catalog's version if
# none is given.
sub install
{
	my ($self, $target, $version, $app) = @_;
	return $self->config(installations => [{ target => $target,
		app => $app // TEAMS_APP_ID,
		defined $version ? (version => $version) : () }]);
}

# Take the app away from a user, team or group chat by hand.
sub uninstall
{
	my ($self, $target, $app) = @_;
	return $self->delete('/installations',
		{ target => $target, app => $app // TEAMS_APP_ID });
}

# Put a version of the app into the catalog; what is installed stays.
sub publish
{
	my ($self, $version, $app) = @_;
	return $self->config(apps => [{ teams_app_id => $app // TEAMS_APP_ID,
		version => $version }]);
}

# Make a team: id => TEAM, display_name, members, owners, generated, general
# (the id of that channel) and channels (a list of names, or of hashes with
# name and id). Returns { id, general, channels => { name => id } }.
sub team
{
	my ($self, %team) = @_;
	$team{id} //= TEAM;
	$self->config(teams => [\%team]);
	my ($made) = $self->teams($team{id});
	my %channels = map { $_->{name} => $_->{id} } @{ $made->{channels} };
	return { id => $made->{id}, general => $channels{General},
		channels => \%channels };
}

# All teams or one, with their channels and the sizes of their rosters.
sub teams
{
	my ($self, $id) = @_;
	return @{ $self->get('/teams' . $self->_query(
		defined $id ? (team => $id) : ())) };
}

# Make a group: id, display_name, members, owners, generated, groups.
sub group
{
	my ($self, %group) = @_;
	$self->config(groups => [\%group]);
	return $group{id};
}

# Make a group chat: id => GROUP_CHAT, display_name, members, owners,
# generated. Returns its id.
sub group_chat
{
	my ($self, %chat) = @_;
	$chat{id} //= GROUP_CHAT;
	$self->config(chats => [\%chat]);
	return $chat{id};
}

# Make users user1@contoso.com and so on: installed => how many of them have
# the app, first, id_prefix, preferred_languages => [...] by turns, upn.
sub generate_users
{
	my ($self, $count, %options) = @_;
	$options{app} //= TEAMS_APP_ID if $options{installed};
	return $self->config(generate_users => { count => $count,
		upn => 'user%d@contoso.com', %options });
}

# The object id of a generated user.
sub generated_id
{
	my ($number, $prefix) = @_;
	return sprintf '%s-0000-4000-8000-%012x', $prefix // '00000000', $number;
}

# Change a user: disabled, guest, no_teams, blocked, display_name,
# preferred_language.
sub change_user
{
	my ($self, $user, %changes) = @_;
	exists $changes{$_}
	  and $changes{$_} = $changes{$_} ? JSON::PP::true : JSON::PP::false
	  for qw(disabled guest no_teams blocked);
	return $self->post('/users', { user => $user, %changes });
}

# Give an account another name.
sub rename_user
{
	my ($self, $id, $upn) = @_;
	return $self->config(users => [{ id => $id, upn => $upn }]);
}

# A new account of that name; returns its id, which is that of nobody else.
sub account
{
	my ($self, $upn) = @_;
	my $id = generated_id(++$self->{accounts}, 'eeeeeeee');

	$self->rename_user($id, $upn);
	return $id;
}

# The name of an account goes to somebody new, whose id is returned; the account
# is called former.NAME, former1.NAME and so on.
sub hand_over
{
	my ($self, $id, $upn) = @_;
	my $before = $self->{handed_over}{$upn}++;

	$self->rename_user($id, 'former' . ($before || '') . ".$upn");
	return $self->account($upn);
}

# Remove a user from the directory.
sub remove_user
{
	my ($self, $user) = @_;
	return $self->delete('/users', { user => $user });
}

# Let delta tokens that were handed out be answered with 410.
sub expire_delta { return $_[0]->post('/delta/expire'); }

sub block
{
	my ($self, $user, $blocked) = @_;
	return $self->post('/block', { user => $user,
		blocked => $blocked // 1 ? JSON::PP::true : JSON::PP::false });
}

sub expire_tokens { return $_[0]->post('/tokens/expire')->{expired}; }
sub reset { return $_[0]->post('/reset'); }

# The tenant that most tests use: Ops Bot, Ada who has it and Grace who does
# not.  Arguments are added to the bot, such as multi_tenant or roles.
sub contoso
{
	my ($self, %bot) = @_;

	$self->config(
		bots => [{
			client_id => CLIENT_ID,
			client_secret => CLIENT_SECRET,
			tenant_id => TENANT_ID,
			teams_app_id => TEAMS_APP_ID,
			manifest_id => MANIFEST_ID,
			display_name => 'Ops Bot',
			version => '1.4.0',
			roles => ROLES,
			%bot,
		}],
		users => [
			{ id => ADA, upn => 'ada@contoso.com',
				display_name => 'Ada Lovelace' },
			{ id => GRACE, upn => 'grace@contoso.com',
				display_name => 'Grace Hopper' },
		],
		installations => [{ user => ADA, app => TEAMS_APP_ID }]);
	return $self;
}

1;
