# The limits of each chat are kept, for all who write to it, and nobody else
# waits for them.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start(enforce_quotas => 1)->contoso;
my $node = TeamsNode->start('primary', $sim, configure => 0);
my %published = (connector_rate => 50, graph_rate => 30,
	chat_limits => "'{7,8,60,1800}'");
$node->configure($sim, %published);
$node->safe_psql('postgres', 'CREATE DATABASE second');
$node->safe_psql('second', 'CREATE EXTENSION teams_proactive');
$node->configure($sim, database => 'second', %published);
$node->fate($node->send('grace@contoso.com', 'known'));
$node->fate($node->send('ada@contoso.com', 'known'));

# Twenty messages to one chat, by two names and from two databases.
my $start = time;
my %ada = (postgres => 'ada@contoso.com', second => TeamsSim::ADA());
for my $database (sort keys %ada)
{
	$node->value("SELECT count(teams_send('$ada{$database}', 'Ada ' || i))"
		  . ' FROM generate_series(1, 10) AS i', $database);
}
my $others = time;
$node->fate($node->send('grace@contoso.com', 'not delayed'));
cmp_ok(time - $others, '<', 1.5, 'another chat does not wait');
$node->wait_until_sent('second');
$node->wait_until_sent;
my $elapsed = time - $start;
note(sprintf('20 messages to one chat took %.1f s', $elapsed));
is((grep { $_->{text} =~ /^Ada/ } $sim->messages), 20, 'all arrive');
is($sim->stats->{throttled}, 0, 'and none was throttled');
cmp_ok($elapsed, '>=', 3, 'eight in two seconds at most');
cmp_ok($elapsed, '<', 9, 'and not much slower');
is( join(' ', map { $_->{text} } grep { $_->{user} eq TeamsSim::GRACE() }
		  $sim->messages),
	'known not delayed', 'each chat got its own');

# What people see of it.
is( $node->value("SELECT string_agg(scope || ' ' || quota, ', ' ORDER BY scope)"
		  . ' FROM teams_throttle'),
	'connector 50, graph chat 30, graph delete 15, graph read 30, graph write 30',
	'teams_throttle shows the quotas');

# A 429 all the same slows one chat; several of them slow the bot.
$sim->fault(operation => 'send', text => 'slow', status => 429, count => 1,
	headers => { 'Retry-After' => '2' });
$start = time;
my $slow = $node->send('ada@contoso.com', 'slow');
TeamsNode::wait_for('the refusal', sub { $sim->faults->[-1]{hits} == 1 });
$node->fate($node->send('grace@contoso.com', 'meanwhile'));
cmp_ok(time - $start, '<', 1.9, 'a throttled chat delays no other');
$node->fate($slow);
cmp_ok(time - $start, '>=', 2, 'and waits as long as it was told');
is($node->value("SELECT attempts FROM teams_delivery WHERE id = $slow"),
	1, 'which counts as no attempt');
is($node->value("SELECT share FROM teams_throttle WHERE scope = 'connector'"),
	1, 'the bot is as fast as before');

done_testing();
