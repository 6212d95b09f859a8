# 5,000 people, each with something of their own, all the way: what comes from
# the directory, and what arrives, is compared one by one.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $people = 5000;
my @languages = ('de', 'en', 'fr');
my $sim = TeamsSim->start->contoso;
my $team = TeamsSim::TEAM;
$sim->generate_users($people, installed => $people / 2,
	preferred_languages => \@languages);
$sim->group(id => $team, generated => { count => $people });
my $node = TeamsNode->start('primary', $sim);

# How many of the people have what they should, for numbers from 1 on.
sub right
{
	my ($found, $wanted) = @_;

	return scalar grep { ($found->{"user$_\@contoso.com"} // '') eq $wanted->($_) } 1 .. $people;
}

# What the simulator's messages say by people, with what became of each.
sub arrived
{
	my %texts;

	for my $message ($sim->messages)
	{
		my $state = $message->{deleted} ? ' (deleted)' : $message->{edited} ? ' (edited)' : '';
		$texts{ $message->{upn} } .= ($texts{ $message->{upn} } ? '|' : '') . "$message->{text}$state";
	}
	return \%texts;
}

sub rows
{
	my ($query) = @_;

	return { map { split /\|/, $_, 2 } split /\n/, $node->value($query) };
}

sub language { return $languages[ ($_[0] - 1) % @languages ]; }

# People and members, as the simulator has them.
$node->value("SELECT teams_sync_directory(), teams_sync_group('$team')");
$node->wait_until("SELECT count(*) = 0 FROM teams_directory WHERE state IN ('wanted', 'running')");
for my $source ('teams_people()', "teams_members('$team')")
{
	is( right(rows("SELECT user_principal_name, concat_ws(' ', user_id, locale, is_guest, is_enabled, is_licensed)"
				  . " FROM $source"),
			sub { TeamsSim::generated_id($_[0]) . ' ' . language($_[0]) . ' f t t' }),
		$people, "$source: all people as they are");
}

# A template with data and language of each; half of them get the app first.
$node->value("SELECT teams_set_template('greeting', 'Hello, \${name}!'),"
	  . " teams_set_template('greeting', 'Hallo, \${name}!', locale => 'de')");
my $broadcast = $node->value(<<"END");
SELECT teams_broadcast(\$\$SELECT user_id, locale, jsonb_build_object('name', user_principal_name || ' ' || repeat('x', n::int % 200)) AS data
	FROM teams_members('$team') WITH ORDINALITY AS m (user_id, user_principal_name, name, locale, g, e, l, n)\$\$,
	template => 'greeting')
END
my %names = %{ rows("SELECT split_part(data ->> 'name', ' ', 1), data ->> 'name' FROM teams_recipient") };
$node->wait_for_broadcast($broadcast);
my $greeting = sub {
	(language($_[0]) eq 'de' ? 'Hallo, ' : 'Hello, ') . $names{"user$_[0]\@contoso.com"} . '!';
};
is(right(arrived(), $greeting), $people, 'a broadcast tells each what is theirs');
is( right(rows("SELECT user_principal_name, state || ' ' || installed_by_us"
			  . ' FROM teams_installation JOIN teams_person ON target = id'),
		sub { 'installed ' . ($_[0] > $people / 2 ? 'true' : 'false') }),
	$people, 'it is known who has the app, and since when');

# Arrays of ids: to edit, and to delete, what was sent.
$node->value('SELECT count(*) FROM teams_edit(ARRAY(SELECT id FROM teams_delivery'
	  . " WHERE broadcast = $broadcast), 'For all of you')");
$node->wait_until_sent;
is(right(arrived(), sub { 'For all of you (edited)' }), $people, 'all are edited');
$node->value('SELECT count(*) FROM teams_delete(ARRAY(SELECT id FROM teams_delivery'
	  . " WHERE broadcast = $broadcast AND kind = 'send'))");
$node->wait_until_sent;
is(right(arrived(), sub { 'For all of you (deleted)' }), $people, 'all are deleted');

# One statement that sends to each.
$node->send_to_all($people, 'Text');
$node->wait_until_sent;
is(right(arrived(), sub { "For all of you (deleted)|Text $_[0]" }), $people, 'each gets one text');
is( right(rows('SELECT target, activity_id IS NOT NULL FROM teams_delivery'
			  . " WHERE broadcast IS NULL AND kind = 'send' AND fate = 'sent'"),
		sub { 't' }),
	$people, 'and each is settled');
is($node->value('SELECT balanced FROM teams_accounting'), 't', 'the account is balanced');

done_testing();
