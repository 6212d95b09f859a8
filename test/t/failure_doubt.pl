# What counts as done is what the service itself says; what may have been done
# all the same is in doubt.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $true = JSON::PP::true;
my $sim = TeamsSim->start->contoso;
$sim->generate_users(200, installed => 200);
my $team = $sim->team(members => ['ada@contoso.com']);
$sim->install(TeamsSim::TEAM());
my $node = TeamsNode->start('primary', $sim,
	conf => "teams_proactive.retry_base_delay = 20ms");
my %page = (body => "<html><body>Please log in</body></html>\n",
	content_type => 'text/html');

sub fate_of
{
	my ($id) = @_;
	return $node->outcome($id, qw(attempts doubtful));
}

sub outcome { return $node->outcome_of_fault($sim, @_); }

# A proxy's page, for some of many.
$node->send_to_all(200, 'hello');
$node->wait_until_sent;
$sim->fault(operation => 'send', text => 'many', status => 200, skip => 20,
	count => 30, %page);
$node->send_to_all(200, 'many');
ok($node->wait_until_sent, 'many messages, of which a proxy answers some');
my %texts;
$texts{"$_->{upn} $_->{text}"}++ for grep { $_->{text} =~ /^many / } $sim->messages;
is_deeply(\%texts, { map { ("user$_\@contoso.com many $_" => 1) } 1 .. 200 },
	'each person has got what was for them');
is( $node->value('SELECT fate, attempts, doubtful, count(*) FROM (SELECT *'
		  . ' FROM teams_delivery ORDER BY id DESC LIMIT 200) AS d'
		  . ' GROUP BY 1, 2, 3 ORDER BY 2'),
	"sent|1|f|170\nsent|2|t|30", 'and those of the proxy are in doubt');

# Successes.
is(outcome({ status => 200, %page }), 'sent 2 t 1', 'a page is no success');
is(outcome({ status => 200, %page, carry_out => $true }), 'sent 2 t 2',
	'rightly in doubt: it may have arrived');
is(outcome({ status => 201, %page }, delivery => 'at-most-once'),
	'failed outcome_unknown 1 t 0', 'at most once means that doubt ends it');
is(outcome({ status => 200, body => '"welcome"' }), 'sent 2 t 1',
	'nor is JSON that is no object');
is(outcome({ status => 203, body => '{"id":"1"}' }), 'sent 2 t 1',
	'nor a status that the service does not use');
is(outcome({ status => 204, body => '' }), 'sent 2 t 1', 'nor is 204');
is(outcome({ status => $_, body => '', carry_out => $true }), 'sent 1 f 1',
	"$_ without a body is") for 200, 201, 202;
is(outcome({ truncate => 10 }), 'sent 1 f 1',
	'and an answer that was cut after its beginning');

# 500.
is(outcome({ status => 500, carry_out => $true }), 'failed ServiceError 1 t 1',
	'500 is not tried again, but in doubt');
is(outcome({ status => 500 }, delivery => 'at-most-once'),
	'failed outcome_unknown 1 t 0', 'also at most once');
is(outcome({ status => 520, %page }), 'failed http_520 1 t 0',
	'and so is what a gateway says of its own');
is(outcome({ status => 408, %page }), 'failed http_408 1 f 0',
	'a request that was not read to its end is not');

# Threads, edits and deletes.
$sim->fault(operation => 'create', status => 200, %page);
my $thread = $node->value("SELECT teams_post('" . TeamsSim::TEAM()
	  . "', '$team->{general}', 'thread')");
is(fate_of($thread), 'sent 2 t', 'a page is no thread');
my $edited = $node->send('ada@contoso.com', 'old');
$node->fate($edited);
$sim->fault(operation => 'edit', status => 200, %page);
is(fate_of($node->value("SELECT teams_edit($edited, 'new')")), 'sent 2 f',
	'nor an edit, which does no harm twice');
is((grep { $_->{arrived_as} eq 'old' } $sim->messages)[0]{text}, 'new', 'it is done');
$sim->fault(operation => 'edit', status => 500, carry_out => $true);
is(fate_of($node->value("SELECT teams_edit($edited, 'newer')")),
	'failed ServiceError 1 t', 'an edit that failed by 500 may have been done');
$sim->fault(operation => 'delete', status => 404, %page);
is(fate_of($node->value("SELECT teams_delete($edited)")), 'sent 2 f',
	'a page that says 404 does not mean that a message is gone');
ok((grep { $_->{arrived_as} eq 'old' } $sim->messages)[0]{deleted},
	'which it is then');

# Entra ID, the catalog, a list of people.
$sim->fault(operation => 'token', status => 200, count => 2, %page);
$sim->expire_tokens;
is(fate_of($node->send('ada@contoso.com', 'token')), 'sent 1 f',
	'a page is no token');
$sim->fault(operation => 'delta', status => 203, %page);
$node->value('SELECT teams_sync_directory()');
ok($node->wait_until("SELECT state = 'done' AND people > 200 FROM teams_directory"),
	'nor the end of a list');

# Who is refused a token that was good gets another one first.
sub tokens { return $sim->stats->{items}{token}; }
$node->restart;
is(fate_of($node->send('ada@contoso.com', 'good')), 'sent 1 f', 'a good token');
my $tokens = tokens();
$sim->fault(operation => 'send', status => 401, code => 'BotNotRegistered');
is(fate_of($node->send('ada@contoso.com', 'registered')), 'sent 1 f',
	'BotNotRegistered once: with another token it goes on');
is(tokens() - $tokens, 1, 'one');
$sim->fault(operation => 'send', status => 401, code => 'BotNotRegistered', count => -1);
my $id = $node->send('ada@contoso.com', 'not registered');
ok($node->wait_until("SELECT paused_by = 'worker' AND concat_ws(' ', paused_reason, paused_hint) ~"
	  . " 'refused a new token: status 401, BotNotRegistered.*Register the bot' FROM teams_bot"),
	'twice: it is paused, and said why');
$sim->clear_faults;
$node->value('SELECT teams_resume()');
is(fate_of($id), 'sent 1 f', 'and resumed');

# Many refusals at once, of what is accepted at the same time.
$node->set('teams_proactive.max_in_flight' => 4);
$node->wait_until("SELECT current_setting('teams_proactive.max_in_flight') = '4'");
$node->send_to_all(200, 'again');
$node->wait_until_sent;
$tokens = tokens();
$sim->fault(operation => 'send', text => 'refused', status => 401, skip => 3 * $_,
	count => 1) for 1 .. 50;
$node->send_to_all(200, 'refused');
$node->wait_until("SELECT (SELECT count(*) = 0 FROM teams_outbox)"
	  . " OR coalesce((SELECT paused_by = 'worker' FROM teams_bot), false)");
$node->value('SELECT teams_resume()');
$sim->clear_faults;
ok($node->wait_until_sent, 'fifty refusals among many');
cmp_ok(tokens() - $tokens, '<=', 4, 'take few tokens, not one each');

# A tenant that is disabled concerns all that the bot sends.
$sim->fault(operation => $_, status => 403, code => 'TenantNoPermission',
	message => 'Tenant is disabled.', count => -1) for qw(send edit);
$node->send_to_all(20, 'tenant');
my $edit = $node->value("SELECT teams_edit($thread, 'tenant')");
ok($node->wait_until("SELECT paused_by = 'worker' AND concat_ws(' ', paused_reason, paused_hint) ~"
	  . " 'TenantNoPermission: Tenant is disabled.*administrator' FROM teams_bot"),
	'a tenant that is disabled pauses the bot');
$sim->clear_faults;
$node->value('SELECT teams_resume()');
ok($node->wait_until_sent, 'and nothing is lost');
is($node->value("SELECT count(*) FROM teams_delivery WHERE fate = 'sent'"
	  . " AND attempts = 1 AND id >= $edit - 20"), 21, 'nor has it cost an attempt');

# Retry-After as an obsolete date.
my @parts = gmtime(time() + 3);
my $date = sprintf '%s, %02d-%s-%02d %02d:%02d:%02d GMT',
  (qw(Sunday Monday Tuesday Wednesday Thursday Friday Saturday))[$parts[6]], $parts[3],
  (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[$parts[4]],
  $parts[5] % 100, @parts[2, 1, 0];
$sim->fault(operation => 'send', text => 'dated', status => 503,
	headers => { 'Retry-After' => $date });
my $until = time() + 2;
is(fate_of($node->send('ada@contoso.com', 'dated')), 'sent 2 f', 'a date of RFC 850');
cmp_ok(time(), '>=', $until, 'is obeyed');
is($node->value('SELECT bool_and(balanced) FROM teams_accounting'), 't',
	'the numbers add up');

done_testing();
