# Judges a history: what was written, what became of it, and what has arrived.
# It knows nothing of servers, so that invented histories can be judged, too.
#
# A history has
#   messages   => [ { text, target, delivery, scheduled, transaction, outcome,
#                     began, ended } ]: what the senders know.  The delivery is
#                 at-least-once, at-most-once, or job: then nothing arrives.
#                 The outcome is committed, rolled back or unknown; by "ended",
#                 the sender knew that the transaction was over.
#   accepted   => { text => id }: what was committed, as written by the
#                 transactions themselves into a table of their own
#   expires    => { text => when } of those that are not to be sent afterwards
#   outbox     => { id => what it waits for }
#   delivery   => { id => { fate, doubtful, error_code, kind, target, attempts,
#                 broadcast, refers_to, activity_id, retried_as } }
#   arrivals   => [ { text, user, at, id, now, deleted } ] in the order in which
#                 they arrived: what it said then, and when, its id, and what it
#                 says now.  The user may be a channel.
#   steps      => [ { name, outcome, ended, ends, retries } ]: transactions that
#                 write no messages; the broadcast that one has ended, or has
#                 sent again
#   made       => { name => 1 } of those that were committed
#   changes    => { id => { message, text } }: jobs that edit or delete; no two
#                 with the same text are for messages to the same person
#   broadcasts => { id => { text, kind, refers_to, state, recipients, excluded,
#                 not_sent, sent, failed, cancelled, expired } }
#   inflight   => number of rows in the ledger
#   accounting => { balanced, accepted } or undef if there is no such view
#   looks      => [ what was wrong at a look during the run ]
#   crashes    => [ what the log tells of crashes that nobody has ordered ]
#   surprises  => [ what senders did not expect ]

package Torture::Check;

use strict;
use warnings;

use Torture::CheckBroadcasts;
use Torture::CheckChanges;

# Services that are frozen read late what was written in time.
use constant ON_THE_WIRE => 3;

# All that is wrong: pairs of a kind and a sentence.
sub violations
{
	my ($history) = @_;
	my $index = index_of($history);

	return (
		check_commits($history),
		check_places($history),
		check_arrivals($history, $index),
		check_fates($history, $index),
		check_duplicates($history, $index),
		check_order($history, $index),
		check_accounts($history),
		Torture::CheckChanges::violations($history),
		Torture::CheckBroadcasts::violations($history),
		(map { [ crash => $_ ] } @{ $history->{crashes} }),
		(map { [ surprise => $_ ] } @{ $history->{surprises} }));
}

sub index_of
{
	my ($history) = @_;
	my %message = map { $_->{text} => $_ } @{ $history->{messages} };
	my @arrivals = arrivals($history, \%message);
	my %arrived;

	$arrived{ $_->{text} }++ for @arrivals;
	return { message => \%message, arrivals => \@arrivals,
		arrived => \%arrived };
}

# What arrives may have been edited when it was pending; this has it as it was
# written.  Those of broadcasts are judged elsewhere.
sub arrivals
{
	my ($history, $message) = @_;
	my %text = reverse %{ $history->{accepted} };
	my %written;

	for my $change (grep { defined $_->{text} } values %{ $history->{changes} })
	{
		my $text = $text{ $change->{message} // next } // next;
		my $target = $message->{$text} ? $message->{$text}{target} : next;

		$written{"$change->{text} $target"} = $text;
	}
	return map { { %$_, text => $written{"$_->{text} $_->{user}"} // $_->{text} } }
	  grep { $_->{text} !~ /^b/ } @{ $history->{arrivals} };
}

sub messages_of_broadcasts
{
	my ($history) = @_;
	return grep { $history->{delivery}{$_}{broadcast} }
	  keys %{ $history->{delivery} };
}

# What a client was told of its transactions is true.
sub check_commits
{
	my ($history) = @_;
	my @wrong;

	for my $message (@{ $history->{messages} })
	{
		my $is_there = exists $history->{accepted}{ $message->{text} };

		push @wrong, [ 'commit lost',
			"$message->{text} was committed and is not there" ]
		  if $message->{outcome} eq 'committed' && !$is_there;
		push @wrong, [ 'rollback lost',
			"$message->{text} was rolled back and is there" ]
		  if $message->{outcome} eq 'rolled back' && $is_there;
	}
	return @wrong;
}

# Every accepted message is in one place, and nothing else is in any.
sub check_places
{
	my ($history) = @_;
	my ($outbox, $delivery) = @$history{qw(outbox delivery)};
	my %text = reverse %{ $history->{accepted} };
	my %others = map { $_ => 1 } keys %{ $history->{changes} },
	  messages_of_broadcasts($history);
	my @wrong;

	for my $id (sort { $a <=> $b } keys %text)
	{
		my $places = exists($outbox->{$id}) + exists($delivery->{$id});

		push @wrong, [ lost => "$text{$id} (id $id) is nowhere" ]
		  if $places == 0;
		push @wrong, [ twofold => "$text{$id} (id $id) is pending and settled" ]
		  if $places == 2;
		push @wrong, [ pending =>
			"$text{$id} (id $id) is still pending: $outbox->{$id}" ]
		  if exists $outbox->{$id};
	}
	push @wrong, map { [ stranger => "id $_ is of no accepted message" ] }
	  grep { !exists $text{$_} && !$others{$_} } sort { $a <=> $b } keys %$outbox,
	  keys %$delivery;
	push @wrong, [ ledger => "the ledger has $history->{inflight} rows left" ]
	  if $history->{inflight};
	return @wrong;
}

# What arrived was accepted, and is for whom it arrived at.
sub check_arrivals
{
	my ($history, $index) = @_;
	my @wrong;

	for my $arrival (@{ $index->{arrivals} })
	{
		my $text = $arrival->{text};
		my $message = $index->{message}{$text};

		push @wrong, [ phantom => "$text arrived and was never accepted" ]
		  unless $message && exists $history->{accepted}{$text};
		push @wrong, [ late => "$text arrived after it had expired" ]
		  if $arrival->{at} > ($history->{expires}{$text} // 'inf') + ON_THE_WIRE;
		push @wrong, [ misdirected =>
			"$text for $message->{target} arrived at $arrival->{user}" ]
		  if $message && $message->{target} ne $arrival->{user};
	}
	return @wrong;
}

sub check_fates
{
	my ($history, $index) = @_;
	my @wrong;

	for my $text (sort keys %{ $history->{accepted} })
	{
		my $id = $history->{accepted}{$text};
		my $record = $history->{delivery}{$id} // next;
		my ($fate, $doubtful) = @$record{qw(fate doubtful)};
		my $arrived = $index->{arrived}{$text} // 0;
		my $message = $index->{message}{$text};
		my $is_job = $message && $message->{delivery} eq 'job';

		push @wrong, [ 'sent in vain', "$text (id $id) is sent and never arrived" ]
		  if $fate eq 'sent' && !$arrived && !$is_job;
		push @wrong, [ "$fate, yet arrived",
			"$text (id $id) is $fate without doubt and arrived" ]
		  if $fate ne 'sent' && !$doubtful && $arrived;
	}
	return @wrong;
}

sub check_duplicates
{
	my ($history, $index) = @_;
	my @wrong;

	for my $text (sort keys %{ $index->{arrived} })
	{
		my $times = $index->{arrived}{$text};
		my $message = $index->{message}{$text};
		my $id = $history->{accepted}{$text};
		my $record = defined $id ? $history->{delivery}{$id} : undef;

		next if $times < 2 || !$message;
		push @wrong, [ 'at most once, yet twice', "$text arrived $times times" ]
		  if $message->{delivery} eq 'at-most-once';
		push @wrong, [ 'duplicate without doubt',
			"$text arrived $times times and is not marked doubtful" ]
		  if $record && !$record->{doubtful};
	}
	return @wrong;
}

# Who was committed before another was begun also arrives before, at the same
# person; within a transaction the ids tell.  Messages that failed have no place,
# and those that were scheduled may come later than others.
sub check_order
{
	my ($history, $index) = @_;
	my (%seen, %latest, %last_id);
	my @wrong;

	for my $arrival (@{ $index->{arrivals} })
	{
		my ($text, $user) = @$arrival{qw(text user)};
		my $message = $index->{message}{$text};
		my $id = $history->{accepted}{$text};

		next if $seen{$text}++ || !$message || !defined $id;
		my $record = $history->{delivery}{$id};
		next unless $record && $record->{fate} eq 'sent';

		my $latest = $latest{$user};
		push @wrong, [ order =>
			"$text (id $id) arrived at $user after $latest->{text} (id "
			  . "$history->{accepted}{$latest->{text}}), which was begun later" ]
		  if $latest && !$message->{scheduled}
		  && $message->{ended} < $latest->{began};
		$latest{$user} = $message
		  if !$latest || $message->{began} > $latest->{began};

		my $last = \$last_id{"$user $message->{transaction}"};
		push @wrong, [ order => "$text (id $id) arrived at $user after id $$last"
			  . ' of the same transaction' ]
		  if defined $$last && $id < $$last && !$message->{scheduled};
		$$last = $id unless defined $$last && $id < $$last;
	}
	return @wrong;
}

sub check_accounts
{
	my ($history) = @_;
	my @wrong = map { [ unbalanced => $_ ] } @{ $history->{looks} };
	my $view = $history->{accounting} // return @wrong;
	my $accepted = keys(%{ $history->{accepted} })
	  + keys(%{ $history->{changes} }) + messages_of_broadcasts($history);

	push @wrong, [ unbalanced => 'teams_accounting is not balanced at the end' ]
	  unless $view->{balanced};
	push @wrong, [ unbalanced =>
		"teams_accounting counts $view->{accepted} of $accepted accepted" ]
	  if $view->{accepted} != $accepted;
	return @wrong;
}

1;
