# A monitor runs every query that the documents have for monitoring, sees what
# all have sent, reads nothing of what messages say, and does nothing.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TeamsNode;
use TeamsSim;

my $node = TeamsNode->start('primary', undef);
my $secret = 'the secret recipe';

$node->value(<<"END");
SELECT teams_configure_dry_run();
CREATE TABLE dish (name text);
ALTER TABLE dish OWNER TO CURRENT_USER;
CREATE TRIGGER tell AFTER INSERT ON dish FOR EACH ROW
	EXECUTE FUNCTION teams_notify('none', 'to=name', 'on_error=warn');
INSERT INTO dish VALUES ('$secret');
CREATE ROLE app LOGIN;
SELECT teams_grant('app', 'sender');
CREATE ROLE nagios LOGIN;
SELECT teams_grant('nagios', 'monitor');
SET ROLE app;
SELECT teams_send('ada\@contoso.com', '$secret');
SELECT teams_broadcast('{ada\@contoso.com}'::text[], '$secret', title => 'Dishes', draft => true);
RESET ROLE;
-- one that failed, and so has kept its text, and one that waits
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('real', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');
SELECT teams_send('ada\@contoso.com', '$secret', bot => 'real');
INSERT INTO teams_delivery (id, bot, kind, scope, target, sender, fate, attempts,
		doubtful, error_code, activity, created_at)
	VALUES (-1, 'real', 'send', 'user', 'ada\@contoso.com', 'app', 'failed', 1, false, 'NotFound',
		'{"type": "message", "text": "$secret"}', now());
END

sub as_monitor
{
	my ($query) = @_;

	return $node->psql('postgres', $query, extra_params => [ '-U', 'nagios' ]);
}

# The statements under a heading, up to the next one of that level.
sub statements
{
	my ($file, $heading) = @_;
	my ($section) = slurp_file("$ENV{TESTDIR}/$file")
	  =~ /^## \Q$heading\E\n(.*?)(?=^## |\z)/ms;
	my @statements;

	while ($section =~ /^```sql\n(.*?)^```$/msg)
	{
		push @statements, grep { /\S/ } split /;\n/, $1;
	}
	return @statements;
}

for my $place ([ 'README.md', 'Monitoring and Troubleshooting' ], [ 'docs/operations.md', 'What to watch' ],
	[ 'docs/operations.md', 'Processes' ], [ 'docs/operations.md', 'Retention' ],
	[ 'docs/reference/status.md', 'teams_status' ])
{
	my @statements = statements(@$place);

	cmp_ok(scalar @statements, '>', 0, "@$place has queries");
	for my $statement (@statements)
	{
		my ($status, $out, $err) = as_monitor($statement);
		my ($line) = $statement =~ /^(.*)/;

		is($err, '', "$place->[0]: $line");
		unlike($out, qr/$secret/, 'without what messages say');
	}
}

# It sees messages of all, and nothing that it can read has what they say.
my ($status, $out, $err) = as_monitor('SELECT count(*) FROM teams_message');
is($out, 3, 'a monitor sees all messages');
($status, $out, $err) = as_monitor('SELECT title FROM teams_progress');
is($out, 'Dishes', 'and broadcasts');
for my $relation (split /\n/, $node->value(<<'END'))
SELECT relname FROM pg_class
WHERE relkind IN ('r', 'v') AND relname LIKE 'teams\_%' AND has_table_privilege('nagios', oid, 'SELECT')
ORDER BY 1
END
{
	($status, $out, $err) = as_monitor("SELECT * FROM $relation");
	is($err, '', "a monitor may read $relation");
	unlike($out, qr/recipe/, 'which does not have it') unless $relation eq 'teams_notify_error';
}
for my $query ('TABLE teams_outbox', 'TABLE teams_delivery', 'TABLE teams_broadcast',
	'TABLE teams_recipient', 'TABLE teams_recorded', 'TABLE teams_recorded_detail',
	'TABLE teams_person', 'TABLE teams_template', 'SELECT data FROM teams_notify_error')
{
	($status, $out, $err) = as_monitor($query);
	like($err, qr/permission denied/, "not $query");
}
for my $call ("teams_send('ada\@contoso.com', 'x')", "teams_cancel(1)", 'teams_retry(1)',
	'teams_pause()', 'teams_resume()', "teams_broadcast('{a\@b.c}'::text[], 'x')",
	"teams_grant('nagios', 'sender')", 'teams_people()')
{
	($status, $out, $err) = as_monitor("SELECT $call");
	like($err, qr/permission denied/, "nor $call");
}

# What was granted can be taken back.
$node->value("SELECT teams_revoke('nagios')");
for my $query ('TABLE teams_message', 'SELECT at FROM teams_notify_error', 'SELECT teams_status()')
{
	($status, $out, $err) = as_monitor($query);
	like($err, qr/permission denied/, "afterwards not even $query");
}
is($node->value("SELECT count(*) FROM pg_shdepend WHERE refobjid = 'nagios'::regrole"), 0,
	'and the role can be dropped');

done_testing();
