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
# that arrives twice, in doubt, and is edited in between; and one of each other
# fate and outcome.  The first one is edited twice, and the second one deleted,
# and one is edited that is cancelled then.  A broadcast to four
# has come to both of them before one of them was edited, and one has not got it.
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

	my @sent = (fate => 'sent', doubtful => 0, attempts => 1);
	my @edits = (kind => 'edit', @sent, target => 'ada', refers_to => 1);
	my $deliveries = {
		1 => { kind => 'send', @sent, activity_id => 101 },
		2 => { kind => 'send', @sent, activity_id => 102 },
		3 => { kind => 'send', @sent, doubtful => 1, activity_id => 104 },
		4 => { kind => 'send', fate => 'failed', doubtful => 0 },
		5 => { kind => 'send', fate => 'failed', doubtful => 1 },
		6 => { kind => 'send', fate => 'cancelled', doubtful => 0 },
		11 => {@edits},
		12 => {@edits},
		13 => { kind => 'delete', @sent, target => 'ada', refers_to => 2 },
		14 => { @edits, refers_to => 3, attempts => 0 },
		15 => { @edits, refers_to => 6, attempts => 0 },
		21 => { kind => 'send', @sent, target => 'ada', broadcast => 1,
			activity_id => 106 },
		22 => { kind => 'send', @sent, target => 'grace', broadcast => 1,
			activity_id => 107 },
		23 => { kind => 'send', fate => 'failed', doubtful => 0, attempts => 1,
			target => 'nobody', broadcast => 1 },
		31 => { kind => 'edit', @sent, target => 'ada', broadcast => 2,
			refers_to => 21 },
	};
	my %none = (excluded => 0, not_sent => 0, failed => 0, cancelled => 0,
		expired => 0, state => 'done');
	my $id = 101;

	return {
		messages => \@messages,
		accepted => { a1 => 1, a2 => 2, a3 => 3, g1 => 4, g2 => 5, g3 => 6 },
		outbox => {},
		delivery => $deliveries,
		arrivals => [ map
			{
				my ($text, $user, $now, $deleted) = @$_;
				{ text => $text, user => $user, at => $id, id => $id++, now => $now // $text,
					deleted => $deleted // 0 }
			}
			([ 'a1', 'ada', 'c-2' ], [ 'a2', 'ada', undef, 1 ], [ 'a3', 'ada' ],
				[ 'c-5', 'ada' ], [ 'g2', 'grace' ], [ 'b1', 'ada', 'b1/1' ],
				[ 'b1/1', 'grace' ]) ],
		inflight => 0,
		accounting => { balanced => 1, accepted => 15 },
		looks => [],
		crashes => [],
		surprises => [],
		steps => [ (map { { name => "c-$_", outcome => 'committed' } } 1 .. 3),
			{ name => 'c-4', outcome => 'rolled back' } ],
		made => { map { ("c-$_" => 1) } 1 .. 3 },
		changes => { 11 => { message => 1, text => 'c-1' },
			12 => { message => 1, text => 'c-2' }, 13 => { message => 2 },
			14 => { message => 3, text => 'c-5' }, 15 => { message => 6, text => 'c-5' } },
		broadcasts => {
			1 => { %none, kind => 'send', text => 'b1', recipients => 4,
				excluded => 1, sent => 2, failed => 1 },
			2 => { %none, kind => 'edit', text => 'b1/1', refers_to => 1,
				recipients => 1, sent => 1 },
		},
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
	  map { { text => $_->[0], user => $_->[1], at => 200, now => $_->[0] } } @arrivals;
	return;
}

sub end_broadcast
{
	my ($history, $at) = @_;

	push @{ $history->{steps} },
	  { name => 'c-3', outcome => 'committed', ended => $at, ends => 'b1' };
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
	sub { delete $_[0]{accepted}{a1}; $_[0]{accounting}{accepted} = 14 });
finds('rollback lost', 'a rollback that stayed', sub
{
	$_[0]{accepted}{g4} = 7;
	$_[0]{delivery}{7} = { kind => 'send', fate => 'failed', doubtful => 0 };
	$_[0]{accounting}{accepted} = 16;
});
finds('lost', 'a message that is nowhere', sub { delete $_[0]{delivery}{4} });
finds('pending, twofold', 'a message that is in two places',
	sub { $_[0]{outbox}{4} = '' });
finds('pending', 'a message that is never settled',
	sub { delete $_[0]{delivery}{4}; $_[0]{outbox}{4} = 'bot_paused' });
finds('stranger', 'a fate of a message that was not accepted',
	sub { $_[0]{delivery}{7} = { kind => 'send', fate => 'failed', doubtful => 0 } });
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
	sub { splice @{ $_[0]{arrivals} }, 4, 1; $_[0]{delivery}{5}{fate} = 'sent' });
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
	$_[0]{delivery}{2}{$_->[0]} = $_->[1] for [ fate => 'failed' ], [ doubtful => 1 ];
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
	$_[0]{messages}[3]{delivery} = 'job';
	$_[0]{delivery}{4}{fate} = 'sent';
});
finds('unbalanced', 'accounts that are not balanced',
	sub { $_[0]{accounting}{balanced} = 0 });
finds('unbalanced', 'accounts that miss a message',
	sub { $_[0]{accounting}{accepted} = 14 });
finds('unbalanced', 'a look during the run', sub { $_[0]{looks} = ['gone'] });
finds('', 'no view of accounts', sub { $_[0]{accounting} = undef });
finds('commit lost', 'a change that is gone', sub { delete $_[0]{made}{'c-2'} });
finds('rollback lost', 'a change that was rolled back and stayed',
	sub { $_[0]{made}{'c-4'} = 1 });
finds('lost', 'a job that is nowhere', sub { delete $_[0]{delivery}{11} });
finds('pending', 'a job that is never settled',
	sub { delete $_[0]{delivery}{11}; $_[0]{outbox}{11} = '' });
finds('edition', 'an edit that is overwritten by an earlier one',
	sub { $_[0]{arrivals}[0]{now} = 'c-1' });
finds('edition', 'an edit that never came to be',
	sub { $_[0]{arrivals}[0]{now} = 'a1' });
finds('', 'an edit that has failed, perhaps after all',
	sub { $_[0]{delivery}{12}{fate} = 'failed' });
finds('', 'an edit that has failed', sub
{
	$_[0]{delivery}{12}{fate} = 'failed';
	$_[0]{arrivals}[0]{now} = 'c-1';
});
finds('edition', 'an edit of what is pending that comes too late',
	sub { $_[0]{arrivals}[3]{text} = $_[0]{arrivals}[3]{now} = 'a3' });
finds('duplicate without doubt', 'an edited message that arrives twice',
	sub { $_[0]{delivery}{3}{doubtful} = 0 });
finds('cancelled, yet arrived', 'an edited message that is cancelled and arrives',
	sub { arrive($_[0], [ 'c-5' => 'grace' ]) });
finds('phantom', 'an edit that arrives at whom it was not for',
	sub { arrive($_[0], [ 'c-5' => 'eve' ]) });
finds('deletion', 'a message that is deleted by nobody',
	sub { $_[0]{arrivals}[0]{deleted} = 1 });
finds('deletion', 'a message that is still there',
	sub { $_[0]{arrivals}[1]{deleted} = 0 });
finds('recipients lost', 'a recipient that nobody knows of',
	sub { $_[0]{broadcasts}{1}{recipients} = 5 });
finds('recipients lost, unbalanced', 'a broadcast that counts one twice',
	sub { $_[0]{broadcasts}{1}{sent} = 3 });
finds('pending', 'a broadcast that is never done',
	sub { $_[0]{broadcasts}{1}{state} = 'running' });
finds('stranger', 'messages of no broadcast', sub
{
	$_[0]{delivery}{41} = { %{ $_[0]{delivery}{23} }, broadcast => 3 };
	$_[0]{accounting}{accepted}++;
});
finds('phantom', 'a broadcast to somebody who was not meant',
	sub { arrive($_[0], [ b1 => 'eve' ]) });
finds('phantom', 'a broadcast that was rolled back and arrives',
	sub { arrive($_[0], [ b9 => 'ada' ]) });
finds('duplicate without doubt', 'a broadcast that comes twice',
	sub { arrive($_[0], [ b1 => 'ada' ]) });
finds('', 'a broadcast that comes twice, in doubt', sub
{
	arrive($_[0], [ b1 => 'ada' ]);
	$_[0]{delivery}{21}{doubtful} = 1;
});
finds('failed, yet arrived', 'a failed broadcast that arrives',
	sub { arrive($_[0], [ b1 => 'nobody' ]) });
finds('changed in vain, sent in vain', 'a sent broadcast that never arrives',
	sub { splice @{ $_[0]{arrivals} }, 5, 1 });
finds('recipient twice', 'two messages to one recipient', sub
{
	$_[0]{delivery}{24} = { %{ $_[0]{delivery}{23} } };
	$_[0]{broadcasts}{1}{$_}++ for qw(recipients failed);
	$_[0]{accounting}{accepted}++;
});
finds('not reached', 'an edit that leaves somebody out',
	sub { $_[0]{arrivals}[6]{text} = $_[0]{arrivals}[6]{now} = 'b1' });
finds('', 'an edit that is cancelled, and leaves somebody out', sub
{
	$_[0]{arrivals}[6]{text} = $_[0]{arrivals}[6]{now} = 'b1';
	$_[0]{broadcasts}{2}{state} = 'cancelled';
});
finds('late', 'a message that arrives when it has expired',
	sub { $_[0]{expires}{a1} = 97 });
finds('', 'a message that arrives just before it expires',
	sub { $_[0]{expires}{a1} = 101 });
finds('', 'a broadcast that ends, and is on the wire', sub { end_broadcast($_[0], 104) });
finds('sent after its end', 'a broadcast that goes on after its end',
	sub { end_broadcast($_[0], 101) });
finds('', 'a broadcast that is sent again after its end', sub
{
	end_broadcast($_[0], 101);
	push @{ $_[0]{steps} }, { name => 'c-3', outcome => 'committed', ended => 102,
		retries => 'b1' };
});
finds('', 'a recipient who gets it at the second try', sub
{
	$_[0]{delivery}{24} = { %{ $_[0]{delivery}{22} } };
	@{ $_[0]{delivery}{22} }{qw(fate retried_as)} = ('failed', 24);
	delete $_[0]{delivery}{22}{activity_id};
	$_[0]{accounting}{accepted}++;
});
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
