# Each mistake in what the tenant and the bot are: whoever waits for the message
# hears at once what is wrong, and what to do about it with which parameter.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim, configure => 0);
my $other = "'99999999-9999-4999-8999-999999999999'";
my @no_catalog = (roles => [ grep { !/AppCatalog/ } @{ TeamsSim::ROLES() } ]);
my ($bot, $accounts) = (0, 0);

# Somebody whom the simulator has not got the bot for.
sub stranger
{
	my $upn = 'stranger' . ++$accounts . '@contoso.com';

	$sim->account($upn);
	return $upn;
}

# A message of a bot that is configured so, for somebody new or as "send" has it:
# what whoever waits for it is told, and that it is told within seconds.
sub tells
{
	my ($what, $configured, $detail, $hint, $send) = @_;
	my $name = 'bot' . ++$bot;
	my $told;

	$send //= "teams_send('" . stranger() . "', 'x', bot => '$name')";
	$node->configure($sim, bot => "'$name'", %$configured);
	my $took = TeamsNode::duration(sub {
		$told = $node->error_of("SELECT $send;\nCALL teams_wait()");
	});
	cmp_ok($took, '<', 10, "$what: at once");
	like($told, qr/DETAIL:  [^\n]*$detail/, "$what: what is wrong");
	like($told, qr/HINT:  [^\n]*$hint/, "$what: what to do");
	my ($shown) = $node->value("SELECT concat_ws('|', state, error_code, hint)"
		  . " FROM teams_message_detail WHERE bot = '$name'");
	like($shown, qr/$hint/, "$what: in the view, too");
	note sprintf("%s, %.1f s:\n%s", $what, $took, $told);
	$node->value("SELECT teams_cancel(array(SELECT id FROM teams_message"
		  . " WHERE bot = '$name' AND state = 'pending'));"
		  . " DELETE FROM teams_bot WHERE bot = '$name'");
	return;
}

# Tokens.
$node->credential('wrong', 'not the secret');
tells('a wrong secret', { credential => "'wrong'" }, 'AADSTS7000215',
	'Store its value, not its id');
$sim->contoso(secret_expired => JSON::PP::true);
tells('an expired secret', {}, 'AADSTS7000222', 'Create a new one in Entra ID');
$sim->contoso(secret_expired => JSON::PP::false);
tells('a wrong tenant', { tenant_id => $other }, 'AADSTS\d+',
	'teams_configure\(\) the right .*tenant_id');
tells('a wrong client id', { client_id => $other }, 'AADSTS700016',
	'teams_configure\(\) the right client_id');
tells('a bot that is multi-tenant elsewhere', { multi_tenant => 'true' },
	'AADSTS|refused', 'client_id|multi_tenant => ');
$sim->fault(operation => 'send', status => 401, count => -1, message => 'no');
tells('a token that is refused', {}, 'refused a new token',
	'multi_tenant => true if the bot was registered as multi-tenant',
	"teams_send('ada\@contoso.com', 'x', bot => 'bot" . ($bot + 1) . "')");
$sim->clear_faults;

# The app in the catalog.
tells('the manifest id as teams_app_id',
	{ teams_app_id => "'" . TeamsSim::MANIFEST_ID . "'" },
	"is the id in the app's manifest, not that of the catalog",
	"teams_app_id => '" . TeamsSim::TEAMS_APP_ID . "'");
tells('an app that is not in the catalog', { teams_app_id => $other },
	'catalog has no app with id', 'the teams_app_id of one that is there');
tells('a wrong manifest id', { teams_app_id => 'NULL', manifest_id => $other },
	'catalog has no app with manifest id', "Upload the app's package");
$sim->contoso(@no_catalog);
$sim->expire_tokens;
tells('the same where the catalog cannot be asked',
	{ teams_app_id => "'" . TeamsSim::MANIFEST_ID . "'" }, 'No app|not found',
	"teams_app_id that it has there, not the id in its manifest");
$sim->contoso(roles => []);
tells('no permission', {}, 'Missing role permissions|roles on the request',
	'TeamsAppInstallation\.ReadWriteSelfForUser\.All');
$sim->contoso(roles => TeamsSim::ROLES);
$sim->expire_tokens;

# What the Bot Connector says.
my %refused = (
	BotNotRegistered => [ 401, 'Register the bot in Azure with this client_id' ],
	InvalidBotApiHost => [ 403, "cloud => 'gcc'" ],
	TenantNoPermission => [ 403, 'administrator to allow them' ]);
for my $code (sort keys %refused)
{
	my ($status, $hint) = @{ $refused{$code} };

	$sim->fault(operation => 'send', status => $status, code => $code, count => -1);
	tells($code, {}, $code, $hint,
		"teams_send('ada\@contoso.com', 'x', bot => 'bot" . ($bot + 1) . "')");
	$sim->clear_faults;
}

# Recipients that there are not.
my $team = $sim->team(channels => ['Ops'], members => ['ada@contoso.com']);
$sim->install($team->{id});
my $next = sub { 'bot' . ($bot + 1) };
tells('a typo', {}, 'nobody@contoso.com', 'Check the user id, and that the user has a license',
	"teams_send('nobody\@contoso.com', 'x', bot => '" . $next->() . "')");
tells('a team as a person', {}, 'NotFound', 'If it is that of a team, call teams_post',
	"teams_send('$team->{id}', 'x', bot => '" . $next->() . "')");
tells('a channel that there is not', {}, 'ConversationNotFound',
	'The team has no such channel',
	"teams_post('$team->{id}', '19:nothing\@thread.tacv2', 'x', bot => '" . $next->() . "')");

done_testing();
