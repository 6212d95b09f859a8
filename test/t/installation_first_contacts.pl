# Whose people Graph is asked about first: a sender with thousands that nobody
# knows yet delays neither those of others, nor himself in another way.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $crowd = 5000;
my $sim = TeamsSim->start->contoso;
$sim->generate_users($crowd, upn => 'crowd%d@contoso.com',
	id_prefix => '00000001');
$sim->generate_users(1000);
my $node = TeamsNode->start('primary', $sim);
$node->value("CREATE ROLE $_; SELECT teams_grant('$_', 'sender')")
  for qw(mallory alice bob carol dave);

# People are asked for so slowly that nobody gets through thousands of them.
sub slowly { $node->configure($sim, graph_rate => $_[0]); return; }

sub write_as
{
	my ($role, $people, $text, $count, $more) = @_;

	$node->value("SET ROLE $role; SELECT count(teams_send(format('%s%s\@contoso.com',"
		  . " '$people', i), '$text ' || i" . ($more // '')
		  . ")) FROM generate_series($count) AS i");
	return;
}

# How many of the messages that the condition is for have a fate.
sub settled
{
	return $node->value("SELECT count(*) FROM teams_delivery WHERE $_[0]");
}

# Wait until those have one, and return how many of the others got one.
sub meanwhile
{
	my ($theirs, $others) = @_;
	my $before = settled($others);

	$node->wait_until(
		"SELECT count(*) = 0 FROM teams_outbox WHERE $theirs")
	  or die "$theirs: not settled";
	return settled($others) - $before;
}

# Five thousand of one sender, some of them to nobody.
slowly(30);
write_as('mallory', 'crowd', 'mallory', "1, $crowd");
write_as('mallory', 'ghost', 'mallory', '1, 500');
$node->wait_until("SELECT count(*) > 0 FROM teams_delivery");
write_as('alice', 'user', 'alice', '1, 3');
write_as('bob', 'user', 'bob', '4, 6');
cmp_ok(meanwhile("sender IN ('alice', 'bob')", "sender = 'mallory'"), '<', 100,
	'others get their turn at once');
is(settled("sender IN ('alice', 'bob') AND fate = 'sent'"), 6,
	'and reach people whom nobody knew');

# Those who are known wait for nothing of that.
my $before = settled("sender = 'mallory'");
is($node->fate($node->send('ada@contoso.com', 'known')), 'sent',
	'people who are known get theirs');
cmp_ok(settled("sender = 'mallory'") - $before, '<', 100, 'at once');

# Nor does it help to write a lot to each.
write_as('mallory', 'ghost', 'mallory', "1001, 1300", ", priority => 'high'")
  for 1 .. 8;
write_as('alice', 'user', 'alice', '14, 16', ", priority => 'high'");
cmp_ok(meanwhile("sender = 'alice'", "sender = 'mallory' AND priority = 'high'"),
	'<', 800, 'nor do others wait if it is several to each');
$before = settled("sender = 'mallory'");
is($node->fate($node->send('ada@contoso.com', 'known', priority => 'high')),
	'sent', 'and people who are known');
cmp_ok(settled("sender = 'mallory'") - $before, '<', 400, 'get theirs at once');

# The order of a conversation: mallory's last ones to somebody are not overtaken
# by what others write to the same person, in whatever priority.
write_as('mallory', 'user', 'first', '7, 7') for 1 .. 12;
write_as('mallory', 'user', 'second', '7, 7', ", priority => 'low'");
write_as('alice', 'user', 'third', '7, 7', ", priority => 'high'");
write_as('bob', 'user', 'fourth', '7, 7');
cmp_ok(meanwhile("target = 'user7\@contoso.com'",
	"sender = 'mallory' AND target ~ 'crowd'"), '<', 200,
	'somebody with messages of several');
is_deeply([ map { $_->{text} } grep { ($_->{upn} // '') eq 'user7@contoso.com' }
	  $sim->messages ],
	[ ('first 7') x 12, 'second 7', 'third 7', 'fourth 7' ],
	'gets them in the order of their ids');

# A broadcast is beside what its sender writes otherwise, at the same priority.
$node->value("SET ROLE alice; SELECT teams_broadcast('SELECT ''ghost'' || i ||"
	  . " ''\@contoso.com'' AS user_id FROM generate_series(1001, 3000) AS i',"
	  . " 'to all', priority => 'normal')");
$node->wait_until('SELECT count(*) > 1000 FROM teams_outbox'
	  . ' WHERE broadcast IS NOT NULL');
write_as('alice', 'user', 'alice', '8, 10');
cmp_ok(meanwhile("sender = 'alice' AND broadcast IS NULL",
	'broadcast IS NOT NULL'), '<', 100,
	'a broadcast does not delay what its sender writes otherwise');

# Several with much: the second has not to wait until the first is through, and
# somebody with little waits for neither.
slowly(60);
write_as('carol', 'user', 'carol', '101, 600');
write_as('dave', 'user', 'dave', '11, 13');
cmp_ok(meanwhile("sender = 'dave'", "sender = 'carol'"), '<', 100,
	'somebody with little does not wait for several with much');
# Places are shared evenly; a ghost needs one question, a person three or four.
cmp_ok(meanwhile("sender = 'carol'", "sender = 'mallory' AND target ~ 'crowd'"),
	'<', 4 * 500,
	'and of those, none waits until another is through');
cmp_ok($node->value("SELECT count(*) FROM teams_outbox WHERE sender = 'mallory'"),
	'>', 2000, 'who is not by far');
is($node->value("SELECT balanced FROM teams_accounting WHERE bot = 'default'"),
	't', 'the account is balanced meanwhile');

# In the end everybody gets theirs, once.
slowly(100000);
ok($node->wait_until_sent, 'everything is settled');
my %texts;
push @{ $texts{ $_->{upn} } }, $_->{text} for $sim->messages;

# The people who did not get just this one.
sub missed
{
	my ($people, $text, @numbers) = @_;

	return grep {
		join(', ', @{ $texts{"$people$_\@contoso.com"} // [] }) ne "$text $_"
	} @numbers;
}

is_deeply([ missed('crowd', 'mallory', 1 .. $crowd) ], [],
	'all five thousand get what is theirs');
is_deeply([ missed('user', 'carol', 101 .. 600) ], [],
	'and so do those of another');
is(settled("fate = 'failed' AND target ~ 'ghost'"), 4900, 'ghosts get nothing');
is(settled("fate <> 'sent' AND target !~ 'ghost'"), 0, 'all others do');
is($node->value("SELECT balanced FROM teams_accounting WHERE bot = 'default'"),
	't', 'the account is balanced');

$node->stop('fast');
done_testing();
