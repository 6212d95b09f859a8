# A standby is silent.  When the primary dies in the middle of its work and the
# standby is promoted, that goes on by itself, and only what the ledger has can
# arrive twice.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $users = 1000;
my $sim = TeamsSim->start->contoso;
$sim->config(generate_users => { count => $users, installed => $users,
	upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $primary = TeamsNode->start('primary', $sim,
	init => { allows_streaming => 1 });

$primary->backup('copy');
my $standby = bless PostgreSQL::Test::Cluster->new('standby'), 'TeamsNode';
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->credential('ops', TeamsSim::CLIENT_SECRET());
$standby->start;

# The ledger is as good as the commits of the worker: the primary must not
# send what the standby does not know of.
$primary->set(synchronous_standby_names => 'standby');
$primary->wait_until("SELECT sync_state = 'sync' FROM pg_stat_replication");

sub known_to_standby
{
	my ($query) = @_;
	$primary->wait_for_catchup($standby);
	return $standby->value($query);
}

sub processes
{
	my ($node) = @_;
	return $node->value("SELECT count(*) FROM pg_stat_activity"
		  . " WHERE backend_type LIKE 'teams_proactive%'");
}

sub is_silent
{
	my ($when) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is(processes($standby), 0, "$when there is no process of ours on a standby");
	is($standby->value('SELECT count(*) FROM teams_worker'),
		0, 'nor a worker in the view');
	is(scalar($sim->duplicates), 0, 'and nobody has sent what the primary sent');
	return;
}

# In recovery.
$primary->send_to_all($users, 'before');
$primary->wait_until_sent;
is(known_to_standby("SELECT count(*) FROM teams_delivery WHERE fate = 'sent'"),
	$users, 'a standby knows what was sent');
is($sim->message_count, $users, 'which was sent once');
is_silent('with nothing to do');

# Pending messages, among them some that are due and that nobody sends.
$primary->value("SELECT teams_pause()");
$primary->send_to_all($users, 'first');
is( known_to_standby(
		"SELECT count(*) FROM teams_message WHERE state = 'pending'"),
	$users, 'a standby knows what is pending');
like($standby->error_of('CALL teams_drain()'),
	qr/nothing is sent during recovery/, 'teams_drain() refuses');
like($standby->error_of("SELECT teams_send('ada\@contoso.com', 'x')"),
	qr/read-only transaction/, 'and so does teams_send()');
is_silent('with pending messages');

# The primary dies in full flight, with some requests that hang.
$sim->settings(latency_ms => 30, strict_conversations => JSON::PP::false);
$sim->fault(operation => 'send', text => 'hangs', delay_ms => 60000,
	count => -1);
$primary->value(<<'END');
SELECT teams_send('user' || i || '@contoso.com', 'hangs ' || i,
	delivery => CASE WHEN i <= 5 THEN 'at-most-once' ELSE 'at-least-once' END)
FROM generate_series(1, 10) AS i
END
$primary->send_to_all($users, 'second');
$primary->value('UPDATE teams_bot SET connector_rate = 300');
$primary->value('SELECT teams_resume()');
TeamsNode::wait_for('requests that hang', sub {
	my @texts = map { $_->{text} } $sim->messages(after => $users);
	return @texts > $users / 2 && 10 == grep { /^hangs/ } @texts;
});
$primary->stop('immediate');
$standby->wait_until(
	'SELECT pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()');
is_silent('without a primary');
my %ledger = map { $_ => 1 } split /\n/, $standby->value(
	'SELECT DISTINCT target FROM teams_outbox'
	  . ' WHERE id IN (SELECT unnest(ids) FROM teams_inflight)');
my $pending = $standby->value('SELECT count(*) FROM teams_outbox');
cmp_ok($pending, '>', $users / 2, "$pending messages are pending");
cmp_ok(scalar(keys %ledger), '>=', 10, 'some of them in the ledger');
cmp_ok(scalar(keys %ledger), '<=', 50, 'but no more than can be in flight');

# The standby takes over.
my $arrived = $sim->message_count;
$sim->clear_faults;
$standby->set(synchronous_standby_names => '');
$standby->value('SELECT pg_promote()');
ok($standby->worker_pid, 'after a promotion a worker comes');
ok($standby->wait_until_sent, 'and sends what is pending');
cmp_ok($sim->message_count, '>', $arrived, 'really');
my %arrived = map { $_->{text} => 1 } $sim->messages;
my @lost;
for my $i (1 .. $users)
{
	push @lost, grep { !$arrived{$_} } "before $i", "first $i", "second $i";
}
push @lost, grep { !$arrived{"hangs $_"} } 1 .. 10;
is_deeply(\@lost, [], 'nothing is lost');
my @twice = $sim->duplicates;
is_deeply([ grep { !$ledger{ $_->{upn} } } @twice ],
	[], 'nothing arrived twice but what the ledger had');
is_deeply([ sort grep { /^hangs/ } map { $_->{text} } @twice ],
	[ sort map { "hangs $_" } 6 .. 10 ],
	'that was sent again, if it may be');
is( $standby->value('SELECT fate, error_code, doubtful, count(*)'
		  . " FROM teams_delivery WHERE doubtful OR fate <> 'sent'"
		  . ' GROUP BY 1, 2, 3 ORDER BY 1'),
	"failed|outcome_unknown|t|5\nsent||t|" . (keys(%ledger) - 5),
	'and is on record as doubtful');
is($standby->value('SELECT count(*) FROM teams_delivery'),
	3 * $users + 10, 'every message has one fate');

# It is a primary now.
is($standby->fate($standby->send('ada@contoso.com', 'new')), 'sent',
	'and new messages are sent');

done_testing();
