# A libcurl handle whose transfer has failed is not used for another request:
# since libcurl 8.7 it may still want to rewind the body that it could not rewind
# then, and would fail every request to come. Older ones do not, so a library in
# front of libcurl says which handles are used.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Spec;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
$sim->generate_users(20, installed => 20);

my $library = File::Spec->rel2abs(
	dirname(__FILE__) . '/../resend/watch-handles.so');
my $node;
{
	local $ENV{LD_PRELOAD} = join ' ', $library, $ENV{LD_PRELOAD} // ();
	$node = TeamsNode->start('primary', $sim,
		conf => 'teams_proactive.retry_base_delay = 20ms');
}

sub said
{
	my ($what) = @_;
	return scalar(() = slurp_file($node->logfile) =~ /watch-handles: \Q$what/g);
}

# Connections that break under requests of each kind, several at a time. Those
# that are kept alive are the ones where libcurl wants to send once more.
$node->send_to_all(20, 'before');
$node->wait_until_sent;
for my $close (qw(before after))
{
	my $failures = said('a transfer failed');

	$sim->fault(operation => 'send', close => $close, count => 10);
	$node->send_to_all(20, "close $close");
	ok($node->wait_until_sent, "what breaks ($close) ends");
	cmp_ok(said('a transfer failed'), '>=', $failures + 10,
		'libcurl has seen transfers fail');
}
$sim->expire_tokens;
$sim->fault(operation => 'token', close => 'before', count => 2);
$node->send_to_all(20, 'token');
ok($node->wait_until_sent, 'a token that cannot be had at first does no harm');

is($node->value("SELECT count(*) FROM teams_delivery WHERE fate <> 'sent'"), 0,
	'all has arrived');
is(said('a failed handle is used again'), 0,
	'no request is made on a handle whose transfer has failed');

done_testing();
