# A bot that cannot work stops, says why, and goes on when that is mended.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim, configure => 0);

# Wait until the bot is paused; returns the reason.
sub pause_reason
{
	$node->wait_until('SELECT paused_at IS NOT NULL FROM teams_bot');
	return $node->value("SELECT concat_ws(' ', paused_reason, paused_hint) FROM teams_bot");
}

sub pauses
{
	my ($reason, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return like(pause_reason(), $reason, $name);
}

# A wrong secret.
my $wrong = 'not+the=secret';
$node->credential('ops', $wrong);
$node->configure($sim);
my @ids = map { $node->send('ada@contoso.com', "wait $_") } 1 .. 3;
pauses(qr/AADSTS7000215|client secret is wrong/, 'a wrong secret pauses the bot');
is( $node->value('SELECT DISTINCT state, error_code, error = paused_reason'
		  . ' FROM teams_message_detail, teams_bot'),
	'pending|bot_paused|t',
	'all its messages wait, for one reason');
unlike(pause_reason(), qr/\Q$wrong\E/, 'which does not tell the secret');
cmp_ok($sim->stats->{items}{token}, '<=', 2, 'Entra ID is not hammered');
$node->send('ada@contoso.com', 'wait 4');
$node->value('SELECT teams_resume()');
pauses(qr/client secret is wrong/, 'resuming it in vain pauses it again');
cmp_ok($sim->stats->{items}{token}, '<=', 4, 'at the cost of a request');
$node->credential('ops', TeamsSim::CLIENT_SECRET());
$node->configure($sim);
is($node->fate($ids[0]), 'sent', 'with the right secret they are sent');
$node->wait_until_sent;
is(join(' ', map { $_->{text} } $sim->messages),
	'wait 1 wait 2 wait 3 wait 4', 'all of them, in order');

# By hand.
$node->value("SELECT teams_pause(reason => 'maintenance')");
like(pause_reason(), qr/^maintenance Call teams_resume/, 'an operator can pause a bot');
my $id = $node->send('ada@contoso.com', 'after maintenance');
$node->configure($sim, bot => "'other'");
$node->fate($node->send('ada@contoso.com', 'meanwhile', bot => 'other'));
is($node->value("SELECT state, error FROM teams_message_detail WHERE id = $id"),
	'pending|maintenance', 'its messages wait while another bot sends');
$node->value('SELECT teams_resume()');
is($node->fate($id), 'sent', 'and resume it');
like($node->error_of("SELECT teams_pause('nobody')"),
	qr/bot "nobody" does not exist/, 'only one that is there');
$node->value("DELETE FROM teams_bot WHERE bot = 'other'");

# Tokens that are refused before their time.
$sim->reset_stats;
$sim->expire_tokens;
$id = $node->send('ada@contoso.com', 'with a new token');
is($node->fate($id), 'sent', 'a token that is refused is replaced');
is(scalar(grep { $_->{text} eq 'with a new token' } $sim->messages),
	1, 'the message arrives once');
is($sim->stats->{unauthorized}, 1, 'it was refused once');
is($node->value("SELECT attempts FROM teams_delivery WHERE id = $id"),
	1, 'which is not counted as an attempt');
$sim->expire_tokens;
$node->send('grace@contoso.com', 'with two new tokens');
ok($node->wait_until_sent, 'the same goes for Graph');
is($sim->stats->{items}{token}, 3, 'one new token each, and no more');

# Tokens that are near their end are replaced before they are refused.
$sim->reset_stats;
$sim->settings(token_lifetime => 2);
$sim->expire_tokens;
$node->fate($node->send('ada@contoso.com', 'short 1'));
TeamsNode::wait_for('the token to expire', sub {
	$node->fate($node->send('ada@contoso.com', 'short 2'));
	return $sim->stats->{items}{token} > 3;
});
is($sim->stats->{unauthorized}, 1, 'a token is not used beyond its time');
$sim->settings(token_lifetime => 3599);

# Even new tokens are refused: a wrong tenant, or a service gone mad.
$sim->fault(operation => 'send', status => 401, count => -1,
	message => 'no such tenant');
$sim->reset_stats;
$id = $node->send('ada@contoso.com', 'refused for ever');
pauses(qr/refused a new token.*no such tenant/,
	'a new token that is refused pauses the bot');
cmp_ok($sim->stats->{items}{token}, '<=', 3, 'with few requests');
$sim->clear_faults;
$node->value('SELECT teams_resume()');
is($node->fate($id), 'sent', 'when that is over it goes on');

# A credential file that others can read, or that is gone.
$node->credential('ops', TeamsSim::CLIENT_SECRET(), 0644);
like($node->error_of('UPDATE teams_bot SET client_id = client_id;'
		  . " SELECT teams_check_credential('ops')"),
	qr/ops/, 'a credential file that others can read is refused');
$node->restart;
$id = $node->send('ada@contoso.com', 'no credential');
pauses(qr/credential "ops" cannot be used/, 'also when it is to be used');
$node->credential('ops', TeamsSim::CLIENT_SECRET());
$node->value('SELECT teams_resume()');
is($node->fate($id), 'sent', 'and once it is private, it is used again');

# What the administrator has not granted.  If it may look, but not install, it
# sends to those who have it.
$sim->contoso(roles => ['TeamsAppInstallation.ReadForUser.All']);
$sim->expire_tokens;
my $mary = '44444444-4444-4444-8444-444444444444';
$sim->config(users => [ { id => $mary, upn => 'mary@contoso.com' } ],
	installations => [ { user => $mary, app => TeamsSim::TEAMS_APP_ID() } ]);
is($node->fate($node->send('mary@contoso.com', 'hello')), 'sent',
	'without the permission to install, those who have the bot are reached');
$sim->contoso(roles => []);
$sim->expire_tokens;
$sim->config(users => [ { id => '33333333-3333-4333-8333-333333333333',
		upn => 'linus@contoso.com' } ]);
$id = $node->send('linus@contoso.com', 'hello');
pauses(qr/TeamsAppInstallation\.ReadWriteSelfForUser\.All/,
	'a permission that is missing pauses the bot, and it is named');

done_testing();
