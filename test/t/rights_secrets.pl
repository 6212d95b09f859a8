# Client secrets and tokens are nowhere but where they belong.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim,
	conf => 'log_min_messages = debug2');

# A token that is in use while a request hangs, and services that repeat what
# they were given, in errors for one person and for the whole bot.
my %fault = (code => 'Bad', message => 'Bearer eyJhbGciOi.J9 is bad');
$node->fate($node->send('grace@contoso.com', 'hello'));
$sim->fault(operation => 'send', text => 'refused', status => 400, %fault);
my $id = $node->send('ada@contoso.com', 'refused');
is($node->fate($id), 'failed', 'a service can complain about one message');
$sim->fault(operation => 'token', status => 400, code => 'invalid_client',
	message => 'about eyJhbGciOi.J9');
$node->configure($sim, bot => "'second'");
$node->send('ada@contoso.com', 'waits', bot => 'second');
ok( $node->wait_until('SELECT paused_at IS NOT NULL FROM teams_bot'
		  . " WHERE bot = 'second'"),
	'and about a bot');
$sim->fault(operation => 'send', text => 'hangs', delay_ms => 60000);
$node->send('ada@contoso.com', 'hangs');
$node->wait_until('SELECT in_flight > 0 FROM teams_worker');

my $tables = $node->value("SELECT string_agg(c.oid::regclass::text, ' ')"
	  . " FROM pg_class AS c WHERE relname ~ '^teams_'"
	  . " AND relkind IN ('r', 'v')");
my %places = (
	'the log' => slurp_file($node->logfile),
	'pg_stat_activity' => $node->value('SELECT * FROM pg_stat_activity'
		  . " WHERE backend_type ~ 'teams'"),
	'the tables and views' => $node->value(
		join ';', map { "SELECT '$_', t FROM $_ AS t" } split / /, $tables),
	'an error of teams_wait' => $node->error_of("CALL teams_wait($id)"));
like($tables, qr/teams_bot.*teams_worker/, 'there are tables and views');
like($places{$_}, qr/Bearer \[removed\] is bad/, "$_: what was said is kept")
  for 'the tables and views', 'an error of teams_wait';
like($places{'pg_stat_activity'}, qr/sending: 1 on the wire/,
	'pg_stat_activity: the request can be seen');
like($places{'the log'}, qr/bot "second" is paused.*\[removed\]/,
	'the log: what was said is kept');
(my $encoded = TeamsSim::CLIENT_SECRET()) =~
  s/([^\w.~-])/sprintf '%%%02X', ord $1/ge;
for my $place (sort keys %places)
{
	for my $secret (TeamsSim::CLIENT_SECRET(), $encoded, 'eyJ')
	{
		ok(index($places{$place}, $secret) < 0, "$place: no $secret");
	}
}

# Nor does a sender see more than its own messages.
$node->value('CREATE ROLE nobody_special');
for my $table (split / /, $tables)
{
	like($node->error_of("SET ROLE nobody_special; SELECT * FROM $table"),
		qr/permission denied/, "$table is closed to the public");
}

done_testing();
