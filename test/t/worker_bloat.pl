# Under steady load the tables stay small, with autovacuum as it is by default.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $users = 1000;
my $rounds = 25;
my $sim = TeamsSim->start(forget_messages => 1)->contoso;
$sim->config(generate_users => { count => $users, installed => $users,
		upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim,
	conf => "autovacuum = on\nautovacuum_naptime = 1s");

sub kilobytes
{
	my ($table) = @_;
	return $node->value("SELECT pg_total_relation_size('$table') / 1024");
}

# What a round needs at its height, several times over, is what they may have.
my %most = (teams_outbox => 0, teams_inflight => 0, teams_account => 0);
my %first;
for my $round (1 .. $rounds)
{
	$node->send_to_all($users, "round $round");
	$node->wait_until_sent;
	for my $table (keys %most)
	{
		my $size = kilobytes($table);

		$most{$table} = $size if $size > $most{$table};
	}
	%first = %most if $round == 5;

	# No faster than autovacuum looks around, but no slower either.
	$node->wait_until("SELECT n_dead_tup < 2500 FROM pg_stat_all_tables"
		  . " WHERE relname = 'teams_outbox'")
	  if $round % 5 == 0;
}
note(join ', ', map { "$_: $first{$_} kB at first, $most{$_} kB at most" }
	sort keys %most);
is($node->value('SELECT count(*) FROM teams_delivery'), $users * $rounds,
	'all was sent');
cmp_ok($most{$_}, '<=', 2 * $first{$_} + 512, "$_ does not grow with what passes")
  for sort keys %most;

done_testing();
