# What was asked for one configuration of a bot says nothing of the next, if the
# answer comes after it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

use constant LATE_MS => 3000;

# Two services. What is configured first answers late.
my $first = TeamsSim->start->contoso(version => '1.0.0');
my $second = TeamsSim->start->contoso(version => '2.0.0');
my $other_app = 'abababab-0000-4000-8000-000000000001';
my $node = TeamsNode->start('primary', undef);

# The message is wanted while the first service is being asked, and the second
# is configured meanwhile; it gives its own answer when the other's has come.
sub change_while_asked
{
	my ($operation, $wish, %options) = @_;
	my $id;

	$node->configure($first, %options);
	$first->fault(operation => $operation, delay_ms => LATE_MS);
	$id = $node->value($wish);
	TeamsNode::wait_for("the $operation",
		sub { $first->faults->[-1]{hits} == 1 });
	$second->fault(operation => $operation, delay_ms => LATE_MS);
	$node->configure($second, %options);
	TeamsNode::wait_for("the other $operation",
		sub { $second->faults->[-1]{hits} == 1 });
	return $id;
}

sub send_to_ada { return "SELECT teams_send('ada\@contoso.com', '$_[0]')"; }

# Tokens: that of Graph, as nothing is known yet, and that of the Bot Connector.
for my $service ('Graph', 'the Bot Connector')
{
	my $id = change_while_asked('token', send_to_ada("token of $service"));

	is($node->fate($id), 'sent', "a token of $service");
	is(join(' ', map { $_->{text} } ($second->messages)[-1]),
		"token of $service", 'the message goes to the new service');
	is($second->stats->{unauthorized}, 0, 'with its own token');
}
is($first->message_count, 0, 'and nothing to the old one');

# The app's id in the catalog.
$first->config(bots => [{
	client_id => TeamsSim::CLIENT_ID(), client_secret => TeamsSim::CLIENT_SECRET(),
	tenant_id => TeamsSim::TENANT_ID(), teams_app_id => $other_app,
	manifest_id => TeamsSim::MANIFEST_ID(), display_name => 'Ops Bot',
	roles => TeamsSim::ROLES() }]);
$node->value('DELETE FROM teams_installation');
my $id = change_while_asked('catalog', send_to_ada('with an app'),
	teams_app_id => 'NULL', manifest_id => "'" . TeamsSim::MANIFEST_ID() . "'");
is($node->fate($id), 'sent', 'a message that needs the id of the app');
is($node->value('SELECT teams_app_id FROM teams_bot'), TeamsSim::TEAMS_APP_ID(),
	'which is the new one\'s');

# Its version.
$first->publish('1.5.0');
$second->publish('2.5.0');
$id = change_while_asked('catalog', "SELECT teams_upgrade('ada\@contoso.com')");
is($node->fate($id), 'sent', 'an upgrade');
is($node->value('SELECT app_version, catalog_version FROM teams_installed_detail'),
	'2.5.0|2.5.0', 'to the version that the new catalog has');

done_testing();
