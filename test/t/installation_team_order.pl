# Jobs of a team and messages to its channels keep the order in which they were
# written; channels beside each other do not wait for each other.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my $count = 40;
my $team = $sim->team(channels => [ map { "C$_" } 1 .. $count ]);
my $id = $team->{id};
my @channels = map { $team->{channels}{"C$_"} } 1 .. $count;
$node->value('CREATE TABLE channel (n int PRIMARY KEY, id text)');
$node->value('INSERT INTO channel VALUES '
	  . join(', ', map { "($_, '$channels[$_ - 1]')" } 1 .. $count));

# Run statements in one transaction; returns the first id that they wrote.
sub in_one
{
	my $first = 1 + $node->value('SELECT coalesce(max(id), 0) FROM'
		  . ' (SELECT id FROM teams_delivery UNION ALL SELECT id FROM teams_outbox) AS m');

	$node->value(join '', 'BEGIN;', map({ "$_;" } @_), 'COMMIT');
	return $first;
}

# Fates and codes of what was written since then, in the order of the ids.
sub fates
{
	my ($from) = @_;

	$node->wait_until_sent or die 'not all has a fate';
	return $node->value('SELECT string_agg(concat_ws(\' \', kind, fate, error_code),'
		  . " ', ' ORDER BY id) FROM teams_delivery WHERE id >= $from");
}

sub post_to_all
{
	my ($text, $times) = @_;

	return "SELECT count(teams_post('$id', c.id, '$text ' || n || ' ' || i))"
	  . " FROM generate_series(1, $times) AS i, channel AS c";
}

my $install = "SELECT teams_ensure_installed('$id', scope => 'team')";
my $uninstall = "SELECT teams_uninstall('$id', scope => 'team')";
my $upgrade = "SELECT teams_upgrade('$id', scope => 'team')";
my $check = "SELECT teams_check_installed('$id', scope => 'team')";
my $post = "SELECT teams_post('$id', '$channels[0]', 'now')";
my $general = "SELECT teams_post('$id', NULL, 'now')";

# Taken away, brought back, and written to, as one wish.
is(fates(in_one($post)), 'send sent', 'a message to a channel');
is(fates(in_one($uninstall, $install, $post, $general)),
	'uninstall sent, install sent, send sent, send sent',
	'what is sent after the bot was brought back is sent');
is(fates(in_one($uninstall, $post, $install, $post, $uninstall, $post, $general)),
	'uninstall sent, send failed uninstalled, install sent, send sent,'
	  . ' uninstall sent, send failed uninstalled, send failed uninstalled',
	'each meets what was when it was written');
is(fates(in_one($install, $upgrade, $check, $post)),
	'install sent, upgrade sent, check sent, send sent', 'and so with other jobs');

# What was sent before arrives: in a single channel, and in many.
is(fates(in_one(($post) x 15, $uninstall)),
	join(', ', ('send sent') x 15, 'uninstall sent'),
	'15 messages and then the end');
for my $round (1 .. 2)
{
	my $before = $sim->message_count;
	my $from = in_one($install, post_to_all("round $round", 25), $uninstall,
		post_to_all('too late', 2));

	$node->wait_until_sent;
	is($node->value('SELECT kind, fate, error_code, count(*) FROM teams_delivery'
			  . " WHERE id >= $from GROUP BY 1, 2, 3 ORDER BY min(id)"),
		"install|sent||1\nsend|sent||1000\nuninstall|sent||1\n"
		  . 'send|failed|uninstalled|80', "a thousand in $count channels: each its fate");
	is($sim->message_count - $before, 1000, 'what arrived');
	my %said;
	push @{ $said{$_->{conversation}} }, $_->{text}
	  for grep { $_->{text} =~ /^round $round / } $sim->messages(limit => 100000);
	is( join(' ', grep
		{
			my $n = $_;
			join(',', @{ $said{$channels[$n - 1]} // [] }) ne
			  join(',', map { "round $round $n $_" } 1 .. 25)
		} 1 .. $count),
		'', 'each channel has got its own, one by one, in their order');
}

# What waits for a retry is sent before, too.
$sim->fault(service => 'connector', status => 503, count => 2,
	text => 'stumbles', target => $channels[1]);
is(fates(in_one($install, "SELECT teams_post('$id', '$channels[1]', 'stumbles')",
		$uninstall, $install)),
	'install sent, send sent, uninstall sent, install sent',
	'a retry before the bot is taken away');
$sim->fault(service => 'graph', status => 503, count => 2,
	operation => 'uninstall');
is(fates(in_one($uninstall, $install, $post)),
	'uninstall sent, install sent, send sent', 'a retry of the job');

# One that is cancelled, that expires, or fails, keeps nobody.
$sim->fault(service => 'connector', status => 503, count => -1,
	headers => { 'Retry-After' => '600' }, target => $channels[2]);
my $slow = "SELECT teams_post('$id', '$channels[2]', 'slow')";
my $from = in_one($slow, $uninstall, $install, $post);
$node->wait_until("SELECT retrying FROM teams_outbox WHERE id = $from");
is($node->value("SELECT count(*) FROM teams_outbox WHERE id >= $from"), 4,
	'while one is retried, the end waits, and what comes after that');
$node->value("SELECT teams_cancel($from)");
like(fates($from), qr/^send cancelled \w+, uninstall sent, install sent, send sent$/,
	'when it is cancelled, they go on');
$from = in_one("SELECT teams_post('$id', '$channels[2]', 'slow',"
	  . " expires_at => now() + '3s')", $uninstall, $install, $post);
like(fates($from), qr/^send expired \w+, uninstall sent, install sent, send sent$/,
	'when it expires, too');

# Channels beside each other: one that is slow keeps no other, nor what only
# looks after the bot.
$from = in_one($slow, $check, $upgrade, $install, $post, post_to_all('beside', 5));
$node->wait_until("SELECT count(*) = 6 FROM teams_outbox WHERE id >= $from");
is($node->value("SELECT string_agg(DISTINCT target, ' ') FROM teams_outbox"),
	$channels[2], 'only what is for the slow channel waits');
$node->value("SELECT teams_cancel(array(SELECT id FROM teams_outbox))");
$node->wait_until_sent;
$sim->clear_faults;

# A job for later is none yet: for a team, a person and a chat.
my $chat = $sim->group_chat;
$from = in_one(
	"SELECT teams_uninstall('$id', scope => 'team', send_at => now() + '1 hour')",
	"SELECT teams_uninstall('ada\@contoso.com', send_at => now() + '1 hour')",
	"SELECT teams_uninstall('$chat', scope => 'chat', send_at => now() + '1 hour')",
	$post, $general, "SELECT teams_send('ada\@contoso.com', 'now')",
	"SELECT teams_send_chat('$chat', 'now')");
$node->wait_until("SELECT count(*) = 3 FROM teams_outbox WHERE id >= $from");
is($node->value('SELECT count(*) FILTER (WHERE fate = \'sent\') FROM teams_delivery'
		  . " WHERE id >= $from"),
	4, 'what is to be taken away later is written to until then');

# People and chats have one order anyway.
for my $target ([ 'grace@contoso.com', 'user', 'teams_send' ],
	[ $chat, 'chat', 'teams_send_chat' ])
{
	my ($name, $scope, $send) = @$target;
	my ($in, $out) = map { "SELECT teams_$_('$name', scope => '$scope')" }
	  qw(ensure_installed uninstall);
	my $message = "SELECT $send('$name', 'x')";

	$from = in_one($in, ($message) x 12, $out, $message, $in, $message);
	$node->wait_until("SELECT count(*) = 17 FROM teams_delivery WHERE id >= $from");
	is($node->value('SELECT string_agg(fate, \' \' ORDER BY id) FROM teams_delivery'
			  . " WHERE id >= $from"),
		join(' ', ('sent') x 14, 'failed', 'sent', 'sent'), "a $scope");
}

done_testing();
