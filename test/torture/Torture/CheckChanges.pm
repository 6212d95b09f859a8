# Judges what became of edits and deletes; a part of Torture::Check, which says
# what a history has.

package Torture::CheckChanges;

use strict;
use warnings;

sub violations
{
	my ($history) = @_;

	return (check_steps($history), check_places($history),
		check_editions($history));
}

# What a client was told of its transactions is true.
sub check_steps
{
	my ($history) = @_;
	my @wrong;

	for my $step (@{ $history->{steps} })
	{
		my $is_there = $history->{made}{ $step->{name} };

		push @wrong, [ 'commit lost', "$step->{name} was committed and is not there" ]
		  if $step->{outcome} eq 'committed' && !$is_there;
		push @wrong, [ 'rollback lost', "$step->{name} was rolled back and is there" ]
		  if $step->{outcome} eq 'rolled back' && $is_there;
	}
	return @wrong;
}

sub check_places
{
	my ($history) = @_;
	my ($outbox, $delivery) = @$history{qw(outbox delivery)};
	my @wrong;

	for my $id (sort { $a <=> $b } keys %{ $history->{changes} })
	{
		push @wrong, [ pending => "job $id is still pending: $outbox->{$id}" ]
		  if exists $outbox->{$id};
		push @wrong, [ lost => "job $id is nowhere" ]
		  if !exists $outbox->{$id} && !exists $delivery->{$id};
	}
	return @wrong;
}

# A broadcast's jobs come in the order of the broadcasts, as they were accepted.
sub jobs_by_message
{
	my ($history) = @_;
	my %jobs;

	for my $id (keys %{ $history->{delivery} })
	{
		my $record = $history->{delivery}{$id};
		my $broadcast = $record->{broadcast};

		next unless $record->{kind} =~ /^(?:edit|delete)$/;
		push @{ $jobs{ $record->{refers_to} } }, { %$record, id => $id,
			rank => $broadcast || $id,
			text => $broadcast ? $history->{broadcasts}{$broadcast}{text}
			: $history->{changes}{$id}{text} };
	}
	@$_ = sort { $a->{rank} <=> $b->{rank} } @$_ for values %jobs;
	return \%jobs;
}

# An edit of what was pending has been carried out without an attempt: that is
# what arrives.
sub is_in_place
{
	my ($job) = @_;
	return $job->{kind} eq 'edit' && $job->{fate} eq 'sent' && !$job->{attempts};
}

# What a message may say after its jobs; "undef" of deleted means perhaps.
sub editions_after
{
	my ($arrival, @jobs) = @_;
	my %texts = ($arrival->{text} => 1);
	my $deleted = 0;

	for my $job (@jobs)
	{
		my $is_sure = $job->{fate} eq 'sent';

		next unless $is_sure || $job->{attempts} > 0;
		if ($job->{kind} eq 'delete')
		{
			$deleted = $is_sure ? 1 : $deleted || undef;
			next;
		}
		%texts = () if $is_sure;
		$texts{ $job->{text} } = 1;
	}
	return (\%texts, $deleted);
}

# The chat shows what the last job has made of each message.
sub check_editions
{
	my ($history) = @_;
	my %written = reverse %{ $history->{accepted} };
	my %arrival = map { $_->{id} => $_ }
	  grep { defined $_->{id} } @{ $history->{arrivals} };
	my $jobs = jobs_by_message($history);
	my @wrong;

	for my $id (sort { $a <=> $b } keys %{ $history->{delivery} })
	{
		my ($kind, $activity_id) =
		  @{ $history->{delivery}{$id} }{qw(kind activity_id)};
		next if $kind ne 'send';
		my $arrival = defined $activity_id ? $arrival{$activity_id} : undef;
		my @jobs = grep { !is_in_place($_) } @{ $jobs->{$id} || [] };
		my @in_place = grep { is_in_place($_) } @{ $jobs->{$id} || [] };
		my $to_say = @in_place ? $in_place[-1]{text} : $written{$id};

		push @wrong, map { [ 'changed in vain',
			"job $_->{id} is sent, but message $id never arrived" ] }
		  grep { !$arrival && $_->{fate} eq 'sent' } @jobs;
		next unless $arrival;
		push @wrong, [ edition => "message $id arrived as \"$arrival->{text}\""
			  . " instead of \"$to_say\"" ]
		  if defined $to_say && $arrival->{text} ne $to_say;
		my ($texts, $deleted) = editions_after($arrival, @jobs);
		push @wrong, [ edition => "message $id says \"$arrival->{now}\" after "
			  . join(', ', map { "job $_->{id} ("
				  . ($_->{text} // 'delete') . ", $_->{fate})" } @jobs) ]
		  unless $texts->{ $arrival->{now} };
		push @wrong, [ deletion => "message $id is "
			  . ($arrival->{deleted} ? 'deleted' : 'still there') ]
		  if defined $deleted && $deleted != $arrival->{deleted};
	}
	return @wrong;
}

1;
