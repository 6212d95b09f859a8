# What can never succeed ends as failed at once, and says why and what to do.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

# Send a text; then the message has failed after one attempt, with a code and
# a text and a hint of that kind.
sub fails
{
	my ($user, $text, $code, $error, $hint, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $id = $node->send($user, $text);
	my $count = $sim->message_count;

	$node->fate($id);
	my ($fate, $attempts, $doubtful, @why) = split /\|/,
	  $node->value('SELECT state, attempts, doubtful, error_code, error, hint'
		  . " FROM teams_message_detail WHERE id = $id");
	subtest $name => sub
	{
		is("$fate $attempts $doubtful", 'failed 1 f', 'its fate');
		is($why[0], $code, 'its code');
		like($why[1], $error, 'its text');
		like($why[2], $hint, 'its hint');
		is($sim->message_count, $count, 'nothing has arrived');
	};
	return $id;
}

# The same with an answer of the Bot Connector that a fault gives.
sub refused
{
	my ($status, $code, $hint, $name) = @_;
	my $text = "meets $name";
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$sim->fault(operation => 'send', text => $text, status => $status,
		$code ? (code => $code, message => "about $code")
		: (body => '<html>oops</html>', content_type => 'text/html'));
	return fails('ada@contoso.com', $text, $code || "http_$status",
		$code ? qr/^about $code$/ : qr/status $status/, $hint, $name);
}

# What the Bot Connector refuses.
refused(400, 'BadArgument', qr/attachments/, 'a bad payload');
refused(403, 'NotEnoughPermissions', qr/may not write/, 'a lack of rights');
refused(404, '', qr/connector_url/, 'a page of HTML instead of an answer');
refused(413, 'MessageSizeTooBig', qr/shorter/, 'a message that is too big');
refused(418, 'Teapot', qr/./, 'a status that nobody knows');

# Whom Graph does not know.
fails('nobody@contoso.com', 'x', 'NotFound', qr/./, qr/not known to Teams/,
	'an unknown user');
fails('77777777-7777-7777-7777-777777777777', 'x', 'NotFound', qr/./,
	qr/who is known to Teams/, 'an unknown object id');
$sim->config(users => [ { id => '88888888-8888-4888-8888-888888888888',
		upn => 'guest@contoso.com', guest => JSON::PP::true } ]);
fails('guest@contoso.com', 'x', 'Forbidden', qr/./, qr/guest/, 'a guest');
is( $node->value(
		'SELECT state, error_code IS NOT NULL FROM teams_installation'
		  . " WHERE target = 'guest\@contoso.com'"),
	'refused|t',
	'that it failed is on record for the person');

# A person who blocks the bot: JSON inside a string of JSON.
$sim->block('ada@contoso.com');
fails('ada@contoso.com', 'x', 'MessageWritesBlocked', qr/blocked/,
	qr/has blocked, muted or removed the bot/, 'a person who blocks the bot');
is( $node->value('SELECT state FROM teams_installation'
		  . " WHERE target = 'ada\@contoso.com'"),
	'blocked',
	'is on record as blocked');
is($node->fate($node->value("SELECT teams_ensure_installed('ada\@contoso.com')")),
	'sent', 'an administrator can try again');
$sim->block('ada@contoso.com', 0);
is($node->fate($node->send('ada@contoso.com', 'back again')),
	'sent', 'and messages arrive when that is over');
$sim->fault(operation => 'send', text => 'never', status => 404, count => -1,
	code => 'ConversationNotFound', message => 'gone');
my $id = $node->send('ada@contoso.com', 'never');
is($node->fate($id), 'failed', 'a chat that is never found ends it');
is($node->value("SELECT error_code FROM teams_delivery WHERE id = $id"),
	'ConversationNotFound', 'with the code of the service');
is($sim->faults->[-1]{hits}, 2, 'after one more attempt');

# Whatever fails is nobody else's affair.
is($node->fate($node->send('grace@contoso.com', 'hello')),
	'sent', 'others get their messages');
is($node->value('SELECT count(*) FROM teams_bot WHERE paused_at IS NULL'),
	1, 'the bot goes on');

done_testing();
