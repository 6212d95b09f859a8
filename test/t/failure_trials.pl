# While a host cannot be reached, one request at a time tries it, ever more
# rarely, whatever waits; and what the proxy gets to see.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX qw(_exit);
use Test::More;
use Time::HiRes ();

use TeamsNode;
use TeamsSim;

# A proxy that leads nowhere.  It takes 30 ms to say so, and notes for each
# request when it came, how many there were at that time, and what it said.
my $notes = "$PostgreSQL::Test::Utils::tmp_check/proxy";
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 100)
  or die "could not listen: $!";
my $proxy = 'http://127.0.0.1:' . $listener->sockport;

sub serve
{
	my $parent = getppid();
	my $select = IO::Select->new($listener);
	my %due;
	open(my $file, '>', $notes) or _exit(1);
	$file->autoflush(1);

	while (getppid() == $parent)
	{
		for my $ready ($select->can_read(0.01))
		{
			if ($ready == $listener)
			{
				my $socket = $listener->accept or next;
				$select->add($socket);
				next;
			}
			my $data;
			if (!sysread($ready, $data, 65536))
			{
				$select->remove($ready);
				delete $due{$ready};
				next;
			}
			$due{$ready} = [ $ready, Time::HiRes::time() + 0.03 ];
			my ($line) = $data =~ /^([^\r\n]*)/;
			printf $file "%.3f %d %s\n", Time::HiRes::time(), scalar(keys %due), $line;
		}
		for my $waiting (values %due)
		{
			my ($socket, $at) = @$waiting;
			next if $at > Time::HiRes::time();
			syswrite($socket, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
			$select->remove($socket);
			delete $due{$socket};
			close $socket;
		}
	}
	_exit(0);
}

my $server = fork() // die "could not fork: $!";
serve() unless $server;
END { local $?; kill 'KILL', $server if $server; waitpid($server, 0) if $server; }
close $listener;
TeamsNode::wait_for('the proxy', sub { -e $notes });

sub requests { return split /\n/, slurp_file($notes); }

my $users = 100;
my $sim = TeamsSim->start->contoso;
$sim->generate_users($users, installed => $users);
my $node = TeamsNode->start('primary', $sim, conf => <<"END");
teams_proactive.retry_base_delay = 50ms
teams_proactive.retry_max_delay = 1s
teams_proactive.max_attempts = 2
teams_proactive.proxy = '$proxy'
teams_proactive.allowed_hosts = '127.0.0.1, connector.invalid'
END

# Loopback.
$node->send_to_all($users, 'hello');
ok($node->wait_until_sent, 'what goes to this machine');
is(scalar(requests()), 0, 'does not go through the proxy');

# The proxy answers, but does not reach the host.
$node->configure($sim, connector_url => "'https://connector.invalid/teams'");
$node->send_to_all($users, 'proxied');
TeamsNode::wait_for('trials', sub { requests() > 60 });
my @requests = map { [split / /, $_, 3] } requests();
is(scalar(grep { $_->[2] !~ m{^CONNECT connector\.invalid:443 HTTP/1\.1$} } @requests),
	0, 'the proxy sees no more than the name of the host');
my $last = 0;
$requests[$_][1] > 1 and $last = $_ for 0 .. $#requests;
my @trials = @requests[ $last + 1 .. $#requests ];
cmp_ok($last, '<=', 50, 'what was on its way when the first one failed, was');
cmp_ok(scalar(@trials), '>=', 8, 'later, one at a time tries');
my @gaps = map { $trials[$_][0] - $trials[ $_ - 1 ][0] } 1 .. $#trials;
my ($early) = sort { $a <=> $b } @gaps[ 0 .. 2 ];
cmp_ok($gaps[-1], '>=', 0.5, 'ever more slowly, up to a limit');
cmp_ok($early, '<', $gaps[-1], 'from a short delay on');
is($node->value('SELECT count(*), max(attempts) FROM teams_outbox'),
	"$users|0", 'no message fails, and none has tried');
like($node->value('SELECT trouble FROM teams_bot'),
	qr{^could not reach https://connector\.invalid: .*502}, 'the bot says why');

# Another host, after the setting is right.
$node->configure($sim);
ok($node->wait_until_sent, 'all go on when that is mended');
is($node->value("SELECT count(*) FROM teams_delivery WHERE fate = 'sent'"
		  . ' AND attempts = 1 AND NOT doubtful'), 2 * $users,
	'with one attempt each');

# A password would be in the server's log.
my $secret = 'pr0xy%20secret';
like($node->error_of("ALTER SYSTEM SET teams_proactive.proxy = 'http://me:$secret\@127.0.0.1:3128'"),
	qr/must not have a user or password.*DETAIL:.*HINT:/s,
	'a proxy with a password is refused');
$node->set('teams_proactive.proxy' => "http://me:$secret\@127.0.0.1:3128");
$node->set('teams_proactive.request_timeout' => '29s');
$node->wait_until("SELECT current_setting('teams_proactive.request_timeout') = '29s'");
is($node->value("SELECT current_setting('teams_proactive.proxy')"), $proxy,
	'in the configuration file, too');
my $log = slurp_file($node->logfile);
unlike(join("\n", grep { !/STATEMENT|statement:/ } split /\n/, $log),
	qr/\Q$secret\E/, 'and is in no line of the log');

done_testing();
