# A thousand people, of whom nothing is known any more, have messages that are
# edited and deleted: Graph is not asked for anybody.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

use constant PEOPLE => 1000;

my $sim = TeamsSim->start->contoso;
$sim->generate_users(PEOPLE, installed => PEOPLE);
my $node = TeamsNode->start('primary', $sim);

# What each of them sees, compared with what they should.
sub compare
{
	my ($name, $expected) = @_;
	my %told;
	my @wrong;

	push @{ $told{ $_->{user} } }, $_->{deleted} ? 'deleted' : $_->{text}
	  for $sim->messages;
	for my $number (1 .. PEOPLE)
	{
		my $got = join ', ', @{ $told{ TeamsSim::generated_id($number) } // [] };
		push @wrong, "$number: $got" if $got ne $expected->($number);
	}
	return is("@wrong[0 .. ($#wrong < 4 ? $#wrong : 4)]", '', $name);
}

$node->send_to_all(PEOPLE, 'first');
$node->send_to_all(PEOPLE, 'second');
$node->wait_until_sent;
compare('two messages each', sub { "first $_[0], second $_[0]" });
is($node->value('WITH gone AS (DELETE FROM teams_installation RETURNING 1)'
		. ' SELECT count(*) FROM gone'), PEOPLE, 'nobody is known any more');

my $ids = "ARRAY(SELECT id FROM teams_delivery WHERE kind = 'send' ORDER BY id)";
$sim->reset_stats;
$node->value(<<"END");
SELECT count(CASE WHEN n <= @{[PEOPLE]} THEN teams_edit(id, 'edited ' || n)
	ELSE teams_delete(id) END)
FROM unnest($ids) WITH ORDINALITY AS s (id, n)
END
$node->wait_until_sent;
compare('each is changed', sub { "edited $_[0], deleted" });
is($sim->stats->{graph_requests}, 0, 'without a question');
is($node->value('SELECT kind, fate, count(*) FROM teams_delivery'
		. " WHERE kind <> 'send' GROUP BY 1, 2 ORDER BY 1"),
	"delete|sent|" . PEOPLE . "\nedit|sent|" . PEOPLE, 'all of them');
is($node->value('SELECT count(*) FROM teams_installation'), 0, 'nor a note');

# Several for one and the same, who are not known, in the order of writing.
$node->value(<<"END");
SELECT count(teams_edit(id, 'edit ' || round || ' of ' || n))
FROM (SELECT * FROM generate_series(1, 12) AS round,
	unnest(($ids)[1:@{[PEOPLE / 10]}]) WITH ORDINALITY AS s (id, n)
	ORDER BY round, n) AS s
END
$node->wait_until_sent;
compare('the last of several edits counts', sub {
	return ($_[0] <= PEOPLE / 10 ? "edit 12 of $_[0]" : "edited $_[0]")
	  . ', deleted';
});
is($sim->stats->{graph_requests}, 0, 'still without a question');

done_testing();
