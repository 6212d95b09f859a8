# The account is balanced at every instant, also after crashes; doubt is exact.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start(latency_ms => 20)->contoso;
$sim->config(generate_users => { count => 2000, installed => 2000,
		upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim, conf => 'restart_after_crash = on');
my $looks = 0;
my @unbalanced;

sub look
{
	my $account = $node->value(
		'SELECT accepted, pending, sent, failed, balanced FROM teams_accounting');

	$looks++;
	push @unbalanced, $account if $account && $account !~ /\|t$/;
	return;
}

# Senders that commit, roll back and prepare, while the worker sends.
for my $round (1 .. 4)
{
	$node->send_to_all(500, "round $round");
	look();
	$node->value("BEGIN; SELECT count(teams_send('user1\@contoso.com', 'never'))"
		  . ' FROM generate_series(1, 10); ROLLBACK');
	look();
	$node->value("BEGIN; SELECT teams_send('user$round\@contoso.com', 'prepared');"
		  . " PREPARE TRANSACTION 'p$round'");
	look();
	$node->value("COMMIT PREPARED 'p$round'");
	look();
}
$node->wait_until_sent;
look();
is( $node->value('SELECT accepted, pending, sent, balanced FROM teams_accounting'),
	'2004|0|2004|t', 'what was committed is accounted for, and nothing else');

# A crash in the middle, with both kinds of delivery.
$sim->settings(latency_ms => 300);
$node->value("SELECT count(teams_send('user' || i || '\@contoso.com', 'crash ' || i,"
	  . " delivery => CASE i % 2 WHEN 0 THEN 'at-most-once' ELSE 'at-least-once' END))"
	  . ' FROM generate_series(1, 400) AS i');
my $before = $sim->message_count;
TeamsNode::wait_for('some to arrive', sub { $sim->message_count > $before + 60 });
my $killed = $node->worker_pid;
kill 'KILL', $killed;
$node->wait_until("SELECT count(*) = 1 FROM teams_worker"
	  . " WHERE state = 'running' AND pid <> $killed");
$sim->settings(latency_ms => 0);
$node->wait_until_sent;
look();
my %count = map { split /\|/ } split /\n/, $node->value(
	"SELECT fate || CASE WHEN doubtful THEN ' in doubt' ELSE '' END, count(*)"
	  . " FROM teams_delivery WHERE id > (SELECT max(id) - 400 FROM teams_delivery)"
	  . ' GROUP BY 1');
note(join ', ', map { "$_: $count{$_}" } sort keys %count);
my $doubtful = ($count{'sent in doubt'} // 0) + ($count{'failed in doubt'} // 0);
cmp_ok($doubtful, '>', 0, 'a crash leaves messages in doubt');
cmp_ok($doubtful, '<=', 50, 'no more than were on the wire');
is( $node->value("SELECT DISTINCT error_code FROM teams_delivery"
		  . " WHERE fate = 'failed'"),
	'outcome_unknown', 'those that are to arrive at most once fail, and say so');
is($count{'failed'} // 0, 0, 'nothing fails without doubt');
my %arrived;
$arrived{ $_->{text} }++ for grep { $_->{text} =~ /^crash/ } $sim->messages;
my @twice = grep { $arrived{$_} > 1 } keys %arrived;
my %doubted = map { $_ => 1 } split /\n/, $node->value(
	"SELECT 'crash ' || substring(target, 5, strpos(target, '\@') - 5)"
	  . ' FROM teams_delivery WHERE doubtful');
is_deeply([ grep { !$doubted{$_} } @twice ], [],
	'only what is in doubt has arrived twice');
is_deeply([ grep { my ($n) = /(\d+)/; $n % 2 == 0 } @twice ], [],
	'and only what may');
is(scalar(@unbalanced), 0, "balanced at each of $looks looks")
  or diag(explain(\@unbalanced));

# The delta rows are added up.
$node->wait_until('SELECT count(*) <= 5 FROM teams_account');
is($node->value('SELECT balanced, accepted FROM teams_accounting'), 't|2404',
	'adding up the account changes nothing');

# Removing what is old.
$node->value("SELECT teams_send('user1\@contoso.com', 'keyed', dedupe_key => 'k')");
$node->wait_until_sent;
$node->value("UPDATE teams_delivery SET settled_at = now() - interval '2 days'");
$node->fate($node->send('user1@contoso.com', 'young'));
$node->value("INSERT INTO teams_notify_error (at, schema_name, table_name, trigger_name,"
	  . " template, error_code, error) SELECT now() - i * interval '1 day', 's', 't', 't',"
	  . " 't', '22023', 'e' FROM generate_series(0, 2) AS i");
$node->set('teams_proactive.retention' => '1d');
ok($node->wait_until('SELECT count(*) = 1 FROM teams_delivery'),
	'what is older than the retention is removed');
is($node->value('SELECT count(*) FROM teams_dedupe'), 0, 'with its keys');
ok($node->wait_until("SELECT count(*) = 1 FROM teams_notify_error"),
	'so are notifications that failed');
is($node->value('SELECT balanced, accepted FROM teams_accounting'), 't|2406',
	'and the account stays');

# A sequence that was set back gives an id a second time.
my $id = $node->value('SELECT id FROM teams_delivery');
$node->value("SELECT setval('teams_outbox_id_seq', $id, false)");
is($node->send('user2@contoso.com', 'again'), $id, 'an id comes again');
$node->wait_until_sent;
is( $node->value('SELECT id, target, fate FROM teams_delivery'),
	"$id|user2\@contoso.com|sent",
	'and its message takes the place of the old one in the history');

done_testing();
