# The simulator keeps the contract that the other tests rely on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use IO::Socket::INET;
use JSON::PP;
use TeamsClient;
use TeamsSim;
use Test::More;
use Time::HiRes qw(sleep time);

my $sim = TeamsSim->start->contoso;
my $app = TeamsSim::TEAMS_APP_ID;
my $tenant = TeamsSim::TENANT_ID;
my ($ada, $grace) = (TeamsSim::ADA, TeamsSim::GRACE);
my $graph_scope = GRAPH_SCOPE;
my ($graph_token, $bot_token) = connect_to($sim);

subtest 'tokens' => sub
{
	my $good = ask_token($graph_scope);
	is($good->{status}, 200, 'a token is handed out');
	is($good->{json}{token_type}, 'Bearer', 'it is a bearer token');
	is($good->{json}{expires_in}, 3599, 'it says how long it lasts');
	like($good->{json}{access_token}, qr/^eyJ[\w.-]{1000,}$/,
		'it looks like one');
	for (
		[[$graph_scope, client_secret => 'S3cret~with special/chars='],
			401, 7000215, 'a plus sign that was not encoded'],
		[[$graph_scope, client_id => $ada], 400, 700016, 'an unknown client'],
		[[$graph_scope, tenant => $grace], 400, 90002, 'an unknown tenant'],
		[['https://graph.microsoft.us/.default'], 400, 500011,
			'the scope of another cloud'],
		[[$graph_scope, grant_type => 'password'], 400, 70003,
			'another grant type'],
		[[''], 400, 900144, 'no scope'])
	{
		my ($arguments, $status, $number, $name) = @$_;
		my $response = ask_token(@$arguments);
		is("$response->{status} $response->{json}{error_codes}[0]",
			"$status $number", $name);
		like($response->{json}{error_description}, qr/^AADSTS$number: /,
			"$name: description");
	}
	$sim->contoso(secret_expired => JSON::PP::true);
	is(ask_token(BOT_SCOPE)->{json}{error_codes}[0], 7000222,
		'an expired secret');
	$sim->contoso(secret_expired => JSON::PP::false);
};

subtest 'audiences and expiry' => sub
{
	my $list = $sim->graph_url . "/users/$ada/teamwork/installedApps";

	answers(call('GET', $list, $bot_token), 401, 'InvalidAuthenticationToken',
		'the token of the Connector is not for Graph');
	answers(say_to('19:x', 'x', $graph_token), 401, 'AuthorizationError',
		'the token of Graph is not for the Connector');
	is(call('GET', $list, $graph_token)->{status}, 200, 'its own is');
	my $lost = token('https://api.botframework.com/.default',
		tenant => 'botframework.com');
	answers(say_to('19:x', 'x', $lost), 401, 'AuthorizationError',
		'a token of the wrong tenant is of no use');
	$sim->settings(token_lifetime => 0);
	answers(call('GET', $list, token($graph_scope)), 401,
		'InvalidAuthenticationToken', 'an expired token');
	$sim->settings(token_lifetime => 3599);
	$sim->contoso(roles => []);
	my $weak = call('GET', $list, token($graph_scope));
	answers($weak, 403, 'Forbidden', 'a missing role');
	like($weak->{json}{error}{message}, qr/^Missing role permissions on the/,
		'it says so as the service does');
	$sim->contoso;
};

subtest 'looking up an installation' => sub
{
	my $list = "/users/$ada/teamwork/installedApps";
	my $by_id = "\$filter=teamsApp/id%20eq%20'$app'";
	my $beta = "\$filter=teamsAppDefinition/teamsAppId%20eq%20'$app'";
	my $found = graph('GET', "$list?\$expand=teamsApp&$by_id");

	is(scalar @{ $found->{json}{value} }, 1, 'found by the app id');
	is($found->{json}{value}[0]{teamsApp}{id}, $app, 'the app is expanded');
	ok(!$found->{json}{value}[0]{teamsAppDefinition},
		'what was not asked for is not there');
	ok($found->{headers}{'request-id'}, 'there is a request id');
	is(graph('GET', "$list?\$expand=teamsApp,teamsAppDefinition&$by_id")
		->{json}{value}[0]{teamsAppDefinition}{version}, '1.4.0', 'version');
	is(scalar @{ graph('GET', "$list?\$expand=teamsApp&\$filter=teamsApp/"
		. "externalId%20eq%20'" . TeamsSim::MANIFEST_ID . "'")
		->{json}{value} }, 1, 'found by the manifest id');
	is_deeply(graph('GET', "/users/$grace/teamwork/installedApps"
		. "?\$expand=teamsApp&$by_id")->{json}{value}, [], 'none for Grace');
	is(graph('GET', "$list?\$expand=teamsAppDefinition&$beta", undef, 'beta')
		->{json}{'@odata.count'}, 1, 'the filter of the preview');
	for (["$list?$by_id", 'a filter without its expand'],
		["$list?\$expand=teamsAppDefinition&$beta", 'the same on v1.0'],
		["$list?\$expand=teamsApp&\$filter=teamsApp/id+eq+'$app'",
			'a plus sign for a space'],
		["$list?\$expand=teamsApp&\$filter=teamsApp/id%20eq%20'$app",
			'a literal without end'],
		["$list?\$expand=teamsApp&\$filter=nonsense", 'no filter at all'],
		["$list?\$expand=%zz", 'a broken escape'],
		['/nowhere', 'an unknown path'])
	{
		my ($path, $name) = @$_;
		answers(graph('GET', $path), 400, 'BadRequest', $name);
	}
	answers(graph('GET', '/users/nobody@contoso.com/teamwork/installedApps'),
		404, 'NotFound', 'an unknown user');
};

subtest 'installing' => sub
{
	my $list = '/users/grace%40contoso.com/teamwork/installedApps';

	for ([$list, bind_body($app, 'beta'), 400, 'BadRequest',
			'the URL of another version'],
		[$list, { 'teamsApp@odata.bind' => "/appCatalogs/teamsApps/$app" },
			400, 'BadRequest', 'a relative URL'],
		[$list, bind_body($ada), 404, 'NotFound', 'an unknown app'],
		["/users/$app/teamwork/installedApps", bind_body($app), 404,
			'NotFound', 'an unknown user'])
	{
		my ($path, $body, $status, $code, $name) = @$_;
		answers(graph('POST', $path, $body), $status, $code, $name);
	}
	my $created = graph('POST', $list, bind_body($app));
	is("$created->{status} $created->{content}", '201 ',
		'created, without a body');
	answers(graph('POST', $list, bind_body($app)), 409, 'Conflict',
		'already there');
	$sim->config(apps => [{ teams_app_id => $ada, client_id => $grace }]);
	answers(graph('POST', $list, bind_body($ada)), 403, 'Forbidden',
		'the app of another bot');
	is($sim->stats->{installs}, 1, 'one installation was made');
};

sub installation_of
{
	my ($user) = @_;
	return graph('GET', "/users/$user/teamwork/installedApps")
	  ->{json}{value}[0]{id};
}

sub chat_of
{
	my ($user) = @_;
	return graph('GET', "/users/$user/teamwork/installedApps/"
		. encode(installation_of($user)) . '/chat?$select=id')->{json}{id};
}

my $chat = chat_of($ada);

subtest 'the chat' => sub
{
	like($chat, qr/^19:\Q$ada\E_[\w-]{36}\@unq\.gbl\.spaces$/, 'its id');
	$sim->uninstall('grace@contoso.com');
	$sim->settings(chat_404_polls => 2);
	graph('POST', "/users/$grace/teamwork/installedApps", bind_body($app));
	$sim->settings(chat_404_polls => 0);
	my $path = "/users/$grace/teamwork/installedApps/"
	  . encode(installation_of($grace)) . '/chat';
	is(join(' ', map { graph('GET', $path)->{status} } 1 .. 3), '404 404 200',
		'it may take a while to appear');
	answers(graph('GET', "/users/$grace/teamwork/installedApps/eA%3D%3D/chat"),
		404, 'NotFound', 'an unknown installation');
};

subtest 'batches' => sub
{
	my @items = map {
		{ id => "$_", method => 'GET',
			url => "/users/$ada/teamwork/installedApps" }
	} 1 .. 20;
	my $all = batch(@items);
	my @ids = map { $_->{id} } @{ $all->{json}{responses} };

	is($all->{status}, 200, 'twenty items are fine');
	isnt("@ids", join(' ', 1 .. 20), 'the order is another one');
	is_deeply([sort { $a <=> $b } @ids], [1 .. 20], 'none is missing');
	my %item = (id => '1', method => 'GET', url => '/users');
	for ([[@items, { %item, id => '21' }], 'twenty-one'],
		[[\%item, \%item], 'an id twice'],
		[[{ %item, id => 1 }], 'an id that is no string'],
		[[{ %item, method => 'get' }], 'a method in lower case'],
		[[{ %item, url => 'users' }], 'a url without a slash'],
		[[{ %item, url => '/$batch', method => 'POST' }], 'a nested batch'],
		[[{ %item, method => 'POST', body => {} }],
			'a body without its type'],
		[[], 'nothing'])
	{
		answers(batch(@{ $_->[0] }), 400, 'BadRequest', $_->[1]);
	}
	my %answers = map { $_->{id} => $_ } @{
		batch({ id => 'a', method => 'POST', body => bind_body($app),
				headers => { 'content-type' => 'application/json' },
				url => "/users/$ada/teamwork/installedApps" },
			{ id => 'b', method => 'GET', dependsOn => ['a'],
				url => "/users/$ada/teamwork/installedApps" },
			{ id => 'c', method => 'GET', url => '/nowhere' })
		  ->{json}{responses} };
	is(join(' ', map { $answers{$_}{status} } qw(a b c)), '409 424 400',
		'each item has its own status');
};

subtest 'the catalog' => sub
{
	my $path = '/appCatalogs/teamsApps?$filter=externalId%20eq%20'
	  . "'" . TeamsSim::MANIFEST_ID . "'";
	my $found = graph('GET', "$path%20and%20distributionMethod%20eq%20"
		. "'organization'");
	is($found->{json}{value}[0]{id}, $app, 'an app by its manifest id');
};

subtest 'sending' => sub
{
	my $sent = say_to($chat, 'Build 214 is green');
	is($sent->{status}, 201, 'accepted');
	like($sent->{json}{id}, qr/^\d{13}$/, 'it has an id');
	ok($sent->{headers}{'ms-cv'}, 'and a correlation vector');
	my ($message) = $sim->messages(user => 'ada@contoso.com');
	is($message->{text}, 'Build 214 is green', 'it is in the chat');
	is($message->{conversation}, $chat, 'in the right one');
	like($sim->transcript, qr/Ops Bot: Build 214 is green/, 'as one reads it');
	is_deeply([$sim->duplicates], [], 'nothing is there twice');
	say_to($chat, 'Build 214 is green');
	is(($sim->duplicates)[0]{count}, 2, 'until it is');

	my $card = { contentType => 'application/vnd.microsoft.card.adaptive',
		content => { type => 'AdaptiveCard' } };
	my $split = call('POST', send_url($chat), $bot_token,
		{ type => 'message', text => 'x', attachments => [$card] });
	is_deeply([@$split{qw(status json)}], [201, {}],
		'text with an attachment gives no id');
	for ([$chat, '{"type":"message","text":', 400, 'BadSyntax', 'no JSON'],
		[$chat, '{"text":"x"}', 400, 'MissingProperty', 'no type'],
		[$chat, '{"type":"message"}', 400, 'BadSyntax', 'an empty message'],
		["19:nobody_$app\@unq.gbl.spaces", '{"type":"message","text":"x"}',
			404, 'ConversationNotFound', 'an unknown chat'])
	{
		my ($to, $body, $status, $code, $name) = @$_;
		answers(call('POST', send_url($to), $bot_token, $body), $status, $code,
			$name);
	}
	is(call('POST', send_url($chat), $bot_token, 'x',
		'Content-Type' => 'text/plain')->{status}, 415, 'no JSON type');
	my $rest = length '{"text":"","type":"message"}';
	is(say_to($chat, 'x' x (51200 - $rest))->{status}, 201, '100 KB fit');
	answers(say_to($chat, 'x' x (51201 - $rest)), 413, 'MessageSizeTooBig',
		'a character more does not');
};

subtest 'creating a chat' => sub
{
	my %body = (isGroup => JSON::PP::false, tenantId => $tenant,
		members => [{ id => $ada }]);
	my $create = sub {
		return call('POST', $sim->connector_url . '/v3/conversations',
			$bot_token, { %body, @_ });
	};
	my $id = $create->()->{json}{id};

	like($id, qr/^a:1/, 'it has an id of the Connector');
	is($create->()->{json}{id}, $id, 'always the same');
	is(say_to($id, 'by the other id')->{status}, 201, 'one can send there');
	is(($sim->messages(conversation => $chat))[-1]{text}, 'by the other id',
		'it is the same chat');
	answers($create->(isGroup => JSON::PP::true), 400, 'BadSyntax', 'a group');
	answers($create->(members => [{ id => $app }]), 403,
		'ForbiddenOperationException', 'somebody without the app');
	answers($create->(members => [{ id => '29:1abc' }]), 400, 'BadArgument',
		'an id of another bot');
	answers($create->(tenantId => undef), 401, 'AuthorizationError',
		'no tenant');
};

subtest 'those who do not want the bot' => sub
{
	$sim->uninstall('grace@contoso.com');
	answers(say_to($chat =~ s/\Q$ada/$grace/r, 'x'), 403,
		'BotNotInConversationRoster', 'uninstalled');
	$sim->block('ada@contoso.com');
	my $blocked = say_to($chat, 'x');
	is("$blocked->{status} $blocked->{json}{errorCode}", '403 209', 'blocked');
	is(decode_json($blocked->{json}{message})->{subCode},
		'MessageWritesBlocked', 'with JSON inside a string');
	$sim->block('ada@contoso.com', 0);
};

subtest 'faults' => sub
{
	my $before = $sim->message_count;

	$sim->fault(operation => 'send', text => 'doomed', status => 503,
		code => 'ServiceError', headers => { 'Retry-After' => '2' });
	is(say_to($chat, 'another')->{status}, 201, 'other texts are not hit');
	my $hit = say_to($chat, 'a doomed one');
	answers($hit, 503, 'ServiceError', 'the text is');
	is($hit->{headers}{'retry-after'}, 2, 'with its header');
	is(say_to($chat, 'a doomed one')->{status}, 201, 'but only once');

	$sim->fault(operation => 'send', status => 502,
		carry_out => JSON::PP::true);
	is(say_to($chat, 'carried out')->{status}, 502, 'refused');
	is(($sim->messages)[-1]{text}, 'carried out', 'but carried out');

	$sim->fault(operation => 'send', close => 'before', user => $ada);
	is(say_to($chat, 'lost')->{status}, 599, 'closed before');
	$sim->fault(operation => 'send', close => 'after');
	is(say_to($chat, 'kept')->{status}, 599, 'closed after');
	is($sim->message_count, $before + 4, 'the former is lost, the latter not');

	$sim->fault(operation => 'send', truncate => 5);
	is(say_to($chat, 'cut')->{status}, 599, 'a cut answer');

	$sim->fault(service => 'graph', operation => 'lookup', skip => 1,
		status => 429, headers => { 'Retry-After' => '2.5' });
	my %item = (method => 'GET', url => "/users/$ada/teamwork/installedApps");
	my %reply = map { $_->{id} => $_ } @{
		batch({ %item, id => 'a' }, { %item, id => 'b' },
			{ %item, id => 'c' })->{json}{responses} };
	is(join(' ', map { $reply{$_}{status} } qw(a b c)), '200 429 200',
		'an item of a batch');
	is($reply{b}{headers}{'Retry-After'}, '2.5', 'with its own header');
	$sim->fault(operation => 'batch', status => 500, body => '<html>',
		content_type => 'text/html');
	is(batch({ %item, id => 'a' })->{content}, '<html>', 'the batch itself');
	is_deeply([map { $_->{hits} } @{ $sim->faults }], [(1) x 7],
		'each was hit once');
	$sim->clear_faults;
};

# Write a send without waiting for its answer; returns the socket.
sub start_send
{
	my ($to, $text) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $sim->port) or die "could not connect: $!";
	my $body = encode_json({ type => 'message', text => $text });
	my ($path) = send_url($to) =~ m{^http://[^/]+(.*)};

	print $socket "POST $path HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	  . "Authorization: Bearer $bot_token\r\nConnection: close\r\n"
	  . "Content-Type: application/json\r\nContent-Length: "
	  . length($body) . "\r\n\r\n$body";
	$socket->flush;
	return $socket;
}

sub finish_send
{
	my ($socket) = @_;
	my ($status) = (<$socket> // '') =~ m{^HTTP/1.1 (\d+)};
	close $socket;
	return $status // 0;
}

subtest 'latency and overlapping sends' => sub
{
	$sim->config(generate_users => { count => 20, upn => 'u%d@contoso.com',
		installed => 20, app => $app });
	$sim->settings(latency_ms => 300);
	my $start = time;
	my @sockets = map {
		start_send($chat =~ s/\Q$ada/sprintf '00000000-0000-4000-8000-%012x',
			$_/er, 'at once')
	} 1 .. 20;
	is(join(' ', map { finish_send($_) } @sockets), join(' ', (201) x 20),
		'twenty chats at once');
	my $took = time - $start;
	cmp_ok($took, '>=', 0.3, 'no answer comes too early');
	cmp_ok($took, '<', 3, 'and they do not wait for each other');

	$sim->settings(latency_ms => 2000);
	my $first = start_send($chat, 'first');
	my $deadline = time + 10;
	sleep 0.01
	  while $sim->stats->{requests_under_way} < 1 && time < $deadline;
	$sim->settings(latency_ms => 0);
	answers(say_to($chat, 'second'), 412, 'PreconditionFailed',
		'a chat takes one at a time');
	is(finish_send($first), 201, 'the first one is fine');
	is($sim->stats->{max_overlapping_sends}, 2, 'the overlap was noticed');
};

subtest 'quotas' => sub
{
	my @items = map {
		{ id => "$_", method => 'GET',
			url => "/users/$ada/teamwork/installedApps" }
	} 1 .. 20;
	my %count;

	$sim->settings(enforce_quotas => JSON::PP::true);
	my @responses = map { @{ batch(@items)->{json}{responses} } } 1, 2;
	$count{ $_->{status} }++ for @responses;
	is_deeply(\%count, { 200 => 30, 429 => 10 },
		'thirty items a second, batch or not');
	my ($throttled) = grep { $_->{status} == 429 } @responses;
	cmp_ok($throttled->{headers}{'Retry-After'}, '>', 0, 'with Retry-After');

	# The window of two seconds makes the ninth one fail on any machine.
	my @sent = map { say_to($chat, "n $_") } 1 .. 12;
	my ($refused) = grep { $_->{status} != 201 } @sent;
	answers($refused, 429, 'Throttled', 'one chat cannot take that much');
	like($refused->{headers}{'retry-after'}, qr/^[12]$/, 'with Retry-After');
	cmp_ok($sim->stats->{throttled}, '>', 10, 'it was counted');
	$sim->settings(enforce_quotas => JSON::PP::false);
};

subtest 'administration' => sub
{
	my $admin = $sim->admin_url;

	for (['GET', '/nothing', undef, 404], ['DELETE', '/stats', undef, 405],
		['POST', '/config', '[]', 400], ['POST', '/config', '{"b":1}', 400],
		['POST', '/faults', '{"status":1000}', 400],
		['POST', '/settings', '{"latency_ms":-1}', 400])
	{
		my ($method, $path, $body, $status) = @$_;
		my $response = call($method, "$admin$path", 'x', $body);
		is($response->{status}, $status, "$method $path is refused");
		ok($response->{json}{error}, 'with a reason');
	}
	like($sim->get('/'), qr{^POST +/config}m, 'there is help');
	ok($sim->expire_tokens > 0, 'tokens can be made invalid');
	answers(graph('GET', "/users/$ada/teamwork/installedApps"), 401,
		'InvalidAuthenticationToken', 'and then are');
	$sim->reset;
	is($sim->message_count, 0, 'all can be forgotten');
};

my $pid = $sim->pid;
undef $sim;
ok(!kill(0, $pid), 'nothing stays behind');

done_testing();
