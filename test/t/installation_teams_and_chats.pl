# The bot in teams and group chats: installing it, posting, and taking it away.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my $team = $sim->team(channels => ['Deploys', 'Alerts']);
my $chat = $sim->group_chat;
my ($team_id, $general) = ($team->{id}, $team->{general});
my $deploys = $team->{channels}{Deploys};

sub job
{
	my ($function, $target, $scope) = @_;
	return $node->outcome($node->value(
			"SELECT teams_$function('$target', scope => '$scope')"));
}

sub outcome
{
	my ($statement) = @_;
	return $node->outcome($node->value("SELECT $statement"));
}

# A team.
is(job('check_installed', $team_id, 'team'), 'sent', 'a team can be checked');
is($node->installation($team_id, 'state'), 'absent', 'the bot is not there');
is(job('ensure_installed', uc $team_id, 'team'), 'sent',
	'it is installed, however the id is spelled');
is($node->installation($team_id, 'scope, state, chat_id, app_version, installed_by_us'),
	"team|installed|$general|1.4.0|t", 'with the team\'s General channel');
is(outcome("teams_post('$team_id', NULL, 'to all')"), 'sent',
	'a message to the team');
is(join(' ', map { $_->{text} } $sim->messages(conversation => $general)),
	'to all', 'goes to General');
$sim->publish('1.5.0');
is(job('upgrade', $team_id, 'team'), 'sent', 'a team is upgraded');
is($node->installation($team_id, 'app_version'), '1.5.0', 'to the new version');

# A channel is where its team is.
$sim->reset_stats;
is(outcome("teams_post('$team_id', '$deploys', 'build 1')"), 'sent',
	'a channel of a team that has the bot');
is($sim->stats->{graph_requests}, 0, 'needs no question');
is(job('uninstall', $team_id, 'team'), 'sent', 'taken away from the team');
is($node->installation($team_id, "state, trim(uninstalled_by::text, '\"') = current_user"),
	'uninstalled|t',
	'as is on record');
for my $channel ('NULL', "'$deploys'", "'$team->{channels}{Alerts}'")
{
	is(outcome("teams_post('$team_id', $channel, 'build 2')"),
		'failed uninstalled', "it is gone from its channels: $channel");
}
is($sim->message_count, 2, 'nothing was posted');
is(job('ensure_installed', $team_id, 'team'), 'sent', 'and back again');
is(outcome("teams_post('$team_id', '$deploys', 'build 3')"), 'sent',
	'the channels have it again');

# A team that nobody has asked for is asked for by a message to a channel.
my $other = $sim->team(id => 'c8a4f3d1-6c2e-4e0b-9d37-5f1c8a2e7b04',
	channels => ['Talk']);
is(outcome("teams_post('$other->{id}', '$other->{channels}{Talk}', 'hi')"),
	'sent', 'a message to a channel installs the bot in its team');
is($node->installation($other->{id}, "scope, state, chat_id"), 'team|installed|',
	'and does not ask for General');
is(outcome("teams_post('$other->{id}', NULL, 'hello')"), 'sent',
	'General is asked for when it is needed');
is($node->installation($other->{id}, 'chat_id'), $other->{general}, 'once');

# A group chat.
is(outcome("teams_send_chat('$chat', 'first')"), 'sent',
	'a message to a group chat installs the bot there');
is($node->installation($chat, 'scope, state, chat_id'), "chat|installed|$chat",
	'and the chat is the chat');
is(job('uninstall', $chat, 'chat'), 'sent', 'it can be taken away');
is(outcome("teams_send_chat('$chat', 'second')"), 'failed uninstalled',
	'and is not brought back by a message');
$sim->install($chat, '1.4.0');
is(job('check_installed', $chat, 'chat'), 'sent', 'a check finds it back');
is(job('upgrade', $chat, 'chat'), 'sent', 'it can be upgraded');
is($node->installation($chat, 'state, app_version'), 'installed|1.5.0', 'there, too');
is(outcome("teams_send_chat('$chat', 'third')"), 'sent', 'and written to');

# Those that are not there, and permissions of their own.
my $unknown = 'd8a4f3d1-6c2e-4e0b-9d37-5f1c8a2e7b05';
like(job('ensure_installed', $unknown, 'team'), qr/^failed NotFound/,
	'a team that is not there fails');
is($node->installation($unknown, "state, hint ~ 'no such team'"), 'unknown|t',
	'with advice that fits a team');
$sim->contoso(roles => ['TeamsAppInstallation.ReadWriteSelfForUser.All']);
$sim->expire_tokens;
like(job('check_installed', $team_id, 'team'), qr/^failed Forbidden/,
	'without the permission for teams a job fails');
like($node->installation($team_id, 'hint'), qr/ReadWriteSelfForTeam/, 'and names it');
is($node->value('SELECT paused_at IS NULL FROM teams_bot'), 't',
	'but does not pause the bot');
is(outcome("teams_send('ada\@contoso.com', 'still here')"), 'sent',
	'people get their messages');

# Four requests a second for one team (contract 5.2).
$sim->contoso;
$sim->expire_tokens;
$sim->settings(enforce_quotas => JSON::PP::true());
$sim->reset_stats;
my $start = time;
$node->value("SELECT count(teams_check_installed('$team_id', scope => 'team'))"
	  . ' FROM generate_series(1, 12)');
$node->wait_until_sent;
my $elapsed = time - $start;
is($node->value("SELECT count(*) FROM teams_delivery WHERE kind = 'check'"
		  . " AND fate = 'sent' AND id > (SELECT max(id) - 12 FROM teams_delivery)"),
	12, 'twelve questions about one team are answered');
is($sim->stats->{throttled}, 0, 'none is too many');
cmp_ok($elapsed, '>=', 2, 'as they take their time');
cmp_ok($elapsed, '<', 8, 'and no more');

done_testing();
