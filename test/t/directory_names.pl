# A user principal name may be given to somebody else. What was found out by
# name must then not lead to the one who had it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim,
	conf => 'teams_proactive.retry_base_delay = 20ms');

# The name is to be verified before the next message, as if time had passed.
sub expire
{
	my ($name) = @_;
	return $node->value('UPDATE teams_installation SET verify_at = now()'
		  . " WHERE target = '$name'");
}

sub send_now
{
	my ($name, $text) = @_;
	my $id = $node->send($name, $text);

	return $node->fate($id) eq 'sent' ? 'sent' :
	  $node->value("SELECT fate || ' ' || error_code FROM teams_delivery"
		  . " WHERE id = $id");
}

sub reinstalls { return $sim->stats->{installs}; }

subtest 'what is known' => sub
{
	my $id = $sim->account('known@contoso.com');

	is(send_now('Known@contoso.com', 'a'), 'sent', 'by name');
	is($node->installation('known@contoso.com', 'user_id'), $id,
		'the chat tells whose name it is');
	is($node->installation('known@contoso.com', "verify_at BETWEEN now() + interval '17 hours'"
			. " AND now() + interval '24 hours'"), 't', 'for a day');
	is(send_now($id, 'b'), 'sent', 'by object id');
	is($node->installation($id, 'user_id, verify_at'), '|', 'there is nothing to verify');
	is($node->value('SELECT user_id, verify_at > now() FROM teams_installed_detail'
			. " WHERE target = 'known\@contoso.com'"), "$id|t",
		'teams_installed_detail shows it');
};

subtest 'the directory tells' => sub
{
	my $kim = $sim->account('k.lee@contoso.com');

	is(send_now('k.lee@contoso.com', 'kim'), 'sent', 'a message');
	$node->sync_directory;
	is($node->installation('k.lee@contoso.com', 'state'), 'installed', 'nothing has changed');
	my $karl = $sim->hand_over($kim, 'k.lee@contoso.com');
	$node->sync_directory;
	is($node->installation('k.lee@contoso.com', 'state, user_id, chat_id, installation_id'),
		'stale|||', 'nothing is known of whoever has the name now');
	is(send_now('k.lee@contoso.com', 'karl'), 'sent', 'another message');
	is($node->installation('k.lee@contoso.com', 'user_id'), $karl, 'is for another');
	is(send_now($kim, 'kim'), 'sent', 'a third');
	is($sim->told($kim), 'kim kim', 'one has got this');
	is($sim->told($karl), 'karl', 'and the other that');
};

subtest 'a name that nobody has' => sub
{
	my $id = $sim->account('maiden@contoso.com');

	send_now('maiden@contoso.com', 'a');
	$sim->rename_user($id, 'married@contoso.com');
	$node->sync_directory;
	is($node->installation('maiden@contoso.com', "state, verify_at = '-infinity'"),
		'installed|t', 'is doubtful');
	is($node->value('SELECT reason FROM teams_installed_detail'
			. " WHERE target = 'maiden\@contoso.com'"),
		'whose name it is, is looked up with the next message', 'which is shown');
	is(send_now('maiden@contoso.com', 'b'), 'failed NotFound', 'and is asked');
	is($sim->told($id), 'a', 'nobody gets the message');
};

subtest 'a name that comes back' => sub
{
	my $id = $sim->account('back@contoso.com');

	send_now('back@contoso.com', 'a');
	$sim->rename_user($id, 'away@contoso.com');
	$node->sync_directory;
	$sim->rename_user($id, 'back@contoso.com');
	my $installs = reinstalls();
	my $chats = $sim->stats->{items}{chat};
	is(send_now('back@contoso.com', 'b'), 'sent', 'is the same person\'s');
	is($sim->told($id), 'a b', 'who gets the messages');
	is(reinstalls(), $installs, 'with the installation that is there');
	is($sim->stats->{items}{chat}, $chats, 'and the chat');
};

subtest 'without a directory' => sub
{
	my $one = $sim->account('one@contoso.com');

	send_now('one@contoso.com', 'a');
	my $other = $sim->hand_over($one, 'one@contoso.com');
	expire('one@contoso.com');
	is(send_now('one@contoso.com', 'b'), 'sent', 'Graph is asked');
	is($node->installation('one@contoso.com', 'user_id, verify_at > now()'), "$other|t",
		'and the answer is good for a while');
	is($sim->told($one) . '|' . $sim->told($other), 'a|b', 'each gets what is theirs');

	my $third = $sim->hand_over($other, 'one@contoso.com');
	$sim->install('one@contoso.com');
	expire('one@contoso.com');
	is(send_now('one@contoso.com', 'c'), 'sent', 'somebody who has the bot');
	is($sim->told($other) . '|' . $sim->told($third), 'b|c', 'has another chat');

	$sim->remove_user($third);
	my $fourth = $sim->account('one@contoso.com');
	expire('one@contoso.com');
	is(send_now('one@contoso.com', 'd'), 'sent', 'an account that is gone');
	is($sim->told($fourth), 'd', 'has a successor');
};

subtest 'who has taken the bot away' => sub
{
	my $id = $sim->account('left@contoso.com');

	send_now('left@contoso.com', 'a');
	$sim->uninstall('left@contoso.com');
	expire('left@contoso.com');
	is(send_now('left@contoso.com', 'b'), 'failed removed_by_user',
		'is nobody else');
	is($node->installation('left@contoso.com', 'state, user_id'), "removed|$id", 'is left alone');
	my $other = $sim->hand_over($id, 'left@contoso.com');
	$node->sync_directory;
	is(send_now('left@contoso.com', 'c'), 'sent', 'the next one has not');
	is($sim->told($other), 'c', 'and is told');

	# It may have been blocked, too.
	$sim->block('left@contoso.com');
	is(send_now('left@contoso.com', 'd'), 'failed MessageWritesBlocked',
		'one who blocks the bot');
	my $third = $sim->hand_over($other, 'left@contoso.com');
	$node->sync_directory;
	is(send_now('left@contoso.com', 'e'), 'sent', 'does so for nobody else');
	is($sim->told($third), 'e', 'who has the name later');
};

subtest 'messages that are pending' => sub
{
	my $old = $sim->account('wait@contoso.com');

	send_now('wait@contoso.com', 'a');
	$node->value("SELECT teams_pause()");
	$node->send('wait@contoso.com', "b$_") for 1 .. 12;
	my $new = $sim->hand_over($old, 'wait@contoso.com');
	$node->value("SELECT teams_resume()");
	$node->wait_until_sent;
	is($sim->told($old), join(' ', 'a', map { "b$_" } 1 .. 12),
		'before anybody knows, they go where they went');

	# One is on the wire, others are in memory and more in the table.
	$sim->fault(operation => 'send', text => 'flies', delay_ms => 3000);
	$node->send('wait@contoso.com', 'flies');
	TeamsNode::wait_for('the request',
		sub { $sim->stats->{requests_under_way} == 1 });
	$node->value("SELECT count(teams_send('wait\@contoso.com', 'c' || i))"
		  . ' FROM generate_series(1, 30) AS i');
	$node->sync_directory;
	is($node->value('SELECT count(*) FROM teams_outbox'), 31,
		'the directory comes first');
	$node->wait_until_sent;
	like($sim->told($old), qr/ b12 flies$/, 'what is on the wire arrives');
	is($sim->told($new), join(' ', map { "c$_" } 1 .. 30),
		'all else goes to whoever has the name, in order');
};

subtest 'while Graph is being asked' => sub
{
	my $old = $sim->account('ask@contoso.com');

	send_now('ask@contoso.com', 'a');
	expire('ask@contoso.com');
	$sim->fault(operation => 'lookup', delay_ms => 3000);
	$node->send('ask@contoso.com', 'b');
	TeamsNode::wait_for('the question',
		sub { $sim->faults->[-1]{hits} == 1 });
	my $new = $sim->hand_over($old, 'ask@contoso.com');
	$node->sync_directory;
	is($node->installation('ask@contoso.com', 'state'), 'stale', 'the directory knows better');
	$node->wait_until_sent;
	is($sim->told($old) . '|' . $sim->told($new), 'a|b', 'an answer that is outdated');
	is($node->installation('ask@contoso.com', 'user_id'), $new, 'is not believed');

	# The last of the answers, too.
	$node->value("UPDATE teams_installation SET installation_id = 'another',"
		  . " verify_at = now() WHERE target = 'ask\@contoso.com'");
	$sim->fault(operation => 'chat', delay_ms => 3000);
	$node->send('ask@contoso.com', 'c');
	TeamsNode::wait_for('the question',
		sub { $sim->faults->[-1]{hits} == 1 });
	my $newest = $sim->hand_over($new, 'ask@contoso.com');
	$node->sync_directory;
	$node->wait_until_sent;
	is($sim->told($new) . '|' . $sim->told($newest), 'b|c', 'nor is a chat');
	is($node->installation('ask@contoso.com', 'user_id'), $newest, 'that is outdated');
	$sim->clear_faults;
};

subtest 'a target that stays in memory' => sub
{
	my $old = $sim->account('stream@contoso.com');

	$node->set('teams_proactive.name_lifetime' => '1s');
	send_now('stream@contoso.com', 'a');
	$node->configure($sim, chat_limits => "'{2,4,1000,1000}'");
	$node->value("SELECT count(teams_send('stream\@contoso.com', 's' || i))"
		  . ' FROM generate_series(1, 12) AS i');
	$node->wait_until('SELECT count(*) < 10 FROM teams_outbox');
	my $new = $sim->hand_over($old, 'stream@contoso.com');
	$node->wait_until_sent;
	like($sim->told($old), qr/^a s1/, 'the first are for one');
	like($sim->told($new), qr/ s12$/, 'the last for the other');
	is($sim->told($old) . ' ' . $sim->told($new), join(' ', 'a', map { "s$_" } 1 .. 12),
		'each arrives once');
	$node->configure($sim);
	$node->set('teams_proactive.name_lifetime' => '-1');
	$sim->account('ever@contoso.com');
	send_now('ever@contoso.com', 'a');
	is($node->installation('ever@contoso.com', 'user_id IS NOT NULL, verify_at'), 't|',
		'names need not expire');
	$node->set('teams_proactive.name_lifetime' => '1d');
};

subtest 'another tenant' => sub
{
	$sim->account('tenant@contoso.com');
	send_now('tenant@contoso.com', 'a');
	$node->value('SELECT teams_pause()');
	$node->configure($sim, tenant_id => "'" . TeamsSim::generated_id(1) . "'",
		replace => 'true');
	is($node->installation('tenant@contoso.com', 'state, user_id, verify_at'), 'stale||',
		'has other people');
};

done_testing();
