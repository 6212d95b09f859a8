# What it costs a sender to send, and others that it is there.

package Bench::Enqueue;

use strict;
use warnings;

use Time::HiRes ();

use Bench::Database;

my $columns = '(bot, kind, scope, target, activity, priority, delivery, sender,'
  . ' created_at, attempts, retrying, doubtful)';

# A table of the same columns, without what makes it an outbox.
sub _create_bare
{
	my ($database) = @_;

	$database->ask('CREATE TABLE bare (LIKE teams_outbox INCLUDING IDENTITY,'
		. ' PRIMARY KEY (id))');
	return;
}

sub _write
{
	my ($name, $text) = @_;

	open my $file, '>', $name or die "$name: $!";
	print $file $text;
	close $file;
	return $name;
}

sub _scripts
{
	my ($setup) = @_;
	my $text = Bench::Database::TEXT();

	return (
		_write("$setup->{work}/send.sql", "\\set i random(1, 10000)\n"
			. "SELECT teams_send('user' || :i || '\@contoso.com', '$text');\n"),
		_write("$setup->{work}/insert.sql", "\\set i random(1, 10000)\n"
			. "INSERT INTO bare $columns VALUES ('default', 'send', 'user',"
			. " 'user' || :i || '\@contoso.com', '{\"type\":\"message\",\"text\":\"$text\"}',"
			. " 'normal', 'at-least-once', 'postgres', now(), 0, false, false)"
			. " RETURNING id;\n"));
}

sub _empty
{
	my ($database) = @_;

	$database->ask('TRUNCATE teams_outbox; TRUNCATE bare; TRUNCATE teams_account;'
		. ' CHECKPOINT');
	return;
}

# One at a time, each with its commit.
sub run_single
{
	my ($setup) = @_;
	my $database = Bench::Database->create($setup->cluster, 'enqueue',
		$setup->nginx);
	my $cluster = $setup->cluster;
	my $seconds = $setup->amount(10, 2);
	my ($send, $insert) = _scripts($setup);

	_create_bare($database);
	$database->pause;
	$cluster->pgbench('enqueue', $_, '-T', 1) for $send, $insert;
	my ($ours, $floors) = Bench::Goals::alternate($setup->rounds,
		sub { $cluster->pgbench('enqueue', $send, '-T', $seconds) },
		sub { $cluster->pgbench('enqueue', $insert, '-T', $seconds) });
	$setup->goals->at_least('enqueue-single', 0.90, $ours, $floors, '',
		'transactions/s');
	_empty($database);
	$database->drop;
	return;
}

# A hundred thousand with one statement.
sub run_bulk
{
	my ($setup) = @_;
	my $count = 100_000;
	my $database = Bench::Database->create($setup->cluster, 'bulk',
		$setup->nginx, people => $count, known => 0);

	_create_bare($database);
	$database->pause;
	my $time = sub {
		my ($statement) = @_;

		_empty($database);
		my $start = Time::HiRes::time();
		$database->ask($statement);
		return $count / (Time::HiRes::time() - $start);
	};
	my ($ours, $floors) = Bench::Goals::alternate($setup->rounds,
		sub { $time->('SELECT count(teams_send(id, text)) FROM people') },
		sub { $time->("INSERT INTO bare $columns SELECT 'default', 'send', 'user',"
			. " id, json_build_object('type', 'message', 'text', text), 'normal',"
			. " 'at-least-once', 'postgres', now(), 0, false, false FROM people") });
	$setup->goals->at_least('enqueue-bulk', 0.40, $ours, $floors, '', 'rows/s');
	_empty($database);
	$database->drop;
	return;
}

# A session does not slow down with what it has sent.
sub run_session
{
	my ($setup) = @_;
	my $database = Bench::Database->create($setup->cluster, 'session',
		$setup->nginx);
	my $count = $setup->amount(30_000, 15_000);
	my $part = $count / 6;
	my ($send) = _scripts($setup);
	my (@first, @last);

	$database->pause;
	for my $round (1 .. $setup->amount(3, 1))
	{
		my $log = "$setup->{work}/session$round";

		$setup->cluster->pgbench('session', $send, '-t', $count, '-l',
			"--log-prefix=$log");
		my @ends = _read_log($log);
		push @first, $part / ($ends[$part] - $ends[0]);
		push @last, $part / ($ends[-1] - $ends[ -1 - $part ]);
		$database->ask('TRUNCATE teams_outbox');
	}
	$setup->goals->at_least('session-last-sixth', 0.95, \@last, \@first, '',
		'transactions/s');
	$database->drop;
	return;
}

# When each transaction ended.
sub _read_log
{
	my ($prefix) = @_;
	my ($name) = glob "$prefix.*";
	my @ends;

	open my $file, '<', $name or die "$name: $!";
	while (my $line = <$file>)
	{
		my @fields = split / /, $line;
		push @ends, $fields[4] + $fields[5] / 1e6;
	}
	return @ends;
}

# A transaction that does not send, in a server of its own without the library
# and in this one.  Its WAL is not waited for, or that would be all one sees; what
# counts is the CPU that it takes, which other work of the machine changes least.
sub run_bystander
{
	my ($setup) = @_;
	my $seconds = $setup->amount(6, 2);
	my $script = _write("$setup->{work}/bystander.sql",
		"UPDATE counter SET n = n + 1;\n");
	mkdir "$setup->{work}/without";
	my $without = Bench::Cluster->start($ENV{BINDIR}, "$setup->{work}/without", '');
	my $run = sub {
		my ($cluster, $database) = @_;
		my $session = $cluster->session($database);

		$session->ask('CREATE TABLE counter WITH (fillfactor = 10) AS SELECT 0 AS n')
		  unless $session->ask("SELECT to_regclass('counter')");
		$session->ask('VACUUM counter');
		$session->close;
		local $ENV{PGOPTIONS} = '-c synchronous_commit=off';
		Time::HiRes::sleep(0.3);
		my $cpu = $cluster->cpu;
		my $rate = $cluster->pgbench($database, $script, '-T', $seconds);

		# Until its process has ended, and been added to the others.
		Time::HiRes::sleep(0.3);
		return { cpu => ($cluster->cpu - $cpu) / ($rate * $seconds) * 1e6 };
	};

	$setup->database->pause;
	my ($ours, $floors) = Bench::Goals::alternate($setup->rounds,
		sub { $run->($setup->cluster, 'bench') },
		sub { $run->($without, 'postgres') });
	$setup->database->resume;
	$without->stop;
	$setup->goals->at_most('bystander', 1.05, $ours, $floors, 'cpu',
		'us/transaction');
	return;
}

1;
