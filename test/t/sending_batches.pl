# Many people are reached with few requests: the calls of Graph travel in
# batches, and what they found out is not asked for again.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $users = 1000;
my $having = 300;
my $app = TeamsSim::TEAMS_APP_ID();

# A tenant with generated users, the first of whom have the bot.
sub tenant
{
	my ($count, $installed) = @_;
	my $sim = TeamsSim->start;

	$sim->contoso;
	$sim->config(generate_users => { count => $count, installed => $installed,
		upn => 'user%d@contoso.com', app => $app });
	return $sim;
}

# Did each user get the text with the user's number, once?
sub is_one_each
{
	my ($sim, $count, $text, $name) = @_;
	my %got;

	for my $message (grep { $_->{text} =~ /^$text / } $sim->messages)
	{
		my ($number) = $message->{upn} =~ /^user(\d+)@/;
		$got{"$number: $message->{text}"}++;
	}
	is_deeply(\%got, { map { ("$_: $text $_" => 1) } 1 .. $count }, $name);
	return;
}

my $sim = tenant($users, $having);
my $node = TeamsNode->start('primary', $sim);

# The first round finds 300 installations and makes 700.
$node->send_to_all($users, 'first');
ok($node->wait_until_sent, 'a thousand messages leave the outbox');
is($node->value("SELECT count(*) FROM teams_delivery WHERE fate = 'sent'"),
	$users, 'all of them were sent');
is($sim->message_count, $users, 'the chats got as many');
is_one_each($sim, $users, 'first', 'each person got the right one, once');
my $stats = $sim->stats;
is($stats->{installs}, $users - $having, 'the bot was installed where it lacked');
cmp_ok($stats->{graph_requests}, '<=', 4 * $users / 20 + 20,
	"with few requests ($stats->{graph_requests})");
is($stats->{connector_requests}, $users, 'and one to the chat for each message');
is( $node->value(
		"SELECT count(*), count(*) FILTER (WHERE installed_by_us)"
		  . " FROM teams_installation WHERE state = 'installed'"),
	"$users|" . ($users - $having),
	'who has the bot is on record');

# The second round knows everybody.
$sim->reset_stats;
$node->send_to_all($users, 'second');
ok($node->wait_until_sent, 'another thousand messages leave the outbox');
is_one_each($sim, $users, 'second', 'each person got the right one, once');
is($sim->message_count, 2 * $users, 'nothing else was sent');
is($sim->stats->{graph_requests}, 0, 'and Graph was not asked at all');
is($sim->stats->{login_requests}, 0, 'nor was there need for a token');

# The calls of the founding document.
$sim = tenant(45, 15);
$node->configure($sim, bot => "'beta'", version => 'beta');
$node->send_to_all(45, 'beta', bot => 'beta');
ok($node->wait_until_sent, 'messages leave the outbox with the beta version');
is_one_each($sim, 45, 'beta', 'each person got the right one, once');
is($sim->stats->{installs}, 30, 'the bot was installed where it lacked');
cmp_ok($sim->stats->{graph_requests}, '<=', 4 * 45 / 20 + 20,
	'with few requests');

# The catalog knows the app by the id in its manifest.
$node->configure($sim, bot => "'manifest'", teams_app_id => 'NULL',
	manifest_id => "'" . TeamsSim::MANIFEST_ID() . "'");
$sim->reset_stats;
$node->send_to_all(45, 'manifest', bot => 'manifest');
ok($node->wait_until_sent, 'messages leave the outbox with a manifest id');
is_one_each($sim, 45, 'manifest', 'each person got the right one, once');
is($sim->stats->{items}{catalog}, 1, 'the catalog was asked once');
is($node->value("SELECT teams_app_id FROM teams_bot WHERE bot = 'manifest'"),
	$app, 'and its answer is kept');

# A manifest id that the catalog does not know: somebody has to act.
my $unknown = '99999999-9999-9999-9999-999999999999';
$node->configure($sim, bot => "'lost'", teams_app_id => 'NULL',
	manifest_id => "'$unknown'");
my $id = $node->send('ada@contoso.com', 'to nowhere', bot => 'lost');
ok( $node->wait_until(
		"SELECT paused_at IS NOT NULL FROM teams_bot WHERE bot = 'lost'"),
	'an app that is not in the catalog pauses the bot');
like($node->value("SELECT state, error_code, error FROM teams_message_detail"
		  . " WHERE id = $id"),
	qr/^pending\|bot_paused\|.*catalog.*\Q$unknown\E/,
	'and the message says why it waits');
is($node->value("SELECT count(*) FROM teams_bot WHERE paused_at IS NOT NULL"),
	1, 'no other bot is affected');
$node->configure($sim, bot => "'lost'",
	manifest_id => "'" . TeamsSim::MANIFEST_ID() . "'", teams_app_id => 'NULL');
is($node->fate($id), 'sent', 'with the right id it is sent');

done_testing();
