# A connection that is kept alive can die with a request on it, before the first
# byte of the answer.  libcurl then sends the request once more by itself, which
# the caller does not learn of and the reader sees.  The extension does not let
# it: as many messages arrive as there are attempts on record.

use strict;
use warnings;

use File::Basename qw(dirname);
use IO::Select;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX qw(_exit);
use Test::More;

use TeamsNode;
use TeamsSim;

# A Bot Connector that answers the first request on a connection.  The second it
# takes, too, all of it, and closes the connection without a word.  What it has
# taken is written to a file, a line for each: connection, request, body.
my $taken = "$PostgreSQL::Test::Utils::tmp_check/taken";
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 50)
  or die "could not listen: $!";
my $url = 'http://127.0.0.1:' . $listener->sockport . '/connector/teams';

# Take a request from the buffer if all of it is there; returns its body.
sub take_request
{
	my ($buffer) = @_;

	return unless $$buffer =~ /^(.*?\r\n\r\n)/s;
	my $head = $1;
	my ($length) = $head =~ /^content-length: *(\d+)/mi;
	return if length($$buffer) < length($head) + $length;
	my $body = substr($$buffer, length($head), $length);
	substr($$buffer, 0, length($head) + $length) = '';
	return $body;
}

sub serve
{
	my $parent = getppid();
	my $select = IO::Select->new($listener);
	my (%buffers, %requests);
	my $connections = 0;
	open(my $file, '>', $taken) or _exit(1);

	while (getppid() == $parent)
	{
		for my $ready ($select->can_read(1))
		{
			if ($ready == $listener)
			{
				my $socket = $listener->accept or next;
				$select->add($socket);
				$buffers{$socket} = '';
				$requests{$socket} = [ ++$connections, 0 ];
				next;
			}
			my $alive = sysread($ready, $buffers{$ready}, 65536,
				length $buffers{$ready});
			my $body = take_request(\$buffers{$ready});
			if (defined $body)
			{
				my $request = ++$requests{$ready}[1];
				syswrite($file,
					"$requests{$ready}[0] $request $body\n");
				syswrite($ready, "HTTP/1.1 201 Created\r\n"
					  . "Content-Type: application/json\r\n"
					  . "Content-Length: 10\r\n\r\n{\"id\":\"1\"}")
				  if $request == 1;
				$alive = 0 if $request > 1;
			}
			next if $alive;
			$select->remove($ready);
			close $ready;
		}
	}
	_exit(0);
}

my $server = fork() // die "could not fork: $!";
serve() unless $server;
END { local $?; kill 'KILL', $server if $server; waitpid($server, 0) if $server; }
close $listener;

# How often a text has arrived.
sub arrived
{
	my ($text) = @_;
	return scalar(grep { /"text": *"\Q$text\E"/ } split /\n/, slurp_file($taken));
}

# The naive client.
TeamsNode::wait_for('the server', sub { -e $taken });
my ($said) = run_command(
	[ dirname(__FILE__) . '/../resend/naive-client', $url ]);
is($said, "No error, status 201\nNo error, status 201",
	'a client that leaves it to libcurl made two calls and saw nothing amiss');
is(arrived('naive 1'), 1, 'the first message arrived once');
is(arrived('naive 2'), 2, 'the second twice');

# The extension.
my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
$node->configure($sim, connector_url => "'$url'");

# Send a text; returns "fate code attempts doubtful", and how often it arrived.
sub outcome
{
	my ($text, %options) = @_;
	my $id = $node->send('ada@contoso.com', $text, %options);

	return join ' ', $node->outcome($id, qw(attempts doubtful)), arrived($text);
}

is(outcome('first'), 'sent 1 f 1', 'the first message on a connection is sent');
is(outcome('careful', delivery => 'at-most-once'),
	'failed outcome_unknown 1 t 1',
	'the second is taken and not answered: at-most-once, it is not repeated');
like(slurp_file($taken), qr/^(\d+) 1 .*"first".*\n\1 2 .*"careful"/m,
	'it was on the same connection');
is(outcome('again'), 'sent 1 f 1', 'the next has a connection of its own');
is(outcome('anyway'), 'sent 2 t 2',
	'at-least-once: it is repeated, and that is on record');
my $id = $node->send('ada@contoso.com', 'retried');
is($node->fate($id), 'sent', 'one more is sent in the end');
my $bodies = () = slurp_file($taken) =~ /"text": *"(?!naive)/g;
is($bodies, $node->value('SELECT sum(attempts) FROM teams_delivery'),
	'as many messages have arrived as attempts are on record');

done_testing();
