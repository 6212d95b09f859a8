# A message exists if and only if the transaction that wrote it committed.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

# Send one more message and wait for it; then what was to come before it has.
my $barriers = 0;

sub barrier
{
	my $text = 'barrier ' . ++$barriers;

	$node->fate($node->send('ada@contoso.com', $text)) eq 'sent'
	  or die "$text was not sent";
	return;
}

# What has arrived since the last call of sends(), but for the barriers.
my $seen = 0;

sub texts
{
	return join ', ', grep { !/^barrier/ }
	  map { $_->{text} } $sim->messages(after => $seen);
}

sub forget_texts
{
	$seen = ($sim->messages)[-1]{seq};
	return;
}

# Run statements, wait for what they sent, and compare what has arrived.
sub sends
{
	my ($script, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	barrier();
	forget_texts();
	$node->value($script);
	barrier();
	is(texts(), $expected, $name);
	return;
}

sends("BEGIN; SELECT teams_send('ada\@contoso.com', 'never'); ROLLBACK",
	'', 'a transaction that rolls back sends nothing');
sends(<<'END', 'before, after', 'nor does a savepoint that is rolled back to');
BEGIN;
SELECT teams_send('ada@contoso.com', 'before');
SAVEPOINT s;
SELECT teams_send('ada@contoso.com', 'never');
ROLLBACK TO s;
SELECT teams_send('ada@contoso.com', 'after');
COMMIT;
END
is($node->error_of("SELECT teams_send('ada\@contoso.com', 'never'), 1 / 0"),
	'psql:<stdin>:1: ERROR:  division by zero', 'a statement can fail');
barrier();
is(texts(), 'before, after', 'and then sends nothing');

# Tables whose changes are told.
$node->value(<<'END');
CREATE TABLE build (number int PRIMARY KEY, state text NOT NULL);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM teams_send('ada@contoso.com',
		format('Build %s is %s', new.number, new.state));
	RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER INSERT OR UPDATE ON build
	FOR EACH ROW EXECUTE FUNCTION tell();
END
sends("INSERT INTO build VALUES (1, 'red'), (2, 'green')",
	'Build 1 is red, Build 2 is green', 'a trigger sends for each row');
sends(<<'END', 'Build 1 is green', 'and only for changes that stay');
BEGIN; UPDATE build SET state = 'lost' WHERE number = 2; ROLLBACK;
UPDATE build SET state = 'green' WHERE number = 1;
END

# A role that may write to the outbox needs no function.
$node->value(<<'END');
CREATE ROLE clerk;
GRANT INSERT (bot, target, activity) ON teams_outbox TO clerk;
GRANT SELECT (id) ON teams_outbox TO clerk;
END
sends(<<'END', 'plain insert', 'a granted role can INSERT');
SET ROLE clerk;
INSERT INTO teams_outbox (target, activity)
	VALUES ('ada@contoso.com', '{"type": "message", "text": "plain insert"}');
END
sends(<<'END', 'copied 1, copied 2', 'and COPY');
SET ROLE clerk;
COPY teams_outbox (target, activity) FROM stdin;
ada@contoso.com	{"type": "message", "text": "copied 1"}
ada@contoso.com	{"type": "message", "text": "copied 2"}
\.
END
is( $node->value(
		"SELECT DISTINCT sender FROM teams_delivery WHERE id IN ("
		  . "SELECT max(id) - 1 FROM teams_delivery)"),
	'clerk',
	'and is on record as the sender');
like($node->error_of(<<'END'), qr/permission denied/, 'others can do neither');
CREATE ROLE stranger;
SET ROLE stranger;
INSERT INTO teams_outbox (target, activity) VALUES ('ada@contoso.com', '{}');
END

# Prepared transactions.
sends(<<'END', '', 'a prepared transaction sends nothing');
BEGIN;
SELECT teams_send('ada@contoso.com', 'prepared');
PREPARE TRANSACTION 'p';
BEGIN;
SELECT teams_send('ada@contoso.com', 'never');
PREPARE TRANSACTION 'q';
END
$node->value("ROLLBACK PREPARED 'q'");
barrier();
is(texts(), '', 'nor does it when it is rolled back');
$node->value("COMMIT PREPARED 'p'");
ok( TeamsNode::wait_for('the prepared message',
		sub { texts() eq 'prepared' }, 5),
	'it sends within seconds of COMMIT PREPARED');

done_testing();
