# Nothing is asked of the services twice that was done.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim,
	conf => 'teams_proactive.retry_base_delay = 50ms');
my $first = 1;

# New people get a message each, of whom so many have the app, while Graph meets
# a fault; returns how many installations it took to be asked for.
sub installs
{
	my ($count, $installed, $name, %fault) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $last = $first + $count - 1;

	$sim->generate_users($count, first => $first, installed => $installed);
	$sim->fault(%fault);
	$sim->reset_stats;
	$node->value("SELECT count(teams_send('user' || i || '\@contoso.com', '$name ' || i))"
		  . " FROM generate_series($first, $last) AS i");
	$node->wait_until_sent;
	my %texts;
	$texts{"$_->{upn} $_->{text}"}++
	  for grep { $_->{text} =~ /^\Q$name\E / } $sim->messages;
	is_deeply(\%texts,
		{ map { ("user$_\@contoso.com $name $_" => 1) } $first .. $last },
		"$name: each person has got what was for them, once");
	$sim->clear_faults;
	$first += $count;
	return $sim->stats->{items}{install};
}

is(installs(250, 0, 'lag', operation => 'lookup', status => 200,
		body => '{"value":[]}', count => 600), 250,
	'an installation that is not listed yet is not asked for again');
is(installs(100, 100, 'there', operation => 'lookup', status => 200,
		body => '{"value":[]}', count => 150), 100,
	'nor one that was there, as the answer said');
is(installs(100, 0, 'chat', operation => 'chat', status => 404, count => 150),
	100, 'nor where the chat is not there yet');
is(installs(100, 0, 'unavailable', operation => 'install', status => 503,
		count => 50), 150, 'what was not done is');
is($node->value('SELECT installed_by_us, count(*) FROM teams_installation'
	  . " WHERE state = 'installed' GROUP BY 1 ORDER BY 1"), "f|100\nt|450",
	'who installed it is on record');

# A roster of several pages, whose tokens have blanks and what else a URL has not.
my $team = $sim->team(generated => { count => 550, first => 1 }, members => ['ada@contoso.com']);
$sim->install(TeamsSim::TEAM());
my $post = $node->value("SELECT teams_post('" . TeamsSim::TEAM() . "', NULL, 'hello')");
is($node->fate($post), 'sent', 'General is known');
$node->value("SELECT teams_sync_roster('" . TeamsSim::TEAM() . "')");
ok($node->wait_until("SELECT state IN ('done', 'failed') FROM teams_directory"),
	'a roster of several pages');
my ($roster) = $sim->teams(TeamsSim::TEAM());
is($node->value("SELECT state, people, pages FROM teams_directory"),
	"done|551|2", 'is read to its end');

done_testing();
