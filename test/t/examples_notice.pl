# The notice of docs/examples: to 5,000 people in three languages, from the
# draft to the report.

use strict;
use warnings;
use utf8;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $example = "$ENV{TESTDIR}/docs/examples/notice";
my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

$sim->generate_users(5000, installed => 5000);
$node->value(<<'END');
CREATE TABLE employee (id int PRIMARY KEY, email text, first_name text, locale text);
INSERT INTO employee
SELECT i, format('user%s@contoso.com', i), 'No. ' || i, (ARRAY['en-GB', 'de-AT', 'fr', NULL])[i % 4 + 1]
FROM generate_series(1, 5000) AS i;
INSERT INTO employee VALUES (5001, 'left.the.company', 'Kim', 'de'), (5002, NULL, 'Robin', 'fr');
CREATE ROLE press LOGIN;
GRANT SELECT ON employee TO press;
SELECT teams_grant('press', 'sender');
END
$node->value(slurp_file("$example/templates.sql"));

# As somebody who may send, and no more.
sub run
{
	my ($what, @arguments) = @_;
	my ($out, $err);

	ok(IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d',
			$node->connstr('postgres') . ' user=press', @arguments ],
		'>', \$out, '2>', \$err), $what)
	  or diag("$out$err");
	return $out;
}

sub texts
{
	my ($pattern) = @_;
	return map { $_->{text} } grep { $_->{text} =~ $pattern } $sim->messages;
}

my $out = run('the draft', '-v', 'me=ada@contoso.com', '-f', "$example/notice.sql");
like($out, qr/^0\|5000\|0\|\{"invalid user id": 2\}\|1$/m, 'who gets nothing, and why');
my ($notice) = $out =~ /teams_start_broadcast\((\d+)\)/;

$node->wait_until_sent;
is_deeply([ texts(qr/SAP/) ],
	[ 'Hello No. 1, **SAP** is down on 12 December from 18:00 to 20:00 UTC.',
		'Hallo No. 1, **SAP** steht am 12.12. von 18 bis 20 Uhr (UTC) nicht zur Verfügung.',
		'Bonjour No. 2, **SAP** sera arrêté le 12/12 de 18 h à 20 h (UTC).' ], 'each language, beforehand')
  or diag(explain([ texts(qr/SAP/) ]));

run('it is started and watched', '-c', "SELECT teams_start_broadcast($notice)", '-c', "CALL teams_watch($notice)");
is($node->value("SELECT state, sent, failed FROM teams_progress WHERE broadcast = $notice"),
	'done|5000|0', 'all of them have it');
is(scalar(texts(qr/^Hallo/)), 1251, 'in German a quarter and the preview');

my @report = split /\n/, run('the report', '--csv', '-v', "notice=$notice", '-f', "$example/report.sql");
is($report[0] =~ s/,.*//r, 'user1000@contoso.com', 'of each person');
is(scalar(grep { /,sent,/ } @report), 5000, 'each has it');

my $edit = run('an edit', '-c', "SELECT teams_edit_broadcast($notice, 'It is over: SAP is up again.')");
$node->wait_for_broadcast($edit =~ s/\s//gr, 'done');
is(scalar(texts(qr/^It is over/)), 5000, 'all read it');
my $recall = run('a recall', '-c', "SELECT teams_recall($notice)");
$node->wait_for_broadcast($recall =~ s/\s//gr, 'done');
is(scalar(grep { $_->{deleted} } $sim->messages), 5000, 'and it is gone');

done_testing();
