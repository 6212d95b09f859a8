# What has expired before it was written or read does not go on the wire.

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

$sim->generate_users(100, installed => 100);
$node->fate($node->send($ada, 'have tokens at hand'));
$node->value("SELECT teams_configure_dry_run('test')");
my $before = $sim->stats;

# A transaction that takes longer than its messages have.
for my $round (1 .. 3)
{
	my $id = $node->value("BEGIN; SELECT teams_send('$ada', 'late $round',"
		  . " expires_at => now() + '200 ms'); SELECT pg_sleep(0.4) \\g /dev/null\nCOMMIT;");

	is($node->fate($id), 'expired', 'what expires before it is committed is not sent');
	is($node->fate($node->send($ada, "after $round")), 'sent',
		'and what is behind it goes on');
}

# Every kind, to people who are known and to others, and a bot that records.
my @ids = split /\n/, $node->value(<<"END");
INSERT INTO teams_outbox (bot, kind, target, activity, expires_at)
	SELECT bot, kind, target, CASE WHEN kind = 'send'
			THEN '{"type": "message", "text": "of yesterday"}'::json END,
		now() - interval '1 day'
	FROM unnest('{default,test}'::text[]) AS bot,
		unnest('{send,install,upgrade,check,uninstall}'::text[]) AS kind,
		unnest('{$ada,grace\@contoso.com}'::text[]) AS target
	RETURNING id
END
is(scalar @ids, 20, 'rows of yesterday are written');
is(join(' ', map { $node->fate($_) } @ids), join(' ', ('expired') x 20),
	'all expire');
is($node->fate($node->send($ada, 'the last')), 'sent', 'the worker goes on');
is_deeply([ $sim->stats->{graph_requests}, $sim->stats->{installs} ],
	[ $before->{graph_requests}, $before->{installs} ],
	'nobody was looked up or installed for that');

# A set, half of which has expired: each fate, and each text that arrived.
$node->value(<<'END');
INSERT INTO teams_outbox (target, activity, expires_at)
	SELECT format('user%s@contoso.com', i % 100 + 1),
		json_build_object('type', 'message', 'text', 'row ' || i),
		CASE WHEN i % 2 = 0 THEN now() - interval '1 hour' END
	FROM generate_series(1, 5000) AS i
END
$node->wait_until_sent;
is($node->value(<<'END'), '5000|0', 'of 5,000 rows those that have time are sent');
SELECT count(*), count(*) FILTER (WHERE d.fate <>
		CASE WHEN d.activity IS NULL THEN 'sent' ELSE 'expired' END)
	FROM teams_delivery AS d WHERE target ~ '^user'
END
is($node->value(<<'END'), '2500|0', 'and the others expire');
SELECT count(*), count(*) FILTER (
		WHERE substr(activity ->> 'text', 5)::int % 2 = 1)
	FROM teams_delivery WHERE target ~ '^user' AND fate = 'expired'
END
my %texts = map { $_->{text} => 1 } $sim->messages;
is_deeply([ grep { ($texts{"row $_"} // 0) != $_ % 2 } 1 .. 5000 ], [],
	'each at the service');
is((grep { /^late|yesterday/ } keys %texts), 0, 'nothing that had expired arrived');

# A message that expires in memory, while its chat rests.
$node->configure($sim, chat_limits => "'{1,1,10000,10000}'");
my ($first, $second, $third) = split /\n/, $node->value(<<"END");
SELECT teams_send('$ada', 'rests 1');
SELECT teams_send('$ada', 'rests 2', expires_at => now() + '300 ms');
SELECT teams_send('$ada', 'rests 3');
END
is(join(' ', map { $node->fate($_) } $first, $second, $third),
	'sent expired sent', 'what expires in memory is not sent');
is((grep { $_->{text} eq 'rests 2' } $sim->messages), 0, 'nor did it arrive');
is($node->value("SELECT bool_and(balanced) FROM teams_accounting"), 't',
	'the account is balanced');

done_testing();
