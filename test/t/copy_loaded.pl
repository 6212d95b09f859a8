# Messages that are loaded into a database which has the extension already, as
# by pg_dump -n, are another database's: they wait until somebody says so.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $people = 5000;
my $audience = 3000;
my $sim = TeamsSim->start->contoso;
$sim->config(generate_users => { count => $people, installed => $people,
	upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim);

# Production: messages for now and for later, one of which was edited, and a
# broadcast that runs, all of which wait for a paused bot.
$node->value('CREATE DATABASE production TEMPLATE template0');
$node->value('CREATE EXTENSION teams_proactive', 'production');
$node->configure($sim, database => 'production');
$node->value('SELECT teams_pause()', 'production');
$node->value("ALTER SEQUENCE teams_outbox_id_seq RESTART 100001", 'production');
$node->send_to_all($people, 'production', database => 'production');
$node->value("SELECT teams_send('ada\@contoso.com', 'later',"
	  . " send_at => '2100-01-01 00:00+00')", 'production');
$node->value("SELECT teams_edit((SELECT min(id) FROM teams_outbox), 'edited')",
	'production');
$node->value("SELECT teams_broadcast(array_agg('user' || i || '\@contoso.com'"
	  . " ORDER BY i), 'broadcast') FROM generate_series(1, $audience) AS i",
	'production');
ok( $node->wait_until('SELECT fed = 2000 FROM teams_broadcast', 'production'),
	'a broadcast is under way');

my $dump = $node->basedir . '/dump.sql';
command_ok([ 'pg_dump', '--no-sync', '-n', 'public', '-f', $dump,
		$node->connstr('production') ], 'a schema can be dumped alone');

# Staging goes on with its own messages.
my $own = $node->send('ada@contoso.com', 'staging');
is($node->fate($own), 'sent', 'staging sends');
IPC::Run::run([ 'psql', '-X', '-q', '-f', $dump,
		'-d', $node->connstr('postgres') ], '>', \my $out, '2>', \my $err);
is($node->value("SELECT count(*) FROM teams_outbox WHERE id > 100000"),
	$people + 1 + 2000, 'the dump brings its messages');
is($node->value('SELECT state, held FROM teams_broadcast'), 'paused|t',
	'and its broadcast, which is paused');
is( $node->value('SELECT DISTINCT state, error_code, error FROM teams_message_detail'
		  . " WHERE id > 100000 AND state <> 'sent'"),
	'pending|loaded|it was loaded from a dump or replicated, and waits for'
	  . ' teams_resume()',
	'each says why it waits');
like($node->error_of("CALL teams_wait(100001, '0 s')"),
	qr/message 100001 is still pending\n.*loaded: it was loaded from a dump/s,
	'so does teams_wait()');
is($node->value('SELECT balanced FROM teams_accounting'), 't',
	'they are counted');

# Messages to the same people, before and after a restart, pass them.
for my $round (1, 2)
{
	$node->restart if $round == 2;
	my $id = $node->send('user1@contoso.com', "staging $round");
	is($node->fate($id), 'sent', 'staging goes on sending');
}
is($sim->message_count, 3, 'its own messages only');
like($node->error_of("SET ROLE pg_monitor; SELECT teams_resume()"),
	qr/permission denied/, 'not everybody can release them');

# One of them is not wanted.
is($node->value('SELECT teams_cancel(100002)'), 't', 'one can be cancelled');
$node->value('SELECT teams_resume()');
ok( $node->wait_until('SELECT count(*) = 1 FROM teams_outbox'),
	'teams_resume() has them sent');
ok( $node->wait_until("SELECT state = 'done' FROM teams_broadcast"),
	'and the broadcast goes on');
is($node->value('SELECT due_at, held_due_at, error_code FROM teams_outbox'),
	'2100-01-01 00:00:00+00||', 'what was for later is for later again');
my %got;
$got{"$_->{upn} $_->{text}"}++ for $sim->messages;
my %want = map { ("user$_\@contoso.com production $_" => 1) } 1 .. $people;
delete @want{'user1@contoso.com production 1',
	'user2@contoso.com production 2'};
$want{'user1@contoso.com edited'} = 1;
$want{'ada@contoso.com staging'} = 1;
$want{"user1\@contoso.com staging $_"} = 1 for 1, 2;
$want{"user$_\@contoso.com broadcast"} = 1 for 1 .. $audience;
is_deeply(\%got, \%want, 'each person got what was for them, once');
is($node->value('SELECT balanced FROM teams_accounting'), 't',
	'the account is balanced');

# A role that may load rows makes nobody wait but itself.
$node->value('CREATE ROLE loader LOGIN');
$node->value('GRANT INSERT ON teams_outbox TO loader');
$node->value('SET ROLE loader; INSERT INTO teams_outbox (target, activity,'
	  . " created_at) VALUES ('ada\@contoso.com',"
	  . q| '{"type": "message", "text": "x"}', '2020-01-01')|);
is($node->fate($node->send('ada@contoso.com', 'after')), 'sent',
	'others do not wait for a row that says it is old');
is($node->value('SELECT count(*) FROM teams_message'
		  . " WHERE error_code = 'loaded'"), 1, 'which waits');

done_testing();
