# Priority, schedule and expiry; the order of each conversation is kept.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
$sim->config(generate_users => { count => 200, installed => 200,
		upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim);

# Everybody is known, and the rate is such that a queue forms.
$node->value("SELECT count(teams_ensure_installed('user' || i || '\@contoso.com'))"
	  . ' FROM generate_series(1, 200) AS i');
$node->wait_until_sent;
$node->configure($sim, connector_rate => 50);

# A broadcast at low priority; then something urgent, for some who have a
# message of the broadcast waiting, and normal things.
$node->value(<<'END');
SELECT count(teams_send('user' || i || '@contoso.com', 'low ' || i, priority => 'low'))
FROM generate_series(1, 200) AS i
END
$node->value(<<'END');
SELECT count(teams_send('user' || i || '@contoso.com', 'normal ' || i))
FROM generate_series(150, 200) AS i
END
$node->value(<<'END');
SELECT count(teams_send('user' || i || '@contoso.com', 'high ' || i, priority => 'high'))
FROM generate_series(190, 200) AS i
END
$node->wait_until_sent;
my @arrived = map { $_->{text} } $sim->messages;
my %place;
@place{@arrived} = 0 .. $#arrived;
is(scalar(@arrived), 262, 'all arrive');
my @reordered = grep {
	($place{"low $_"} // 0) > ($place{"normal $_"} // 999)
	  || ($place{"normal $_"} // 0) > ($place{"high $_"} // 999)
} 1 .. 200;
is_deeply(\@reordered, [], 'each person gets them in the order of writing');
my $last_high = (sort { $b <=> $a } map { $place{"high $_"} } 190 .. 200)[0];
my $last_normal = (sort { $b <=> $a } map { $place{"normal $_"} } 150 .. 200)[0];
my $last_low = (sort { $b <=> $a } map { $place{"low $_"} } 1 .. 149)[0];
cmp_ok($last_high, '<', $last_normal, 'what is urgent comes first');
cmp_ok($last_normal, '<', $last_low, 'and what is not comes last');

# A person with more waiting than has room in memory, and then one urgent.
my $seen = $sim->message_count;
$node->value("SELECT teams_pause()");
$node->value("SELECT count(teams_send('user1\@contoso.com', 'n ' || i, priority => 'low'))"
	  . ' FROM generate_series(1, 30) AS i');
$node->send('user1@contoso.com', 'urgent', priority => 'high');
$node->send('user1@contoso.com', 'after');
$node->value("SELECT teams_resume()");
$node->wait_until_sent;
is( join(',', map { $_->{text} } ($sim->messages)[ $seen .. $seen + 31 ]),
	join(',', (map { "n $_" } 1 .. 30), 'urgent', 'after'),
	'an urgent message does not overtake in its own conversation');

# To the second.
$node->value(<<'END');
SELECT teams_send('user2@contoso.com', 'at ' || extract(epoch FROM at), send_at => at)
FROM (SELECT now() + i * interval '0.5 s' AS at FROM generate_series(1, 4) AS i) AS s
END
my $id = $node->value(
	"SELECT teams_send('user2\@contoso.com', 'tomorrow', send_at => now() + '1 day')");
TeamsNode::wait_for('what is due',
	sub { 4 == grep { $_->{text} =~ /^at/ } $sim->messages });
my @late = map { $_->{received_at_ns} / 1e9 - substr($_->{text}, 3) }
  grep { $_->{text} =~ /^at/ } $sim->messages;
note(sprintf 'sent after send_at: %s', join ' ', map { sprintf '%.3f s', $_ } @late);
is((grep { $_ < 0 || $_ >= 1 } @late), 0, 'what is scheduled is sent then');
is($node->value("SELECT state FROM teams_message WHERE id = $id"),
	'pending', 'and nothing sooner');

# Expiry: pending behind a paused bot, and a retry that comes too late.
$sim->fault(operation => 'send', text => 'fails', status => 503, count => -1,
	headers => { 'Retry-After' => '30' });
my $failing = $node->value("SELECT teams_send('user3\@contoso.com', 'fails',"
	  . " expires_at => now() + '1 s')");
my $behind = $node->send('user3@contoso.com', 'behind');
is($node->fate($failing), 'expired', 'a retry that would come too late expires');
is($node->value("SELECT error_code FROM teams_delivery WHERE id = $failing"),
	'ServiceUnavailable', 'and says what stood in the way');
is($node->fate($behind), 'sent', 'what was behind it goes on');
$node->value("SELECT teams_pause()");
my $start = time;
my $expiring = $node->value("SELECT teams_send('user4\@contoso.com', 'x',"
	  . " expires_at => now() + '1 s')");
is($node->fate($expiring), 'expired', 'messages of a paused bot expire');
cmp_ok(time - $start, '<', 2.5, 'in time');
is($node->value("SELECT error_code FROM teams_delivery WHERE id = $expiring"),
	'expired', 'with a code of its own');
$node->value("SELECT teams_resume()");
is((grep { $_->{text} eq 'x' } $sim->messages), 0, 'and are not sent later');

# An answer that comes after the expiry, and asks for a retry.
for my $round (1 .. 3)
{
	$sim->fault(operation => 'send', text => "late $round", status => 503,
		delay_ms => 700);
	my $late = $node->value("SELECT teams_send('user6\@contoso.com', 'late $round',"
		  . " expires_at => clock_timestamp() + '500 ms')");
	my $after = $node->send('user6@contoso.com', "after $round");
	is($node->fate($late), 'expired', 'there is no retry after the expiry');
	is($node->fate($after), 'sent', 'and what is behind it goes on');
}

# What is on the wire does not expire.
$sim->fault(operation => 'send', text => 'slow', delay_ms => 2000);
my $flying = $node->value("SELECT teams_send('user5\@contoso.com', 'slow',"
	  . " expires_at => now() + '1 s')");
is($node->fate($flying), 'sent', 'what is on the wire does not expire');
is( $node->value('SELECT balanced, pending, expired FROM teams_accounting'),
	't|1|5', 'the account knows of all of them');

done_testing();
