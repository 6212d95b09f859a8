# People who have removed or blocked the bot are left alone.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my $ada = 'ada@contoso.com';

sub state_of
{
	my ($target) = @_;
	return $node->installation($target, 'state');
}

# The outcome of one more message: fate, code and number of requests it took.
sub outcome
{
	my ($user, $text) = @_;
	my %before = %{ $sim->stats->{items} };
	my $outcome = $node->outcome($node->send($user, $text));
	my %after = %{ $sim->stats->{items} };

	return join ' ', $outcome,
	  map { "$_=" . ($after{$_} - $before{$_}) } qw(send lookup install);
}

sub ensure_installed
{
	my ($user) = @_;
	return $node->fate(
		$node->value("SELECT teams_ensure_installed('$user')"));
}

# Ada takes the bot away.
is(outcome($ada, 'hello'), 'sent send=1 lookup=1 install=1',
	'Ada, who has the bot, gets a message: installing it again does nothing');
is($sim->stats->{installs}, 0, 'indeed');
$sim->uninstall($ada);
# Looked up by the name, and then by the object id: the name may be another's.
is(outcome($ada, 'still there?'),
	'failed removed_by_user send=1 lookup=2 install=0',
	'when she has removed it, it is not installed again');
is(state_of($ada), 'removed', 'which is on record');
is( outcome($ada, 'really?'),
	'failed removed_by_user send=0 lookup=0 install=0',
	'later messages to her cost no request');
like($node->value('SELECT hint FROM teams_delivery ORDER BY id DESC LIMIT 1'),
	qr/teams_ensure_installed/, 'and say what to do');
$node->restart;
is( outcome($ada, 'after a restart'),
	'failed removed_by_user send=0 lookup=0 install=0',
	'nor does a restart change that');
is(ensure_installed($ada), 'sent', 'an explicit wish installs it');
is(outcome($ada, 'welcome back'), 'sent send=1 lookup=0 install=0',
	'and she gets messages again');

# A wish and a message in one transaction, while Graph has much to do.
$sim->uninstall($ada);
outcome($ada, 'lost again');
$sim->fault(operation => 'batch', delay_ms => 100, count => -1);
my $wish = $node->value("SELECT count(teams_ensure_installed('nobody' || i || '\@x.y'))"
	  . " FROM generate_series(1, 300) AS i; SELECT teams_ensure_installed('$ada');"
	  . " SELECT teams_send('$ada', 'wished for')");
is($node->fate((split /\n/, $wish)[-1]), 'sent',
	'a message after the wish, in the same transaction, is sent');
$sim->clear_faults;
$node->wait_until_sent;

# Many at once, and those that wait in the table.
$sim->uninstall($ada);
my $seen = $sim->message_count;
$node->value("SELECT count(teams_send('$ada', 'many ' || i))"
	  . ' FROM generate_series(1, 50) AS i');
$node->wait_until_sent;
is( $node->value('SELECT fate, count(*) FROM teams_delivery'
		  . " WHERE id > (SELECT max(id) - 50 FROM teams_delivery) GROUP BY 1"),
	'failed|50', 'all that were written to her meanwhile have failed');
is($sim->message_count, $seen, 'none has arrived');

# A bot that the organisation wants to be there.
ensure_installed($ada);
$node->configure($sim, reinstall => 'true');
$sim->uninstall($ada);
is(outcome($ada, 'mandatory'), 'sent send=2 lookup=2 install=1',
	'with reinstall it is installed again');
$node->configure($sim);

# Ada blocks the bot.
$sim->block($ada);
is( outcome($ada, 'blocked?'),
	'failed MessageWritesBlocked send=1 lookup=0 install=0',
	'a message to one who blocks the bot fails');
is(state_of($ada), 'blocked', 'which is on record');
is( outcome($ada, 'still blocked?'),
	'failed recipient_blocked send=0 lookup=0 install=0',
	'and later ones cost no request');
$sim->block($ada, 0);
is(ensure_installed($ada), 'sent', 'an explicit wish');
is(outcome($ada, 'unblocked'), 'sent send=1 lookup=0 install=0',
	'lets them through again');

# A chat that is gone, of a bot that is there.
$sim->fault(operation => 'send', text => 'moved', status => 404,
	code => 'ConversationNotFound', message => 'gone');
is(outcome($ada, 'moved'), 'sent send=2 lookup=1 install=0',
	'a chat that is gone is looked up again');

# Nobody else is affected by any of it.
is(outcome('grace@contoso.com', 'hello'), 'sent send=1 lookup=1 install=1',
	'others get their messages, and the bot');

done_testing();
