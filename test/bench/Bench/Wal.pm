# WAL of a message from enqueue to fate, against that of its INSERT alone.

package Bench::Wal;

use strict;
use warnings;

sub run
{
	my ($setup) = @_;
	my $database = $setup->database;
	my $count = $setup->amount(20_000, 10_000);
	my (@all, @inserts);

	for my $round (1 .. $setup->rounds)
	{
		my $enqueued;

		# What a checkpoint adds, once for each page, depends on its distance.
		$database->drain(1000);
		$database->pause;
		$database->ask('VACUUM teams_outbox');
		my $start = _position($database);
		$database->enqueue($count);
		$enqueued = _position($database);
		my $goal = $database->settled + $count;
		$database->resume;
		$database->wait_for($goal);
		push @all, (_position($database) - $start) / $count;
		push @inserts, ($enqueued - $start) / $count;
	}
	$setup->goals->at_most('wal', 2.5, \@all, \@inserts, '', 'bytes/message');
	return;
}

sub _position
{
	my ($database) = @_;
	return $database->ask("SELECT pg_current_wal_insert_lsn() - '0/0'");
}

1;
