# A database that gets all tables of another one by logical replication, the
# extension's too, sends nothing and counts right; the publisher is not held up.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $people = 2000;
my $sim = TeamsSim->start->contoso;
$sim->config(generate_users => { count => $people, installed => $people,
	upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });

my $publisher = TeamsNode->start('publisher', $sim,
	init => { allows_streaming => 'logical' });
my $subscriber = TeamsNode->start('subscriber', $sim, configure => 0);

$publisher->value('CREATE PUBLICATION p FOR ALL TABLES');
$publisher->value("SELECT teams_pause()");
$publisher->send_to_all($people, 'before');
$subscriber->value("CREATE SUBSCRIPTION s CONNECTION '"
	  . $publisher->connstr . " dbname=postgres' PUBLICATION p");
ok( $subscriber->wait_until("SELECT count(*) = $people FROM teams_outbox"),
	'what is pending comes with the first copy');

# While the publisher sends, all that it writes is replicated.
$publisher->value("SELECT teams_resume()");
$publisher->send_to_all($people, 'after');
ok($publisher->wait_until_sent, 'the publisher sends');
is($publisher->value('SELECT balanced FROM teams_accounting'), 't',
	"the publisher's account is balanced");
ok( $publisher->wait_until(
		'SELECT count(*) < 20 FROM teams_account'),
	'and it is folded');
is($publisher->value('SELECT last_error FROM teams_worker_detail'), '',
	'without an error');
ok( $subscriber->wait_until(
		'SELECT (SELECT count(*) FROM teams_outbox) = 0'
		  . " AND (SELECT count(*) FROM teams_delivery) = 2 * $people"),
	'the subscriber gets what became of the messages');
is($sim->message_count, 2 * $people, 'each message was sent once');
my $all = 'SELECT string_agg(d::text, E\'\n\' ORDER BY id) FROM teams_delivery AS d';
is($subscriber->value($all), $publisher->value($all), 'both have the same history');
ok($subscriber->wait_until(
		'SELECT coalesce(bool_and(balanced), true) FROM teams_accounting'),
	"the subscriber's account is balanced");
is($subscriber->value('SELECT count(*) FROM pg_stat_subscription'
		  . ' WHERE pid IS NOT NULL'), 1, 'replication goes on');

done_testing();
