# Five thousand people exchange their names: whatever is found out by name is
# found out anew, in batches, and each message comes to whoever has the name.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

use constant PEOPLE => 5000;

my $sim = TeamsSim->start->contoso;
$sim->generate_users(PEOPLE, installed => PEOPLE);
my $node = TeamsNode->start('primary', $sim);

# Whose name is user1@ and so on, from the first on.
my @owners = map { TeamsSim::generated_id($_) } 1 .. PEOPLE;

my $last = 0;

sub name { return "user$_[0]\@contoso.com"; }

# Each gets the name of the one before, the first one that of the last.
sub exchange_names
{
	push @owners, shift @owners;
	$sim->config(users => [
		map { { id => $owners[ $_ - 1 ], upn => "meanwhile.$_\@contoso.com" } }
		  1 .. PEOPLE ]);
	$sim->config(users => [
		map { { id => $owners[ $_ - 1 ], upn => name($_) } } 1 .. PEOPLE ]);
	return;
}

# Send a text to all, and compare what each of them gets.
sub compare
{
	my ($text) = @_;
	my %told;
	my @wrong;
	my @new;

	$node->send_to_all(PEOPLE, $text);
	$node->wait_until_sent;
	@new = $sim->messages(after => $last);
	$last = $new[-1]{seq} if @new;
	push @{ $told{ $_->{user} } }, $_->{text} for @new;
	for my $number (1 .. PEOPLE)
	{
		my $got = join ', ', @{ $told{ $owners[ $number - 1 ] } // [] };
		push @wrong, "$number: $got" if $got ne "$text $number";
	}
	is("@wrong[0 .. ($#wrong < 4 ? $#wrong : 4)]", '',
		"$text: each is told what is said to their name");
	@wrong = grep { $_ ne '' } split /\n/, $node->value(<<"END");
SELECT i.target, i.user_id, i.state FROM teams_installation AS i
WHERE (i.user_id, i.state) IS DISTINCT FROM
	((ARRAY['@{[ join "','", @owners ]}'])[substring(i.target, '^user(\\d+)\@')::int],
	 'installed')
END
	is("@wrong[0 .. ($#wrong < 4 ? $#wrong : 4)]", '',
		"$text: and teams_installation knows them all");
	is($node->value('SELECT count(*) FROM teams_installation'), PEOPLE,
		"$text: by name");
}

compare('first');
$node->sync_directory;
is($node->value("SELECT count(*) FROM teams_installation WHERE state = 'stale'"),
	0, 'the directory has nothing against that');

exchange_names();
$node->sync_directory;
is($node->value("SELECT count(*) FROM teams_installation WHERE state = 'stale'"
		. ' AND user_id IS NULL AND chat_id IS NULL'),
	PEOPLE, 'none of the names is what it was');
compare('second');

exchange_names();
$node->value('UPDATE teams_installation SET verify_at = now()');
$sim->reset_stats;
compare('third');
is($sim->stats->{items}{lookup} . ' ' . $sim->stats->{items}{install},
	PEOPLE . ' 0', 'without a directory each name is looked up once');

$node->value('UPDATE teams_installation SET verify_at = now()');
$sim->reset_stats;
compare('fourth');
my $stats = $sim->stats;
is(join(' ', map { $stats->{items}{$_} } qw(lookup install chat)),
	PEOPLE . ' 0 0', 'names that are the same cost one question');
cmp_ok($stats->{graph_requests}, '<', PEOPLE / 10, 'in batches');
is($node->value('SELECT count(*) FROM teams_installation'
		. " WHERE verify_at > now() + interval '17 hours'"),
	PEOPLE, 'and are good for a day');
is($node->value('SELECT count(DISTINCT verify_at) > 1000'
		. ' FROM teams_installation'), 't', 'but not all until the same time');

$node->value("UPDATE teams_installation SET verify_at = now() + interval '1 hour'");
$node->value('UPDATE teams_directory SET delta_link = NULL');
$node->sync_directory;
is($node->value('SELECT count(*) FROM teams_installation'
		. " WHERE verify_at > now() + interval '23 hours'"),
	PEOPLE, 'what the directory confirms need not be asked');

done_testing();
