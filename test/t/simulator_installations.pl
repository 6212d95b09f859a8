# The simulator installs, upgrades and removes apps for teams and group chats
# as it does for users.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use JSON::PP;
use MIME::Base64;
use TeamsClient;
use TeamsSim;
use Test::More;

my $sim = TeamsSim->start->contoso;
my $app = TeamsSim::TEAMS_APP_ID;
my ($ada, $grace) = (TeamsSim::ADA, TeamsSim::GRACE);
my $team = $sim->team(display_name => 'Operations', owners => [$ada],
	channels => ['Builds']);
my $chat = $sim->group_chat(members => [$ada, $grace]);
my %base = (
	user => "/users/$ada/teamwork/installedApps",
	team => "/teams/$team->{id}/installedApps",
	chat => '/chats/' . encode($chat) . '/installedApps');
my %target = (user => $ada, team => $team->{id}, chat => $chat);
my $query = '?$expand=teamsApp,teamsAppDefinition&$filter=teamsApp/id'
  . "%20eq%20'$app'";
my %foreign = (user => 'nobody@contoso.com', team => $ada,
	chat => '19:x@thread.v2');

connect_to($sim);
$sim->uninstall($ada);

for my $scope (qw(user team chat))
{
	subtest "installations of a $scope" => sub
	{
		my $base = $base{$scope};
		my $list = graph('GET', $base . $query);
		is("$list->{status} " . @{ $list->{json}{value} }, '200 0', 'none');

		my $installed = graph('POST', $base, bind_body($app));
		is("$installed->{status} $installed->{content}",
			$scope eq 'team' ? '200 ' : '201 ', 'installed, without a body');
		answers(graph('POST', $base, bind_body($app)), 409, 'Conflict',
			'already there');

		my ($entry) = @{ graph('GET', $base . $query)->{json}{value} };
		is(decode_base64($entry->{id}), "$target{$scope}##$app",
			'the id is made as in the samples');
		is($entry->{teamsApp}{externalId}, TeamsSim::MANIFEST_ID, 'the app');
		is($entry->{teamsAppDefinition}{version}, '1.4.0', 'its version');

		my $one = "$base/" . encode($entry->{id});
		my $got = graph('GET', "$one?\$expand=teamsAppDefinition");
		is($got->{json}{teamsAppDefinition}{teamsAppId}, $app, 'got by its id');
		answers(graph('GET', "$base/eA%3D%3D"), 404, 'NotFound',
			'another id');
		answers(graph('GET', "$one/chat"), 400, 'BadRequest', 'no chat of it')
		  if $scope ne 'user';

		$sim->publish('1.5.0');
		is(graph('GET', "$one?\$expand=teamsAppDefinition")
			->{json}{teamsAppDefinition}{version}, '1.4.0',
			'a new version is not installed by itself');
		my $upgraded = graph('POST', "$one/upgrade");
		is($upgraded->{status} . ($upgraded->{content} // ''), 204, 'upgraded');
		is(($sim->installations(target => $target{$scope}))[0]{version},
			'1.5.0', 'to the version of the catalog');
		answers(graph('POST', "$one/upgrade", { consentedPermissionSet => {} }),
			403, 'Forbidden', 'consent is another permission');
		answers(graph('POST', "$one/upgrade", { version => '2' }), 400,
			'BadRequest', 'no such body');
		answers(graph('POST', "$base/eA%3D%3D/upgrade"), 404, 'NotFound',
			'nothing to upgrade');
		$sim->publish('1.4.0');

		is(graph('DELETE', $one)->{status}, 204, 'removed');
		answers(graph('DELETE', $one), 404, 'NotFound', 'only once');
		answers(graph('GET',
			$base =~ s/\Q${\ encode($target{$scope})}/encode($foreign{$scope})/er),
			404, 'NotFound', "an unknown $scope");
	};
}

subtest 'in a batch' => sub
{
	my @scopes = qw(user team chat);
	my $ask = sub {
		my ($method, $path, @more) = @_;
		my %reply = map { $_->{id} => $_ } @{
			batch(map { { id => $_, method => $method,
				url => $base{$_} . $path, @more } } @scopes)
			  ->{json}{responses} };
		return map { $reply{$_} } @scopes;
	};
	is(join(' ', map { $_->{status} } $ask->('POST', '',
		body => bind_body($app),
		headers => { 'Content-Type' => 'application/json' })),
		'201 200 201', 'installs');
	is(join(' ', map { $_->{body}{value}[0]{teamsAppDefinition}{version} }
		$ask->('GET', $query)), '1.4.0 1.4.0 1.4.0', 'looks up');
};

subtest 'the primary channel' => sub
{
	my $path = "/teams/$team->{id}/primaryChannel";
	my $channel = graph('GET', "$path?\$select=id,displayName");
	is($channel->{status}, 200, 'is told');
	like($channel->{json}{id}, qr/^19:\w+\@thread\.tacv2$/, 'its id');
	is("$channel->{json}{id} $channel->{json}{displayName}",
		"$team->{general} General", 'it is General');
	is(batch({ id => 'a', method => 'GET', url => $path })
		->{json}{responses}[0]{body}{id}, $team->{general}, 'in a batch');
	answers(graph('GET', "/teams/$ada/primaryChannel"), 404, 'NotFound',
		'an unknown team');
};

subtest 'permissions' => sub
{
	$sim->contoso(
		roles => ['TeamsAppInstallation.ReadWriteSelfForUser.All']);
	connect_to($sim);
	is(graph('GET', $base{user})->{status}, 200, 'for users');
	for ([team => 'ForTeam'], [chat => 'ForChat'])
	{
		my $refused = graph('GET', $base{ $_->[0] });
		answers($refused, 403, 'Forbidden', "not for a $_->[0]");
		like($refused->{json}{error}{message},
			qr/one of 'TeamsAppInstallation\.ReadWriteSelf$_->[1]\.All,/,
			'it says which one is missing');
	}
	answers(graph('GET', "/teams/$team->{id}/primaryChannel"), 403,
		'Forbidden', 'nor for channels');
	answers(graph('GET', '/users'), 403, 'Authorization_RequestDenied',
		'nor for the directory');
	$sim->contoso;
	connect_to($sim);
};

subtest 'faults and quotas' => sub
{
	$sim->fault(operation => 'lookup', target => $team->{id}, status => 403,
		code => 'Forbidden');
	is(graph('GET', $base{chat})->{status}, 200, 'another target');
	answers(graph('GET', $base{team}), 403, 'Forbidden', 'the target');
	$sim->fault(operation => 'upgrade', status => 503);
	is(graph('POST', "$base{chat}/x/upgrade")->{status}, 503, 'upgrades');

	$sim->settings(enforce_quotas => JSON::PP::true);
	my $count = sub {
		my (%item) = @_;
		my %of;
		$of{ $_->{status} }++ for @{
			batch(map { { id => "$_", %item } } 1 .. 20)->{json}{responses} };
		return \%of;
	};
	is_deeply($count->(method => 'GET', url => $base{team}),
		{ 200 => 4, 429 => 16 }, 'four a second for a team');
	is_deeply($count->(method => 'DELETE', url => "$base{chat}/x"),
		{ 404 => 15, 429 => 5 }, 'fifteen a second that remove');
	$sim->settings(enforce_quotas => JSON::PP::false);
};

done_testing();
