# The simulator's channels and group chats: posts, threads, edits, deletes and
# rosters.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use JSON::PP;
use TeamsClient;
use TeamsSim;
use Test::More;

my $sim = TeamsSim->start->contoso;
my ($ada, $grace) = (TeamsSim::ADA, TeamsSim::GRACE);
my $tenant = TeamsSim::TENANT_ID;
my $client = TeamsSim::CLIENT_ID;
my $team = $sim->team(display_name => 'Operations', owners => [$ada],
	members => [$grace], channels => ['Builds']);
my $builds = $team->{channels}{Builds};
my $chat = $sim->group_chat(display_name => 'On call',
	members => [$ada, $grace]);
my $personal = "19:${ada}_$client\@unq.gbl.spaces";
my (undef, $bot_token) = connect_to($sim);

# A second bot, with an app of its own in the same places.
my %other = (client_id => '4e1f2a3b-0c1d-4e5f-8a9b-1c2d3e4f5a6b',
	teams_app_id => '5f2a3b4c-1d2e-4f60-9bac-2d3e4f5a6b7c');
$sim->contoso(%other);
my $other_token = token(BOT_SCOPE, client_id => $other{client_id});
$sim->install($_, '1.0.0', $other{teams_app_id}) for $team->{id}, $chat;

sub message { return { type => 'message', text => $_[0], @_[1 .. $#_] }; }

sub create
{
	return connector('POST', '/conversations', { isGroup => JSON::PP::true,
			tenantId => $tenant, channelData => {
				channel => { id => $builds }, tenant => { id => $tenant } },
			activity => message('Deploy started'), @_ });
}

sub activity_path
{
	return '/conversations/' . encode($_[0]) . "/activities/$_[1]";
}

subtest 'a thread in a channel' => sub
{
	answers(create(), 403, 'ForbiddenOperationException',
		'the bot is not in the team');
	answers(say_to($builds, 'x'), 403, 'BotNotInConversationRoster',
		'so it cannot post either');
	$sim->install($team->{id});
	my $made = create();
	my $root = $made->{json}{activityId};
	my $thread = "$builds;messageid=$root";

	is($made->{status}, 201, 'a thread is made');
	like($root, qr/^\d{13}$/, 'its first message has an id');
	is($made->{json}{id}, $thread, 'which is in the id of the thread');
	isnt(create()->{json}{id}, $thread, 'each time another one');
	my $answer = say_to($thread, 'Deploy done');
	is($answer->{status}, 201, 'it takes answers');
	is(connector('POST', activity_path($builds, $root), message('Also so'))
		->{status}, 201, 'and replies to its message');
	my @thread = $sim->messages(conversation => $thread);
	is(join(',', map { $_->{text} } @thread),
		'Deploy started,Deploy done,Also so', 'they are in the thread');
	is_deeply([@{ $thread[1] }{qw(scope conversation team channel thread user
		id edited deleted)}],
		['channel', $builds, $team->{id}, 'Builds', $root, undef,
			$answer->{json}{id}, 0, JSON::PP::false], 'as it is shown');
	is(scalar(() = $sim->messages(conversation => $builds)), 4,
		'the channel has all threads');
	like($sim->transcript,
		qr/^Operations > Builds\n.*Ops Bot: Deploy started\n.*:\d\d    Ops /s,
		'as one reads it');

	is(say_to($builds, 'New')->{status}, 201, 'a plain post');
	my $new = ($sim->messages)[-1];
	is($new->{thread}, $new->{id}, 'starts a thread as well');
	answers(say_to("$builds;messageid=17", 'x'), 404, 'ConversationNotFound',
		'an unknown thread');
	answers(say_to("$builds;messageid=$answer->{json}{id}", 'x'), 404,
		'ConversationNotFound', 'an answer is no thread');
	answers(say_to("$chat;messageid=$root", 'x'), 404,
		'ConversationNotFound', 'a group chat has no threads');
};

subtest 'what cannot be created' => sub
{
	my $rest = length '{"text":"","type":"message"}';
	my %group = (channelData => { tenant => { id => $tenant } });
	for ([[activity => undef], 400, 'BadSyntax', 'a thread without activity'],
		[[%group], 400, 'BadSyntax', 'a group chat'],
		[[%group, members => [{ id => $ada }, { id => $grace }]], 400,
			'BadSyntax', 'a group chat with members'],
		[[isGroup => JSON::PP::false], 400, 'BadSyntax',
			'a channel that is no group'],
		[[tenantId => undef], 401, 'AuthorizationError', 'no tenant'],
		[[channelData => { channel => { id => '19:x@thread.tacv2' } }], 404,
			'ConversationNotFound', 'an unknown channel'],
		[[activity => { type => 'message' }], 400, 'BadSyntax',
			'an empty message'],
		[[activity => message('x' x (51201 - $rest))], 413,
			'MessageSizeTooBig', 'more than 100 KB'])
	{
		my ($change, $status, $code, $name) = @$_;
		answers(create(@$change), $status, $code, $name);
	}
	is(create(activity => message('x' x (51200 - $rest)))->{status}, 201,
		'the limit is the activity\'s, not the body\'s');
};

subtest 'a group chat' => sub
{
	answers(say_to($chat, 'x'), 403, 'BotNotInConversationRoster',
		'the bot is not there');
	$sim->install($chat);
	is(say_to($chat, 'Who is on call?')->{status}, 201, 'now it is');
	my ($message) = $sim->messages(conversation => $chat);
	is_deeply([@$message{qw(scope conversation text user thread)}],
		['chat', $chat, 'Who is on call?', undef, undef], 'as it is shown');
	like($sim->transcript, qr/^On call <\Q$chat\E>\n.*Who is/m, 'as one reads');
	say_to($chat, 'Who is on call?');
	my ($twice) = grep { $_->{conversation} eq $chat } $sim->duplicates;
	is($twice->{count}, 2, 'duplicates are counted');
	answers(say_to('19:x@thread.v2', 'x'), 404, 'ConversationNotFound',
		'an unknown chat');
};

subtest 'edits and deletes' => sub
{
	my $root = create()->{json}{activityId};
	for my $to ($personal, $chat, "$builds;messageid=$root", $builds)
	{
		my $path = activity_path($to, say_to($to, 'first')->{json}{id});
		my ($id) = $path =~ m{([^/]+)$};
		my $edited = connector('PUT', $path, message('second'));
		is("$edited->{status} $edited->{content}", qq(200 {"id":"$id"}),
			"edited in $to");
		connector('PUT', $path, message('third'));
		my $shown = ($sim->messages)[-1];
		is_deeply([@$shown{qw(id text edited deleted)}],
			[$id, 'third', 2, JSON::PP::false], 'so it is shown');
		like($sim->transcript, qr/: \(edited\) third$/m, 'and read');
		answers(connector('PUT', $path, { type => 'message' }), 400,
			'BadSyntax', 'to nothing it cannot be');

		my $deleted = connector('DELETE', $path);
		is($deleted->{status} . ($deleted->{content} // ''), 200, 'deleted');
		ok(($sim->messages)[-1]{deleted}, 'so it is shown');
		like($sim->transcript, qr/: \(deleted\) third$/m, 'and read');
		answers(connector($_, $path, message('x')), 404,
			'ActivityNotFoundInConversation', "and gone for $_")
		  for qw(PUT DELETE);
	}
	answers(connector('DELETE', activity_path($chat, $root)), 404,
		'ActivityNotFoundInConversation', 'it is in another conversation');
	my $theirs = say_to($chat, 'theirs', $other_token)->{json}{id};
	is(($sim->messages)[-1]{bot}, $other{client_id}, 'another bot');
	answers(connector($_, activity_path($chat, $theirs), message('x')), 403,
		'NotEnoughPermissions', "keeps what it said from $_")
	  for qw(PUT DELETE);
	answers(connector('PUT', activity_path('19:x@thread.v2', $theirs),
		message('x')), 404, 'ConversationNotFound', 'no such conversation');
	$sim->fault(operation => 'edit', target => $builds, status => 412,
		code => 'PreconditionFailed', text => 'again');
	answers(connector('PUT', activity_path("$builds;messageid=$root", $root),
		message('once again')), 412, 'PreconditionFailed', 'faults hit, too');
	$sim->uninstall($chat);
	answers(connector('DELETE', activity_path($chat, $theirs)), 403,
		'BotNotInConversationRoster', 'nothing is left of an uninstalled bot');
	$sim->install($chat);
};

subtest 'rosters' => sub
{
	$sim->generate_users(120);
	$sim->change_user('user1@contoso.com', guest => 1);
	$sim->team(owners => [$ada], members => [$grace],
		generated => { count => 120 });
	my $path = '/conversations/' . encode("$builds;messageid=1")
	  . '/pagedmembers?pageSize=50';
	my (@members, $token, @sizes);
	do
	{
		my $page = connector('GET', $path . (defined $token ?
			'&continuationToken=' . encode($token) : ''))->{json};
		push @sizes, scalar @{ $page->{members} };
		push @members, @{ $page->{members} };
		$token = $page->{continuationToken};
	} while (defined $token);
	is("@sizes", '50 50 22', 'the members of a channel, page by page');
	my ($one) = grep { ($_->{aadObjectId} // '') eq $ada } @members;
	like($one->{id}, qr/^29:1/, 'one has an id for the bot');
	is_deeply([@$one{qw(name userPrincipalName email tenantId userRole)}],
		['Ada Lovelace', ('ada@contoso.com') x 2, $tenant, 'user'], 'and more');
	my ($guest) = grep { $_->{objectId} } @members;
	ok(!exists $guest->{userPrincipalName}, 'a guest has less');

	my $members = '/conversations/' . encode($chat) . '/members/';
	for my $name ($ada, 'ada@contoso.com', $one->{id})
	{
		is_deeply(connector('GET', $members . encode($name))->{json}, $one,
			"one member by $name");
	}
	answers(connector('GET', $members . 'nobody'), 404,
		'MemberNotFoundInConversation', 'nobody');
	is(@{ connector('GET', '/conversations/' . encode($personal)
			. '/pagedmembers')->{json}{members} }, 1, 'a personal chat');
	answers(connector('GET', "$path&continuationToken=x"), 400, 'BadArgument',
		'a token of its own');
};

subtest 'the channels of a team' => sub
{
	my $path = '/teams/' . encode($team->{general});
	is_deeply(connector('GET', "$path/conversations")->{json},
		{ conversations => [{ id => $team->{general}, name => undef },
				{ id => $builds, name => 'Builds' }] },
		'General has no name');
	is_deeply(connector('GET', $path)->{json}, { id => $team->{general},
			name => 'Operations', aadGroupId => $team->{id} }, 'the team');
	answers(connector('GET', "/teams/$team->{id}/conversations"), 404,
		'ConversationNotFound', 'it does not go by its group');
	$sim->uninstall($team->{id});
	answers(connector('GET', "$path/conversations"), 403,
		'BotNotInConversationRoster', 'for members only');
	$sim->install($team->{id});
};

subtest 'quotas' => sub
{
	my $root = create()->{json}{activityId};
	$sim->settings(enforce_quotas => JSON::PP::true);
	my @to = ($builds, "$builds;messageid=$root");
	my ($refused) = grep { $_->{status} != 201 }
	  map { say_to($to[$_ % 2], "n $_") } 1 .. 12;
	answers($refused, 429, 'Throttled', 'threads share what is the channel\'s');
	is(say_to($builds, 'x', $other_token)->{status}, 201,
		'another bot has its own');
	is(say_to($team->{general}, 'x')->{status}, 201, 'and another channel');
	my $path = '/conversations/' . encode($chat) . '/pagedmembers';
	my @read = map { connector('GET', $path) } 1 .. 40;
	cmp_ok(scalar(grep { $_->{status} == 200 } @read), '>=', 14,
		'reading is allowed more often');
	($refused) = grep { $_->{status} != 200 } @read;
	answers($refused, 429, 'Throttled', 'but not for ever');
};

done_testing();
