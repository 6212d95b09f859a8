# A process that writes messages, in transactions of all kinds, and keeps a
# journal of what it was told of them.
#
# Each transaction writes its messages into torture.accepted as well, so that
# the database itself knows what was committed, also where a client was cut off
# during COMMIT.

package Torture::Sender;

use strict;
use warnings;

use IO::Handle;
use POSIX qw(_exit);
use Time::HiRes qw(sleep time);

use TeamsSim;
use Torture::Random;

# How long a statement may take before that is a finding by itself.
use constant PSQL_TIMEOUT => 90;

my $transaction_kinds = [
	[ single => 4 ],
	[ block => 6 ],
	[ burst => 0.2 ],
	[ rollback => 2 ],
	[ savepoint => 3 ],
	[ prepared => 2 ],
	[ prepared_rollback => 1 ],
	[ team => 0.2 ],
];

# Start one; returns its pid.  Options: number, senders, seed, node, journal
# (a file), until, own and shared users, channels (ids by name), can_cancel, and
# can_plan if messages have a priority and can be scheduled and expire.
sub start
{
	my ($class, %options) = @_;
	my $pid = fork() // die "could not fork: $!";

	return $pid if $pid;

	# No END block may run here: the servers are the parent's.
	my $ok = eval { $class->new(%options)->run; 1 };
	print STDERR "sender $options{number}: $@" unless $ok;
	_exit($ok ? 0 : 1);
}

sub new
{
	my ($class, %options) = @_;
	my $self = bless {
		%options,
		random => Torture::Random->new($options{seed},
			"sender $options{number}"),
		messages => 0,
		transactions => 0,
		prepared => [],
	}, $class;

	open($self->{out}, '>', $options{journal})
	  or die "$options{journal}: $!";
	$self->{out}->autoflush(1);
	return $self;
}

sub run
{
	my ($self) = @_;

	while (time < $self->{until})
	{
		$self->do_transaction;
		$self->finish_prepared(time);
		$self->cancel_some if $self->{can_cancel} && $self->{random}->chance(0.1);
		sleep $self->{random}->between(0.02, 0.25);
	}
	$self->finish_prepared(time + 1e6);
	return;
}

# ----------
# Journal
# ----------

# Tab-separated: message and its fields, step (a transaction that writes no
# messages) with its name, outcome, time, and which broadcast it ends or sends
# again, or surprise and a text.
my @fields = qw(text target delivery scheduled transaction outcome began ended);
my @step_fields = qw(name outcome ended ends retries);

sub note_outcome
{
	my ($self, $transaction, $outcome) = @_;
	my $ended = time;

	for my $message (@{ $transaction->{messages} })
	{
		my $own = $message->{rolled_back} ? 'rolled back' : $outcome;

		print { $self->{out} } join("\t", 'message',
			@$message{qw(text target delivery scheduled)},
			$transaction->{name}, $own, $transaction->{began}, $ended), "\n";
	}
	return;
}

sub note_step
{
	my ($self, $name, $outcome, %about) = @_;

	print { $self->{out} } join("\t", 'step', $name, $outcome, time,
		$about{ends} // '', $about{retries} // ''), "\n";
	return;
}

sub note_surprise
{
	my ($self, $text) = @_;

	$text =~ s/\s+/ /g;
	print { $self->{out} } "surprise\tsender $self->{number}: $text\n";
	return;
}

# What the journals say, as a history has it.
sub read_journals
{
	my (@files) = @_;
	my (@messages, @steps, @surprises);

	for my $file (@files)
	{
		open(my $in, '<', $file) or die "$file: $!";
		while (my $line = <$in>)
		{
			chomp $line;
			my ($what, @values) = split /\t/, $line;
			my (%message, %step);

			push(@surprises, $values[0]), next if $what eq 'surprise';
			@step{@step_fields} = @values;
			push(@steps, \%step), next if $what eq 'step';
			@message{@fields} = @values;
			push @messages, \%message;
		}
		close $in;
	}
	return { messages => \@messages, steps => \@steps,
		surprises => \@surprises };
}

# ----------
# psql
# ----------

# Run a script; returns how it ended (done, gone or failed) and what it printed.
sub psql
{
	my ($self, $script) = @_;
	my $timed_out = 0;
	my ($status, $out, $err) = eval {
		$self->{node}->psql('postgres', $script, timeout => PSQL_TIMEOUT,
			timed_out => \$timed_out) };

	# psql could not connect and has ended before it could be given the script.
	return ('gone', '') if $@ =~ /Broken pipe/;
	if ($@ || $timed_out)
	{
		$self->note_surprise($@ || "no answer to: $script");
		return ('failed', $out // '');
	}
	return ('done', $out) if $status == 0;
	return ('gone', $out) if Torture::Server::is_gone($status, $err);
	return ('failed', $out) if $self->is_explained($err);
	$self->note_surprise($err);
	return ('failed', $out);
}

# Some that are based on this one run into errors by design.
sub is_explained { return 0; }

# Run a query until the server is there to answer it.
sub ask
{
	my ($self, $query) = @_;
	my $deadline = time + PSQL_TIMEOUT;

	while (time < $deadline)
	{
		my ($end, $out) = $self->psql($query);

		return $out if $end eq 'done';
		sleep 0.1;
	}
	die "no answer to: $query\n";
}

# ----------
# Transactions
# ----------

sub new_message
{
	my ($self) = @_;
	my $random = $self->{random};
	my $users = $random->chance(0.2) ? $self->{shared} : $self->{own};
	my %message = (
		text => "$self->{number}-" . ++$self->{messages},
		target => $random->chance(0.01) ? 'nobody@contoso.com'
		: $random->pick(@$users),
		delivery => $random->chance(0.2) ? 'at-most-once' : 'at-least-once',
		way => $random->weighted([ [ text => 80 ], [ insert => 15 ],
			[ post => 10 ], [ job => 3 ] ]),
		scheduled => 0,
		plan => {});

	$message{delivery} = 'job' if $message{way} eq 'job';
	$self->plan(\%message) if $self->{can_plan};
	$self->make_post(\%message) if $message{way} eq 'post';
	return \%message;
}

# Some have a priority, come later, or must not come late.
sub plan
{
	my ($self, $message) = @_;
	my $random = $self->{random};
	my %plan;

	$plan{priority} = "'" . $random->pick(qw(high low)) . "'"
	  if $random->chance(0.2);
	$message->{scheduled} = $random->chance(0.05) ? 1 : 0;
	$plan{expires_at} = sprintf "clock_timestamp() + '%d ms'",
	  $random->between(50, 3000)
	  if $random->chance(0.05) && !$message->{scheduled};
	$plan{send_at} = sprintf "clock_timestamp() + '%d ms'",
	  $random->between(1, 500) if $message->{scheduled};
	$message->{plan} = \%plan;
	return;
}

# To a channel, as a new thread or an answer in one of the latest.
sub make_post
{
	my ($self, $message) = @_;
	my $random = $self->{random};
	my $number = int($self->{messages} / 20);

	$message->{target} = $random->pick(sort keys %{ $self->{channels} });
	$message->{channel} = $self->{channels}{ $message->{target} };
	$message->{plan}{thread} =
	  "'thread-$self->{number}-$message->{target}-$number'"
	  if $random->chance(0.5);
	return;
}

sub call_for
{
	my ($message) = @_;
	my ($text, $target, $delivery, $way) = @$message{qw(text target delivery way)};
	my %plan = %{ $message->{plan} };
	my $more = join '', map { ", $_ => $plan{$_}" } sort keys %plan;

	return "teams_$message->{verb}('$target', scope => 'team'$more)"
	  if $message->{verb};
	return "teams_post('" . TeamsSim::TEAM() . "', '$message->{channel}', '$text',"
	  . " delivery => '$delivery'$more)" if $way eq 'post';
	return "teams_ensure_installed('$target'$more)" if $way eq 'job';
	return "teams_send('$target', '$text', delivery => '$delivery'$more)";
}

sub insert_for
{
	my ($message) = @_;
	my ($text, $target, $delivery) = @$message{qw(text target delivery)};
	my %columns = (%{ $message->{plan} }, target => "'$target'",
		activity => "'{\"type\": \"message\", \"text\": \"$text\"}'",
		delivery => "'$delivery'");

	$columns{due_at} = delete $columns{send_at} if $columns{send_at};
	return 'INSERT INTO teams_outbox (' . join(', ', sort keys %columns)
	  . ') VALUES (' . join(', ', map { $columns{$_} } sort keys %columns)
	  . ') RETURNING id';
}

sub statement_for
{
	my ($message) = @_;
	my ($text, $target, $delivery, $way) = @$message{qw(text target delivery way)};
	my $into = 'INSERT INTO torture.accepted (text, target, delivery, expires, id)';
	my $values = "'$text', '$target', '$delivery', "
	  . ($message->{plan}{expires_at} // 'NULL::timestamptz');

	return 'WITH o AS (' . insert_for($message) . ") $into SELECT $values, id"
	  . " FROM o;\n" if $way eq 'insert';
	return "$into VALUES ($values, " . call_for($message) . ");\n";
}

sub do_transaction
{
	my ($self) = @_;
	my $kind = $self->{random}->weighted($transaction_kinds);
	my $number = ++$self->{transactions};
	my $count = $kind eq 'single' ? 1
	  : 1 + $self->{random}->below($kind eq 'burst' ? 500 : 7);
	my $transaction = {
		name => "$self->{number}/$number",
		gid => "torture-$self->{number}-$number",
		messages => [ map { $self->new_message } 1 .. $count ],
		began => time,
	};
	my $method = "do_$kind";

	$self->$method($transaction);
	return;
}

sub script_for
{
	my ($transaction) = @_;
	return "BEGIN;\n" . join '',
	  map { statement_for($_) } @{ $transaction->{messages} };
}

# Run all but the end, and say so, and then the end: whoever is cut off before
# has committed nothing.
sub end_with
{
	my ($self, $transaction, $script, $end, $outcome) = @_;
	my ($how, $out) = $self->psql("$script\\echo ending\n$end;\n");

	return $outcome if $how eq 'done';
	return 'rolled back' if $out !~ /ending/ || $outcome eq 'rolled back';
	return 'unknown';
}

sub do_single
{
	my ($self, $transaction) = @_;

	$self->note_outcome($transaction, $self->end_with($transaction, '',
			statement_for($transaction->{messages}[0]), 'committed'));
	return;
}

# Some do not wait until their commit is on disk, and may lose it in a crash:
# then nothing of it may have been sent.
sub do_block
{
	my ($self, $transaction) = @_;
	my $is_durable = $self->{random}->chance(0.8);
	my $script = script_for($transaction);

	$script = "SET synchronous_commit = off;\n$script" unless $is_durable;
	$self->note_outcome($transaction, $self->end_with($transaction, $script,
			'COMMIT', $is_durable ? 'committed' : 'unknown'));
	return;
}

# More than there is room for in the worker's memory, in one statement.
sub do_burst
{
	my ($self, $transaction) = @_;
	my @messages = @{ $transaction->{messages} };
	my $rows;

	$_->{target} = $self->{random}->pick(@{ $self->{own} })
	  for grep { $_->{way} eq 'post' } @messages;
	@$_{qw(way scheduled)} = ('text', 0) for @messages;
	$_->{delivery} = 'at-least-once' for grep { $_->{delivery} eq 'job' } @messages;
	$rows = join ",\n",
	  map { "('$_->{text}', '$_->{target}', '$_->{delivery}')" } @messages;
	$self->note_outcome($transaction, $self->end_with($transaction, '',
			'INSERT INTO torture.accepted (text, target, delivery, id)'
			. ' SELECT text, target, delivery, teams_send(target, text,'
			. " delivery => delivery) FROM (VALUES\n$rows)"
			. ' AS message (text, target, delivery)', 'committed'));
	return;
}

# The bot leaves a team and comes back, between posts to its channels.
sub do_team
{
	my ($self, $transaction) = @_;
	my @messages = map { $self->new_message } 1 .. 4;

	for my $job (0, 1)
	{
		@{ $messages[$job] }{qw(way delivery target scheduled plan verb)} =
		  ('job', 'job', TeamsSim::TEAM(), 0, {},
			$job ? 'ensure_installed' : 'uninstall');
	}
	for my $post (@messages[ 2, 3 ])
	{
		@$post{qw(way plan scheduled)} = ('post', {}, 0);
		$post->{delivery} = 'at-least-once' if $post->{delivery} eq 'job';
		$self->make_post($post);
	}
	$transaction->{messages} = \@messages;
	$self->do_block($transaction);
	return;
}

sub do_rollback
{
	my ($self, $transaction) = @_;

	$self->note_outcome($transaction, $self->end_with($transaction,
			script_for($transaction), 'ROLLBACK', 'rolled back'));
	return;
}

# A part in the middle is rolled back, or a savepoint around it is released.
sub do_savepoint
{
	my ($self, $transaction) = @_;
	my $random = $self->{random};
	my @messages = @{ $transaction->{messages} };
	my $from = $random->below(scalar @messages);
	my $to = $from + $random->below(@messages - $from);
	my $keep = $random->chance(0.3);
	my $script = "BEGIN;\n";

	for my $i (0 .. $#messages)
	{
		$script .= "SAVEPOINT s;\n" if $i == $from;
		$script .= statement_for($messages[$i]);
		$script .= ($keep ? 'RELEASE' : 'ROLLBACK TO') . " s;\n" if $i == $to;
		$messages[$i]{rolled_back} = !$keep && $i >= $from && $i <= $to;
	}
	$self->note_outcome($transaction,
		$self->end_with($transaction, $script, 'COMMIT', 'committed'));
	return;
}

# ----------
# Prepared transactions, which outlive the session and the server
# ----------

sub do_prepared { return prepare(@_, 'COMMIT'); }
sub do_prepared_rollback { return prepare(@_, 'ROLLBACK'); }

sub is_prepared
{
	my ($self, $gid) = @_;
	return $self->ask(
		"SELECT count(*) FROM pg_prepared_xacts WHERE gid = '$gid'") == 1;
}

sub prepare
{
	my ($self, $transaction, $verb) = @_;

	# The next one in the same thread would wait for this process to end it.
	delete $_->{plan}{thread} for @{ $transaction->{messages} };
	my $outcome = $self->end_with($transaction, script_for($transaction),
		"PREPARE TRANSACTION '$transaction->{gid}'", 'prepared');

	if ($outcome eq 'rolled back'
		|| ($outcome eq 'unknown' && !$self->is_prepared($transaction->{gid})))
	{
		$self->note_outcome($transaction, 'rolled back');
		return;
	}
	push @{ $self->{prepared} }, { transaction => $transaction, verb => $verb,
		due => time + $self->{random}->between(0, 5) };
	return;
}

# Finish those that are due.
sub finish_prepared
{
	my ($self, $now) = @_;
	my @due = grep { $_->{due} <= $now } @{ $self->{prepared} };

	$self->{prepared} = [ grep { $_->{due} > $now } @{ $self->{prepared} } ];
	for my $prepared (@due)
	{
		my ($transaction, $verb) = @$prepared{qw(transaction verb)};
		my $command = "$verb PREPARED '$transaction->{gid}'";

		while (($self->psql($command))[0] ne 'done')
		{
			sleep 0.1;
			last unless $self->is_prepared($transaction->{gid});
		}
		$self->note_outcome($transaction,
			$verb eq 'COMMIT' ? 'committed' : 'rolled back');
	}
	return;
}

# ----------
# Cancelling
# ----------

sub cancel_some
{
	my ($self) = @_;

	# In the order in which others cancel, too.
	$self->psql('SELECT teams_cancel(id) FROM (SELECT id FROM (SELECT o.id'
		  . ' FROM teams_outbox AS o JOIN torture.accepted AS a USING (id)'
		  . " WHERE a.text LIKE '$self->{number}-%'"
		  . ' ORDER BY random() LIMIT 2) AS chosen ORDER BY id) AS ordered');
	return;
}

1;
