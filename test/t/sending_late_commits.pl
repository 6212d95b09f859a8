# What commits late, and transactions that stay open, disturb nobody.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
$sim->config(generate_users => { count => 300, installed => 300,
		upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim);
my $ada = 'ada@contoso.com';
$node->fate($node->send($ada, 'known'));

sub texts
{
	my ($pattern) = @_;
	return join ' ', map { $_->{text} } grep { $_->{text} =~ $pattern } $sim->messages;
}

# Ids that are lower than that of what is on the wire, more than have room in
# memory, and of all priorities.
my $late = $node->background_psql('postgres');
for my $round (1 .. 3)
{
	my @wanted = map { "late $round.$_" } 1 .. 60;

	$late->query_safe('BEGIN');
	$late->query_safe("SELECT count(teams_send('$ada', 'late $round.' || i,"
		  . " priority => (ARRAY['high', 'normal', 'low'])[1 + i % 3]))"
		  . ' FROM generate_series(1, 60) AS i');
	$sim->fault(operation => 'send', text => "first $round", delay_ms => 500);
	my $first = $node->send($ada, "first $round");
	TeamsNode::wait_for('the request',
		sub { $sim->stats->{requests_under_way} == 1 });
	$late->query_safe('COMMIT');
	my $last = $node->send($ada, "last $round");
	ok($node->wait_until_sent, 'what commits late is sent');
	is(texts(qr/^(late|last) $round/), join(' ', @wanted, "last $round"),
		'in its order');
}

# A transaction that cancels what is pending, and stays open.
$sim->fault(operation => 'send', text => 'flying', delay_ms => 1500);
my $flying = $node->send($ada, 'flying');
TeamsNode::wait_for('the request',
	sub { $sim->stats->{requests_under_way} == 1 });
my $waiting = $node->send($ada, 'waiting');
my $planned = $node->value("SELECT teams_send('user2\@contoso.com', 'planned',"
	  . " send_at => now() + '1 second')");
$late->query_safe('BEGIN');
is( $late->query_safe("SELECT teams_cancel(ARRAY[$flying, $waiting, $planned])"),
	2, 'what is not on the wire is cancelled');
is($node->fate($flying), 'sent', 'what is on the wire is settled meanwhile');
is($node->fate($node->send('user1@contoso.com', 'others')),
	'sent', 'and others are served');
$node->wait_until("SELECT due_at < now() FROM teams_outbox WHERE id = $planned");
is($node->fate($node->send('user1@contoso.com', 'more')),
	'sent', 'also when what is locked becomes due');
$late->query_safe('COMMIT');
is($node->fate($waiting), 'cancelled', 'in the end it is cancelled');

# An administrator's transaction, too.
$late->query_safe('BEGIN');
$late->query_safe('SELECT teams_pause(); SELECT teams_resume()');
$node->configure($sim, bot => "'second'");
is($node->fate($node->send('user1@contoso.com', 'beside', bot => 'second')),
	'sent', 'an open transaction that writes to a bot delays no other');
$sim->fault(operation => 'token', status => 400, code => 'invalid_client');
$sim->expire_tokens;
my $held = $node->send('user3@contoso.com', 'held');
TeamsNode::wait_for('the refusal', sub { $sim->faults->[-1]{hits} == 1 });
is($node->fate($node->send('user2@contoso.com', 'beside', bot => 'second')),
	'sent', 'nor does it when its bot has to be paused');
$late->query_safe('COMMIT');
$late->quit;
$node->value('SELECT teams_resume()');
is($node->fate($held), 'sent', 'and the bot goes on in the end');

# Those who are known, and those who are not, change places.
$node->value("SELECT teams_pause()");
$node->value("SELECT count(teams_send('user' || i % 300 + 1 || '\@contoso.com', 'n ' || i))"
	  . ' FROM generate_series(1, 3000) AS i');
$node->value("SELECT teams_resume()");
$node->value('DELETE FROM teams_installation');
ok($node->wait_until_sent, 'what is known may be forgotten at any time');
is($node->value("SELECT count(*) FROM teams_delivery WHERE fate <> 'sent'"
		  . " AND id <> ALL (ARRAY[$waiting, $planned])"), 0, 'without any harm');
my %order;
$_->{text} =~ /^n (\d+)/ && push @{ $order{ $_->{user} } }, $1 for $sim->messages;
my @wrong = grep { my $l = $order{$_};
	grep { $l->[$_] < $l->[ $_ - 1 ] } 1 .. $#$l } keys %order;
is_deeply(\@wrong, [], 'and in everybody\'s order');

done_testing();
