# An administrator blocks the app for some people, or some cannot have it:
# each of them gets an answer, and nobody else waits, whoever comes first.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

# If the bot were paused, nothing would end in time.
my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim,
	conf => "teams_proactive.probe_interval = '1h'\n");
my $people = 0;

# So many people more; returns the number before the first of them.
sub more_people
{
	my ($count, $installed) = @_;
	my $before = $people;

	$sim->generate_users($count, first => $before + 1,
		installed => $installed // $count);
	$people += $count;
	return $before;
}

# Send to so many people, each his own text, in the order of the expression,
# to those "blocked" of whom the condition is true; returns the first id.
sub send_to
{
	my ($before, $count, $blocked, $order) = @_;

	return $node->value(<<"END");
SELECT min(teams_send('user' || n || '\@contoso.com',
	CASE WHEN blocked THEN 'blocked ' ELSE 'fine ' END || n))
FROM (SELECT * FROM (SELECT $before + i AS n, $blocked AS blocked
	FROM generate_series(1, $count) AS i) AS q ORDER BY $order) AS p;
END
}

# What became of them, and of what was said to whom, one by one.
sub all_have_a_fate
{
	my ($from, $fine, $blocked, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	subtest $name => sub
	{
		ok($node->wait_until_sent, 'all have a fate');
		is($node->value('SELECT count(*) FILTER (WHERE fate = \'sent\'),'
				  . " count(*) FILTER (WHERE fate = 'failed' AND error_code"
				  . " = 'BotDisabledByAdmin' AND hint ~ 'admin center' AND attempts = 1)"
				  . " FROM teams_delivery WHERE id >= $from"),
			"$fine|$blocked", 'each his own');
		is($node->value('SELECT count(*) FROM teams_installation AS i'
				  . ' JOIN teams_delivery AS d USING (bot, scope, target)'
				  . " WHERE d.id >= $from"
				  . " AND (i.state = 'blocked') <> (d.fate = 'failed')"),
			0, 'those who are blocked are on record, and no others');
		my %got = map { $_->{upn} => $_->{text} }
		  $sim->messages(limit => 100000);
		is( join(' ', grep { ($got{$_} // '') ne "fine $1" if /(\d+)/ }
				split /\n/, $node->value('SELECT target FROM teams_delivery'
					  . " WHERE id >= $from AND fate = 'sent'")),
			'', 'each has got what was for him');
	};
	return;
}

$sim->fault(operation => 'send', status => 403, count => -1,
	text => 'blocked', code => 'BotDisabledByAdmin',
	message => 'blocked by an administrator');
my %orders = (
	'those who are blocked come first' => 'NOT blocked, n',
	'they come last' => 'blocked, n',
	'every fifth is blocked' => 'n',
	'in no order' => 'md5(n::text)');
for my $order (sort keys %orders)
{
	my $before = more_people(150);
	my $blocked = $order =~ /fifth/ ? 'i % 5 = 0' : 'i <= 30';
	my $from = send_to($before, 150, $blocked, $orders{$order});
	all_have_a_fate($from, 120, 30, "30 of 150, $order");
}

# Those of the first of these, again.
my $from = send_to(0, 150, 'i % 5 = 0', 'NOT blocked, n');
$node->wait_until_sent;
is($node->value('SELECT string_agg(DISTINCT error_code, \' \' ORDER BY error_code)'
		  . " FROM teams_delivery WHERE id >= $from"),
	'recipient_blocked', 'those who are known to be blocked cost no request');

my $before = more_people(5000);
$from = send_to($before, 5000, 'i <= 500', 'NOT blocked, n');
all_have_a_fate($from, 4500, 500, '500 of 5000, those who are blocked first');

# Others are not in their hands, and the log says what may be the matter.
my $log = slurp_file($node->logfile);
unlike($log, qr/is paused/, 'the bot was never paused');
like($log, qr/blocked the app for 20 people in a row\n.*HINT: .*teams_retry/,
	'that many are blocked in a row is in the log');
$sim->clear_faults;
$from = $node->value("SELECT min(teams_ensure_installed(target)) FROM teams_installation"
	  . " WHERE state = 'blocked' AND error_code = 'BotDisabledByAdmin'");
my $retried = $node->value('SELECT count(teams_retry(id)) FROM teams_delivery'
	  . " WHERE error_code = 'BotDisabledByAdmin'");
$node->wait_until_sent;
is($node->value("SELECT count(*) FROM teams_delivery WHERE id >= $from"
		  . " AND fate <> 'sent'"), 0,
	'when it is allowed, all are reached again by two statements');
is($retried, 620, 'indeed, all of them');

# Those whom Graph knows, but who cannot have the app: the catalog has it.
$before = more_people(60, 0);
$sim->fault(operation => 'install', status => 404, count => -1,
	user => 'user' . ($before + $_) . '@contoso.com', code => 'NotFound',
	message => 'no license') for 1 .. 12;
$from = send_to($before, 60, 'false', 'n');
$sim->reset_stats;
$node->wait_until_sent;
is($node->value('SELECT fate, count(*), min(target) FROM teams_delivery'
		  . " WHERE id >= $from AND fate = 'failed' GROUP BY fate"),
	'failed|12|user' . ($before + 1) . '@contoso.com',
	'a dozen people without a license get an answer');
is($node->value('SELECT count(*) FROM teams_delivery'
		  . " WHERE id >= $from AND fate = 'sent'"), 48, 'and others the bot');
cmp_ok($sim->stats->{items}{catalog}, '<=', 1, 'the catalog is asked once at most');

# The same if the bot may not read the catalog: nothing is proven.
$sim->contoso(roles => [ grep { $_ ne 'AppCatalog.Read.All' } @{ TeamsSim::ROLES() } ]);
$node->configure($sim);
$before = more_people(40, 0);
$sim->fault(operation => 'install', status => 404, count => -1,
	user => 'user' . ($before + $_) . '@contoso.com', code => 'NotFound',
	message => 'no license') for 1 .. 8;
$from = send_to($before, 40, 'false', 'n');
$node->wait_until_sent;
is($node->value('SELECT fate, count(*) FROM teams_delivery'
		  . " WHERE id >= $from GROUP BY fate ORDER BY fate"),
	"failed|8\nsent|32", 'without a look at the catalog, too, each has a fate');
unlike(slurp_file($node->logfile), qr/is paused/, 'the bot was never paused');

done_testing();
