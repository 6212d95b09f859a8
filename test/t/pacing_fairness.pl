# A long queue for one chat, a paused bot or a slow tenant delays nobody else.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $slow = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
$sim->config(generate_users => { count => 300, installed => 300,
		upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
$node->configure($sim, bot => "'other'");

$node->safe_psql('postgres', <<'END');
CREATE PROCEDURE send_and_wait(who text, bot text, INOUT ms float8 = NULL)
LANGUAGE plpgsql AS $$
DECLARE
	id bigint := teams_send(who, 'now', bot => bot);
	committed_at timestamptz;
BEGIN
	COMMIT;
	committed_at := clock_timestamp();
	CALL teams_wait(id);
	ms := 1000 * extract(epoch FROM clock_timestamp() - committed_at);
END $$;
END

# The median time in which a message to somebody new is settled, in ms.
my $next = 0;

sub delay
{
	my ($bot) = @_;
	my @delays = map {
		$node->value(sprintf "CALL send_and_wait('user%d\@contoso.com', '%s')",
			++$next, $bot)
	} 1 .. 15;

	return (sort { $a <=> $b } @delays)[7];
}

my %alone = map { $_ => delay($_) } 'default', 'other';

# Tolerate what the machine's other work may add.
sub is_not_delayed
{
	my ($bot, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $delay = delay($bot);

	note(sprintf('%s: %.1f ms instead of %.1f ms', $name, $delay, $alone{$bot}));
	return cmp_ok($delay, '<', $alone{$bot} * 2 + 50, $name);
}

# A hundred thousand messages for one chat, which may have a few a second.
my $pid = $node->worker_pid;
$node->configure($sim, chat_limits => "'{7,8,60,1800}'");
$node->value("SELECT count(teams_send('ada\@contoso.com', 'ada ' || i))"
	  . ' FROM generate_series(1, 100000) AS i');
TeamsNode::wait_for('some of them',
	sub { 8 < grep { $_->{text} =~ /^ada/ } $sim->messages });
is_not_delayed('default', 'a long queue for one chat delays no other');
is_not_delayed('other', 'nor another bot');
is( $node->value("SELECT balanced FROM teams_accounting WHERE bot = 'default'"),
	't', 'the account is balanced meanwhile');
my @ada = map { $_->{text} } grep { $_->{text} =~ /^ada/ } $sim->messages;
is_deeply(\@ada, [ map { "ada $_" } 1 .. @ada ], 'the queue keeps its order');

# A hundred thousand for people Graph is slow to tell about.
$sim->fault(operation => 'batch', delay_ms => 1000, count => -1);
$node->value("SELECT count(teams_send('unknown' || i || '\@contoso.com', 'x'))"
	  . ' FROM generate_series(1, 20000) AS i');
$node->value("SELECT teams_send('user1\@contoso.com', 'known ' || i)"
	  . ' FROM generate_series(1, 5) AS i');
ok( $node->wait_until("SELECT count(*) = 0 FROM teams_outbox"
		  . " WHERE target = 'user1\@contoso.com'"),
	'those who are known do not wait for those who are not');
cmp_ok($node->value("SELECT count(*) FROM teams_outbox WHERE target ~ 'unknown'"),
	'>', 10000, 'who do wait');
$sim->clear_faults;
$node->value("SELECT teams_cancel(array_agg(id)) FROM teams_outbox"
	  . " WHERE target ~ 'unknown'");

# A paused bot with a backlog.
$node->value('SELECT teams_pause()');
is_not_delayed('other', 'a paused bot delays no other');

# A tenant that takes half a minute to answer.
$node->configure($slow, bot => "'slow'");
$node->fate($node->send('ada@contoso.com', 'tokens', bot => 'slow'));
$slow->settings(latency_ms => 30000);
$slow->fault(operation => 'lookup', delay_ms => 30000, count => -1);
$node->value("SELECT count(teams_send('user' || i || '\@contoso.com', 'late',"
	  . " bot => 'slow')) FROM generate_series(1, 200) AS i");
$node->wait_until('SELECT in_flight > 0 FROM teams_worker');
is_not_delayed('other', 'nor does a tenant that is slow to answer');
is($node->worker_pid, $pid, 'it was the same worker all the time');

$node->stop('fast');
done_testing();
