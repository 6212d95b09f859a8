# What one looks at fits into a terminal: SELECT * of the views, and of
# teams_status(), is no wider than 120 columns with what is in them every day.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TeamsNode;
use TeamsSim;

my $WIDTH = 120;

my $sim = TeamsSim->start;
$sim->contoso;
my $node = TeamsNode->start('primary', $sim);

# As it is after a month: ids and counts of six digits, names as people have
# them, the codes that are told most often.
$node->value(<<'END');
ALTER SEQUENCE teams_outbox_id_seq RESTART 123456;
ALTER SEQUENCE teams_broadcast_id_seq RESTART 1234;
SELECT teams_configure_dry_run('test-bot');
SELECT teams_send('grace.hopper@contoso.com', 'Build **214** is green.', bot => 'test-bot');
SELECT teams_send('ada@contoso.com', teams_card('{"type": "AdaptiveCard", "version": "1.5",
	"body": [{"type": "TextBlock", "text": "Invoice 44 is overdue."}]}'), bot => 'test-bot');
SELECT teams_broadcast(array(SELECT 'user' || i || '@contoso.com' FROM generate_series(1, 20) AS i),
	'Tuesday at ten', title => 'All-hands on Tuesday');
SELECT teams_broadcast('{ada@contoso.com}'::text[], 'Friday', title => 'Office closed', rate => 1);
INSERT INTO teams_installation (bot, scope, target, state, error_code)
	VALUES ('default', 'user', 'margaret.ham@contoso.com', 'blocked', 'BotDisabledByAdmin'),
		   ('default', 'user', 'katherine.j@contoso.com', 'uninstalled', NULL);
INSERT INTO teams_delivery (id, bot, kind, scope, target, sender, fate, attempts,
		doubtful, error_code, error, hint, created_at)
	VALUES (100001, 'default', 'install', 'user', 'grace.hopper@contoso.com', current_user, 'failed', 1,
			false, 'MessageWritesBlocked', repeat('What the service says at length. ', 20), 'What to do.', now()),
		   (100002, 'default', 'send', 'user', 'margaret.ham@contoso.com', current_user, 'cancelled', 1,
			false, 'recipient_blocked', NULL, NULL, now());
SELECT teams_set_template('overdue_invoices', '${count} are overdue.');
CREATE TABLE invoice (owner text);
CREATE TRIGGER overdue AFTER INSERT ON invoice FOR EACH ROW
	EXECUTE FUNCTION teams_notify('overdue_invoices', 'to=owner', 'digest=1 hour');
INSERT INTO invoice VALUES ('margaret.ham@contoso.com'), ('ada@contoso.com');
INSERT INTO teams_account (bot, entry, messages)
	VALUES ('default', 'accepted', 234567), ('default', 'sent', 234000), ('default', 'failed', 567);
END
is($node->fate($node->send('ada@contoso.com', 'hello')), 'sent', 'somebody has the bot');
like($node->outcome($node->send('nobody@contoso.com', 'hello')), qr/^failed NotFound/,
	'and nobody has not');
$node->wait_until_sent;

sub lines_of
{
	my ($from) = @_;
	my ($out, $err) = run_command([ 'psql', '-X', '-P', 'pager=off', '-d',
		$node->connstr('postgres'), '-c', "SELECT * FROM $from" ]);

	is($err, '', "psql shows $from");
	return split /\n/, $out;
}

my @short = split /\n/, $node->value(<<'END');
SELECT relname FROM pg_class
WHERE relkind = 'v' AND relname LIKE 'teams\_%' AND relname NOT LIKE '%\_detail'
ORDER BY 1
END
is("@short", 'teams_accounting teams_digest teams_installed teams_message teams_progress'
	. ' teams_recorded teams_said teams_throttle teams_worker', 'the views to look at');
for my $view (@short, 'teams_status()')
{
	my @lines = lines_of($view);
	# Where a message is takes a line by itself, and comes last.
	@lines = map { substr($_, 0, $-[0]) } @lines
	  if $lines[0] =~ /\|\s+conversation_id\s*$/;
	my ($widest) = sort { length $b <=> length $a } @lines;

	cmp_ok(scalar @lines, '>', 3, "$view has something to show");
	cmp_ok(length $widest, '<=', $WIDTH, "$view is narrow enough") or diag($widest);
}

done_testing();
