# Judges what became of broadcasts; a part of Torture::Check, which says what a
# history has.

package Torture::CheckBroadcasts;

use strict;
use warnings;

# How long after its end something of a broadcast may arrive that was on the
# wire then.
use constant ON_THE_WIRE => 5;

my @fates = qw(sent failed cancelled expired);

sub violations
{
	my ($history) = @_;
	my $messages = messages_by_broadcast($history);

	return (check_strangers($history), check_progress($history, $messages),
		check_arrivals($history, $messages), check_ends($history),
		check_coverage($history, $messages));
}

sub ids
{
	my ($hash) = @_;
	return sort { $a <=> $b } keys %$hash;
}

sub messages_by_broadcast
{
	my ($history) = @_;
	my %messages;

	for my $id (ids($history->{delivery}))
	{
		my $record = $history->{delivery}{$id};

		push @{ $messages{ $record->{broadcast} } }, { %$record, id => $id }
		  if $record->{broadcast};
	}
	return \%messages;
}

sub check_strangers
{
	my ($history) = @_;
	my %seen = map { $_->{broadcast} => 1 }
	  grep { $_->{broadcast} } values %{ $history->{delivery} };

	return map { [ stranger => "broadcast $_ was not accepted" ] }
	  grep { !$history->{broadcasts}{$_} } ids(\%seen);
}

# Each recipient is accounted for, and the account is that of the history.
sub check_progress
{
	my ($history, $messages) = @_;
	my @wrong;

	for my $id (ids($history->{broadcasts}))
	{
		my $broadcast = $history->{broadcasts}{$id};
		my %count = map { $_ => 0 } @fates;
		my $sum = $broadcast->{not_sent} + $broadcast->{excluded};

		$sum += $broadcast->{$_} for @fates;
		$count{ $_->{fate} }++
		  for grep { !defined $_->{retried_as} } @{ $messages->{$id} };
		push @wrong, [ pending =>
			"broadcast $id ($broadcast->{text}) is $broadcast->{state}" ]
		  if $broadcast->{state} !~ /^(?:done|cancelled)$/;
		push @wrong, [ 'recipients lost', "broadcast $id ($broadcast->{text})"
			  . " accounts for $sum of $broadcast->{recipients} recipients" ]
		  if $sum != $broadcast->{recipients};
		push @wrong, map { [ unbalanced => "broadcast $id ($broadcast->{text})"
			  . " counts $broadcast->{$_} $_ of $count{$_}" ] }
		  grep { $count{$_} != $broadcast->{$_} } @fates;
	}
	return @wrong;
}

# Everybody gets it once, but for those in doubt; an edit that came before is
# what arrives.
sub check_arrivals
{
	my ($history, $messages) = @_;
	my (%arrived, @wrong);

	for my $arrival (grep { $_->{text} =~ /^b/ } @{ $history->{arrivals} })
	{
		my ($name) = $arrival->{text} =~ m{^(b[^/]+)};

		$arrived{$name}{ $arrival->{user} }++;
	}
	for my $id (ids($history->{broadcasts}))
	{
		my $broadcast = $history->{broadcasts}{$id};

		push @wrong, check_people($broadcast->{text},
			delete $arrived{ $broadcast->{text} }, @{ $messages->{$id} })
		  if $broadcast->{kind} eq 'send';
	}
	return @wrong, map { [ phantom => "$_ arrived and was never accepted" ] }
	  sort keys %arrived;
}

sub check_people
{
	my ($text, $arrived, @messages) = @_;
	my %arrived = %{ $arrived || {} };
	my (%of, @wrong);

	push @{ $of{ $_->{target} } }, $_ for @messages;
	for my $user (sort keys %of)
	{
		my @last = grep { !defined $_->{retried_as} } @{ $of{$user} };
		my $doubtful = grep { $_->{doubtful} } @{ $of{$user} };
		my $times = delete $arrived{$user} // 0;

		if (@last != 1)
		{
			push @wrong, [ 'recipient twice',
				"$text for $user was handed over " . @last . ' times' ];
			next;
		}
		my $fate = $last[0]{fate};
		my $what = "$text for $user (id $last[0]{id})";
		push @wrong, [ 'sent in vain', "$what is sent and never arrived" ]
		  if $fate eq 'sent' && !$times;
		push @wrong, [ "$fate, yet arrived", "$what is $fate without doubt and arrived" ]
		  if $fate ne 'sent' && !$doubtful && $times;
		push @wrong, [ 'duplicate without doubt',
			"$what arrived $times times and is not marked doubtful" ]
		  if $times > 1 && !$doubtful;
	}
	return @wrong, map { [ phantom => "$text arrived at $_, who has no message" ] }
	  sort keys %arrived;
}

# What was cancelled or recalled does not arrive any more, unless it was sent
# again later.
sub check_ends
{
	my ($history) = @_;
	my (%over, %again, @wrong);

	for my $step (grep { $history->{made}{ $_->{name} } } @{ $history->{steps} })
	{
		my ($ended, $ends, $retries) = @$step{qw(ended ends retries)};

		$over{$ends} = $ended
		  if $ends && (!$over{$ends} || $ended < $over{$ends});
		$again{$retries} = $ended
		  if $retries && $ended > ($again{$retries} // 0);
	}
	for my $arrival (@{ $history->{arrivals} })
	{
		my ($name) = $arrival->{text} =~ m{^(b[^/]+)} or next;
		my $over = $over{$name} // next;

		push @wrong, [ 'sent after its end', "$arrival->{text} arrived at"
			  . " $arrival->{user} " . ($arrival->{at} - $over) . ' s later' ]
		  if $arrival->{at} > $over + ON_THE_WIRE && $over > ($again{$name} // 0);
	}
	return @wrong;
}

# An edit that was not cancelled reaches what was sent before; what is sent after
# it says it already, or what a later one says.  A recall reaches all.
sub check_coverage
{
	my ($history, $messages) = @_;
	my %now = map { $_->{id} => $_->{now} }
	  grep { defined $_->{id} } @{ $history->{arrivals} };
	my (%last, %says, @wrong);

	for my $id (ids($history->{broadcasts}))
	{
		my ($original, $kind, $text) =
		  @{ $history->{broadcasts}{$id} }{qw(refers_to kind text)};

		next unless $original;
		if ($history->{broadcasts}{$id}{state} eq 'done')
		{
			$last{$original}{$kind} = $id;
			$says{$original} = {} if $kind eq 'edit';
		}
		$says{$original}{$text} = 1 if $kind eq 'edit';
	}
	for my $original (ids(\%last))
	{
		for my $kind (sort keys %{ $last{$original} })
		{
			my $id = $last{$original}{$kind};
			my $text = $history->{broadcasts}{$id}{text};
			my %has_job = map { $_->{refers_to} => 1 } @{ $messages->{$id} };

			push @wrong, map { [ 'not reached',
				"message $_->{id} of broadcast $original by broadcast $id ($text)" ] }
			  grep { $_->{fate} eq 'sent' && defined $_->{activity_id}
				  && !$has_job{ $_->{id} }
				  && !($kind eq 'edit'
					  && $says{$original}{ $now{ $_->{activity_id} } // '' }) }
			  @{ $messages->{$original} };
		}
	}
	return @wrong;
}

1;
