# Tokens go over verified TLS, to the hosts that are allowed, and nowhere else.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $dir = PostgreSQL::Test::Utils::tempdir;

# A certificate for 127.0.0.1, signed by an authority that nobody knows.
sub make_certificates
{
	my $log = "$dir/openssl.log";
	my $new = 'openssl req -newkey rsa:2048 -nodes -batch';

	append_to_file("$dir/extensions", "subjectAltName = IP:127.0.0.1\n");
	for ("$new -x509 -days 2 -subj '/CN=Test CA' -keyout $dir/ca.key"
		. " -out $dir/ca.pem",
		"$new -subj '/CN=Simulator' -keyout $dir/sim.key -out $dir/sim.csr",
		"openssl x509 -req -days 2 -in $dir/sim.csr -CA $dir/ca.pem"
		. " -CAkey $dir/ca.key -CAcreateserial -extfile $dir/extensions"
		. " -out $dir/sim.pem")
	{
		return 0 if system("$_ >>$log 2>&1") != 0;
	}
	return 1;
}

make_certificates()
  or plan skip_all => 'there is no openssl to make certificates with';

my $sim = TeamsSim->start(tls_cert => "$dir/sim.pem",
	tls_key => "$dir/sim.key")->contoso;
my $node = TeamsNode->start('primary', $sim,
	conf => 'teams_proactive.retry_max_delay = 500ms');

sub requests
{
	my ($from) = @_;
	my $stats = $from->stats;
	my $sum = 0;

	$sum += $stats->{$_} for grep { /_requests$/ && !/concurrent/ } keys %$stats;
	return $sum;
}

# Wait until the message or its bot complains.
sub complains
{
	my ($id, $reason, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$node->wait_until(
		"SELECT error IS NOT NULL FROM teams_message_detail WHERE id = $id");
	like($node->value("SELECT error FROM teams_message_detail WHERE id = $id"),
		$reason, $name);
	is($node->value("SELECT state FROM teams_message_detail WHERE id = $id"),
		'pending', 'and the message waits');
	return;
}

# The authority has to be known, and the name has to be right.
my $id = $node->send('ada@contoso.com', 'over TLS');
complains($id, qr/certificate/, 'a certificate of unknown origin is refused');
is(requests($sim), 0, 'and nothing is sent');
$node->set('teams_proactive.ca_file' => "$dir/ca.pem");
is($node->fate($id), 'sent', 'once its authority is known, messages are sent');
is(($sim->messages)[0]{text}, 'over TLS', 'and arrive');
is($sim->stats->{connector_requests}, 1, 'with one request');
my $opened = $sim->stats->{connections_opened};
$node->fate($node->send('ada@contoso.com', "again $_")) for 1 .. 3;
is($sim->stats->{connections_opened}, $opened, 'connections are kept');

(my $misnamed = $sim->origin) =~ s/127\.0\.0\.1/localhost/;
$node->configure($sim, bot => "'misnamed'",
	login_url => "'$misnamed/login'");
my $before = requests($sim);
$id = $node->send('ada@contoso.com', 'misnamed', bot => 'misnamed');
complains($id, qr/certificate|SSL/, 'a certificate for another name is refused');
is(requests($sim), $before, 'and nothing is sent');

# Hosts that are not allowed.
sub refused
{
	my ($url, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $out, $err) = $node->psql('postgres', <<"END");
SELECT teams_configure(gen_random_uuid(), gen_random_uuid(),
	gen_random_uuid(), 'ops', bot => 'evil', graph_url => '$url')
END
	return like($err, qr/graph_url/, $name);
}

refused('https://graph.example.com/v1.0', 'an unknown host is refused');
refused('https://127.0.0.1@graph.example.com/v1.0', 'also in disguise');
refused('https://127.0.0.1.example.com/v1.0', 'also with a known beginning');
refused('ftp://127.0.0.1/v1.0', 'an unknown protocol is refused');
$node->set('teams_proactive.allowed_hosts' => '127.0.0.1, graph.example.com');
refused('http://graph.example.com/v1.0', 'plain http is for loopback only');
refused($misnamed, 'what is allowed can be restricted');
$node->value("UPDATE teams_installation SET service_url = '$misnamed/teams'");
$before = requests($sim);
$id = $node->send('ada@contoso.com', 'to another host');
complains($id, qr/allowed_hosts/,
	'a URL that was learned is checked when it is used');
is(requests($sim), $before, 'and nothing is sent');
$node->value('UPDATE teams_installation SET service_url = NULL');
$node->value("DELETE FROM teams_outbox WHERE id = $id");

# Redirects, to a simulator that would take part.
my $other = TeamsSim->start->contoso;
my %redirects = (
	token => [ 307, $other->login_url ],
	batch => [ 302, $other->graph_url . '/$batch' ],
	send => [ 308, $other->connector_url . '/v3/conversations' ]);
for my $operation (sort keys %redirects)
{
	my ($status, $location) = @{ $redirects{$operation} };
	$sim->fault(operation => $operation, status => $status, count => -1,
		headers => { Location => $location });
	$node->restart if $operation eq 'token';
	$id = $node->send($operation eq 'batch' ? 'grace@contoso.com'
		: 'ada@contoso.com', 'redirected');
	ok( $node->wait_until("SELECT hint ~ 'Redirects are never followed'"
			  . " OR error ~ 'Redirects are never followed'"
			  . " FROM teams_message_detail WHERE id = $id"),
		"a redirect of $operation is not followed, and it is said");
	$sim->clear_faults;
	$node->value('SELECT teams_resume()');
	$node->wait_until("SELECT count(*) = 0 FROM teams_outbox WHERE id = $id");
}
is(requests($other), 0, 'nobody else got a request');

done_testing();
