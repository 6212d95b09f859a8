# Copies of a database take no worker from others: nothing is sent from them
# until somebody says that one is to send, and then it has its worker.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim,
	conf => 'teams_proactive.max_databases = 3');
my @copies = map { "copy$_" } 1 .. 5;

sub served
{
	return $node->value("SELECT string_agg(database, ' ' ORDER BY database)"
		  . ' FROM teams_worker', 'postgres');
}

# A message that cannot be sent yet, so that the copies have one.
$sim->fault(operation => 'send', text => 'pending', status => 503, count => -1);
$node->send('ada@contoso.com', 'pending');
$node->value("CREATE DATABASE $_ TEMPLATE postgres", 'template1') for @copies;
for my $copy (@copies)
{
	ok( $node->wait_until("SELECT paused_by = 'copy' FROM teams_bot", $copy),
		"$copy: the bot is paused");
}
TeamsNode::wait_for('the copies to be left', sub { served() eq 'postgres' });
$node->value('CREATE DATABASE later');
$node->value('CREATE EXTENSION teams_proactive', 'later');
ok($node->worker_pid('later'), 'a later database has its worker');
$node->restart;
ok($node->worker_pid('later'), 'also after a restart');
TeamsNode::wait_for('the copies to be left',
	sub { served() eq 'later postgres' });

# What is written in a copy is seen, but is no reason to send.
$node->send('ada@contoso.com', 'from a copy', database => 'copy1');
$node->value("SELECT teams_broadcast(ARRAY['ada\@contoso.com'], 'to all')",
	'copy1');
ok( $node->wait_until("SELECT count(*) = 3 FROM teams_outbox", 'copy1'),
	'messages in a copy wait');

# One of them is to send.
$sim->clear_faults;
$node->value('SELECT teams_resume()', 'copy2');
ok($node->wait_until_sent('copy2'), 'teams_resume() brings its worker');
is(served(), 'copy2 later postgres', 'and no other');
is($node->value('SELECT count(*) FROM teams_outbox', 'copy1'), 3,
	'messages in another still wait');
$node->value('DROP DATABASE later');
$node->configure($sim, database => 'copy1');
$node->value('SELECT teams_resume()', 'copy1');
ok($node->wait_until_sent('copy1'), 'so does its configuration');

done_testing();
