# A proxy that wants a user and password gets them, and nobody else does.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use IO::Select;
use IO::Socket::INET;
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX qw(_exit);
use Test::More;

use TeamsNode;
use TeamsSim;

my $user = 'svc-teams';
my $password = 'Pr0xy:se%25same /+';
my $host = 'services.example';
my $dir = PostgreSQL::Test::Utils::tempdir;

sub make_certificates
{
	my $new = 'openssl req -newkey rsa:2048 -nodes -batch';

	append_to_file("$dir/extensions", "subjectAltName = DNS:$host\n");
	for ("$new -x509 -days 2 -subj '/CN=Test CA' -keyout $dir/ca.key"
		. " -out $dir/ca.pem",
		"$new -subj '/CN=Simulator' -keyout $dir/sim.key -out $dir/sim.csr",
		"openssl x509 -req -days 2 -in $dir/sim.csr -CA $dir/ca.pem"
		. " -CAkey $dir/ca.key -CAcreateserial -extfile $dir/extensions"
		. " -out $dir/sim.pem")
	{
		return 0 if system("$_ >>$dir/openssl.log 2>&1") != 0;
	}
	return 1;
}

make_certificates()
  or plan skip_all => 'there is no openssl to make certificates with';

my $sim = TeamsSim->start(tls_cert => "$dir/sim.pem",
	tls_key => "$dir/sim.key")->contoso;

# The proxy: it wants what the file "wanted" says, notes what it is shown, and
# leads to the simulator whatever host is asked for.
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 100)
  or die "could not listen: $!";
my $proxy = 'http://127.0.0.1:' . $listener->sockport;

sub wants
{
	my ($mode, $secret) = @_;

	open(my $file, '>', "$dir/wanted.new") or die "wanted: $!";
	print $file "$mode $secret";
	close $file;
	rename "$dir/wanted.new", "$dir/wanted";
	return;
}

sub is_known
{
	my ($mode, $password, $shown) = @_;

	return $shown eq 'Basic ' . encode_base64("$user:$password", '')
	  if $mode eq 'basic';
	my %told = $shown =~ /(\w+)="?([^",]*)"?/g;
	return ($told{username} // '') eq $user && $told{response} eq md5_hex(
		join ':', md5_hex("$user:proxy:$password"), @told{qw(nonce nc cnonce qop)},
		md5_hex("CONNECT:$told{uri}"));
}

sub tunnel
{
	my @ends = @_;
	my $select = IO::Select->new(@ends);

	while (my @ready = $select->can_read)
	{
		for my $from (@ready)
		{
			my ($to) = grep { $_ != $from } @ends;
			sysread($from, my $data, 65536) or return;
			while (length $data)
			{
				my $done = syswrite($to, $data) or return;
				substr $data, 0, $done, '';
			}
		}
	}
	return;
}

# Several requests come on one connection until one is let through.
sub attend
{
	my ($client) = @_;

	for (;;)
	{
		my $request = '';
		while ($request !~ /\r\n\r\n/)
		{
			sysread($client, $request, 65536, length $request) or return;
		}
		my ($shown) = $request =~ /^Proxy-Authorization: (.*?)\r/mi;
		$shown //= '';
		append_to_file("$dir/shown", "[$shown]\n" . ($request =~ s/^/> /gmr));
		my ($mode, $wanted) = split / /, slurp_file("$dir/wanted"), 2;
		if (is_known($mode, $wanted, $shown))
		{
			my $to = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
				PeerPort => $sim->port) or return;
			syswrite($client, "HTTP/1.1 200 Connection established\r\n\r\n");
			return tunnel($client, $to);
		}
		syswrite($client, "HTTP/1.1 407 Proxy Authentication Required\r\n"
			  . 'Proxy-Authenticate: ' . ($mode eq 'basic' ? 'Basic realm="proxy"'
				: 'Digest realm="proxy", qop="auth", nonce="' . rand() . '"')
			  . "\r\nContent-Length: 0\r\n\r\n");
	}
}

wants('basic', $password);
append_to_file("$dir/shown", '');
my $server = fork() // die "could not fork: $!";
if (!$server)
{
	my $parent = getppid();
	my $select = IO::Select->new($listener);
	local $SIG{CHLD} = 'IGNORE';
	while (getppid() == $parent)
	{
		next unless $select->can_read(0.1);
		my $client = $listener->accept or next;
		my $pid = fork();
		if (defined $pid && !$pid) { attend($client); _exit(0); }
		close $client;
	}
	_exit(0);
}
END { local $?; kill 'KILL', $server if $server; waitpid($server, 0) if $server; }
close $listener;

my $node = TeamsNode->start('primary', $sim, configure => 0, conf => <<"END");
teams_proactive.proxy = '$proxy'
teams_proactive.ca_file = '$dir/ca.pem'
teams_proactive.allowed_hosts = '$host'
teams_proactive.retry_max_delay = 1s
log_min_messages = debug5
log_statement = all
log_connections = on
END
my %urls = map { my $url = $sim->$_; $url =~ s{^\w+://[^/]+}{https://$host}; ($_ => "'$url'") }
  qw(login_url graph_url connector_url);

sub trouble_is
{
	my ($pattern, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_until("SELECT trouble ~ '$pattern' FROM teams_bot");
	return like($node->value('SELECT trouble FROM teams_bot'), qr/$pattern/, $name);
}

sub credential_is
{
	my ($content, $mode) = @_;

	$node->credential('proxy', $content, $mode);
	$node->reload;
	return;
}

# One step after the other towards what is right.
$node->configure($sim, %urls);
my $id = $node->send('ada@contoso.com', 'through the proxy');
trouble_is('could not reach https://services.example.*wants a user and password.*proxy_credential',
	'without a password it is said what is missing');
$node->set('teams_proactive.proxy_credential' => 'proxy');
trouble_is('credential "proxy" cannot be used.*could not be opened', 'a file that is not there');
credential_is("$user:$password", 0644);
trouble_is('credential "proxy" cannot be used.*Others can read', 'one that others can read');
unlink $node->data_dir . '/teams_credentials/proxy';
credential_is($password =~ tr/://dr);
trouble_is('credential "proxy" cannot be used.*no colon', 'one without a user');
credential_is("$user:another $password");
trouble_is('has refused the user or password', 'a wrong password');
credential_is("$user:$password");
is($node->fate($id), 'sent', 'the right one gets the message through');
is($node->value('SELECT attempts FROM teams_delivery'), 1, 'with one attempt');
$node->wait_until('SELECT trouble IS NULL FROM teams_bot');
is($node->value('SELECT trouble FROM teams_bot'), '', 'and the trouble is over');

# It is another one some day, and the proxy asks otherwise.  A new worker has to
# come, as connections that are there are kept.
my @passwords = ($password, 'An0ther:pr0xy/secret');
wants('digest', $passwords[1]);
$node->restart;
$id = $node->send('ada@contoso.com', 'with a digest');
trouble_is('has refused the user or password', 'a password that is not right any more');
$node->credential('proxy', "$user:$passwords[1]");
is($node->fate($id), 'sent', 'a new one is found without anybody telling');

# What the proxy sees, and who else has heard of it.
my $shown = slurp_file("$dir/shown");
like($shown, qr/^\[Digest .*response=/m, 'a proxy that wants a digest gets one');
unlike($shown, qr/^> (?:Authorization|.*eyJ)/m, 'the proxy sees no token');
unlike($shown, qr/^> (?!CONNECT services\.example:443 HTTP|Host:|User-Agent:|Proxy-)\S/m,
	'nor anything else than the name of the host');
my $tables = $node->value("SELECT string_agg(c.oid::regclass::text, ' ')"
	  . " FROM pg_class AS c WHERE relname ~ '^teams_' AND relkind IN ('r', 'v')");
my $told = slurp_file($node->logfile) . $node->value('SELECT * FROM pg_stat_activity')
  . $node->value('SELECT name, setting, short_desc FROM pg_settings')
  . $node->value('SELECT * FROM pg_file_settings')
  . $node->value(join ';', map { "SELECT '$_', t FROM $_ AS t" } split / /, $tables);
is(length($told) > 100000 && $told =~ /DEBUG/ && $told =~ /statement: /, 1, 'much was written');
for my $secret (map { ($_, s/:/%3A/gr, encode_base64("$user:$_", '')) } @passwords)
{
	is(index($told, $secret), -1, "no log, table, view or setting has $secret");
}

done_testing();
