# A secret that is replaced is tried at once, and while it is refused messages
# go on with the token that was had with the old one.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim,
	conf => 'teams_proactive.probe_interval = 1h');
my $good = TeamsSim::CLIENT_SECRET();

sub bot { return $node->value("SELECT $_[0] FROM teams_bot"); }

# How long it takes until the query, of teams_bot, is true.
sub seconds_until
{
	my ($condition) = @_;

	return TeamsNode::duration(sub {
		$node->wait_until("SELECT $condition FROM teams_bot")
		  or die "never: $condition; trouble is " . bot('trouble');
	});
}

sub is_sent
{
	my ($text) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return is($node->fate($node->send('ada@contoso.com', $text)), 'sent', $text);
}

sub token_requests { return $sim->stats->{items}{token}; }

is_sent('with the first secret');
seconds_until('credential_good_at IS NOT NULL');

# A typo, and a reload.
my $refused = 'trouble ~ \'credential "ops": could not get a token: .*AADSTS7000215'
  . '.*Messages go on with the last token until\'';
$node->credential('ops', 'a typo');
$node->reload;
cmp_ok(seconds_until($refused), '<', 5, 'a wrong secret shows at once');
is_sent('with the old token');
is(bot('paused_at'), '', 'the bot is not paused');
is($node->value("SELECT state FROM teams_status() WHERE bot = 'default'"),
	'in trouble', 'teams_status() has it');
my $requests = token_requests();
is_sent("once more: $_") for 1 .. 5;
is(token_requests(), $requests, 'it is not tried again with each message');

# The right one, and nobody tells.
my $before = bot('credential_good_at');
$node->credential('ops', $good);
my $seconds = seconds_until('trouble IS NULL');
cmp_ok($seconds, '<', 30, 'the right one is found by itself');
is(bot("credential_good_at > '$before'"), 't', 'and it is said that it is good');
is_sent('with a new token');

# Files that cannot be used.
$node->credential('ops', $good, 0644);
$node->reload;
cmp_ok(seconds_until("trouble ~ 'cannot be used: Others can read.*last token'"), '<', 5,
	'a file that others can read shows, too');
is_sent('all the same');
$node->credential('ops', $good, 0600);
$node->reload;
cmp_ok(seconds_until('trouble IS NULL'), '<', 5, 'until it is mended');

# It is not known yet whether it is the right one.
$sim->fault(operation => 'token', status => 503, count => 2);
$node->credential('ops', "${good}typo");
$node->reload;
cmp_ok(seconds_until($refused), '<', 10, 'it is tried until there is an answer');
is_sent('meanwhile');

# To have it tried takes no new file.
$node->credential('ops', $good);
$node->value('SELECT teams_try_credential()');
cmp_ok(seconds_until('trouble IS NULL AND NOT try_credential'), '<', 5,
	'teams_try_credential() has a new one tried');
for (1 .. 2)
{
	$requests = token_requests();
	$before = bot('credential_good_at');
	$node->value('SELECT teams_try_credential()');
	cmp_ok(seconds_until("NOT try_credential AND credential_good_at > '$before'"),
		'<', 5, 'and one that is known');
	is(token_requests(), $requests + 1, 'with one request');
}
$sim->fault(operation => 'token', status => 401, code => 'invalid_client',
	message => 'AADSTS7000222: expired');
$node->value('SELECT teams_try_credential()');
cmp_ok(seconds_until("trouble ~ 'AADSTS7000222.*last token' AND NOT try_credential"),
	'<', 5, 'that it has expired shows');
$node->reload;
cmp_ok(seconds_until('trouble IS NULL'), '<', 5, 'a reload has it tried again');
like($node->error_of("SELECT teams_try_credential('unknown')"),
	qr/bot "unknown" does not exist.*HINT/s, 'there must be such a bot');

# The old token expires while the secret is wrong: now nothing can be sent, but
# the right one ends that without waiting for a probe.
$node->credential('ops', 'another typo');
$node->reload;
seconds_until($refused);
like($node->error_of('SELECT teams_try_credential(); SELECT 1'), qr/^$/,
	'what is wrong with the secret itself is not known at the call');
seconds_until('NOT try_credential');
$node->restart;
my $id = $node->send('ada@contoso.com', 'waits for a secret');
seconds_until("paused_reason ~ 'AADSTS7000215'");
$node->credential('ops', $good);
$node->reload;
cmp_ok(seconds_until('paused_at IS NULL'), '<', 5, 'a paused bot goes on with the right one');
is($node->fate($id), 'sent', 'and what has waited is sent');

# A file that is not there, and one that is of no use.
unlink $node->data_dir . '/teams_credentials/ops';
like($node->error_of('SELECT teams_try_credential()'),
	qr/credential "ops" cannot be used.*DETAIL/s, 'a file that is not there is an error');
seconds_until("trouble ~ 'cannot be used.*last token'");
$node->credential('ops', $good);
cmp_ok(seconds_until('trouble IS NULL'), '<', 30, 'it is noticed when it comes back');

unlike(slurp_file($node->logfile), qr/typo|\Q$good\E/, 'no secret is in the log');

done_testing();
