# The main job: a row written by SQL becomes a message in the right chat, with
# the bot installed for that person on the way.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start;
$sim->contoso;
my $node = TeamsNode->start('primary', $sim);

# Ada has the bot.
my $first = $node->send('ada@contoso.com', 'Build 214 is green');
is($node->fate($first), 'sent', 'a message to one who has the bot is sent');
my ($message) = $sim->messages;
is($message->{text}, 'Build 214 is green', 'it arrives with its text');
is($message->{user}, TeamsSim::ADA(), 'and at the right person');
is($node->value("SELECT activity_id FROM teams_delivery WHERE id = $first"),
	$message->{id}, 'the id that the service gave it is kept');
is($sim->stats->{installs}, 0, 'nothing was installed for that');

# Grace has not.
my $second = $node->send('grace@contoso.com', 'Welcome');
is($node->fate($second), 'sent', 'a message to one who lacks the bot is sent');
is($sim->stats->{installs}, 1, 'the bot was installed on the way');
is( $node->value(
		"SELECT state, installed_by_us, chat_id IS NOT NULL"
		  . " FROM teams_installation WHERE target = 'grace\@contoso.com'"),
	'installed|t|t',
	'what was found out is kept');

# A target already known costs one request, and Graph is not asked.
my $before = $sim->stats;
$node->fate($node->send('grace@contoso.com', 'Again'));
my $after = $sim->stats;
is($after->{graph_requests}, $before->{graph_requests},
	'a known target costs no Graph call');
is( $after->{connector_requests},
	$before->{connector_requests} + 1,
	'and one call of the Bot Connector');

# Text in all its forms arrives as it was.
my $odd = qq{"quoted" \\ back/slash <b>&amp;</b>\ttab\nline ünïcödé 🎉};
my $id = $node->value(
	"SELECT teams_send('ada\@contoso.com', \$odd\$$odd\$odd\$)");
is($node->fate($id), 'sent', 'a message with odd characters is sent');
utf8::decode($odd);
is((grep { $_->{text} eq $odd } $sim->messages)[0]{text},
	$odd, 'and arrives as it was');

# Installing alone sends nothing.
$sim->config(users => [ { id => '33333333-3333-3333-3333-333333333333',
		upn => 'linus@contoso.com', display_name => 'Linus' } ]);
my $count = $sim->message_count;
my $job = $node->value("SELECT teams_ensure_installed('LINUS\@contoso.com')");
is($node->fate($job), 'sent', 'a job to install is carried out');
is($sim->stats->{installs}, 2, 'the bot was installed');
is($sim->message_count, $count, 'and nothing was sent');

done_testing();
