# The worker's memory does not grow with the queue, with the number of people in
# it, nor with what the services answer.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

plan skip_all => 'there is no /proc' unless -r "/proc/$$/status"
  && slurp_file("/proc/$$/status") =~ /^RssAnon:/m;

plan skip_all => 'sanitizers need much memory' if $ENV{SANITIZE};

my $users = 2000;
my $sim = TeamsSim->start(forget_messages => 1)->contoso;
$sim->config(generate_users => { count => $users, installed => $users,
	upn => 'user%d@contoso.com', app => TeamsSim::TEAMS_APP_ID() });
my $node = TeamsNode->start('primary', $sim,
	conf => "autovacuum = off\nsynchronous_commit = off");
my $limit = 8 * 1024;
my $pid;
my $base;

# Memory of its own, in kB: shared buffers are not the worker's.
sub memory
{
	my ($size) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s*(\d+) kB/m;
	return $size;
}

# Remember what the worker has after it has done all that is usual.
sub start_measuring
{
	$node->send_to_all($users, 'usual') for 1 .. 2;
	$node->wait_until_sent
	  or die 'not sent: ' . $node->value('SELECT string_agg(w::text, chr(10))'
		  . ' FROM teams_worker AS w');
	$pid = $node->worker_pid;
	$base = memory();
	return;
}

# How much more memory than that is seen until the code says so; the worker must
# be the same.
sub growth
{
	my ($enough) = @_;
	my $peak = 0;

	TeamsNode::wait_for('the end', sub {
		my $now = memory();
		$peak = $now if $now > $peak;
		return $enough->();
	});
	die 'there is another worker' if $node->worker_pid != $pid;
	note("from $base kB to $peak kB");
	return $peak - $base;
}

sub grows_little
{
	my ($name, $enough) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return cmp_ok(growth($enough), '<', $limit, "$name: the worker stays small");
}

# The worker's plans are made for what ANALYZE has last seen; autovacuum would
# come within a minute.
sub enqueue
{
	my ($count, $target) = @_;

	$node->value("INSERT INTO teams_outbox (target, activity)"
		  . " SELECT $target, json_build_object('type', 'message',"
		  . " 'text', repeat('x', 200))"
		  . " FROM generate_series(1, $count) AS i; ANALYZE teams_outbox");
	return;
}

sub is_empty
{
	return $node->value('SELECT count(*) = 0 FROM teams_outbox') eq 't';
}

# Says whether so many more messages have their fate.
sub when_settled
{
	my ($count) = @_;
	my $settled = 'SELECT sum(sent + failed) FROM teams_worker';
	my $goal = $node->value($settled) + $count;

	return sub { $node->value($settled) >= $goal };
}

start_measuring();

# Long queues, of different kinds.
my %queues = (
	'200,000 messages' => "'user' || i % $users || '\@contoso.com'",
	'200,000 for few people' => "'user' || i % 20 || '\@contoso.com'",
	'200,000 for strangers' => "'stranger' || i || '\@contoso.com'");
for my $name (sort keys %queues)
{
	enqueue(200_000, $queues{$name});
	grows_little($name, when_settled(3_000));
	$node->value('TRUNCATE teams_outbox');
}

# Long replies.  Those of Entra ID and Graph come one at a time.
my $long = 'x' x 1_500_000;
$sim->expire_tokens;
for my $operation ('token', 'batch')
{
	$sim->fault(operation => $operation, status => 503, body => $long,
		count => 3);
}
enqueue(1, "'stranger\@contoso.com'");
$node->send_to_all($users, 'long replies');
grows_little('long replies of Entra ID and Graph',
	\&is_empty);
is(scalar(grep { $_->{hits} == 3 } @{ $sim->faults }),
	2, 'they were all read');
$sim->clear_faults;

$sim->fault(operation => 'send', status => 201, count => 200,
	body => "{\"id\": \"$long\"}", content_type => 'application/json');
$node->send_to_all($users, 'more long replies');
my $growth = growth(\&is_empty);
my $kept = memory() - $base;
note("with 50 long replies at a time it grows by $growth kB and keeps $kept kB");
cmp_ok($growth, '<', $limit, '50 long replies at a time do not need much');
cmp_ok($kept, '<', $limit, 'nor is that kept');

done_testing();
