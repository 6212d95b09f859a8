# An error that comes again and again does not make the worker run hot, and
# what it held up goes on once the cause is gone.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

# Outcomes cannot be written; a sequence counts the attempts, as it does not
# roll back.
$node->value(<<'END');
CREATE SEQUENCE attempt;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM nextval('public.attempt');
	RAISE 'this outcome is not welcome';
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON teams_delivery
	FOR EACH ROW EXECUTE FUNCTION refuse();
END
my $id = $node->send('ada@contoso.com', 'hello');
$node->wait_until('SELECT is_called FROM attempt');
my $first = time;
$node->wait_until('SELECT last_value >= 4 FROM attempt');
my $elapsed = time - $first;
cmp_ok($elapsed, '>', 1.5, 'a transaction that fails is tried again in a while');

# It notices that its postmaster is gone, too.
my $worker = $node->worker_pid;
my $attempts = $node->value('SELECT last_value FROM attempt');
$node->wait_until("SELECT last_value > $attempts FROM attempt");
$node->kill9;
ok(TeamsNode::wait_for('the worker to end', sub { !kill(0, $worker) }),
	'without a postmaster there is no worker');

# Once outcomes can be written, they are.
$node->start;
$node->value('DROP TRIGGER refuse ON teams_delivery');
is($node->fate($id), 'sent', 'without the cause it goes on');
is($node->value('SELECT balanced FROM teams_accounting'), 't',
	'and the account is balanced');

done_testing();
