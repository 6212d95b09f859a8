# An opt-out is a person's: whatever they are called, whenever that becomes
# known, and whoever has their name afterwards.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

sub opt_out
{
	my ($name) = @_;
	return $node->value("SELECT teams_opt_out('$name', 'news')");
}

sub broadcast
{
	my ($people, $more) = @_;
	return $node->value('SELECT teams_broadcast(ARRAY['
		  . join(', ', map { "'$_'" } @$people) . "], 'hello',"
		  . " topic => 'news'" . ($more // '') . ')');
}

# What becomes of it: the reasons to exclude, the fates, in the order of people.
sub outcome
{
	my ($id) = @_;

	$node->wait_for_broadcast($id);
	$node->wait_until_sent;
	return $node->value("SELECT string_agg(coalesce(r.excluded,"
		  . " concat_ws(' ', d.fate, d.error_code)), ', ' ORDER BY r.n)"
		  . ' FROM teams_recipient AS r LEFT JOIN teams_delivery AS d'
		  . ' ON d.broadcast = r.broadcast AND d.target = r.target'
		  . " WHERE r.broadcast = $id");
}

subtest 'what is known only when it is sent' => sub
{
	my $id = $sim->account('late@contoso.com');

	opt_out($id);
	my $broadcast = broadcast(['late@contoso.com', 'ada@contoso.com']);
	is(outcome($broadcast), 'cancelled opted_out, sent', 'counts');
	is($node->value('SELECT cancelled, failed, sent FROM teams_progress_detail'
			. " WHERE broadcast = $broadcast"), '1|0|1', 'and is no failure');
	is(scalar(grep { ($_->{user} // '') eq $id } $sim->messages), 0,
		'nothing arrives');
	is(outcome(broadcast([ 'late@contoso.com', $id ])), 'opted out, duplicate',
		'and from then on it is known');
	$node->value("SELECT teams_opt_in('late\@contoso.com', 'news')");
	is(outcome(broadcast([ 'late@contoso.com', $id ])), 'sent, duplicate',
		'until they change their mind');
};

subtest 'after the broadcast was made' => sub
{
	my $draft = broadcast(['grace@contoso.com'], ', draft => true');

	opt_out('grace@contoso.com');
	$node->value("SELECT teams_start_broadcast($draft)");
	is(outcome($draft), 'cancelled opted_out', 'it counts as well');
	is($node->fate($node->send('grace@contoso.com', 'to you')), 'sent',
		'messages that are no broadcast have no topic');
};

subtest 'a name that is given away' => sub
{
	my $old = $sim->account('a@contoso.com');

	outcome(broadcast(['a@contoso.com']));
	$node->sync_directory;
	opt_out('a@contoso.com');
	my $new = $sim->hand_over($old, 'a@contoso.com');
	$node->sync_directory;
	is(outcome(broadcast([ $old, 'former.a@contoso.com' ])),
		'opted out, duplicate', 'whoever had it has opted out');

	# Nobody knows whether the name was still theirs when that was said.
	is(outcome(broadcast(['a@contoso.com'])), 'opted out',
		'whoever has it may have said so');
	$node->value("SELECT teams_opt_in('a\@contoso.com', 'news')");
	is(outcome(broadcast([ 'a@contoso.com', $old ])), 'sent, opted out',
		'they can tell');
};

subtest 'a name that is known to have been theirs' => sub
{
	my $old = $sim->account('b@contoso.com');

	opt_out('b@contoso.com');
	$node->fate($node->send('b@contoso.com', 'x'));
	my $new = $sim->hand_over($old, 'b@contoso.com');
	$node->value('UPDATE teams_installation SET verify_at = now()');
	is(outcome(broadcast(['b@contoso.com'])), 'opted out', 'until it is not');
	$node->fate($node->send('b@contoso.com', 'y'));
	is(outcome(broadcast([ 'b@contoso.com', $new, $old ])),
		'sent, duplicate, opted out', 'is not the next one\'s opt-out');
	is($node->value("SELECT target FROM teams_opt_out WHERE target LIKE 'b%'"
			. " OR target = '$old'"), $old, 'which has moved');
};

done_testing();
