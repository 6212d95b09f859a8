# What was sent is changed where it is, whatever is known by then of whom it was
# sent to: nobody is looked up for it, and the bot is installed for nobody.

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

# Several statements in one transaction, each of which returns the id of a
# message; what became of these.
sub fates
{
	my @ids = split /\n/, $node->value("BEGIN;\n" . join(";\n", @_) . ";\nCOMMIT");

	return join ' ', map { $node->fate($_) } @ids;
}

sub edit { return "SELECT teams_edit($_[0], '$_[1]')"; }
sub deletion { return "SELECT teams_delete($_[0])"; }
sub message { return "SELECT teams_send('$_[0]', '$_[1]')"; }

sub error_of
{
	my ($text) = @_;
	return $node->value('SELECT error_code FROM teams_delivery'
		  . " WHERE id = ($text)");
}

sub graph_items
{
	my $items = $sim->stats->{items};
	return join ' ', map { "$_ $items->{$_}" }
	  grep { $items->{$_} > 0 } qw(lookup install chat);
}

subtest 'a name that nobody has' => sub
{
	my $name = 'maiden@contoso.com';
	my $id = $sim->account($name);
	my ($first, $second, $third) = map { $node->send($name, $_) } qw(a b c);

	$node->wait_until_sent;
	$sim->rename_user($id, 'married@contoso.com');
	$node->sync_directory;
	$sim->reset_stats;
	is(fates(edit($first, 'A'), deletion($second)), 'sent sent',
		'has no part in changes');
	is($sim->told($id), 'A deleted c', 'of what is with the person');
	is(graph_items(), '', 'and is not looked up');

	# Messages to it fail, and those between them do not.
	is(fates(message($name, 'd'), edit($first, 'AA'), message($name, 'e'),
			deletion($third), message($name, 'f')),
		'failed sent failed sent failed', 'messages fail');
	is($sim->told($id), 'AA deleted deleted', 'and take no changes with them');
	is($node->value("SELECT DISTINCT error_code FROM teams_delivery"
			. " WHERE target = '$name' AND fate = 'failed'"), 'NotFound', 'why');

	# Forgotten altogether.
	$node->value("DELETE FROM teams_installation WHERE target = '$name'");
	$sim->reset_stats;
	is(fates(edit($first, 'AAA')), 'sent', 'what is not known at all');
	is($sim->told($id) . graph_items(), 'AAA deleted deleted', 'is not asked for');
	is($node->installation($name, 'state'), '', 'nor noted');
};

subtest 'a name that another has' => sub
{
	my $name = 'k.lee@contoso.com';
	my $kim = $sim->account($name);
	my ($first, $second, $third, $fourth) =
	  map { $node->send($name, $_) } qw(a b c d);

	$node->wait_until_sent;
	my $karl = $sim->hand_over($kim, $name);
	$node->sync_directory;
	$sim->reset_stats;
	is(fates(edit($first, 'A'), deletion($second)), 'sent sent', 'changes');
	is($sim->told($kim) . '|' . $sim->told($karl), 'A deleted c d|',
		'reach the one who has the message');
	is(graph_items() . $sim->stats->{installs}, '0',
		'and install the bot for nobody');
	is($node->installation($name, 'state, user_id'), 'stale|', 'nor is anybody looked up');

	# With messages to the other one between them.
	is(fates(edit($first, 'AA'), message($name, 'karl'), edit($first, 'AAA'),
			message($name, 'karl again'), deletion($third)),
		'sent sent sent sent sent', 'one after the other');
	is($sim->told($kim) . '|' . $sim->told($karl), 'AAA deleted deleted d|karl karl again',
		'to whom each belongs');
	is($node->installation($name, 'state, user_id'), "installed|$karl", 'who is known now');

	# Whoever has the name now may not want the bot.
	$sim->block($name);
	is($node->fate($node->send($name, 'no')), 'failed', 'who blocks the bot');
	is($node->installation($name, 'state'), 'blocked', 'is left alone');
	is(fates(edit($fourth, 'D')), 'sent', 'and others are not');
	is($sim->told($kim), 'AAA deleted deleted D', 'concerned');

	# What the service says of the one says nothing of the other.
	$node->value('UPDATE teams_installation SET state = \'installed\','
		  . " error_code = NULL, error = NULL, hint = NULL WHERE target = '$name'");
	for my $code (qw(ConversationNotFound BotNotInConversationRoster MessageWritesBlocked))
	{
		$sim->fault(operation => 'edit', status => 400, code => $code);
		is(fates(edit($fourth, $code)), 'failed', $code);
		is($node->installation($name, 'state, user_id'), "installed|$karl", 'changes nothing');
	}
	$sim->clear_faults;
};

subtest 'in order' => sub
{
	my $name = 'order@contoso.com';
	my $id = $sim->account($name);
	my @sent = map { $node->send($name, "m$_") } 1 .. 3;

	$node->wait_until_sent;
	$node->value("DELETE FROM teams_installation WHERE target = '$name'");
	$sim->fault(operation => 'edit', text => 'M1', status => 503, count => 2,
		headers => { 'Retry-After' => '1' });
	my @ids = split /\n/, $node->value("BEGIN;\n"
		  . join(";\n", edit($sent[0], 'M1'), message($name, 'm4'),
			deletion($sent[1]), message($name, 'm5')) . ";\nCOMMIT");
	$node->wait_until("SELECT count(*) = 1 FROM teams_outbox WHERE id = $ids[0]"
		  . ' AND retrying AND attempts = 2');
	is($sim->told($id), 'm1 m2 m3', 'a change that is tried again holds back');
	is(join(' ', map { $node->fate($_) } @ids), 'sent sent sent sent',
		'what is behind it');
	is($sim->told($id), 'M1 deleted m3 m4 m5', 'all is done');

	# A message is held back by a slow change, and a change by a slow message.
	$node->value("DELETE FROM teams_installation WHERE target = '$name'");
	$sim->fault(operation => 'edit', text => 'slow', delay_ms => 1500);
	@ids = split /\n/, $node->value("BEGIN;\n"
		  . join(";\n", edit($sent[2], 'slow'), message($name, 'm6'),
			edit($sent[2], 'M3')) . ";\nCOMMIT");
	TeamsNode::wait_for('the edit', sub { $sim->faults->[-1]{hits} == 1 });
	is($sim->told($id) =~ /m6/ ? 'overtaken' : '', '', 'while it is on the wire');
	is(join(' ', map { $node->fate($_) } @ids), 'sent sent sent', 'it arrives');
	is($sim->told($id), 'M1 deleted M3 m4 m5 m6', 'the last edit is the last');
	$sim->clear_faults;
};

subtest 'while others are being asked for' => sub
{
	my $count = 300;

	$sim->generate_users(2 * $count);
	$node->send_to_all($count, 'known');
	$node->wait_until_sent;
	$node->value('DELETE FROM teams_installation');
	$sim->fault(operation => 'batch', status => 429, count => -1,
		headers => { 'Retry-After' => '1' });
	$node->value("SELECT count(teams_send('user' || i || '\@contoso.com', 'new ' || i))"
		  . " FROM generate_series($count + 1, 2 * $count) AS i");
	TeamsNode::wait_for('the questions', sub { $sim->faults->[-1]{hits} > 0 });
	is($node->value('SELECT count(*) FROM teams_edit(ARRAY(SELECT id'
		. " FROM teams_delivery WHERE target LIKE 'user%'), 'changed')"),
		$count, 'changes');
	$node->wait_until("SELECT count(*) = $count FROM teams_delivery"
		  . " WHERE kind = 'edit' AND target LIKE 'user%' AND fate = 'sent'");
	is($node->value("SELECT count(*) FROM teams_delivery WHERE target LIKE 'user%'"
			. " AND kind = 'send'"), $count, 'do not wait for them');
	is((grep { $_->{text} eq 'changed' } $sim->messages), $count,
		'nor is there a limit to how many');
	$sim->clear_faults;
	$node->wait_until_sent;
	is((grep { $_->{text} =~ /^new/ } $sim->messages), $count, 'who come later');
};

subtest 'a message that was not sent' => sub
{
	my $name = 'lost@contoso.com';
	my $id = $sim->account($name);
	my $lost = $node->send($name, 'lost');

	$node->fate($lost);
	my $other = $sim->hand_over($id, $name);
	$node->value('SELECT teams_pause()');
	my $edit = $node->value(edit($lost, 'x'));
	$node->value("DELETE FROM teams_delivery WHERE id = $lost;"
		  . " DELETE FROM teams_installation WHERE target = '$name'");
	$sim->reset_stats;
	$node->value('SELECT teams_resume()');
	is($node->fate($edit) . ' ' . error_of($edit), 'failed not_sent', 'is told');
	is(graph_items() . $sim->told($other), '', 'and nobody is asked for');
};

subtest 'where a chat has a service URL of its own' => sub
{
	my $name = 'region@contoso.com';
	my $id = $sim->account($name);
	my ($first, $second) = map { $node->send($name, $_) } qw(a b);

	$node->wait_until_sent;
	$node->send($id, 'by object id');
	$node->wait_until_sent;
	$node->value("UPDATE teams_installation SET service_url = '"
		  . $sim->connector_url . "' WHERE target = '$id'");
	$sim->hand_over($id, $name);
	$node->sync_directory;
	$node->value("UPDATE teams_installation SET service_url = 'http://127.0.0.1:1/none'"
		  . " WHERE target = '$name'");
	$node->configure($sim, connector_url => "'http://127.0.0.1:1/other'");
	is(fates(edit($first, 'A'), deletion($second)), 'sent sent',
		'changes go there');
	is($sim->told($id), 'A deleted by object id', 'whoever has the name');
	$node->configure($sim);
};

done_testing();
