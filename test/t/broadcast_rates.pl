# A broadcast flows at the rate that was asked for, whatever the number.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $node = TeamsNode->start('primary');
$node->value("SELECT teams_configure_dry_run('dry')");

# 7 a second came as 4.9, 19 as 9.8.  Those of the first second go at once, and
# a machine that has much to do may be late; every other recipient of one has
# opted out, and does not count.
$node->value("SELECT teams_opt_out('user' || i || '\@contoso.com', 'news')"
	  . ' FROM generate_series(1, 300, 2) AS i');
for my $case ([ 7, 56, '' ], [ 19, 152, '' ], [ 19, 304, ", topic => 'news'" ])
{
	my ($rate, $count, $more) = @$case;
	my $id = $node->value('SELECT teams_broadcast($$SELECT \'user\' || i ||'
		  . " '\@contoso.com' AS user_id FROM generate_series(1, $count) AS i\$\$,"
		  . " 'hello', rate => $rate, bot => 'dry'$more)");

	$node->wait_for_broadcast($id);
	my ($sent, $seconds) = split /\|/, $node->value('SELECT count(*),'
		  . ' extract(epoch FROM max(settled_at) - min(settled_at))'
		  . " FROM teams_delivery WHERE broadcast = $id");
	my $seen = ($sent - $rate) / $seconds;
	cmp_ok($sent, '>=', 8 * $rate, "at $rate a second: all are sent");
	cmp_ok($seen, '>', 0.8 * $rate, "at about that rate: $seen");
	cmp_ok($seen, '<', 1.1 * $rate, 'and no faster');
}

done_testing();
