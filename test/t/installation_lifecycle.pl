# Installing, checking, upgrading and uninstalling the bot for people, and what
# is on record of it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my ($ada, $grace) = ('ada@contoso.com', 'grace@contoso.com');

# Run a job; its fate, its error code and the requests that it took.
sub job
{
	my ($function, $user, $role) = @_;
	my %before = %{ $sim->stats->{items} };
	my $set = $role ? "SET ROLE $role; " : '';
	my $outcome = $node->outcome(
		$node->value("${set}SELECT teams_$function('$user')"));
	my %after = %{ $sim->stats->{items} };

	return join ' ', $outcome,
	  map { "$_=" . ($after{$_} - ($before{$_} // 0)) }
	  grep { $after{$_} != ($before{$_} // 0) }
	  qw(install lookup chat upgrade uninstall send);
}

sub installed
{
	my ($user, $columns) = @_;
	return $node->value("SELECT $columns FROM teams_installed_detail"
		  . " WHERE target = '$user'");
}

sub version_at_the_service
{
	my ($user) = @_;
	my ($installation) = $sim->installations(user => $user);
	return $installation ? $installation->{version} : undef;
}

# Checking.
is(job('check_installed', $grace), 'sent lookup=1',
	'to check somebody who lacks the bot is one look-up');
is(installed($grace, 'state, installed_by_us'), 'absent|f',
	'which is on record');
like(installed($grace, 'reason || hint'),
	qr/not there.*teams_ensure_installed/, 'with a reason and advice');
is(scalar $sim->installations(user => $grace), 0, 'it installs nothing');
is(job('check_installed', $ada), 'sent lookup=1 chat=1',
	'somebody who has it is known after a check');
is(installed($ada, 'state, app_version, catalog_version, outdated'),
	'installed|1.4.0|1.4.0|f', 'with the version');
is(job('check_installed', $ada), 'sent lookup=1',
	'checking again asks for what may have changed');
like(job('check_installed', 'nobody@contoso.com'), qr/^failed NotFound/,
	'a check of somebody whom Teams does not know fails');
is(installed('nobody@contoso.com', 'state'), 'unknown', 'as is on record');

# A new version.
is(job('upgrade', $ada), 'sent lookup=1',
	'an upgrade to the same version does nothing');
$sim->publish('1.5.0');
is(job('check_installed', $ada), 'sent lookup=1', 'after a new version');
is(installed($ada, 'app_version, catalog_version, outdated, hint'),
	'1.4.0|1.5.0|t|Call teams_upgrade().', 'the drift shows');
is(job('upgrade', $ada), 'sent lookup=2 upgrade=1', 'an upgrade');
is(version_at_the_service($ada), '1.5.0', 'gives the version to the service');
is(installed($ada, 'app_version, outdated'), '1.5.0|f', 'and to the record');
is(job('upgrade', $grace), 'failed not_installed lookup=1',
	'where the bot is not, nothing can be upgraded');
is(installed($grace, 'state'), 'absent', 'nor is it installed for that');

# Without the permission to read the catalog, all are upgraded.
$sim->contoso(version => '1.6.0', roles =>
	  ['TeamsAppInstallation.ReadWriteSelfForUser.All']);
$node->configure($sim, graph_rate => 99999);
is(job('upgrade', $ada), 'sent lookup=2 upgrade=1',
	'an upgrade without knowing the catalog');
is(installed($ada, 'app_version, catalog_version, outdated'), '1.6.0||',
	'the version is known, and no drift is claimed');

# Uninstalling.
$node->value("CREATE ROLE clerk; SELECT teams_grant('clerk', 'sender')");
is($node->fate($node->send($ada, 'before')), 'sent', 'a message arrives');
my @ids = split /\n/, $node->value(
	"SET ROLE clerk; SELECT teams_send('$ada', 'just before');"
	  . " SELECT teams_uninstall('$ada'); SELECT teams_send('$ada', 'after')");
is(join(' ', map { $node->fate($_) } @ids), 'sent sent failed',
	'what was sent before an uninstallation arrives, what was after does not');
is($node->value("SELECT error_code, hint ~ 'teams_ensure_installed'"
		  . " FROM teams_delivery WHERE id = $ids[2]"),
	'uninstalled|t', 'and says so, and what to do');
is(scalar $sim->installations(user => $ada), 0, 'the bot is gone');
is(installed($ada, 'state, uninstalled_by, app_version, outdated'),
	'uninstalled|clerk||', 'who wanted it is on record');
my $id = $node->send($ada, 'later');
is($node->fate($id), 'failed', 'a message does not bring it back');
is($node->value("SELECT error_code FROM teams_delivery WHERE id = $id"),
	'uninstalled', 'but fails');
is(job('uninstall', $ada), 'sent lookup=1', 'once more changes nothing');
is(job('check_installed', $ada), 'sent lookup=1', 'nor does a check');
is(installed($ada, "state, trim(uninstalled_by::text, '\"') = current_user"),
	'uninstalled|t',
	'the last who wanted it is on record');
is(job('ensure_installed', $ada), 'sent install=1 lookup=1 chat=1',
	'an explicit wish brings it back');
is(installed($ada, 'state, uninstalled_by'), 'installed|',
	'and the record is that of a new installation');
is($node->fate($node->send($ada, 'welcome back')), 'sent', 'messages arrive');

# Somebody else takes it away.
$sim->uninstall($ada);
is(job('check_installed', $ada), 'sent lookup=1', 'a check finds it gone');
is(installed($ada, 'state, uninstalled_by'), 'removed|', 'removed by others');
$id = $node->send($ada, 'gone');
$node->fate($id);
is($node->value("SELECT error_code FROM teams_delivery WHERE id = $id"),
	'removed_by_user', 'which is respected');
$sim->install($ada);
is(job('check_installed', $ada), 'sent lookup=1 chat=1',
	'if they put it back, a check finds that out');
is($node->fate($node->send($ada, 'hello again')), 'sent', 'messages arrive');

# What goes wrong, and is tried again.
$sim->fault(operation => 'uninstall', status => 503, count => 2);
is(job('uninstall', $ada), 'sent lookup=3 uninstall=3',
	'an uninstallation that is not available is tried again');
$sim->fault(operation => 'install', status => 503, count => -1);
$id = $node->value("SELECT teams_ensure_installed('$grace')");
ok($node->wait_until("SELECT count(*) = 1 FROM teams_installation"
		  . " WHERE target = '$grace' AND state = 'installing' AND error IS NOT NULL"),
	'an installation that is tried again is on record');
$sim->clear_faults;
is($node->fate($id), 'sent', 'until it is there');
is(installed($grace, 'state'), 'installed', 'as the record says');

# Policies.
$sim->fault(operation => 'install', status => 403, code => 'Forbidden',
	message => 'blocked by the app permission policy', count => -1);
like(job('ensure_installed', $ada), qr/^failed Forbidden/,
	'what a policy refuses fails');
is(installed($ada, 'state, reason'),
	'refused|blocked by the app permission policy', 'and why is on record');
like(installed($ada, 'hint'), qr/admin center/, 'with advice');
$sim->clear_faults;

# Those that wait for a bot that is paused.
$node->value("SELECT teams_pause(reason => 'lunch')");
$node->value("SELECT teams_ensure_installed('linus\@contoso.com')");
is(installed('linus@contoso.com', 'state, reason'), 'installing|lunch',
	'an installation that waits shows, and what it waits for');

done_testing();
