# Somebody who has lost a name has opted out under it, and the row is locked:
# nobody waits for that, and the opt-out is not lost.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

sub lock_opt_out
{
	my ($name) = @_;
	my $session = $node->background_psql('postgres');

	$node->value("SELECT teams_opt_out('$name', 'news')");
	$node->fate($node->send($name, 'known to have the name'));
	$session->query_safe('BEGIN');
	$session->query_safe("SELECT FROM teams_opt_out WHERE target = '$name' FOR UPDATE");
	return $session;
}

sub opted_out
{
	return $node->value("SELECT string_agg(target, ' ' ORDER BY target)"
		  . ' FROM teams_opt_out WHERE target = ANY (\'{' . join(',', @_) . "}')");
}

my $log = -s $node->logfile;

# The directory tells.
my $old = $sim->account('a@contoso.com');
my $locker = lock_opt_out('a@contoso.com');
$node->sync_directory;
my $new = $sim->hand_over($old, 'a@contoso.com');
ok($node->sync_directory, 'the directory is read to its end');
is(opted_out('a@contoso.com', $old, $new), "a\@contoso.com $old",
	'whoever lost the name has opted out; the name, too, as it is locked');
$locker->query_safe('COMMIT');
$locker->quit;

# It is found out before a message.
$old = $sim->account('b@contoso.com');
$locker = lock_opt_out('b@contoso.com');
$new = $sim->hand_over($old, 'b@contoso.com');
$node->value("UPDATE teams_installation SET verify_at = now() WHERE target = 'b\@contoso.com'");
is($node->fate($node->send('b@contoso.com', 'for another')), 'sent',
	'a message goes to whoever has the name');
is(opted_out('b@contoso.com', $old, $new), "b\@contoso.com $old",
	'whoever had it has opted out');
$locker->query_safe('COMMIT');
$locker->quit;

# 5,000 of them.
$node->value(<<'END');
INSERT INTO teams_opt_out (target, topic)
	SELECT 'name' || n || '@contoso.com', 'news' FROM generate_series(1, 5000) AS n;
INSERT INTO teams_installation (bot, scope, target, state, installation_id, chat_id, user_id)
	SELECT 'default', 'user', 'name' || n || '@contoso.com', 'installed', n, n,
		'dddddddd-0000-4000-8000-' || lpad(n::text, 12, '0')
	FROM generate_series(1, 5000) AS n;
END
$locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN');
$locker->query_safe('SELECT count(*) FROM (SELECT FROM teams_opt_out'
	  . " WHERE target LIKE 'name%7\@contoso.com' FOR UPDATE) AS o");
$sim->generate_users(5000, upn => 'name%d@contoso.com');
$node->sync_directory;
is($node->value("SELECT count(*) FROM teams_opt_out WHERE target LIKE 'name%'"
		. " AND target !~ '7\@'"), 0, 'opt-outs move');
is($node->value("SELECT count(*) FROM teams_opt_out WHERE target LIKE 'name%'"),
	500, 'but for those that are locked');
is($node->value(<<'END'), 0, 'to whoever had the name');
SELECT count(*) FROM generate_series(1, 5000) AS n WHERE NOT EXISTS
	(SELECT FROM teams_opt_out
	 WHERE target = 'dddddddd-0000-4000-8000-' || lpad(n::text, 12, '0'))
END
$locker->query_safe('COMMIT');
$locker->quit;
unlike(slurp_file($node->logfile, $log), qr/lock timeout/, 'nothing has failed');

done_testing();
