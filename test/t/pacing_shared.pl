# The paces in shared memory are for the bots that send: another database's
# many bots do not keep them.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $bots = 300;
my $places = 256;
my $sim = TeamsSim->start->contoso;
my @ids = map { sprintf '00000000-0000-4000-8000-%012d', $_ } 1 .. $bots;
$sim->config(bots => [
	map { {
			client_id => $_,
			client_secret => TeamsSim::CLIENT_SECRET(),
			tenant_id => TeamsSim::TENANT_ID(),
			teams_app_id => $_,
			manifest_id => $_,
			roles => ['TeamsAppInstallation.ReadWriteSelfForUser.All'] } } @ids ]);
my $node = TeamsNode->start('primary', $sim, configure => 0);

$node->value('CREATE DATABASE neighbour TEMPLATE template0');
$node->value('CREATE EXTENSION teams_proactive', 'neighbour');

# They only have to be there.
$node->configure($sim, database => 'neighbour', bot => "'bot1'",
	client_id => "'$ids[0]'", teams_app_id => "'$ids[0]'");
$node->value('INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id,'
	  . ' credential, login_url, graph_url, connector_url)'
	  . " SELECT 'bot' || i, tenant_id, id, id, credential, login_url, graph_url,"
	  . " connector_url FROM teams_bot, generate_series(2, $bots) AS i,"
	  . " LATERAL (SELECT ('00000000-0000-4000-8000-' ||"
	  . " lpad(i::text, 12, '0'))::uuid AS id) AS n",
	'neighbour');
$node->value("SELECT count(teams_send('ada\@contoso.com', bot, bot => bot))"
	  . ' FROM teams_bot', 'neighbour');
ok($node->wait_until_sent('neighbour'), 'another database has many bots');
is($sim->message_count, $bots, 'which have sent');
is($node->value('SELECT count(DISTINCT client_id) FROM _teams_throttles()'),
	$places, 'and taken all places there are');

$node->configure($sim);
my $paced = "SELECT count(*) > 0 FROM teams_throttle WHERE bot = 'default'";
TeamsNode::wait_for('a place', sub {
		$node->fate($node->send('ada@contoso.com', 'x'));
		return $node->value($paced) eq 't';
	});
is($node->value($paced), 't', "a new bot takes the place of one that is idle");
is($node->value('SELECT count(DISTINCT client_id) FROM _teams_throttles()'),
	$places, 'there are no more places');

# Who has lost its place is paced all the same.
my $before = $sim->message_count;
$node->value("SELECT count(teams_send('ada\@contoso.com', bot, bot => bot))"
	  . ' FROM teams_bot', 'neighbour');
ok($node->wait_until_sent('neighbour'), 'the others go on');
is($sim->message_count, $before + $bots, 'each with its message');

done_testing();
