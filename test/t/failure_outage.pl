# A line that is broken costs nothing: what never left this machine is no
# attempt, waits as long as it takes, and goes on at once.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsLine;
use TeamsNode;
use TeamsSim;

my $users = 200;
my $sim = TeamsSim->start->contoso;
$sim->generate_users($users, installed => $users);
my $node = TeamsNode->start('primary', $sim, configure => 0, conf => <<'END');
teams_proactive.retry_base_delay = 20ms
teams_proactive.retry_max_delay = 200ms
teams_proactive.max_attempts = 3
restart_after_crash = on
END

# Each service is at the end of a line of its own.
my %line = map { $_ => TeamsLine->start($sim->port) } qw(login graph connector);
my %path = (login => '/login', graph => '/graph/v1.0',
	connector => '/connector/teams');
my %url = map { $_ => 'http://127.0.0.1:' . $line{$_}->port . $path{$_} } keys %path;
my %urls = map { ($_ . '_url' => "'$url{$_}'") } keys %url;
$node->configure($sim, %urls);
$node->configure($sim, bot => "'beside'");

sub trouble
{
	my ($bot) = @_;
	return $node->value('SELECT trouble FROM teams_bot WHERE bot = '
		  . "'" . ($bot // 'default') . "'");
}

# Wait until the worker has found out and has tried far more often in vain than
# a message has attempts: each trial postpones the message that it was.
sub wait_for_trials
{
	my ($service) = @_;
	my $port = $line{$service}->port;

	TeamsNode::wait_for('the trouble',
		sub { trouble() =~ /^could not reach http:\/\/127\.0\.0\.1:$port: / });
	return;
}

sub wait_for_retries
{
	my %seen;
	TeamsNode::wait_for('trials', sub {
		$seen{ $node->value('SELECT max(due_at) FROM teams_outbox') } = 1;
		return keys %seen > 8;
	});
	return;
}

sub log_count
{
	my ($pattern) = @_;
	my $count = () = slurp_file($node->logfile) =~ /$pattern/g;
	return $count;
}

# All of them have arrived, once each, and as if nothing had been.
sub all_well
{
	my ($prefix, $count, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	ok($node->wait_until_sent, "$name: all leave the outbox");
	my %texts;
	$texts{"$_->{upn} $_->{text}"}++
	  for grep { $_->{text} =~ /^\Q$prefix\E / } $sim->messages;
	is_deeply(\%texts,
		{ map { ("user$_\@contoso.com $prefix $_" => 1) } 1 .. $count },
		'each person has got what was for them, once');
	is( $node->value('SELECT fate, count(*), max(attempts), bool_or(doubtful)'
			  . " FROM (SELECT * FROM teams_delivery WHERE target LIKE 'user%'"
			  . " ORDER BY id DESC LIMIT $count) AS d GROUP BY fate"),
		"sent|$count|1|f", 'sent with one attempt each, and no doubt');
	$node->wait_until('SELECT trouble IS NULL FROM teams_bot'
		  . " WHERE bot = 'default'");
	is($node->value('SELECT bool_and(balanced) FROM teams_accounting'),
		't', 'and the numbers add up');
	return;
}

$node->send_to_all($users, 'hello');
all_well('hello', $users, 'to begin with');

# The Bot Connector.
$line{connector}->cut;
$node->send_to_all($users, 'connector');
my $once = $node->send('ada@contoso.com', 'once', delivery => 'at-most-once');
my $late = $node->value("SELECT teams_send('grace\@contoso.com', 'late',"
	  . " expires_at => now() + '2 seconds')");
wait_for_trials('connector');
wait_for_retries();
is( $node->value("SELECT count(*) FILTER (WHERE state = 'pending'), max(attempts),"
		  . ' bool_or(doubtful) FROM teams_message_detail'
		  . " WHERE target LIKE 'user%' AND settled_at IS NULL"),
	"$users|0|f", 'while the line is broken, all wait, and none has tried');
is( $node->value('SELECT DISTINCT error_code, error = trouble'
		  . ' FROM teams_message_detail JOIN teams_bot USING (bot)'
		  . " WHERE state = 'pending'"),
	'bot_in_trouble|t', 'for one reason, which their bot shows');
like(
	$node->value('SELECT last_error FROM teams_worker_detail'),
	qr/^bot "default": could not reach /, 'as does the worker');
is(log_count('LOG:  teams_proactive: could not reach'), 1,
	'the log has told of it once');
is($node->fate($node->send('ada@contoso.com', 'beside', bot => 'beside')),
	'sent', 'a bot with another line goes on');
is(trouble('beside'), '', 'and has no trouble');
is($node->fate($late), 'expired', 'what expires meanwhile does');

$line{connector}->mend;
all_well('connector', $users, 'once it is mended');
is($node->fate($once), 'sent', 'also what may arrive only once');
is(log_count('LOG:  teams_proactive: it is over: could not reach'), 1,
	'the log tells that it is over');

# What changes a message, of which a delete has no body.
my ($edited, $deleted) = map { $node->send('ada@contoso.com', $_) } qw(edited deleted);
$node->fate($_) for $edited, $deleted;
$line{connector}->cut;
my @changes = ($node->value("SELECT teams_edit($edited, 'better')"),
	$node->value("SELECT teams_delete($deleted)"));
wait_for_trials('connector');
wait_for_retries();
$line{connector}->mend;
is(join(' ', map { $node->fate($_) } @changes), 'sent sent', 'changes wait, too');
is($node->value('SELECT max(attempts) FROM teams_delivery'
		  . " WHERE id IN ($changes[0], $changes[1])"), 1, 'and try once');

# Microsoft Graph: those who are known are served meanwhile.
$sim->generate_users($users, first => $users + 1, installed => 0);
$line{graph}->cut;
$node->value("SELECT count(teams_send('user' || i || '\@contoso.com', 'graph ' || i))"
	  . ' FROM generate_series(1, ' . 2 * $users . ') AS i');
my $people = $node->value("SELECT teams_sync_directory(); SELECT 1");
wait_for_trials('graph');
$node->wait_until("SELECT count(*) = $users FROM teams_outbox");
is($node->value("SELECT count(*), max(attempts) FROM teams_outbox"), "$users|0",
	'without Graph, only those wait who are not known, without an attempt');
is($node->value('SELECT finished_at IS NULL, error IS NULL FROM teams_directory'),
	't|t', 'and so do lists of people');
$line{graph}->mend;
all_well('graph', 2 * $users, 'with Graph again');
$node->wait_until("SELECT state = 'done' FROM teams_directory");
is($node->value('SELECT count(*) FILTER (WHERE error IS NOT NULL) FROM teams_directory'),
	0, 'the list is read');

# Entra ID, when a new token is needed.
$line{login}->cut;
$sim->expire_tokens;
$node->send_to_all($users, 'login');
wait_for_trials('login');
$node->reload;
$line{login}->mend;
all_well('login', $users, 'with Entra ID again');

# One chat whose address is wrong is nobody else's trouble.
$node->value("UPDATE teams_installation SET service_url = 'http://127.0.0.1:1/none'"
	  . " WHERE bot = 'default' AND target = 'user1\@contoso.com'");
$node->send_to_all($users, 'chat');
$node->wait_until('SELECT count(*) = 1 FROM teams_outbox');
$node->wait_until(
	"SELECT error ~ '127.0.0.1(:| port )1[ :]' AND attempts = 0 FROM teams_message_detail"
	  . " WHERE state = 'pending'");
is(trouble(), '', 'a chat at an address of its own is not the trouble of its bot');
$node->value('UPDATE teams_installation SET service_url = NULL');
all_well('chat', $users, 'at the right address');

# A host that must not get tokens any more: a mistake in a setting loses nothing.
$node->set('teams_proactive.allowed_hosts' => '192.0.2.1');
$node->wait_until("SELECT current_setting('teams_proactive.allowed_hosts') = '192.0.2.1'");
$node->send_to_all($users, 'setting');
TeamsNode::wait_for('the trouble', sub { trouble() =~ /allowed_hosts/ });
wait_for_retries();
is($node->value('SELECT max(attempts) FROM teams_outbox'), 0,
	'a setting that forbids the host costs no attempt');
$node->set('teams_proactive.allowed_hosts' => '127.0.0.1, localhost');
all_well('setting', $users, 'with the right setting');

# A crash meanwhile: no more than the trial can have been on the wire.
$line{connector}->cut;
$node->send_to_all($users, 'crash');
wait_for_trials('connector');
$node->wait_until('SELECT coalesce(sum(cardinality(ids)), 0) <= 1 FROM teams_inflight');
my $pid = $node->worker_pid;
kill 'KILL', $pid;
TeamsNode::wait_for('another worker', sub {
	my ($status, $out) = $node->psql('postgres',
		"SELECT pid FROM teams_worker WHERE state = 'running' AND pid <> $pid");
	return $status == 0 && $out ne '';
});
wait_for_trials('connector');
cmp_ok($node->value('SELECT count(*) FROM teams_outbox WHERE doubtful'), '<=', 1,
	'a crash leaves doubt about no more than one');
$line{connector}->mend;
ok($node->wait_until_sent, 'and nothing is lost');
is(scalar(grep { $_->{text} =~ /^crash / } $sim->messages), $users,
	'nor sent twice');

done_testing();
