# A process that makes broadcasts and steers them while they run: pauses,
# resumes, cancels, edits, recalls and retries them, in transactions that are committed
# or rolled back, some of them after a while.
#
# What it has done is in torture.step, and torture.broadcast has the broadcasts
# with what they say, if it was committed.

package Torture::Broadcaster;

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use Torture::Sender;

our @ISA = ('Torture::Sender');

# Broadcasts that it takes care of at the same time.
use constant AT_A_TIME => 3;

my $deeds = [
	[ pause => 5 ],
	[ edit => 3 ],
	[ cancel => 1 ],
	[ recall => 1.5 ],
	[ retry => 2 ],
];

# Once it has arrived.
my $late_deeds = [
	[ recall => 3 ],
	[ edit => 2 ],
	[ retry => 1 ],
];

# The same for one that edits or recalls another.  An edit is not paused: it
# would overwrite a later one when it goes on.
my %deeds_of_changes = (
	edit => [ [ cancel => 1 ] ],
	recall => [ [ pause => 3 ], [ cancel => 1 ] ],
);

sub run
{
	my ($self) = @_;

	$self->{live} = [];
	$self->{old} = [];
	while (time < $self->{until})
	{
		my $now = time;
		my @due = grep { $_->{next} <= $now } @{ $self->{live} };

		$self->make_one if @{ $self->{live} } < AT_A_TIME;
		$self->come_back if $self->{random}->chance(0.1);
		$self->steer($_) for @due;
		push @{ $self->{old} },
		  grep { $_->{left} <= 0 && $_->{deeds} == $deeds } @{ $self->{live} };
		$self->{live} = [ grep { $_->{left} > 0 } @{ $self->{live} } ];
		sleep $self->{random}->between(0.05, 0.3);
	}
	return;
}

# It may not be in the state for it any more.
sub is_explained
{
	my ($self, $error) = @_;
	return $error =~
	  /cannot be (?:paused|resumed|cancelled|started)|is recalled/;
}

# In a transaction of its own; returns how it ended.
sub do_step
{
	my ($self, $name, $statement, %about) = @_;
	my $random = $self->{random};
	my $script = "BEGIN;\nINSERT INTO torture.step VALUES ('$name');\n"
	  . "$statement;\n";
	my $outcome;

	$script .= sprintf "SELECT pg_sleep(%.2f);\n", $random->between(0.3, 2)
	  if $random->chance(0.25);
	$outcome = $self->end_with(undef, $script,
		$random->chance(0.8) ? ('COMMIT', 'committed')
		: ('ROLLBACK', 'rolled back'));
	$self->note_step($name, $outcome, %about);
	return $outcome;
}

# Some that are there, and others that are not to be sent to, or in vain.
sub audience
{
	my ($self) = @_;
	my $random = $self->{random};
	my $count = 50 + $random->below(451);
	my $first = 1 + $random->below($self->{crowd} - $count + 1);
	my $last = $first + $count - 1;

	return "SELECT 'crowd' || i || '\@contoso.com' AS user_id"
	  . " FROM generate_series($first, $last) AS i UNION ALL VALUES"
	  . " ('crowd$last\@contoso.com'), ('no/body'), ('nobody\@contoso.com'), "
	  . join(', ', map { "('$_')" } @{ $self->{shared} });
}

sub make_one
{
	my ($self) = @_;
	my $random = $self->{random};
	my $name = "b$self->{number}-" . ++$self->{broadcasts};
	my $is_draft = $random->chance(0.1);
	my $arguments = "\$\$" . $self->audience . "\$\$, '$name'";
	my $id;

	$arguments .= ', draft => true' if $is_draft;
	$arguments .= ', rate => ' . $random->pick(20, 50, 100, 200)
	  if $random->chance(0.5);
	$arguments .= ", delivery => 'at-most-once'" if $random->chance(0.2);
	$arguments .= sprintf ", expires_at => clock_timestamp() + '%d ms'",
	  $random->between(500, 4000)
	  if $random->chance(0.1);
	$arguments .= ", priority => '" . $random->pick(qw(high normal)) . "'"
	  if $random->chance(0.2);
	return if $self->do_step($name, 'INSERT INTO torture.broadcast (id, text)'
		  . " VALUES (teams_broadcast($arguments), '$name')") eq 'rolled back';
	$id = $self->ask("SELECT id FROM torture.broadcast WHERE text = '$name'");
	return if $id eq '';
	push @{ $self->{live} }, { id => $id, name => $name, steps => 0,
		left => 1 + $random->below(5), deeds => $deeds,
		deed => $is_draft ? 'start' : $random->weighted($deeds),
		next => time + $random->between(0.1, 2) };
	return;
}

# To one that was left alone for a while, and most of which has arrived.
sub come_back
{
	my ($self) = @_;
	my ($random, $old) = @$self{qw(random old)};

	return if @$old < 5;
	my ($broadcast) = splice @$old, $random->below(@$old - 3), 1;
	push @{ $self->{live} }, { %$broadcast, left => 1 + $random->below(2),
		deeds => $late_deeds, deed => $random->weighted($late_deeds),
		next => time };
	return;
}

# Take care of a change of a broadcast, too.
sub adopt
{
	my ($self, $name, $deeds) = @_;
	my $random = $self->{random};
	my $id = $self->ask("SELECT id FROM torture.broadcast WHERE text = '$name'");

	push @{ $self->{live} }, { id => $id, name => $name, steps => 0,
		left => 1 + $random->below(2), deeds => $deeds,
		deed => $random->weighted($deeds),
		next => time + $random->between(0, 1) }
	  if $id ne '';
	return;
}

sub retry_some
{
	my ($id) = @_;

	return 'SELECT count(*) FROM teams_retry(array(SELECT id FROM teams_delivery'
	  . " WHERE broadcast = $id AND kind = 'send' AND fate <> 'sent'"
	  . ' ORDER BY random() LIMIT 30))';
}

sub steer
{
	my ($self, $broadcast) = @_;
	my $random = $self->{random};
	my ($id, $deed) = @$broadcast{qw(id deed)};
	my $name = "$broadcast->{name}/" . ++$broadcast->{steps};
	my %new = (edit => "teams_edit_broadcast($id, '$name')",
		recall => "teams_recall($id)");
	my %about = ($deed =~ /^(?:cancel|recall)$/ ? (ends => $broadcast->{name}) : (),
		$deed eq 'retry' ? (retries => $broadcast->{name}) : ());
	my $outcome;

	$outcome = $self->do_step($name, $new{$deed}
		? "INSERT INTO torture.broadcast (id, text) VALUES ($new{$deed}, '$name')"
		: $deed eq 'retry' ? retry_some($id)
		: "SELECT teams_${deed}_broadcast($id)", %about);
	$self->adopt($name, $deeds_of_changes{$deed})
	  if $new{$deed} && $outcome ne 'rolled back' && $random->chance(0.4);
	$broadcast->{left}--;
	$broadcast->{next} = time + $random->between(0.1, 2);
	$broadcast->{deed} =
	  $deed eq 'pause' ? 'resume' : $random->weighted($broadcast->{deeds});
	return;
}

1;
