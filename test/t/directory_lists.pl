# The directory, groups and rosters are read into tables, page by page, for
# audiences of broadcasts.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my ($ada, $grace) = (TeamsSim::ADA, TeamsSim::GRACE);
my $group = 'a1000000-0000-4000-8000-000000000001';
my $inner = 'a1000000-0000-4000-8000-000000000002';
my $sim = TeamsSim->start->contoso;
$sim->generate_users(1500, installed => 1500,
	preferred_languages => [ 'de', 'fr' ]);
my $node = TeamsNode->start('primary', $sim,
	conf => 'teams_proactive.retry_base_delay = 20ms');

# Let a list be synchronised, and tell how that ended.
sub sync
{
	my ($call, $more) = @_;

	$node->value("SELECT teams_sync_$call");
	$node->error_of('CALL teams_wait_directory()');
	return $node->value("SELECT concat_ws(' ', state, people, error_code"
		  . ($more // '')
		  . ') FROM teams_directory ORDER BY requested_at DESC LIMIT 1');
}

sub pages { return $node->value('SELECT pages FROM teams_directory'
	. " WHERE source = 'people'"); }

sub person
{
	my ($id) = @_;

	return $node->value("SELECT concat_ws(' ', user_principal_name, locale,"
		  . " is_guest, is_enabled, is_licensed) FROM teams_person"
		  . " WHERE id = '$id'");
}

sub user { return TeamsSim::generated_id($_[0]); }

subtest 'all people' => sub
{
	like($node->error_of('SELECT * FROM teams_people()'),
		qr/not synchronised yet.*Nobody has asked.*teams_sync_directory/s,
		'what was not read is no empty audience');
	like($node->error_of("SELECT teams_pause(reason => 'moving');"
		  . ' SELECT teams_sync_directory(); CALL teams_wait_directory()'),
		qr/not synchronised yet: people\nDETAIL:  .*moving/, 'nobody waits for a paused bot');
	$node->value('SELECT teams_resume()');
	is(sync('directory()'), 'done 1502', 'all are read');
	is(pages(), 8, 'in pages');
	is(person(user(1)), 'user1@contoso.com de f t t', 'one of them');
	is($node->value('SELECT count(*), count(DISTINCT user_id) FROM teams_people()'),
		'1502|1502', 'as an audience');
	is($node->value('SELECT count(*) FROM teams_directory WHERE link IS NULL'
			. ' AND delta_link IS NOT NULL AND finished_at >= started_at'),
		1, 'and it is known where to go on');
};

subtest 'changes' => sub
{
	$sim->change_user('user1@contoso.com', disabled => 1);
	$sim->change_user('user2@contoso.com', guest => 1);
	$sim->change_user('user3@contoso.com', no_teams => 1);
	$sim->change_user('user4@contoso.com', preferred_language => 'es');
	$sim->remove_user('user5@contoso.com');
	is(sync('directory()'), 'done 1501', 'later only changes are read');
	is(pages(), 1, 'in one page');
	is(person(user(1)), 'user1@contoso.com de f f t', 'one is disabled');
	is(person(user(2)), 'user2@contoso.com fr t t t', 'one is a guest');
	is(person(user(3)), 'user3@contoso.com de f t f', 'one has no licence');
	is(person(user(4)), 'user4@contoso.com es f t t',
		'one has another language');
	is(person(user(5)), '', 'one is gone');
	is(sync('directory()'), 'done 1501', 'nothing has changed');
};

subtest 'a broadcast' => sub
{
	my $before = $sim->message_count;
	my $id = $node->value(<<'END');
SELECT teams_broadcast($$SELECT user_id, locale FROM teams_people()
	WHERE user_id LIKE '00000000-%'$$, 'hello, directory')
END
	is($node->value('SELECT excluded, count(*) FROM teams_recipient'
			. " WHERE broadcast = $id GROUP BY 1 ORDER BY 1"),
		"disabled|1\nguest|1\nno licence|1\n|1496",
		'who cannot be reached is excluded');
	$node->wait_until("SELECT state = 'done' FROM teams_progress_detail"
		  . " WHERE broadcast = $id");
	is($sim->message_count - $before, 1496, 'the others get it');
	is($node->value("SELECT teams_broadcast(ARRAY['User1\@contoso.com',"
			. " 'user6\@contoso.com'], 'x', draft => true)") > 0, 1,
		'also by name');
	is($node->value('SELECT string_agg(target, \' \') FROM teams_recipient'
			. " WHERE excluded = 'disabled' AND broadcast > $id"),
		'user1@contoso.com', 'one is excluded');
};

subtest 'an expired link' => sub
{
	$sim->remove_user('user6@contoso.com');
	$sim->expire_delta;
	is(sync('directory()'), 'done 1500', 'all is read anew');
	is(pages(), 8, 'in pages');
	is(person(user(6)), '', 'who is in none of them is gone');
	is(person($ada), 'ada@contoso.com f t t', 'the others are there');
};

subtest 'a group' => sub
{
	$sim->group(id => $inner, members => [ $ada, $grace ]);
	$sim->group(id => $group, members => ['user7@contoso.com'],
		owners => [$grace], groups => [$inner],
		generated => { count => 1200, first => 101 });
	is(sync("group('\U$group\E')"), 'done 1203', 'its members are read');
	is(sync("group('$group', owners => true)"), 'done 1',
		'its owners apart');
	is($node->value("SELECT count(*) FROM teams_members('$group')"
			. " WHERE user_id IN ('$ada', '$grace')"), 2,
		'members are those of groups within, too');
	is($node->value('SELECT user_principal_name'
			. " FROM teams_members('$group', 'owners')"),
		'grace@contoso.com', 'the owner');
	$sim->group(id => $group, members => [$ada], groups => []);
	is(sync("group('$group')"), 'done 1', 'who has left is forgotten');
	is(sync("group('a1000000-0000-4000-8000-00000000ffff')"),
		'failed 0 Request_ResourceNotFound', 'no group');
	like($node->error_of("SELECT * FROM teams_members("
			. "'a1000000-0000-4000-8000-00000000ffff')"),
		qr/not synchronised yet.*has failed: Request_ResourceNotFound/s,
		'is no audience');
};

subtest 'a roster' => sub
{
	my $team = $sim->team(owners => [$ada], members => [$grace],
		generated => { count => 600, first => 101 });
	is(sync("roster('$team->{id}')", ", hint"),
		'failed 0 not_installed Post to the team\'s General channel with'
		  . ' teams_post(), then synchronise again.', 'nobody knows the team');
	is($node->fate($node->value("SELECT teams_post('$team->{id}', NULL,"
			. " text => 'hello, team')")), 'sent', 'a post finds its channel');
	is(sync("roster('$team->{id}')"), 'done 602', 'its people are read');
	is($node->value('SELECT count(*) FROM teams_members('
			. "'$team->{id}', 'roster') WHERE user_id IN ('$ada', '$grace')"),
		2, 'all of them');
	$sim->uninstall($team->{id});
	is(sync("roster('$team->{id}')"), 'failed 602 BotNotInConversationRoster',
		'only while the bot is there');
	is($node->value('SELECT count(*) FROM teams_members('
			. "'$team->{id}', 'roster')"), 602, 'what is known stays known');
};

subtest 'what passes' => sub
{
	my $away = { operation => 'delta', status => 503 };
	$sim->fault(%$away);
	is(sync('directory()'), 'done 1500', 'a fault is tried again');
	$sim->fault(operation => 'delta', close => 'before');
	is(sync('directory()'), 'done 1500', 'a broken connection as well');
	$sim->fault(operation => 'delta', status => 401,
		code => 'InvalidAuthenticationToken');
	is(sync('directory()'), 'done 1500', 'a token that is refused');
	is($node->value('SELECT count(*) FROM teams_bot WHERE paused_at IS NOT NULL'),
		0, 'pauses no bot');
	$sim->fault(operation => 'delta', status => 429,
		headers => { 'Retry-After' => '1' });
	$node->value('SELECT teams_sync_directory()');
	$node->wait_until('SELECT next_at IS NOT NULL AND attempts = 0'
		  . " FROM teams_directory WHERE source = 'people'");
	$node->fate($node->send('ada@contoso.com', 'meanwhile'));
	is($node->value("SELECT state FROM teams_directory WHERE source = 'people'"),
		'running', 'messages do not wait for a directory that rests');
	is(sync('directory()'), 'done 1500', 'nor does it rest for ever');
};

subtest 'what does not pass' => sub
{
	my $page = sub { JSON::PP->new->encode({ value => [], @_ }) };
	my $root = $sim->graph_url;
	for my $link ('https://graph.example.com/v1.0/users/delta?$skiptoken=x',
		$sim->origin . '.example.com/graph/v1.0/users/delta', 'http://127.0.0.1:1/graph/v1.0/x',
		'x')
	{
		$sim->fault(operation => 'delta', status => 200,
			body => $page->('@odata.nextLink' => $link));
		is(sync('directory()'), 'failed 1500 foreign_link',
			"a link to $link is not followed");
	}
	$sim->fault(operation => 'delta', status => 200,
		body => $page->('@odata.deltaLink' => 'https://graph.example.com/x'));
	is(sync('directory()'), 'failed 1500 foreign_link', 'nor kept for later');
	$sim->fault(operation => 'delta', status => 200, count => 10,
		body => $page->('@odata.nextLink' => "$root/users/delta?\$skiptoken=y"));
	is(sync('directory()'), 'failed 1500 repeated_link', 'a circle ends');
	$sim->clear_faults;
	$node->set('teams_proactive.max_attempts' => 3);
	$sim->fault(operation => 'delta', status => 200, count => 3,
		body => '<html>');
	is(sync('directory()'), 'failed 1500 unusable_reply',
		'what makes no sense is tried again, but not for ever');
	$sim->clear_faults;
	is(sync('directory()'), 'done 1500', 'asked again, it goes on');
};

subtest 'a missing permission' => sub
{
	$sim->contoso(roles => ['TeamsAppInstallation.ReadWriteSelfForUser.All']);
	$sim->expire_tokens;
	is(sync('directory()', ', hint'), 'failed 1500 Authorization_RequestDenied'
		  . ' Grant the application permission User.Read.All, and for groups'
		  . ' GroupMember.Read.All, to the bot\'s app registration, have an'
		  . ' administrator of the tenant consent to it, then synchronise'
		  . ' again.', 'is told');
	is($node->fate($node->send('user8@contoso.com', 'still')), 'sent',
		'messages are sent without it');
	$sim->contoso;
	is(sync('directory()'), 'done 1500', 'once it is granted, it works');

	$node->value("DELETE FROM teams_person WHERE id = '$ada'");
	$sim->contoso(roles => ['GroupMember.Read.All']);
	$sim->expire_tokens;
	is(sync("group('$group')"), 'done 1', 'members without their names');
	is($node->value("SELECT concat_ws(' ', user_id, user_principal_name)"
			. " FROM teams_members('$group')"), $ada, 'are an audience');
	$sim->contoso;
};

subtest 'locks' => sub
{
	my $session = $node->background_psql('postgres');
	$session->query_safe('BEGIN; SELECT teams_sync_directory()');
	$node->value('UPDATE teams_directory SET next_at = NULL'
		  . " WHERE source <> 'people'");
	$session->query_safe('COMMIT');
	$node->wait_until("SELECT state = 'done' FROM teams_directory WHERE source = 'people'");

	# Somebody has the list while a page comes, and somebody its people.
	$sim->fault(operation => 'delta', delay_ms => 1000);
	$node->value('SELECT teams_sync_directory()');
	TeamsNode::wait_for('a page', sub { $sim->faults->[-1]{hits} == 1 });
	$session->query_safe('BEGIN; SELECT FROM teams_directory FOR UPDATE');
	is($node->fate($node->send('ada@contoso.com', 'list')), 'sent',
		'a list that is locked does not hold messages up');
	$session->query_safe('COMMIT');
	$node->wait_until("SELECT state = 'done' FROM teams_directory WHERE source = 'people'");
	my $broadcast = $node->value("SELECT teams_broadcast(ARRAY['user8\@contoso.com'],"
		  . " 'news', topic => 'news', draft => true)");
	$session->query_safe('BEGIN; LOCK teams_person');
	$node->value("SELECT teams_start_broadcast($broadcast)");
	$node->value('UPDATE teams_directory SET delta_link = NULL');
	$node->value('SELECT teams_sync_directory()');
	$node->wait_until('SELECT last_error IS NOT NULL FROM teams_worker_detail');
	my $seconds = TeamsNode::duration(sub {
		$node->fate($node->send('ada@contoso.com', "people $_")) for 1 .. 10;
	});
	cmp_ok($seconds, '<', 5, 'nor does a table');
	is($node->value('SELECT count(*) FROM teams_message_detail WHERE state = \'sent\''
			  . " AND broadcast = $broadcast"), 0,
		'but what has a topic waits: who has opted out cannot be told');
	is($node->value("SELECT state FROM teams_directory WHERE source = 'people'"),
		'running', 'which is still locked');
	$session->query_safe('COMMIT');
	$session->quit;
	$node->wait_until("SELECT state = 'done' FROM teams_directory WHERE source = 'people'");
	is(pages(), 8, 'afterwards it goes on');
	ok($node->wait_for_broadcast($broadcast),
		'and so does the broadcast');
};

subtest 'a restart' => sub
{
	$node->value('UPDATE teams_directory SET delta_link = NULL');
	$sim->fault(operation => 'delta', skip => 4, count => 1, delay_ms => 60000);
	$node->value('SELECT teams_sync_directory()');
	TeamsNode::wait_for('a page', sub { $sim->faults->[-1]{hits} == 1 });
	my $read = pages();
	$sim->reset_stats;
	$node->restart;
	$node->wait_until("SELECT state = 'done' FROM teams_directory WHERE source = 'people'");
	is($sim->stats->{graph_requests} . ' ' . pages(), 8 - $read . ' 8',
		'what was read is not read again');
	is($node->value('SELECT count(*) FROM teams_person'), 1500,
		'and all are there');
};

subtest 'another tenant' => sub
{
	$node->configure($sim, tenant_id => "'" . user(1) . "'", replace => 'true');
	is($node->value('SELECT (SELECT count(*) FROM teams_person),'
			. ' (SELECT count(*) FROM teams_directory),'
			. ' (SELECT count(*) FROM teams_group_member)'),
		'0|0|0', 'nothing is known of it');
};

subtest 'without a worker' => sub
{
	my $alone = TeamsNode->start('alone', $sim, preload => 0);

	$alone->value('SELECT teams_sync_directory()');
	$alone->value('CALL teams_drain()');
	is($alone->value('SELECT state, people FROM teams_directory'),
		'done|1500', 'teams_drain() reads it');
};

done_testing();
