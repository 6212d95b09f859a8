# The incidents of docs/examples: who is told, who is told later, and what is edited.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

$sim->generate_users(3, installed => 3);
# Whoever owns the table sends, and whoever changes it need not be allowed to.
$node->value("CREATE ROLE operations; SELECT teams_grant('operations', 'sender');"
	  . ' CREATE ROLE clerk');
$node->value(slurp_file("$ENV{TESTDIR}/docs/examples/incidents/incidents.sql"));
$node->value('ALTER TABLE incident OWNER TO operations; ALTER FUNCTION edit_incident() OWNER TO operations;'
	  . ' GRANT ALL ON incident TO clerk');

sub clerk
{
	my ($sql) = @_;
	return $node->value("SET ROLE clerk; $sql");
}

# What chats show once all has arrived that is not for later.
sub shown
{
	my ($what, @expected) = @_;

	$node->wait_until(q{SELECT NOT EXISTS (SELECT FROM teams_outbox WHERE due_at IS NULL)});
	is_deeply([ sort map { "$_->{upn}: $_->{text}" } $sim->messages ], [ sort @expected ], $what);
	return;
}

sub escalation
{
	return $node->value('SELECT m.target, m.state, date_trunc($$second$$, m.due_at - m.created_at)'
		. ' FROM incident JOIN teams_message_detail AS m ON m.reference = escalation ORDER BY incident.id DESC LIMIT 1');
}

clerk(<<'END');
INSERT INTO incident (title, on_call, manager)
VALUES ('Disk full', '{user1@contoso.com,user2@contoso.com}', 'user3@contoso.com')
END
shown('who is on call is told',
	map { "user$_\@contoso.com: **Disk full**: nobody has taken it yet" } 1, 2);
is(escalation(), 'user3@contoso.com|pending|00:10:00', 'the manager in ten minutes');

clerk(q{UPDATE incident SET state = 'taken', taken_by = 'Ada' WHERE id = 1});
is(escalation() =~ s/\|[^|]*$//r, 'user3@contoso.com|cancelled', 'unless somebody takes it');
shown('everybody sees who has',
	map { "user$_\@contoso.com: **Disk full**: taken by Ada" } 1, 2);

# What fails takes its messages along.
$node->error_of(q{SET ROLE clerk; INSERT INTO incident (title, on_call, state) VALUES ('Wrong', '{user1@contoso.com}', 'none')});
clerk(q{INSERT INTO incident (title, on_call) VALUES ('No manager', '{user1@contoso.com}')});
my @shown = ((map { "user$_\@contoso.com: **Disk full**: taken by Ada" } 1, 2),
	'user1@contoso.com: **No manager**: nobody has taken it yet');
shown('nothing of a row that there is not; a null is nobody', @shown);

# Two become overdue, of which one has a manager; once.
clerk('SELECT find_overdue()');
shown('nothing is overdue yet', @shown);
clerk(q{UPDATE incident SET due_at = now() - interval '1 minute'});
clerk('SELECT find_overdue()');
clerk('SELECT find_overdue()');
push @shown, 'user3@contoso.com: 1 overdue: Disk full';
shown('the manager hears once of what is overdue', @shown);

# What is resolved is told every hour.
clerk(q{UPDATE incident SET state = 'resolved', taken_by = coalesce(taken_by, 'Grace')});
is($node->value('SELECT target, template, rows, due_at - now() BETWEEN $$59 min$$ AND $$60 min$$ FROM teams_digest'),
	'user3@contoso.com|incidents_resolved|1|t', 'what is resolved is collected for an hour');

done_testing();
