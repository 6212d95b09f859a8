# A broadcast to a million: how long it takes to write it down, and what it
# costs to look at it meanwhile.

package Bench::Broadcast;

use strict;
use warnings;

use Time::HiRes ();

use Bench::Cluster;
use Bench::Database;
use Bench::Goals;

sub run
{
	my ($setup) = @_;
	my $count = $setup->amount(1_000_000, 200_000);
	my $database = Bench::Database->create($setup->cluster, 'broadcast',
		$setup->nginx, people => $count, known => 0);
	my (@wal, @memory);

	$database->pause;
	$database->ask('CREATE TABLE bare (LIKE teams_recipient, PRIMARY KEY (broadcast, n))');
	my $time = sub {
		my ($statement) = @_;

		$database->ask('CHECKPOINT');
		my $start = Time::HiRes::time();
		$database->ask($statement);
		return $count / (Time::HiRes::time() - $start);
	};
	my ($ours, $floors) = Bench::Goals::alternate($setup->rounds,
		sub {
			my $start = _position($database);
			my $rate = $time->("SELECT teams_broadcast('SELECT id AS user_id FROM people', 'Hello')");
			push @wal, (_position($database) - $start) / $count;
			push @memory, $database->ask('SELECT sum(total_bytes) FROM pg_backend_memory_contexts')
			  / 1024 / 1024;
			return $rate;
		},
		sub {
			$database->ask('TRUNCATE bare');
			return $time->('INSERT INTO bare SELECT 1, row_number() OVER (), id FROM people');
		});
	$setup->goals->at_least('broadcast-rate', 0.60, $ours, $floors, '',
		'recipients/s');
	$setup->goals->value_at_most('broadcast-memory', 32, Bench::Goals::median(@memory),
		'MB', sprintf 'of the session after %d recipients; %.0f bytes of WAL each',
		$count, Bench::Goals::median(@wal));

	$database->resume;
	$database->wait_for($database->settled + 1000);
	$setup->goals->value_at_most('broadcast-progress', 20, _look($database), 'ms',
		'SELECT * FROM teams_progress while it is sent');
	$database->ask('SELECT teams_cancel_broadcast(id) FROM teams_broadcast');
	$database->drop;
	return;
}

# The median of looks while messages are sent, in milliseconds.
sub _look
{
	my ($database) = @_;
	my @times;

	for (1 .. 20)
	{
		my $start = Time::HiRes::time();
		$database->ask('SELECT count(*) FROM (SELECT * FROM teams_progress OFFSET 0) AS p');
		push @times, (Time::HiRes::time() - $start) * 1000;
		Time::HiRes::sleep(0.02);
	}
	return Bench::Goals::median(@times);
}

sub _position
{
	my ($database) = @_;
	return $database->ask("SELECT pg_current_wal_insert_lsn() - '0/0'");
}

1;
