# A trigger that sends fires for what logical replication applies: such
# messages are counted and sent like all others.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $people = 5000;
my $sim = TeamsSim->start->contoso;
$sim->config(generate_users => { count => $people, installed => $people,
	upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });

my $publisher = TeamsNode->start('publisher', undef,
	init => { allows_streaming => 'logical' });
my $node = TeamsNode->start('subscriber', $sim);
my $table = 'CREATE TABLE customer (id int PRIMARY KEY, owner text)';

$_->value($table) for $publisher, $node;
$node->value("SELECT teams_set_template('new', 'customer \${row.id}')");
$node->value('CREATE TRIGGER tell AFTER INSERT ON customer FOR EACH ROW'
	  . " EXECUTE FUNCTION teams_notify('new', 'to=owner')");
$node->value('ALTER TABLE customer ENABLE ALWAYS TRIGGER tell');

# By hand, as restored or replicated rows are applied.
is( $node->value('SET session_replication_role = replica;'
		  . " INSERT INTO customer VALUES (-1, 'ada\@contoso.com');"
		  . ' RESET session_replication_role;'
		  . ' SELECT count(*) FROM teams_message'),
	1, 'a replica\'s trigger writes a message');
is($node->fate(1), 'sent', 'the worker is woken for it');

$publisher->value('CREATE PUBLICATION p FOR TABLE customer');
$node->value("CREATE SUBSCRIPTION s CONNECTION '"
	  . $publisher->connstr . " dbname=postgres' PUBLICATION p");
$publisher->value("INSERT INTO customer SELECT i, 'user' || i || '\@contoso.com'"
	  . " FROM generate_series(1, $people) AS i");
ok( $node->wait_until("SELECT count(*) = $people + 1 FROM teams_delivery"),
	'what is replicated is sent');
my %got;
$got{"$_->{upn} $_->{text}"}++ for $sim->messages;
is_deeply(\%got, { 'ada@contoso.com customer -1' => 1,
		map { ("user$_\@contoso.com customer $_" => 1) } 1 .. $people },
	'each person got the right one, once');
is($node->value('SELECT accepted, balanced FROM teams_accounting'),
	$people + 1 . '|t', 'and all are counted');

done_testing();
