# Cancelling and sending again, while the worker is at work.

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
	my ($id) = @_;
	return $node->value("SELECT state FROM teams_message WHERE id = $id");
}

# On the wire.
$sim->fault(operation => 'send', text => 'flying', delay_ms => 3000);
my $id = $node->send($ada, 'flying');
my $next = $node->send($ada, 'next');
my $last = $node->send($ada, 'last');
TeamsNode::wait_for('the request',
	sub { $sim->stats->{requests_under_way} == 1 });
is($node->value("SELECT teams_cancel($id)"), 'f',
	'what is on the wire cannot be cancelled');
is($node->value("SELECT teams_cancel($next)"), 't',
	'what waits behind it can');
is($node->fate($id), 'sent', 'the first arrives');
is($node->fate($last), 'sent', 'and so does the last');
is(state_of($next), 'cancelled', 'the other one does not');
is( join(' ', map { $_->{text} } $sim->messages),
	'flying last', 'as the chat shows');

# One that waits for a retry, and holds others back.
$sim->fault(operation => 'send', text => 'failing', status => 503, count => -1,
	headers => { 'Retry-After' => '60' });
$id = $node->send($ada, 'failing');
$node->send($ada, "held back $_") for 1 .. 20;
TeamsNode::wait_for('the failure', sub { $sim->faults->[-1]{hits} == 1 });
$node->wait_until("SELECT due_at IS NOT NULL FROM teams_outbox WHERE id = $id");
is($node->value("SELECT teams_cancel($id)"), 't',
	'one that waits for a retry can be cancelled');
ok($node->wait_until_sent, 'then those behind it go on at once');
is( join(' ', map { $_->{text} } grep { $_->{text} =~ /^held/ } $sim->messages),
	join(' ', map { "held back $_" } 1 .. 20), 'in their order');

# Again, when that is mended.
$sim->clear_faults;
my $again = $node->value("SELECT teams_retry($id)");
cmp_ok($again, '>', $id, 'it can be sent again, as a new message');
is($node->fate($again), 'sent', 'which arrives');
is($node->value("SELECT teams_retry($id)"), '', 'but once');
is($node->value("SELECT teams_retry($again)"), '', 'nor what was sent');
is((grep { $_->{text} eq 'failing' } $sim->messages), 1, 'as the chat shows');

# A transaction that cancels and thinks better of it; the worker waits.
$sim->fault(operation => 'send', text => 'first', delay_ms => 2000);
$node->send($ada, 'first');
$id = $node->send($ada, 'kept');
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN');
is($session->query_safe("SELECT teams_cancel($id)"), 't', 'cancelled ...');
TeamsNode::wait_for('the first',
	sub { grep { $_->{text} eq 'first' } $sim->messages });
is((grep { $_->{text} eq 'kept' } $sim->messages), 0, 'it is not sent ...');
$session->query_safe('ROLLBACK');
$session->quit;
is($node->fate($id), 'sent', '... but after a rollback it is');

# Cancels and sends that meet: each message is either sent or cancelled.
$sim->reset_stats;
my $seen = $sim->message_count;
$sim->config(generate_users => { count => 500, installed => 500,
		upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
$node->send_to_all(500, 'race');
$node->value('SELECT count(*) FILTER (WHERE teams_cancel(id)) FROM teams_message'
	  . " WHERE state = 'pending'");
$node->wait_until_sent;
my $sent = $node->value("SELECT count(*) FROM teams_delivery d WHERE fate = 'sent'"
	  . " AND target ~ '^user'");
is($sim->message_count, $seen + $sent,
	"what is on record as sent has arrived ($sent of 500), the rest has not");
is($node->value('SELECT balanced FROM teams_accounting'), 't',
	'and the account is balanced');

done_testing();
