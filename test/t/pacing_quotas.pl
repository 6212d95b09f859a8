# The published quotas are kept by pacing, before the services answer 429.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start(enforce_quotas => 1);
$sim->contoso;
$sim->config(generate_users => { count => 400, upn => 'user%d@contoso.com',
		installed => 340, app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim, configure => 0,
	init => { allows_streaming => 1 });
my %published = (connector_rate => 50, graph_rate => 30);
$node->configure($sim, %published);

# Sixty people who lack the bot: installed, looked up, chat.
my $start = time;
$node->value(q{SELECT count(teams_ensure_installed('user' || i || '@contoso.com'))
	FROM generate_series(341, 400) AS i});
$node->wait_until_sent;
my $elapsed = time - $start;
my $stats = $sim->stats;
note(sprintf('60 installations took %.1f s', $elapsed));
is($stats->{installs}, 60, 'the bot was installed for all who lack it');
is($stats->{throttled}, 0, 'Graph throttled nothing');
is_deeply([@{ $stats->{items} }{qw(install lookup chat)}], [60, 60, 60],
	'with three requests for each');
cmp_ok($elapsed, '<', 5, 'and the quotas were used: 60 of each, 30 a second');

# Known people. The first messages make them known, at 30 a second.
$node->value(q{SELECT count(teams_ensure_installed('user' || i || '@contoso.com'))
	FROM generate_series(1, 100) AS i});
$node->wait_until_sent;

# Other work of this machine can hold messages back and let them meet in one
# second at the service; so one round of three has to be without a 429.
my $rounds = 0;
do
{
	$sim->reset_stats;
	$start = time;
	$node->value(q{SELECT count(teams_send('user' || i || '@contoso.com', 'one'))
		FROM generate_series(1, 100) AS i, generate_series(1, 2)});
	$node->wait_until_sent;
	$elapsed = time - $start;
	note(sprintf('200 messages took %.1f s', $elapsed));
} until (++$rounds == 3 || $sim->stats->{throttled} == 0);
my $messages = 200 * $rounds;
is($sim->message_count, $messages, 'all messages arrive');
is($sim->stats->{throttled}, 0, 'the Connector throttled nothing');
cmp_ok($elapsed, '>', 2.5, 'the pace was kept: 50 a second');
cmp_ok($elapsed, '<', 10, 'and the quota was used');

# The quota is the bot's, whichever databases send for it.
$node->safe_psql('postgres', 'CREATE DATABASE second');
$node->safe_psql('second', 'CREATE EXTENSION teams_proactive');
$node->configure($sim, database => 'second', %published);
$rounds = 0;
do
{
	$sim->reset_stats;
	for my $database ('postgres', 'second')
	{
		$node->value(
			q{SELECT count(teams_send('user' || i || '@contoso.com', current_database()))
			FROM generate_series(1, 75) AS i}, $database);
	}
	$node->wait_until_sent('second');
	$node->wait_until_sent;
	$messages += 150;
} until (++$rounds == 3 || $sim->stats->{throttled} == 0);
is($sim->message_count, $messages, 'messages from two databases arrive');
is($sim->stats->{throttled}, 0, 'and together they keep the quota');

# What leaves late is counted late: here the ledger's commit waits for a standby
# until more than a second after the messages were chosen, a fifth of the quota.
$node->set(synchronous_standby_names => 'missing');
{
	local $ENV{PGOPTIONS} = '-c synchronous_commit=local';
	$node->send_to_all(100, 'late');
}
sleep 2;
$node->set(synchronous_standby_names => '');
$node->wait_until_sent;
my @arrived = map { $_->{received_at_ns} / 1e9 } ($sim->messages)[$messages .. $messages + 99];
is(scalar(grep { $_ < $arrived[0] + 0.05 } @arrived), 10,
	'messages that leave late are not followed by others at once');

# A service that says 429 all the same: it costs no attempt.
$sim->fault(service => 'connector', operation => 'send', count => 5,
	status => 429, code => 'Throttled', headers => { 'Retry-After' => '1' });
$node->value(q{SELECT count(teams_send('user' || i || '@contoso.com', 'more'))
	FROM generate_series(1, 20) AS i});
$node->wait_until_sent;
is( $node->value(q{SELECT count(*), max(attempts) FROM teams_delivery
		WHERE fate = 'sent' AND id > (SELECT max(id) - 20 FROM teams_delivery)}),
	'20|1',
	'throttled messages are sent later, and no attempt is counted');

done_testing();
