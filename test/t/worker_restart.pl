# Neither a restart nor a crash loses a message, and only a crash can send one
# twice: then it is known which.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $users = 2000;
my $sim = TeamsSim->start(latency_ms => 5);
$sim->contoso;
$sim->config(generate_users => { count => $users, installed => $users,
	upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim,
	conf => 'restart_after_crash = on');

# Wait until so many messages have arrived at the simulator.
sub wait_for_messages
{
	my ($count) = @_;
	return TeamsNode::wait_for("$count messages",
		sub { $sim->message_count >= $count });
}

sub fates
{
	return $node->value('SELECT fate, doubtful, count(*) FROM teams_delivery'
		  . ' GROUP BY 1, 2 ORDER BY 1, 2');
}

# A restart in the middle of 10,000 messages.
$node->send_to_all($users, "round $_") for 1 .. 5;
wait_for_messages(1000);
$node->restart;
my $before = $sim->message_count;
cmp_ok($before, '<', 5 * $users, "the server was restarted after $before");
ok($node->wait_until_sent, 'the rest of 10,000 messages leaves the outbox');
is($sim->message_count, 5 * $users, 'all arrive');
is(scalar($sim->duplicates), 0, 'none twice');
is(fates(), 'sent|f|' . 5 * $users, 'all are on record as sent');
my %rounds;
push @{ $rounds{ $_->{upn} } }, $_->{text} =~ /round (\d)/
  for $sim->messages;
is_deeply([ grep { "@{ $rounds{$_} }" ne '1 2 3 4 5' } keys %rounds ],
	[], 'each person got them in order');

# The worker alone is told to end.
$node->send_to_all($users, 'more');
wait_for_messages(5 * $users + 200);
my $first = $node->worker_pid;
$node->value("SELECT pg_terminate_backend($first)");
ok($node->wait_until_sent, 'after SIGTERM to the worker the rest is sent');
isnt($node->worker_pid, $first, 'by another worker');
is($sim->message_count, 6 * $users, 'all arrive');
is(scalar($sim->duplicates), 0, 'none twice');
is(fates(), 'sent|f|' . 6 * $users, 'and none is in doubt');

# The worker is killed while 30 messages are on the wire: the service has them
# and has not answered.  What waits behind them is not in doubt.  To the service
# these requests are still there when they are sent again.
$node->value('TRUNCATE teams_delivery');
$sim->settings(latency_ms => 0, strict_conversations => JSON::PP::false);
$sim->fault(operation => 'send', text => 'stuck', count => 30,
	delay_ms => 60000);
$before = $sim->message_count;
$node->set('teams_proactive.max_in_flight' => 30);
$node->wait_until("SELECT setting = '30' FROM pg_settings"
	  . " WHERE name = 'teams_proactive.max_in_flight'");
$node->value(<<'END');
SELECT teams_send('user' || i || '@contoso.com', 'stuck ' || i,
	delivery => CASE WHEN i <= 10 THEN 'at-most-once'
		ELSE 'at-least-once' END)
FROM generate_series(1, 30) AS i;
END
wait_for_messages($before + 30);
$node->send_to_all(100, 'waiting');
$node->send_to_all(100, 'careful', delivery => 'at-most-once');
kill 'KILL', $node->worker_pid;
$node->wait_until_sent;
is( fates(),
	"failed|t|10\nsent|f|200\nsent|t|20",
	'after a crash, exactly what was on the wire is in doubt');
is( $node->value(
		'SELECT DISTINCT error_code, hint IS NOT NULL FROM teams_delivery'
		  . " WHERE fate = 'failed'"),
	'outcome_unknown|t',
	'at-most-once messages in doubt say so');
is_deeply(
	[ sort map { $_->{text} } $sim->duplicates ],
	[ sort map { "stuck $_" } 11 .. 30 ],
	'those in doubt are sent again, but not the at-most-once ones');
is($node->value('SELECT count(*) FROM teams_inflight'),
	0, 'the ledger is empty in the end');

# The same in the middle of a flood, wherever that hits.
$node->value('TRUNCATE teams_delivery');
$sim->clear_faults;
$sim->settings(latency_ms => 20);
$before = $sim->message_count;
my %known = map { $_->{text} => 1 } $sim->duplicates;
$node->send_to_all($users, 'flood', delivery => 'at-least-once');
$node->send_to_all($users, 'once', delivery => 'at-most-once');
wait_for_messages($before + $users * 3 / 4);
kill 'KILL', $node->worker_pid;
$node->wait_until_sent;
my %doubtful = map { $_ => 1 } split /\n/, $node->value(
	"SELECT target FROM teams_delivery WHERE doubtful AND fate = 'sent'");
my @twice = grep { !$known{ $_->{text} } } $sim->duplicates;
my %arrived = map { $_->{text} => 1 } $sim->messages;
note(sprintf '%d messages were in doubt, %d arrived twice',
	scalar(keys %doubtful), scalar(@twice));
is($node->value('SELECT count(*) FROM teams_delivery'),
	2 * $users, 'every message has one fate');
is(scalar(grep { !$arrived{"flood $_"} } 1 .. $users), 0, 'none is lost');
is_deeply([ grep { !$doubtful{ $_->{upn} } } @twice ],
	[], 'what arrived twice is known to be doubtful');
is_deeply([ grep { $_->{text} =~ /^once/ } @twice ],
	[], 'no at-most-once message arrived twice');
cmp_ok(scalar(keys %doubtful), '<=', 200, 'few are doubtful');
is( $node->value(
		"SELECT count(*) FROM teams_delivery WHERE fate <> 'sent'"
		  . " AND NOT (doubtful AND error_code = 'outcome_unknown')"),
	0, 'nothing else failed');

done_testing();
