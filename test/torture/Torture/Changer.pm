# A process that edits and deletes what the senders have written, whether it was
# sent or is pending, one message or several at a time.
#
# What it has done is in torture.step and torture.change if it was committed.
# One step edits one message of each person at most, so that what arrives tells
# which one it was.

package Torture::Changer;

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use Torture::Sender;

our @ISA = ('Torture::Sender');

# How many of the latest messages it chooses from.
use constant LATEST => 1500;

my $changes = [
	[ edit_one => 6 ],
	[ edit_many => 2 ],
	[ delete_one => 2 ],
	[ delete_many => 1 ],
];

sub run
{
	my ($self) = @_;

	while (time < $self->{until})
	{
		$self->do_change;
		sleep $self->{random}->between(0.05, 0.4);
	}
	return;
}

# One that was pending a moment ago may have failed by now.
sub is_explained
{
	my ($self, $error) = @_;
	return $error =~ /cannot be (?:edited|deleted)|deadlock detected/;
}

sub chosen
{
	my ($many) = @_;

	return 'chosen AS MATERIALIZED (SELECT id FROM'
	  . ' (SELECT DISTINCT ON (a.target) a.id FROM torture.accepted AS a'
	  . ' WHERE a.id > (SELECT max(id) - ' . LATEST . ' FROM torture.accepted)'
	  . " AND (EXISTS (SELECT FROM teams_outbox AS o WHERE o.id = a.id"
	  . " AND o.kind = 'send') OR EXISTS (SELECT FROM teams_delivery AS d"
	  . " WHERE d.id = a.id AND d.kind = 'send' AND d.fate = 'sent'"
	  . ' AND d.activity_id IS NOT NULL)) ORDER BY a.target, random()) AS of_each'
	  . " ORDER BY random() LIMIT $many)";
}

# The jobs with what they do; teams_delete() has none for what it cancels, and
# an edit of what is pending is in the history at once.
sub script_for
{
	my ($self, $change, $name) = @_;
	my ($verb, $number) = split /_/, $change;
	my $many = $number eq 'many' ? 2 + $self->{random}->below(20) : 1;
	my $ids = $many > 1 ? 'array(SELECT id FROM chosen)' : 'id';
	my $text = $verb eq 'edit' ? "'$name'" : 'NULL';
	my $call = "teams_$verb($ids" . ($verb eq 'edit' ? ", $text)" : ')');
	my $from = $many > 1 ? '' : ' FROM chosen';

	return "BEGIN;\nINSERT INTO torture.step VALUES ('$name');\n"
	  . 'WITH ' . chosen($many)
	  . ", made AS MATERIALIZED (SELECT $call AS job$from)"
	  . " INSERT INTO torture.change (job, text) SELECT job, $text FROM made"
	  . " WHERE job IS NOT NULL;\n"
	  . join('', map { 'UPDATE torture.change AS c SET message = j.refers_to'
		  . " FROM $_ AS j WHERE j.id = c.job AND c.message IS NULL;\n" }
		qw(teams_outbox teams_delivery));
}

sub do_change
{
	my ($self) = @_;
	my $random = $self->{random};
	my $name = 'c-' . ++$self->{steps};
	my $script = $self->script_for($random->weighted($changes), $name);

	$script .= sprintf "SELECT pg_sleep(%.2f);\n", $random->between(0.2, 1.5)
	  if $random->chance(0.15);
	$self->note_step($name, $self->end_with(undef, $script,
			$random->chance(0.8) ? ('COMMIT', 'committed')
			: ('ROLLBACK', 'rolled back')));
	return;
}

1;
