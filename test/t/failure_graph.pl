# Trouble with Graph delays those whom it concerns, and loses nobody.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my $pid = $node->worker_pid;
my $first = 1;

# Graph meets a fault while 40 new people, half of whom have the bot, get a
# message each.  All of them arrive once; returns the ids of the messages.
sub survives
{
	my ($fault, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $count = 40;
	my $before = $sim->message_count;

	$sim->config(generate_users => { count => $count, first => $first,
		installed => $count / 2, upn => 'user%d@contoso.com',
		app => TeamsSim::TEAMS_APP_ID() });
	my $id = $sim->fault(service => 'graph', %$fault);
	my $start = $node->value(
		"SELECT min(teams_send('user' || i || '\@contoso.com', 'to ' || i))"
		  . " FROM generate_series($first, $first + $count - 1) AS i");
	$first += $count;
	$node->wait_until_sent;
	my ($hit) = grep { $_->{id} == $id } @{ $sim->faults };
	cmp_ok($hit->{hits}, '>', 0, "$name happens");
	is( $sim->message_count - $before . ' '
		  . $node->value('SELECT count(*), count(*) FILTER (WHERE doubtful)'
			  . " FROM teams_delivery WHERE fate = 'sent' AND id >= $start"),
		"$count $count|0", 'all messages are sent nevertheless');
	$sim->clear_faults;
	return $start;
}

# How many seconds the last of the messages took.
sub slowest
{
	my ($start) = @_;
	return $node->value('SELECT extract(epoch FROM max(settled_at - created_at))'
		  . " FROM teams_delivery WHERE id >= $start");
}

# One item of a batch.
survives({ operation => 'lookup', status => 503, count => 3 },
	'an item of a batch that is not available');
survives({ operation => 'install', status => 503 },
	'an installation that is not available');
survives({ operation => 'chat', status => 404, count => 2 },
	'a chat that is not there yet');
my $start = survives({ operation => 'lookup', status => 429, skip => 5,
	headers => { 'Retry-After' => '1.5' } }, 'an item that is throttled');
cmp_ok(slowest($start), '>=', 1.5, 'Retry-After is obeyed, to its fraction');
survives({ operation => 'install', status => 409, carry_out => JSON::PP::true,
	count => 5 }, 'an installation that somebody else was faster with');

# The batch as a whole.
my %batch = (operation => 'batch');
survives({ %batch, status => 503 }, 'a batch that is not available');
$start = survives({ %batch, status => 429, headers => { 'Retry-After' => '1' } },
	'a batch that is throttled');
cmp_ok(slowest($start), '>=', 1, 'Retry-After is obeyed');
survives({ %batch, close => 'before' }, 'a batch without an answer');
survives({ %batch, close => 'after' },
	'a batch that was carried out without an answer');
survives({ %batch, truncate => 300 }, 'an answer that is cut off');
survives({ %batch, status => 200, body => '{"responses": [{"id": "1"' },
	'an answer that is no JSON');
survives({ %batch, status => 200, body => '{"responses": []}' },
	'an answer that leaves everything out');
survives({ %batch, status => 200, body => '[' x 100000 },
	'an answer that is too deep');
survives({ %batch, status => 200, body => '"' . 'x' x (3 << 20) },
	'an answer that is too long');
survives({ %batch, status => 200, body => '{"responses": [{"id": "1",'
	  . ' "status": 200, "body": {"value": [{"id": ["x"]}]}}, 7, null]}' },
	'an answer with other types');
survives({ %batch, status => 502, body => '<html><h1>Bad gateway</h1></html>',
	content_type => 'text/html' }, 'a page of HTML');
survives({ %batch, status => 200, body => '<html>Welcome</html>',
	content_type => 'text/html' }, 'a page of HTML that pretends success');

# One person's trouble is not another's.
my ($ill, $well) = map { sprintf 'user%d@contoso.com', $first + $_ } 0, 1;
$sim->config(generate_users => { count => 2, first => $first,
	upn => 'user%d@contoso.com' });
$sim->fault(service => 'graph', operation => 'install', user => $ill,
	status => 503, count => -1);
my $waiting = $node->send($ill, 'cannot be installed');
is($node->fate($node->send($well, 'can be installed')), 'sent',
	'others are served while one person cannot be');
is($node->value("SELECT state FROM teams_message WHERE id = $waiting"),
	'pending', 'whose message waits');
$sim->clear_faults;
is($node->fate($waiting), 'sent', 'until it can be sent');
is($node->worker_pid, $pid, 'the worker has survived all this');

done_testing();
