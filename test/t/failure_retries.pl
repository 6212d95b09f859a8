# What fails for a while is tried again, in order for each person, and nobody
# else waits for it.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim,
	conf => 'teams_proactive.retry_base_delay = 20ms');

sub outcome { return $node->outcome_of_fault($sim, @_); }

# Faults after which the service cannot have the message.
is(outcome({ status => 412, code => 'PreconditionFailed' }), 'sent 2 f 1',
	'412 is tried again');
is(outcome({ status => 503 }), 'sent 2 f 1', '503 is tried again');
is(outcome({ status => 503, count => 3 }), 'sent 4 f 1', 'also several times');
is(outcome({ status => 503 }, delivery => 'at-most-once'), 'sent 2 f 1',
	'even if it may arrive only once');
is(outcome({ status => 429 }), 'sent 1 f 1',
	'429 is tried again and not counted as an attempt');

# Faults after which nobody knows.
my $true = JSON::PP::true;
is(outcome({ status => 502 }), 'sent 2 t 1', '502 is tried again, in doubt');
is(outcome({ status => 504 }), 'sent 2 t 1', '504 is tried again, in doubt');
is(outcome({ status => 502, carry_out => $true }), 'sent 2 t 2',
	'rightly so: the message may have arrived');
is(outcome({ close => 'before' }), 'sent 2 t 1',
	'a connection that breaks without an answer leaves doubt');
is(outcome({ close => 'after' }), 'sent 2 t 2',
	'rightly so: the message may have arrived');
is( outcome({ status => 504, carry_out => $true },
		delivery => 'at-most-once'),
	'failed outcome_unknown 1 t 1',
	'at most once means that doubt ends it');
is(outcome({ close => 'after' }, delivery => 'at-most-once'),
	'failed outcome_unknown 1 t 1',
	'and that no library sends it again behind our back');

# There is an end to it.
$node->set('teams_proactive.max_attempts' => 3);
is(outcome({ status => 503, count => -1 }), 'failed ServiceUnavailable 3 f 0',
	'it fails after so many attempts');
is(outcome({ status => 503, count => 2 }), 'sent 3 f 1',
	'but not before, and what follows is sent');
$sim->clear_faults;

# Retry-After.
$sim->fault(operation => 'send', text => 'later', status => 429,
	headers => { 'Retry-After' => '2' });
my $id = $node->send('ada@contoso.com', 'later');
$node->wait_until("SELECT error_code = 'Throttled' AND due_at > now()"
	  . " FROM teams_message_detail WHERE id = $id");
is($node->fate($id), 'sent', 'a throttled message is sent');
my ($later) = grep { $_->{text} eq 'later' } $sim->messages;
my $created = $node->value('SELECT extract(epoch FROM created_at)'
	  . " FROM teams_delivery WHERE id = $id");
my $delay = $later->{received_at_ns} / 1e9 - $created;
cmp_ok($delay, '>=', 2, 'not before the time that the service asked for');
cmp_ok($delay, '<', 4, 'and soon after it');

# More messages than one person has places in memory; the third one fails for
# a second, and others are written while it waits.
$node->fate($node->send('grace@contoso.com', 'has the bot'));
my $before = $sim->message_count;
$sim->fault(operation => 'send', text => 'Ada 3.', status => 503,
	headers => { 'Retry-After' => '1' });
$node->value(<<'END');
SELECT teams_send(who || '@contoso.com', who || ' ' || i || '.')
FROM generate_series(1, 20) AS i, unnest('{Ada,Grace}'::text[]) AS who
END
TeamsNode::wait_for('the failure', sub { $sim->faults->[-1]{hits} == 1 });
$node->send('ada@contoso.com', "Ada $_.") for 21 .. 23;
ok($node->wait_until_sent, 'all messages behind a failure leave the outbox');
my @arrived = ($sim->messages)[ $before .. $before + 42 ];
is( join(' ', map { $_->{text} } grep { $_->{user} eq TeamsSim::ADA } @arrived),
	join(' ', map { "Ada $_." } 1 .. 23),
	'they arrive in the order in which they were written');
my @grace = grep { $_->{user} eq TeamsSim::GRACE } @arrived;
is(join(' ', map { $_->{text} } @grace), join(' ', map { "Grace $_." } 1 .. 20),
	'and so do those of others');
my ($third) = grep { $_->{text} eq 'Ada 3.' } @arrived;
cmp_ok($grace[-1]{received_at_ns}, '<', $third->{received_at_ns},
	'which do not wait for it');
is($sim->stats->{max_overlapping_sends}, 1,
	'a chat never gets two messages at once');

# A service that is not there at all: nothing has left, so it is no attempt.
$node->configure($sim, bot => "'away'",
	connector_url => "'http://127.0.0.1:1/connector/teams'");
$id = $node->value("SELECT teams_send('ada\@contoso.com', 'nobody listens',"
	  . " bot => 'away', expires_at => now() + '2 seconds')");
$node->fate($id);
is( $node->value('SELECT fate, error_code, attempts, doubtful'
		  . " FROM teams_delivery WHERE id = $id"),
	'expired|connection_failed|0|f',
	'a service that cannot be reached is tried for as long as it takes');

done_testing();
