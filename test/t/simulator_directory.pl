# The simulator's directory: users, what changed, and who is in a group.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use JSON::PP;
use TeamsClient;
use TeamsSim;
use Test::More;
use Time::HiRes qw(time);

my $sim = TeamsSim->start->contoso;
my ($ada, $grace) = (TeamsSim::ADA, TeamsSim::GRACE);
my $select = '$select=id,userPrincipalName,accountEnabled,userType';
my $group = 'a1000000-0000-4000-8000-000000000001';
my $inner = 'a1000000-0000-4000-8000-000000000002';

connect_to($sim);

# All entries from a path on, page by page; the last answer as {last}, and
# the sizes of the pages as {pages}.
sub pages
{
	my ($response) = @_;
	my %all = (entries => [], pages => '');

	for (;;)
	{
		$response->{status} == 200 or die "status $response->{status}";
		$all{last} = $response->{json};
		push @{ $all{entries} }, @{ $all{last}{value} };
		$all{pages} .= @{ $all{last}{value} } . ' ';
		my $next = $all{last}{'@odata.nextLink'} or return \%all;
		$response = follow($next);
	}
}

sub ids { return join ' ', sort map { $_->{id} } @{ $_[0]{entries} }; }

subtest 'users' => sub
{
	$sim->generate_users(5, preferred_languages => ['de', 'fr']);
	$sim->change_user('user2@contoso.com', disabled => 1, no_teams => 1);
	$sim->change_user($grace, guest => 1);
	my $all = pages(graph('GET', "/users?$select&\$top=3"));
	my %user = map { $_->{userPrincipalName} => $_ } @{ $all->{entries} };

	is($all->{pages}, '3 3 1 ', 'seven users on three pages');
	is_deeply($user{'ada@contoso.com'},
		{ id => $ada, userPrincipalName => 'ada@contoso.com',
			accountEnabled => JSON::PP::true, userType => 'Member' }, 'Ada');
	ok(!$user{'user2@contoso.com'}{accountEnabled}, 'one is disabled');
	is($user{'grace@contoso.com'}{userType}, 'Guest', 'one is a guest');
	my $one = graph('GET', '/users/user2%40contoso.com?$select='
		. 'preferredLanguage,assignedLicenses,assignedPlans')->{json};
	is($one->{preferredLanguage}, 'fr', 'languages go by turns');
	is_deeply([@$one{qw(assignedLicenses assignedPlans)}], [[], []],
		'nothing assigned without Teams');
	is(graph('GET', "/users/$ada?\$select=assignedPlans")
		->{json}{assignedPlans}[0]{service}, 'TeamspaceAPI', 'else Teams is');
	like(graph('GET', "/users?\$top=1")->{json}{'@odata.nextLink'},
		qr{^\Q${\ $sim->graph_url}\E/users\?\$top=1&\$skiptoken=\w},
		'the link is a whole URL');
	answers(graph('GET', '/users?$select=nonsense'), 400, 'BadRequest',
		'an unknown property');
	answers(graph('GET', '/users?$top=1000'), 400, 'BadRequest',
		'a page too large');
	answers(graph('GET', '/users?$skiptoken=x%20y'), 400,
		'Directory_ExpiredPageToken', 'a token of its own');
	answers(graph('GET', '/users/nobody%40contoso.com'), 404,
		'Request_ResourceNotFound', 'nobody');
};

subtest 'what changed' => sub
{
	$sim->settings(delta_page_size => 3);
	my $first = graph('GET', "/users/delta?$select");
	$sim->change_user($ada, display_name => 'Ada King');
	my $all = pages($first);
	is($all->{pages}, '3 3 1 ', 'at first everybody, page by page');
	unlike($first->{json}{'@odata.nextLink'}, qr/select/,
		'the token knows what was selected');
	my $link = $all->{last}{'@odata.deltaLink'};
	like($link, qr{^\Q${\ $sim->graph_url}\E/users/delta\?\$deltatoken=\w},
		'and a link for later');
	my $again = pages(follow($link));
	is(ids($again), $ada, 'what changed meanwhile is told again');
	$link = $again->{last}{'@odata.deltaLink'};
	is(ids(pages(follow($link))), '', 'nothing new');

	$sim->change_user('user1@contoso.com', disabled => 1);
	$sim->remove_user('user3@contoso.com');
	my $changes = pages(follow($link));
	my %by_id = map { $_->{id} => $_ } @{ $changes->{entries} };
	my ($disabled, $gone) = map { TeamsSim::generated_id($_) } 1, 3;
	is(ids($changes), "$disabled $gone", 'two changes');
	ok(!$by_id{$disabled}{accountEnabled}, 'one is disabled');
	is_deeply($by_id{$gone},
		{ id => $gone, '@removed' => { reason => 'changed' } },
		'one is removed');
	answers(graph('GET', "/users/$gone"), 404, 'Request_ResourceNotFound',
		'and not found any more');
	is(@{ pages(graph('GET', "/users/delta?$select"))->{entries} }, 6,
		'a fresh start does not tell of it');
	is(ids(pages(graph('GET', '/users/delta?$deltatoken=latest'))), '',
		'one can start with what comes');

	$sim->expire_delta;
	my $expired = follow($changes->{last}{'@odata.deltaLink'});
	answers($expired, 410, 'syncStateNotFound', 'an old token');
	my $anew = pages(follow($expired->{headers}{location}));
	is(@{ $anew->{entries} }, 6, 'its Location starts anew');
	ok(exists $anew->{entries}[0]{accountEnabled}, 'with the same properties');
	$sim->settings(delta_page_size => 200);
};

subtest 'groups' => sub
{
	my $user4 = TeamsSim::generated_id(4);
	$sim->group(id => $inner, members => [$ada, $grace],
		display_name => 'Inner');
	$sim->group(id => $group, members => ['user4@contoso.com', $ada],
		owners => [$grace], groups => [$inner]);
	$sim->group(id => $inner, groups => [$group]);
	my $path = "/groups/$group";

	my $all = pages(graph('GET',
			"$path/transitiveMembers/microsoft.graph.user?$select&\$top=2"));
	is($all->{pages}, '2 1 ', 'three users on two pages');
	is(ids($all), join(' ', sort $user4, $ada, $grace), 'each once');
	my $mixed = pages(graph('GET', "$path/transitiveMembers?\$select=id"));
	is_deeply([map { $_->{id} } grep {
			$_->{'@odata.type'} eq '#microsoft.graph.group'
		} @{ $mixed->{entries} }], [$inner], 'without a cast groups as well');
	is(@{ $mixed->{entries} }, 4, 'besides the users');
	is(ids(pages(graph('GET', "$path/members/microsoft.graph.user"))),
		join(' ', sort $user4, $ada), 'direct members');
	is(ids(pages(graph('GET', "$path/owners?$select"))), $grace, 'owners');
	answers(graph('GET', "/groups/$ada/owners"), 404,
		'Request_ResourceNotFound', 'no group');
	answers(graph('GET', "$path/owners?\$count=true"), 400,
		'Request_UnsupportedQuery', 'a count needs its header');
	is(batch({ id => 'a', method => 'GET',
			headers => { ConsistencyLevel => 'eventual' },
			url => "$path/transitiveMembers/microsoft.graph.user?\$count=true" })
		->{json}{responses}[0]{body}{'@odata.count'}, 3, 'and has it');

	my $team = $sim->team(owners => [$ada], members => [$grace]);
	is(ids(pages(graph('GET', "/groups/$team->{id}/transitiveMembers"))),
		join(' ', sort $ada, $grace), 'a team is a group');
};

subtest 'permissions' => sub
{
	$sim->contoso(roles => ['User.ReadBasic.All', 'GroupMember.Read.All']);
	connect_to($sim);
	is(graph('GET', '/users?$select=id,userPrincipalName')->{status}, 200,
		'names are seen');
	answers(graph('GET', "/users?$select"), 403,
		'Authorization_RequestDenied', 'accounts are not');
	answers(graph('GET', '/users/delta'), 403,
		'Authorization_RequestDenied', 'nor are changes');
	$sim->contoso(roles => ['GroupMember.Read.All']);
	connect_to($sim);
	my ($member) = @{ graph('GET',
			"/groups/$inner/members?\$select=id,userPrincipalName")
		  ->{json}{value} };
	is_deeply($member, { '@odata.type' => '#microsoft.graph.user',
			id => $ada, userPrincipalName => undef },
		'members are ids and no more');
	$sim->contoso;
	connect_to($sim);
};

subtest 'a hundred thousand' => sub
{
	my $start = time;
	$sim->generate_users(100_000, first => 1001, installed => 0);
	$sim->group(id => $group, generated => { count => 100_000,
			first => 1001 });
	cmp_ok(time - $start, '<', 20, 'are made in seconds');
	my $next = graph('GET', "/groups/$group/members?\$select=id&\$top=999");
	is(@{ $next->{json}{value} }, 999, 'and come in pages');
	$sim->settings(enforce_quotas => JSON::PP::true);
	is(graph('GET', '/users?$top=1')->{status}, 200,
		'the directory has quotas of its own') for 1 .. 40;
};

done_testing();
