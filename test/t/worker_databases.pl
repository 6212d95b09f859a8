# Several databases and several bots work side by side, and databases and
# extensions come and go under a running server.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my $odd = 'Odd @schema; %s.x';
my $second_bot = {
	client_id => '44444444-4444-4444-8444-444444444444',
	client_secret => 'another+secret=',
	tenant_id => TeamsSim::TENANT_ID(),
	teams_app_id => '55555555-5555-4555-8555-555555555555',
	manifest_id => '66666666-6666-4666-8666-666666666666',
	display_name => 'Second Bot',
	version => '1.0.0',
	roles => ['TeamsAppInstallation.ReadWriteSelfForUser.All'],
};

sub workers
{
	my ($database) = @_;
	return scalar(my @pids = $node->worker_pids($database));
}

# Send a text from a database; true if it arrives by the right bot.
sub arrives
{
	my ($database, $text, %options) = @_;
	my $bot = delete $options{by} // TeamsSim::CLIENT_ID();
	my $id = $node->send('ada@contoso.com', $text, database => $database,
		%options);

	return 0 if $node->fate($id, $database) ne 'sent';
	return 1 == grep { $_->{text} eq $text && $_->{bot} eq $bot }
	  $sim->messages;
}

# A second bot in the same database, and in a database of its own.
$sim->config(bots => [$second_bot]);
$node->credential('second', $second_bot->{client_secret});
my %second = (
	client_id => "'$second_bot->{client_id}'",
	teams_app_id => "'$second_bot->{teams_app_id}'",
	credential => "'second'");
$node->configure($sim, %second, bot => "'second'");
ok(arrives('postgres', 'from the first bot'), 'the first bot sends');
ok( arrives('postgres', 'from the second bot', bot => 'second',
		by => $second_bot->{client_id}),
	'the second bot sends');

$node->value('CREATE DATABASE other');
$node->value(<<"END", 'other');
CREATE SCHEMA "$odd";
CREATE EXTENSION teams_proactive SCHEMA "$odd";
ALTER DATABASE other SET search_path = "$odd";
END
ok($node->worker_pid('other'), 'a new extension gets a worker');
$node->configure($sim, %second, database => 'other');
ok( arrives('other', 'from the other database',
		by => $second_bot->{client_id}),
	'it sends, whatever the name of its schema');
ok(arrives('postgres', 'from here'), 'the first database still sends');
is($node->value('SELECT count(*) FROM teams_outbox'), 0,
	'each worker sees to its own outbox');

# The worker leaves at once for commands that want the database.
$node->value('ALTER DATABASE other RENAME TO renamed');
ok($node->worker_pid('renamed'), 'a renamed database gets its worker back');
ok( arrives('renamed', 'from the renamed database',
		by => $second_bot->{client_id}),
	'and sends');
$node->value("SELECT teams_pause()", 'renamed');
my $waiting = $node->send('ada@contoso.com', 'from both',
	database => 'renamed');
$node->value('CREATE DATABASE copy TEMPLATE renamed');
ok($node->worker_pid('renamed'), 'the worker of a copied database is back');
$node->configure($sim, %second, bot => "'again'", database => 'renamed');
$node->value(qq{ALTER DATABASE copy SET search_path = "$odd"});
$node->value('SELECT teams_resume()', 'copy');
ok($node->worker_pid('copy'), 'the copy gets one when it is resumed');
is($node->fate($waiting, 'copy'), 'sent', 'the copy sends what is in it');
is($node->value('SELECT count(*) FROM teams_outbox', 'renamed'),
	1, 'the original is not concerned');

# A command that fails sends the worker away for nothing.
like( $node->error_of('ALTER DATABASE renamed RENAME TO again', 'renamed'),
	qr/current database cannot be renamed/, 'a command can fail');
ok( arrives('renamed', 'after the failed command',
		by => $second_bot->{client_id}, bot => 'again'),
	'and then the worker comes back');

# Dropping the extension.
sub things
{
	return $node->value(<<"END", 'renamed');
SELECT (SELECT count(*) FROM pg_class WHERE relname LIKE 'teams%')
	+ (SELECT count(*) FROM pg_proc WHERE proname LIKE 'teams%')
	+ (SELECT count(*) FROM pg_type WHERE typname LIKE '%teams%')
	+ (SELECT count(*) FROM pg_depend AS d
		JOIN pg_namespace AS n ON d.refobjid = n.oid
		WHERE n.nspname = '$odd')
END
}
cmp_ok(things(), '>', 20, 'the extension consists of many things');
$node->value('DROP EXTENSION teams_proactive', 'renamed');
ok( TeamsNode::wait_for('the worker to end',
		sub { workers('renamed') == 0 }, 1),
	'the worker ends within a second of DROP EXTENSION');
is(things(), 0, 'nothing is left of the extension');
is($node->value("SELECT count(*) FROM teams_worker WHERE database = 'renamed'"),
	0, 'not even a slot');
$node->value('CREATE EXTENSION teams_proactive', 'renamed');
ok($node->worker_pid('renamed'), 'created anew, it has a worker anew');

# What is rolled back did not happen.
$node->value('BEGIN; DROP EXTENSION teams_proactive; ROLLBACK', 'copy');
ok( arrives('copy', 'still there', by => $second_bot->{client_id}),
	'a DROP EXTENSION that is rolled back changes nothing');

# Requests that hang are no reason to wait, here or elsewhere.
$node->value('CREATE DATABASE unrelated');
$sim->fault(operation => 'send', text => 'hanging', delay_ms => 60000,
	count => -1);
for my $database ('postgres', 'copy')
{
	my $before = $sim->message_count;
	$node->send('ada@contoso.com', "hanging in $database",
		database => $database);
	TeamsNode::wait_for('the request',
		sub { $sim->message_count > $before });
}
my $grace = 1.5;
my $took = TeamsNode::duration(sub { $node->value('DROP DATABASE unrelated') });
cmp_ok($took, '<', 1, 'an unrelated database is dropped while a request hangs');
$took = TeamsNode::duration(sub { $node->value('DROP DATABASE copy') });
cmp_ok($took, '<', $grace + 1, 'and so is that of the request');
is(workers('postgres'), 1, 'other workers stay');

done_testing();
