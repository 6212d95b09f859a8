# What is cancelled or recalled is not sent any more, by retries neither.

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

$sim->generate_users(5000, installed => 5000);
$node->fate($node->send($ada, 'have tokens at hand'));

sub progress
{
	my ($id, $columns) = @_;

	return $node->value('SELECT ' . ($columns // "waiting + pending + sent + failed + cancelled"
		  . ' + expired + not_sent = recipients - excluded') . " FROM teams_progress_detail WHERE broadcast = $id");
}

# 5,000, of whom 2,000 fail and are sent again: those are pending when it is recalled.
$sim->fault(operation => 'send', text => 'secret', status => 400, code => 'BadArgument', count => 2000);
my $id = $node->value("SELECT teams_broadcast(\$\$SELECT format('user%s\@contoso.com', i) AS user_id"
	  . " FROM generate_series(1, 5000) AS i\$\$, 'secret')");
ok($node->wait_for_broadcast($id), 'a broadcast is done');
is(progress($id, 'sent, failed'), '3000|2000', 'for 2,000 it failed');
$sim->clear_faults;
$sim->fault(operation => 'send', text => 'secret', status => 503, count => -1,
	headers => { 'Retry-After' => '3' });
is($node->value('SELECT count(*) FROM teams_retry(ARRAY(SELECT id FROM teams_delivery'
		  . " WHERE broadcast = $id AND fate = 'failed'))"), 2000, 'they are sent again');
is(progress($id), 't', 'the counts add up while they are');
is(progress($id, 'state, pending > 0, percent < 100'), 'done|t|t', 'and show it');
$node->wait_until("SELECT count(*) > 100 FROM teams_outbox WHERE broadcast = $id AND retrying");
my $recall = $node->value("SELECT teams_recall($id)");
is(progress($id), 't', 'the counts add up after the recall');
$sim->clear_faults;
like($node->error_of("SELECT teams_recall($id)"),
	qr/ERROR:  broadcast $id is recalled\nDETAIL:  Broadcast $recall deletes what it has sent/,
	'a second recall is refused');
like($node->error_of("SELECT teams_edit_broadcast($id, 'x')"), qr/broadcast $id is recalled/,
	'as is an edit');
is($node->value('SELECT count(*) FROM teams_retry(ARRAY(SELECT id FROM teams_delivery'
		  . " WHERE broadcast = $id AND fate = 'cancelled'))"), 0, 'and to send them again');
ok($node->wait_for_broadcast($recall), 'the recall is done');
is($node->value("SELECT count(*) FROM teams_outbox WHERE broadcast = $id"), 0, 'nothing is pending');
is(progress($id, 'state, pending, sent, failed, cancelled'), 'done|0|3000|0|2000',
	'what was pending is cancelled');
is(progress($recall, 'state, sent, failed'), 'done|3000|0', 'what was sent is deleted');
is($node->value(<<"END"), '5000|0', 'each of them, and none besides');
SELECT count(*), count(*) FILTER (WHERE (o.fate, d.fate) NOT IN (('sent', 'sent')) AND o.fate <> 'cancelled'
		OR o.fate = 'cancelled' AND d.id IS NOT NULL)
	FROM teams_delivery AS o LEFT JOIN teams_delivery AS d ON d.refers_to = o.id
	WHERE o.broadcast = $id AND o.retried_as IS NULL
END
my @messages = grep { $_->{arrived_as} eq 'secret' } $sim->messages;
is(scalar @messages, 3000, 'at the service there is no more than what was sent before');
is((grep { !$_->{deleted} } @messages), 0, 'and that is deleted');

# On the wire when it is cancelled, and refused with a retry after that.
for my $how (qw(cancel recall))
{
	my $text = "on the wire, $how";

	$sim->fault(operation => 'send', text => $text, status => 503, delay_ms => 1500,
		headers => { 'Retry-After' => '1' });
	$id = $node->value("SELECT teams_broadcast('{$ada}'::text[], '$text')");
	$node->wait_until("SELECT count(*) = 1 FROM teams_outbox JOIN teams_inflight"
		  . " ON id = ANY (ids) WHERE broadcast = $id");
	$node->value('SELECT ' . ($how eq 'cancel' ? "teams_cancel_broadcast($id)" : "teams_recall($id)"));
	is(progress($id, 'state, pending'), 'cancelled|1', "it is on the wire ($how)");
	ok($node->wait_until("SELECT count(*) = 1 FROM teams_delivery WHERE broadcast = $id"), 'it comes back');
	is($node->value("SELECT fate, error_code FROM teams_delivery WHERE broadcast = $id"),
		'cancelled|ServiceUnavailable', 'and is not sent again');
	is(progress($id), 't', 'the counts add up');
	is($node->fate($node->send($ada, "after $how")), 'sent', 'what is behind it goes on');
	is((grep { $_->{text} eq $text } $sim->messages), 0, 'nobody has got it');
}

# It comes back before the transaction that cancels is committed.
$sim->fault(operation => 'send', text => 'late', status => 503, delay_ms => 1500,
	headers => { 'Retry-After' => '30' });
$id = $node->value("SELECT teams_broadcast('{$ada}'::text[], 'late')");
$node->wait_until("SELECT count(*) = 1 FROM teams_outbox JOIN teams_inflight ON id = ANY (ids) WHERE broadcast = $id");
my $session = $node->background_psql('postgres');
$session->query_safe("BEGIN; SELECT teams_cancel_broadcast($id)");
$node->wait_until("SELECT retrying FROM teams_outbox WHERE broadcast = $id");
$session->query_safe('COMMIT');
$session->quit;
ok($node->wait_until("SELECT count(*) = 1 FROM teams_delivery WHERE broadcast = $id AND fate = 'cancelled'"),
	'a retry that crossed the cancellation is cancelled, too');

# A cancelled one may be sent again on purpose, and then its retries go on.
$sim->fault(operation => 'send', text => 'late', status => 503);
my $again = $node->value("SELECT teams_retry(id) FROM teams_delivery WHERE broadcast = $id");
is($node->fate($again), 'sent', 'what is sent again on purpose is sent');

# Edits of what is recalled end with it.
$id = $node->value("SELECT teams_broadcast(\$\$SELECT format('user%s\@contoso.com', i) AS user_id"
	  . " FROM generate_series(1, 500) AS i\$\$, 'e old')");
$node->wait_for_broadcast($id);
$sim->fault(service => 'connector', operation => 'edit', status => 503, count => -1, headers => { 'Retry-After' => '2' });
my $edit = $node->value("SELECT teams_edit_broadcast($id, 'e new')");
$node->wait_until("SELECT count(*) > 10 FROM teams_outbox WHERE broadcast = $edit AND retrying");
$recall = $node->value("SELECT teams_recall($id)");
$sim->clear_faults;
ok($node->wait_for_broadcast($recall), 'a recall while it is edited is done');
is(progress($edit, 'state'), 'cancelled', 'the edit is cancelled');
is(progress($recall, 'sent, failed'), '500|0', 'all are deleted');
is($node->value("SELECT count(*) FROM teams_delivery WHERE broadcast = $edit AND fate = 'failed'"), 0,
	'no edit fails for that');

# What a template had made of pending messages is edited, too.
$node->value("SELECT teams_set_template('news', 'f old \${n}')");
$node->value("SELECT teams_pause()");
$id = $node->value("SELECT teams_broadcast(\$\$SELECT format('user%s\@contoso.com', i) AS user_id,"
	  . " jsonb_build_object('n', i) AS data FROM generate_series(1, 100) AS i\$\$, template => 'news')");
$node->wait_until("SELECT fed = 100 FROM teams_broadcast WHERE id = $id");
$edit = $node->value("SELECT teams_edit_broadcast($id, 'f new')");
$node->value("SELECT teams_resume()");
$node->wait_for_broadcast($_) for $id, $edit;
is((grep { $_->{arrived_as} =~ /^f old/ } $sim->messages), 0, 'nobody gets the old text');
is((grep { $_->{text} eq 'f new' } $sim->messages), 100, 'all get the new one');
is($node->value('SELECT bool_and(balanced) FROM teams_accounting'), 't', 'the account is balanced');

done_testing();
