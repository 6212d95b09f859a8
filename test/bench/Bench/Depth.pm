# What is not to be sent now, or was sent long ago, does not slow the drain.
#
# Each case is a database of its own beside one without; they drain in turn.

package Bench::Depth;

use strict;
use warnings;

use Bench::Database;

sub _compare
{
	my ($setup, $name, $prepare) = @_;
	my $count = $setup->amount(20_000, 8_000);
	my $plain = $setup->database;
	my $deep = Bench::Database->create($setup->cluster, $name, $setup->nginx);

	$prepare->($deep);
	my ($ours, $floors) = Bench::Goals::alternate($setup->rounds,
		sub { $deep->drain($count) },
		sub { $plain->drain($count) });
	$setup->goals->at_least("depth-$name", 0.95, $ours, $floors, 'rate',
		'messages/s');
	$deep->drop;
	return;
}

sub run_not_due
{
	my ($setup) = @_;
	my $count = $setup->amount(1_000_000, 200_000);

	_compare($setup, 'not_due', sub {
		my ($database) = @_;
		$database->enqueue($count, "now() + interval '1 day'");
		$database->ask('VACUUM ANALYZE teams_outbox');
	});
	return;
}

sub run_history
{
	my ($setup) = @_;
	my $count = $setup->amount(5_000_000, 500_000);

	_compare($setup, 'history', sub {
		my ($database) = @_;
		$database->ask("INSERT INTO teams_delivery (id, bot, kind, scope, target,"
			. " sender, fate, conversation_id, activity_id, attempts, doubtful,"
			. " created_at) SELECT i, 'default', 'send', 'user',"
			. " 'user' || i % 10000 + 1 || '\@contoso.com', 'postgres', 'sent',"
			. " '19:' || md5(i::text), i::text, 1, false, now()"
			. " FROM generate_series(1, $count) AS i;"
			. " SELECT setval('teams_outbox_id_seq', $count);"
			. ' VACUUM ANALYZE teams_delivery; CHECKPOINT');
	});
	return;
}

# Dead rows that no vacuum may remove, as a transaction elsewhere could still
# see them.
sub run_held
{
	my ($setup) = @_;
	my $count = $setup->amount(500_000, 100_000);

	_compare($setup, 'held_xmin', sub {
		my ($database) = @_;
		my $holder = $setup->cluster->session($database->name);

		$holder->ask('BEGIN ISOLATION LEVEL REPEATABLE READ');
		$holder->ask('SELECT count(*) FROM people');
		$database->pause;
		$database->enqueue($count);
		$database->ask('DELETE FROM teams_outbox; ANALYZE teams_outbox');
		$database->resume;
		$database->{holder} = $holder;
	});
	return;
}

1;
