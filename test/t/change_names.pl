# What was sent to a name that somebody else has now is changed where it is.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my ($kim, $karl) =
  map { TeamsSim::generated_id($_, 'eeeeeeee') } 1, 2;
my $name = 'k.lee@contoso.com';

$sim->config(users => [{ id => $kim, upn => $name }]);
my ($first, $second, $third) = map { $node->send($name, $_) } qw(a b c);
$node->wait_until_sent;
$sim->config(users => [{ id => $kim, upn => 'kim.lee@contoso.com' },
	{ id => $karl, upn => $name }]);
$node->sync_directory;

is($node->fate($node->value("SELECT teams_edit($first, 'edited')")), 'sent',
	'before the next message is sent: an edit');
is($node->fate($node->send($name, 'karl')), 'sent', 'a message');
is($node->fate($node->value("SELECT teams_delete($second)")), 'sent',
	'and after it: a deletion');
is($sim->told($kim) . '|' . $sim->told($karl), 'edited deleted c|karl',
	'each is where the message was');

sub edit_fails_with
{
	my $id = $node->value("SELECT teams_edit($third, 'too late')");

	$node->fate($id);
	return $node->value("SELECT error_code FROM teams_delivery WHERE id = $id");
}

$sim->block('kim.lee@contoso.com');
is(edit_fails_with(), 'MessageWritesBlocked', 'one who blocks the bot');
is($node->installation($name, 'state, user_id'), "installed|$karl",
	'does not do so for whoever has the name');
$sim->uninstall('kim.lee@contoso.com');
is(edit_fails_with(), 'BotNotInConversationRoster', 'nor does one who takes it away');
is($node->installation($name, 'state, user_id'), "installed|$karl",
	'take it away from them');
is($node->fate($node->send($name, 'still')), 'sent', 'who goes on to be told');
is($sim->told($kim) . '|' . $sim->told($karl), 'edited deleted c|karl still', 'in order');

# A name that changes hands while a message is on the wire that is refused.
my ($one, $other) = map { TeamsSim::generated_id($_, 'eeeeeeee') } 3, 4;
my $pen_name = 'currer.bell@contoso.com';
$sim->config(users => [{ id => $one, upn => $pen_name }]);
$node->fate($node->send($pen_name, 'known'));
$sim->fault(operation => 'send', text => 'flies', status => 403,
	code => 'MessageWritesBlocked', delay_ms => 3000);
my $flies = $node->send($pen_name, 'flies');
TeamsNode::wait_for('the request', sub { $sim->faults->[-1]{hits} == 1 });
$sim->config(users => [{ id => $one, upn => 'charlotte@contoso.com' },
	{ id => $other, upn => $pen_name }]);
$node->sync_directory;
is($node->fate($flies), 'sent', 'whom one has blocked is not blocked by the other');
is($sim->told($one) . '|' . $sim->told($other), 'known|flies', 'who gets the message');

done_testing();
