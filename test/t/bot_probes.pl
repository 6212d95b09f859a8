# A bot that the worker has paused is tried again by itself, with one message.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
$sim->config(generate_users => { count => 100, upn => 'user%d@contoso.com',
		installed => 50, app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim,
	conf => 'teams_proactive.probe_interval = 200ms');

sub is_paused
{
	return $node->wait_until("SELECT paused_by = 'worker' FROM teams_bot");
}

sub goes_on
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_until_sent;
	is( $node->value('SELECT paused_at IS NULL AND paused_reason IS NULL'
			  . ' AND paused_by IS NULL FROM teams_bot'),
		't', $name);
	return;
}

# A secret that expires, and is replaced without a word to the database.
$node->credential('ops', 'expired');
$sim->expire_tokens;
$node->send_to_all(50, 'hello');
ok(is_paused(), 'a wrong secret pauses the bot');
my $tokens = $sim->stats->{items}{token};
TeamsNode::wait_for('probes',
	sub { $sim->stats->{items}{token} >= $tokens + 2 });
is($node->value('SELECT paused_by FROM teams_bot'), 'worker',
	'it stays paused while probes fail');
$node->credential('ops', TeamsSim::CLIENT_SECRET());
goes_on('once the secret is right, it goes on by itself');
is($sim->message_count, 50, 'and sends what has waited');
my $log = slurp_file($node->logfile);
my $count = () = $log =~ /is paused: could not get a token/g;
is($count, 1, 'the log has told of the pause once, not at each probe');
like($log, qr/bot "default" goes on/, 'and of its end');

# A role that is missing: a probe asks for one person only.
$sim->contoso(roles => []);
$sim->expire_tokens;
$sim->reset_stats;
$node->value("SELECT count(teams_send('user' || i || '\@contoso.com', 'hi'))"
	  . ' FROM generate_series(51, 100) AS i');
ok(is_paused(), 'a missing permission pauses the bot');
my $items = $sim->stats->{items}{lookup};
TeamsNode::wait_for('probes', sub { $sim->stats->{items}{lookup} >= $items + 3 });
my $batches = $sim->stats->{items}{batch};
cmp_ok($sim->stats->{items}{lookup} - $items, '<=', $batches + 1,
	'probes ask for one person at a time');
$sim->contoso;
goes_on('when it is granted, the bot goes on by itself');
is($sim->message_count, 100, 'and all is sent');

# An app that is not in the catalog, as that says: nobody fails for it.
$node->configure($sim,
	teams_app_id => "'99999999-9999-4999-8999-999999999999'");
$node->value("SELECT count(teams_send('user' || i || '\@contoso.com', 'app'))"
	  . ' FROM generate_series(1, 100) AS i');
ok(is_paused(), 'an app that is not in the catalog pauses the bot');
like($node->value('SELECT paused_reason FROM teams_bot'),
	qr/catalog has no app with id 99999999/, 'for that reason');
is( $node->value("SELECT count(*) FROM teams_delivery WHERE fate = 'failed'"),
	0, 'no message has failed');
$items = $sim->stats->{items}{catalog};
TeamsNode::wait_for('probes', sub { $sim->stats->{items}{catalog} >= $items + 4 });
is( $node->value("SELECT count(*) FROM teams_delivery WHERE fate = 'failed'"),
	0, 'nor by the probes');
$sim->contoso(teams_app_id => '99999999-9999-4999-8999-999999999999',
	manifest_id => '99999999-9999-4999-8999-99999999999a');
goes_on('once it is published, the bot goes on');
$sim->contoso;

# The id of the app's manifest in place of the catalog's.
$node->configure($sim, teams_app_id => "'" . TeamsSim::MANIFEST_ID() . "'");
$node->value("SELECT count(teams_send('user' || i || '\@contoso.com', 'manifest'))"
	  . ' FROM generate_series(1, 100) AS i');
ok(is_paused(), 'the id of the manifest pauses the bot');
my ($manifest, $app) = (TeamsSim::MANIFEST_ID(), TeamsSim::TEAMS_APP_ID());
like($node->value("SELECT concat_ws(' ', paused_reason, paused_hint) FROM teams_bot"),
	qr/$manifest is the id in the app's manifest.*teams_app_id => '$app'/,
	'and is told by name, with the right one');
is( $node->value("SELECT count(*) FROM teams_delivery WHERE fate = 'failed'"),
	0, 'no message has failed');
$node->configure($sim, teams_app_id => 'NULL', manifest_id => "'$manifest'");
goes_on('as manifest_id it is right');
$node->configure($sim);

# An app that an administrator blocks, also if it is for everybody, is told
# person by person: each has a fate, and the bot goes on.
my $fault = $sim->fault(operation => 'send', status => 403, count => -1,
	code => 'BotDisabledByAdmin', message => 'blocked by an administrator');
$node->value('TRUNCATE teams_delivery');
$node->send_to_all(100, 'disabled?');
$node->wait_until_sent;
is( $node->value('SELECT count(*) FROM teams_delivery'
		  . " WHERE error_code = 'BotDisabledByAdmin' AND hint ~ 'admin center'"),
	100, 'an app that is blocked for each of them fails each of them');
is($node->value('SELECT paused_at FROM teams_bot'), '',
	'which proves nothing about anybody else');
$sim->clear_faults;

# What an operator has paused stays so, and says so after a restart.
$node->value("SELECT teams_pause(reason => 'lunch')");
my $id = $node->send('ada@contoso.com', 'after lunch');
$node->restart;
$node->fate($node->value(
	"SELECT teams_send('ada\@contoso.com', 'x', bot => 'second')"
)) if $node->configure($sim, bot => "'second'") || 1;
is($node->value("SELECT paused_by, error FROM teams_bot, teams_message_detail"
		  . " WHERE id = $id AND teams_bot.bot = 'default'"),
	'operator|lunch', 'an operator\'s pause is not tried');
$node->value('SELECT teams_resume()');
is($node->fate($id), 'sent', 'but resumed');

done_testing();
