# Who listens is told what became of messages that were sent with notify => true:
# each once, by its id and reference, with the transaction that records it and
# with none that is rolled back.

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

# What psql prints that listens and runs this. Notifications come in the order
# of commits: so those that were to come have come when its own has.
sub printed
{
	my ($database, $commands) = @_;
	my ($status, $stdout, $stderr) = $node->psql($database,
		"LISTEN teams_message;\n$commands\nNOTIFY teams_message, 'the end';\nSELECT 1;\n");

	is($stderr, '', 'no errors');
	like($stdout, qr/with payload "the end"/, 'all has been heard');
	return $stdout;
}

# What a session hears that runs this.
sub heard
{
	my ($sql) = @_;
	my $stdout = printed('postgres', "$sql;");

	my @payloads = $stdout =~ /notification "teams_message" with payload "(\{.*\})" received/g;
	return map { decode_json($_) } @payloads;
}

sub line
{
	my ($told) = @_;

	return join(' ', map { "$_=" . ($told->{$_} // 'null') }
		  grep { $_ ne 'id' } sort keys %$told);
}

# Sent, failed, and not asked for.
my @told = heard(<<'END');
SELECT teams_send('ada@contoso.com', 'one', reference => 'order 1', notify => true) AS good \gset
SELECT teams_send('nobody@contoso.com', 'two', reference => E'order "2"\n', notify => true) AS bad \gset
SELECT teams_send('grace@contoso.com', 'three', reference => 'order 3') AS other \gset
SELECT teams_send('grace@contoso.com', 'four', notify => true) AS plain \gset
DO $$ BEGIN
	WHILE EXISTS (SELECT FROM teams_outbox) LOOP COMMIT; PERFORM pg_sleep(0.05); END LOOP;
END $$
END
is( join("\n", sort map { line($_) } @told),
	join("\n", sort 'error_code=null reference=order 1 state=sent',
		"error_code=NotFound reference=order \"2\"\n state=failed",
		'error_code=null reference=null state=sent'),
	'fates are told with reference, state and error code, and nothing else');
is( join(' ', sort map { $_->{id} } @told),
	$node->value("SELECT string_agg(id::text, ' ' ORDER BY id::text) FROM teams_delivery WHERE notify"),
	'of the messages that asked for it');

# A failed one that is sent again is told of again; by an edit nothing is.
@told = heard(<<'END');
SELECT teams_edit(reference => 'order 1', text => 'edited') AS edit \gset
SELECT teams_retry(reference => E'order "2"\n') AS again \gset
DO $$ BEGIN
	WHILE EXISTS (SELECT FROM teams_outbox) LOOP COMMIT; PERFORM pg_sleep(0.05); END LOOP;
END $$
END
is(join("\n", map { line($_) } @told),
	"error_code=NotFound reference=order \"2\"\n state=failed", 'a retry is told of, too');
is($node->value("SELECT kind, fate FROM teams_delivery WHERE reference = 'order 1' ORDER BY id"),
	"send|sent\nedit|sent", 'an edit has the reference of its message');

# 5,000 that are cancelled at once; those of a transaction that is rolled back;
# and a reference of the greatest length.
$node->value('SELECT teams_pause()');
$node->value("SELECT count(teams_send('user' || i || '\@contoso.com', 'n ' || i,"
	  . " reference => 'set ' || i, notify => true)) FROM generate_series(1, 5000) AS i");
@told = heard(<<'END');
BEGIN;
SELECT teams_cancel(array_agg(id)) FROM teams_outbox;
ROLLBACK;
SELECT teams_cancel(array_agg(id)) FROM teams_outbox
END
is(scalar @told, 5000, 'each of 5,000 is told once, and nothing that is rolled back');
my %reference = map { $_->{id} => "$_->{reference} $_->{state}" } @told;
is( join("\n", map { "$_|$reference{$_}" } sort { $a <=> $b } keys %reference),
	$node->value("SELECT id, reference || ' ' || fate FROM teams_delivery"
		  . " WHERE reference LIKE 'set %' ORDER BY id"),
	'each with its own reference');
@told = heard(<<'END');
SELECT teams_send('ada@contoso.com', 'long', reference => repeat(chr(1), 255), notify => true) AS id \gset
SELECT teams_cancel(:id);
SELECT teams_send('ada@contoso.com', 'long', reference => repeat(chr(128512), 255), notify => true) AS id \gset
SELECT teams_cancel(:id)
END
is( join(' ', map { length $_->{reference} } @told), '255 255', 'a long reference is told whole');
$node->value('SELECT teams_resume()');

# A dry-run bot tells at once, what expires is told, and a broadcast's messages
# have its reference.
$node->value("SELECT teams_configure_dry_run('dry')");
@told = heard(<<'END');
SELECT teams_send('ada@contoso.com', 'dry', bot => 'dry', reference => 'dry', notify => true);
BEGIN;
SELECT teams_send('ada@contoso.com', 'dry', bot => 'dry', reference => 'undone', notify => true);
ROLLBACK
END
is(join("\n", map { line($_) } @told), 'error_code=null reference=dry state=sent', 'a dry run tells');
$node->value("SELECT teams_pause()");
@told = heard(<<'END');
SELECT teams_send('ada@contoso.com', 'late', reference => 'late', notify => true, expires_at => clock_timestamp() + interval '100 ms');
DO $$ BEGIN
	WHILE EXISTS (SELECT FROM teams_outbox) LOOP COMMIT; PERFORM pg_sleep(0.05); END LOOP;
END $$
END
is(join("\n", map { line($_) } @told), 'error_code=expired reference=late state=expired', 'what expires is told');
$node->value("SELECT teams_resume()");
my $broadcast = $node->value("SELECT teams_broadcast(ARRAY['ada\@contoso.com', 'grace\@contoso.com'],"
	  . " 'to all', reference => 'campaign')");
ok($node->wait_until("SELECT state = 'done' FROM teams_progress WHERE broadcast = $broadcast"),
	'a broadcast is sent');
is( $node->value("SELECT target, state FROM teams_message_detail WHERE reference = 'campaign' ORDER BY target"),
	"ada\@contoso.com|sent\ngrace\@contoso.com|sent", 'its messages have its reference');
my $edit = $node->value("SELECT teams_edit_broadcast($broadcast, 'to all, edited')");
ok($node->wait_until("SELECT state = 'done' FROM teams_progress WHERE broadcast = $edit"), 'it is edited');
is( $node->value("SELECT count(*) FROM teams_message_detail WHERE reference = 'campaign' AND kind = 'edit'"),
	2, 'the edits have the reference, too');

# A dump keeps references; loading it tells nobody.
$node->value("SELECT teams_send('ada\@contoso.com', 'later', reference => 'later', notify => true, send_at => '2999-01-01')");
my $dump = $node->basedir . '/dump.sql';
my $references = 'SELECT id, reference, notify FROM teams_outbox UNION ALL'
  . ' SELECT id, reference, notify FROM teams_delivery ORDER BY id';
command_ok([ 'pg_dump', '--no-sync', '-f', $dump, $node->connstr('postgres') ],
	'it is dumped');
$node->value('CREATE DATABASE copy TEMPLATE template0');
unlike(printed('copy', "\\i $dump"), qr/payload "\{/, 'nothing is told of what is loaded');
is($node->value($references, 'copy'), $node->value($references), 'references are restored');

done_testing();
