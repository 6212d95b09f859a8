# What is the matter with one channel is not the matter of its team.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my $team = $sim->team(
	channels => [ 'Open', 'Closed', 'Gone', 'Private' ]);
my %channels = %{ $team->{channels} };
delete $channels{General};
my $chat = $sim->group_chat;

# A message to a channel (NULL: General); returns its id.
sub post_to
{
	my ($channel, $text) = @_;
	my $id = $channel ? "'$channel'" : 'NULL';

	return $node->value("SELECT teams_post('$team->{id}', $id, '$text')");
}

sub outcome
{
	my ($id) = @_;

	return $node->outcome($id, 'attempts');
}

sub team_state
{
	return $node->installation($team->{id}, 'state');
}

is(outcome(post_to($_, 'before')), 'sent 1', "a message to $_")
  for @channels{qw(Open Closed Gone Private)};
is(outcome(post_to(undef, 'before')), 'sent 1', 'and to General');

# Codes that the Connector gives for one conversation, and the attempts that
# they take: what could be over by then is tried once more.
my @cases = (
	[ 'MessageWritesBlocked', 403, 'Closed', 1 ],
	[ 'ConversationBlockedByUser', 403, 'Closed', 1 ],
	[ 'BotDisabledByAdmin', 403, 'Closed', 1 ],
	[ 'NotEnoughPermissions', 403, 'Closed', 1 ],
	[ 'ConversationNotFound', 404, 'Gone', 2 ],
	[ 'BotNotInConversationRoster', 403, 'Private', 2 ],
	[ 'MessageWritesBlocked', 403, 'General', 1 ]);
for my $case (@cases)
{
	my ($code, $status, $name, $attempts) = @$case;
	my $channel = $channels{$name};

	subtest "$code in $name" => sub
	{
		$sim->fault(service => 'connector', status => $status, count => -1,
			target => $channel // $team->{general},
			code => $code, message => "about $code");
		$sim->reset_stats;
		my @ids = map { post_to($channel, "in vain $_") } 1 .. 3;
		my $other = post_to($channels{Open}, "while $code");
		my $general = $channel ? post_to(undef, 'in General') : $other;

		is(outcome($_), "failed $code $attempts", 'a message to it fails')
		  for @ids;
		is(outcome($other), 'sent 1', 'one to another channel is sent');
		is(outcome($general), 'sent 1', 'and one to General');
		is(team_state(), 'installed', 'the team has the bot');
		is($sim->stats->{items}{install}, 0, 'and is not given it again');
		$sim->clear_faults;
		is(outcome(post_to($channel, "after $code")), 'sent 1',
			'when that is over, the next is sent, without a word to us');
	};
}
like($node->value('SELECT hint FROM teams_delivery'
		  . " WHERE error_code = 'MessageWritesBlocked' LIMIT 1"),
	qr/channel.*moderated or archived/, 'the hint speaks of the channel');

# A team that has lost the bot has lost it in all of its channels.
$sim->uninstall($team->{id});
is(outcome(post_to($channels{Open}, 'lost')), 'failed removed_by_user 2',
	'a team from which the bot was taken away');
is(outcome(post_to($channels{Closed}, 'lost')), 'failed removed_by_user 0',
	'is lost for its other channels');

# A group chat is a conversation, and has a record of its own.
is(outcome($node->value("SELECT teams_send_chat('$chat', 'first')")), 'sent 1',
	'a message to a group chat');
$sim->fault(service => 'connector', status => 403, count => 1, target => $chat,
	code => 'MessageWritesBlocked', message => 'blocked');
is(outcome($node->value("SELECT teams_send_chat('$chat', 'second')")),
	'failed MessageWritesBlocked 1', 'one that takes no messages');
is(outcome($node->value("SELECT teams_send_chat('$chat', 'third')")),
	'failed recipient_blocked 0', 'is on record as that');
is(outcome($node->value("SELECT teams_send('ada\@contoso.com', 'hello')")),
	'sent 1', 'and those in it are nobody else');

done_testing();
