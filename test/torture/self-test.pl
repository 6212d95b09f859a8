# The judge of the torture test must be able to find fault: it gets invented
# histories with one violation each, and has to name that and nothing else.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;

use Torture::Check;
use Torture::Random;
use Torture::Schedule;

my $failures = 0;

# Three people; two messages to Ada in one transaction, and then a third one
# that arrives twice, in doubt; and one of each other fate and outcome.
sub blameless
{
	my $began = 0;
	my @messages = map
	{
		my ($text, $target, $transaction, $outcome, $delivery) = @$_;
		{ text => $text, target => $target, transaction => $transaction,
			outcome => $outcome, delivery => $delivery // 'at-least-once',
			scheduled => 0, began => 10 * $transaction, ended => 10 * $transaction + 1 };
	}
	([ 'a1', 'ada', 1, 'committed' ], [ 'a2', 'ada', 1, 'committed' ],
		[ 'a3', 'ada', 2, 'unknown' ], [ 'g1', 'grace', 3, 'committed' ],
		[ 'g2', 'grace', 4, 'committed', 'at-most-once' ],
		[ 'g3', 'grace', 5, 'committed' ], [ 'g4', 'grace', 6, 'rolled back' ],
		[ 'g5', 'grace', 7, 'unknown' ]);

	return {
		messages => \@messages,
		accepted => { a1 => 1, a2 => 2, a3 => 3, g1 => 4, g2 => 5, g3 => 6 },
		outbox => {},
		delivery => {
			1 => { fate => 'sent', doubtful => 0 },
			2 => { fate => 'sent', doubtful => 0 },
			3 => { fate => 'sent', doubtful => 1 },
			4 => { fate => 'failed', doubtful => 0 },
			5 => { fate => 'failed', doubtful => 1 },
			6 => { fate => 'cancelled', doubtful => 0 },
		},
		arrivals => [
			(map { { text => $_, user => 'ada' } } qw(a1 a2 a3 a3)),
			{ text => 'g2', user => 'grace' } ],
		inflight => 0,
		accounting => { balanced => 1, accepted => 6 },
		looks => [],
		crashes => [],
		surprises => [],
	};
}

# With this change, the judge says this and nothing else.
sub finds
{
	my ($kinds, $name, $change) = @_;
	my $history = blameless();

	$change->($history);
	my %kinds = map { $_->[0] => 1 } Torture::Check::violations($history);
	my $found = join ', ', sort keys %kinds;
	return if $found eq $kinds;
	print "self-test: $name: found \"$found\" instead of \"$kinds\"\n";
	$failures++;
	return;
}

sub arrive
{
	my ($history, @arrivals) = @_;
	push @{ $history->{arrivals} },
	  map { { text => $_->[0], user => $_->[1] } } @arrivals;
	return;
}

sub swap_arrivals
{
	my ($history, $i, $j) = @_;
	@{ $history->{arrivals} }[ $i, $j ] = @{ $history->{arrivals} }[ $j, $i ];
	return;
}

finds('', 'a blameless history', sub { });
finds('commit lost, phantom, stranger', 'a commit that is gone',
	sub { delete $_[0]{accepted}{a1}; $_[0]{accounting}{accepted} = 5 });
finds('rollback lost', 'a rollback that stayed', sub
{
	$_[0]{accepted}{g4} = 7;
	$_[0]{delivery}{7} = { fate => 'failed', doubtful => 0 };
	$_[0]{accounting}{accepted} = 7;
});
finds('lost', 'a message that is nowhere', sub { delete $_[0]{delivery}{4} });
finds('pending, twofold', 'a message that is in two places',
	sub { $_[0]{outbox}{4} = '' });
finds('pending', 'a message that is never settled',
	sub { delete $_[0]{delivery}{4}; $_[0]{outbox}{4} = 'bot_paused' });
finds('stranger', 'a fate of a message that was not accepted',
	sub { $_[0]{delivery}{7} = { fate => 'failed', doubtful => 0 } });
finds('ledger', 'a ledger that is not empty', sub { $_[0]{inflight} = 1 });
finds('phantom', 'a rolled-back message that arrives',
	sub { arrive($_[0], [ g4 => 'grace' ]) });
finds('phantom', 'a message of an interrupted transaction that arrives',
	sub { arrive($_[0], [ g5 => 'grace' ]) });
finds('phantom', 'a message that nobody sent',
	sub { arrive($_[0], [ x => 'grace' ]) });
finds('misdirected', 'a message at the wrong person',
	sub { $_[0]{arrivals}[1]{user} = 'grace' });
finds('sent in vain', 'a sent message that never arrives',
	sub { splice @{ $_[0]{arrivals} }, 1, 1 });
finds('failed, yet arrived', 'a failed message that arrives',
	sub { arrive($_[0], [ g1 => 'grace' ]) });
finds('cancelled, yet arrived', 'a cancelled message that arrives',
	sub { arrive($_[0], [ g3 => 'grace' ]) });
finds('expired, yet arrived', 'an expired message that arrives', sub
{
	$_[0]{delivery}{6}{fate} = 'expired';
	arrive($_[0], [ g3 => 'grace' ]);
});
finds('duplicate without doubt', 'a message that arrives twice',
	sub { arrive($_[0], [ a2 => 'ada' ]) });
finds('at most once, yet twice', 'an at-most-once message that arrives twice',
	sub { arrive($_[0], [ g2 => 'grace' ]) });
finds('order', 'a wrong order between transactions',
	sub { swap_arrivals($_[0], 1, 2) });
finds('order', 'a wrong order within a transaction',
	sub { swap_arrivals($_[0], 0, 1) });
finds('', 'a wrong order of a message that failed', sub
{
	$_[0]{delivery}{2} = { fate => 'failed', doubtful => 1 };
	swap_arrivals($_[0], 1, 2);
});
finds('', 'any order of transactions at the same time', sub
{
	$_->{ended} = 90 for @{ $_[0]{messages} };
	swap_arrivals($_[0], 1, 2);
});
finds('', 'a scheduled message that comes later', sub
{
	$_[0]{messages}[0]{scheduled} = $_[0]{messages}[1]{scheduled} = 1;
	@{ $_[0]{arrivals} }[ 0 .. 3 ] = @{ $_[0]{arrivals} }[ 2, 1, 0, 3 ];
});
finds('order', 'a message that comes before a scheduled one is due, too late',
	sub { $_[0]{messages}[2]{scheduled} = 1; swap_arrivals($_[0], 1, 2) });
finds('', 'a job, of which nothing arrives', sub
{
	$_[0]{messages}[1]{delivery} = 'job';
	splice @{ $_[0]{arrivals} }, 1, 1;
});
finds('unbalanced', 'accounts that are not balanced',
	sub { $_[0]{accounting}{balanced} = 0 });
finds('unbalanced', 'accounts that miss a message',
	sub { $_[0]{accounting}{accepted} = 5 });
finds('unbalanced', 'a look during the run', sub { $_[0]{looks} = ['gone'] });
finds('', 'no view of accounts', sub { $_[0]{accounting} = undef });
finds('crash', 'a crash', sub { $_[0]{crashes} = ['signal 11'] });
finds('surprise', 'a surprise', sub { $_[0]{surprises} = ['ERROR'] });

# The same seed makes the same schedule, another one does not.
my @digests = map { Torture::Schedule::digest(
		Torture::Schedule::build($_, 60, [ 'ada', 'grace' ])) } 7, 7, 8;
unless ($digests[0] eq $digests[1] && $digests[0] ne $digests[2])
{
	print "self-test: schedules are not what their seed says: @digests\n";
	$failures++;
}

print $failures ? "self-test: $failures failures\n"
  : "self-test: the judge finds every violation\n";
exit($failures ? 1 : 0);
