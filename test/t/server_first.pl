# Commands that want the server, a database, the extension or a table for
# themselves get it at once, also while messages are being sent as fast as it
# goes; and nothing is lost or sent twice by it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $users = 500;
my $sim = TeamsSim->start->contoso;
$sim->config(generate_users => { count => $users, installed => $users / 2,
	upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim);
my $limit = 2;
my %sent = (postgres => 0, other => 0);

# Have 2,000 more messages pending, and 150 of them at the service.
sub load
{
	my ($database) = @_;
	my $before = $sim->message_count;

	for my $round (1 .. 4)
	{
		$node->send_to_all($users, "$database $sent{$database} +",
			database => $database);
		$sent{$database} += $users;
	}
	TeamsNode::wait_for('messages',
		sub { $sim->message_count >= $before + 150 });
	return;
}

# The code takes little time, and there is still much to send after it.
sub is_quick
{
	my ($name, $code, %options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	load($options{database} // 'postgres');
	my $took = TeamsNode::duration($code);
	note(sprintf '%s took %.2f s', $name, $took);
	cmp_ok($took, '<', $limit, "$name takes less than $limit s");
	return if $options{database};
	$options{then}->() if $options{then};
	cmp_ok($node->value('SELECT count(*) FROM teams_outbox'),
		'>', 100, 'and there are still messages to be sent');
	return;
}

sub sql_is_quick
{
	my ($sql) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $pid = $node->worker_pid;

	is_quick($sql, sub { $node->value($sql) });
	is($node->worker_pid, $pid, 'and the same worker goes on');
	return;
}

sub arrived_from
{
	my ($database) = @_;
	return scalar(grep { $_->{text} =~ /^$database / } $sim->messages);
}

# What is on the wire stays there for a while, whatever the command.
$sim->settings(latency_ms => 150);

# The server.  Half of the people are not known to Graph yet.
is_quick('a fast shutdown', sub { $node->stop('fast') },
	then => sub { $node->start });

# Tables.
sql_is_quick('VACUUM FULL teams_outbox');
sql_is_quick('VACUUM FULL teams_delivery');
sql_is_quick('REINDEX TABLE teams_outbox');

# The extension.  The next version of it is in the private installation only as
# long as it takes.
my $from = $node->value(
	"SELECT extversion FROM pg_extension WHERE extname = 'teams_proactive'");
my $script =
  $node->value("SELECT setting FROM pg_config WHERE name = 'SHAREDIR'")
  . "/extension/teams_proactive--$from--99.sql";
SKIP:
{
	open(my $file, '>', $script)
	  or skip "the installation cannot be written to: $!", 5;
	print $file <<'END';
ALTER TABLE @extschema@.teams_delivery ADD COLUMN remark text DEFAULT 'none';
ALTER TABLE @extschema@.teams_outbox ADD COLUMN remark text DEFAULT 'none';
DROP INDEX @extschema@.teams_outbox_ready;
CREATE INDEX teams_outbox_ready ON @extschema@.teams_outbox (bot, id)
	WHERE due_at IS NULL;
END
	close $file;
	sql_is_quick("ALTER EXTENSION teams_proactive UPDATE TO '99'");
	unlink $script;
	is( $node->value(
			"SELECT extversion FROM pg_extension WHERE extname = 'teams_proactive'"),
		'99', 'and has happened');
	my $id = $node->send('ada@contoso.com', 'postgres updated');
	$sent{postgres}++;
	is( $node->value("SELECT remark FROM teams_outbox WHERE id = $id"
			  . " UNION ALL SELECT remark FROM teams_delivery WHERE id = $id"),
		'none', 'what is sent then has the new column');
}

# Another database, and the extension in it.
$node->value('CREATE DATABASE other');
$node->value('CREATE EXTENSION teams_proactive', 'other');
$node->configure($sim, database => 'other');
is_quick('DROP EXTENSION',
	sub { $node->value('DROP EXTENSION teams_proactive', 'other') },
	database => 'other');
TeamsNode::wait_for('the worker to end',
	sub { !(my @pids = $node->worker_pids('other')) });
my $dropped = arrived_from('other');
cmp_ok($dropped, '<', $sent{other}, 'and not all had been sent');

$node->value('CREATE EXTENSION teams_proactive', 'other');
$node->configure($sim, database => 'other');
is_quick('DROP DATABASE', sub { $node->value('DROP DATABASE other') },
	database => 'other');
my $gone = arrived_from('other');
cmp_ok($gone - $dropped, '<', 4 * $users, 'and not all had been sent');

# What is pending in the end is sent.
$sim->settings(latency_ms => 0);
ok($node->wait_until_sent, 'all is sent in the end');
is(arrived_from('postgres'), $sent{postgres}, 'nothing is lost');
is_deeply(
	[ map { $_->{text} } grep { $_->{text} =~ /^postgres/ } $sim->duplicates ],
	[], 'and nothing is sent twice');
is( $node->value(
		'SELECT fate, doubtful, count(*) FROM teams_delivery GROUP BY 1, 2'),
	"sent|f|$sent{postgres}", 'nor in doubt');
is(arrived_from('other'), $gone,
	'what was dropped with its database is not sent');

done_testing();
