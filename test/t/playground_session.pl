# The playground, as make play runs it: a script, a terminal, and that nothing is
# left however it ends.

use strict;
use warnings;

use FindBin;

use File::Basename qw(dirname);
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(sleep time);

use constant PATIENCE => 20;

my $run = "$FindBin::Bin/../play/run.sh";
my ($psql) = grep { -x "$_/psql" } split /:/, $ENV{PATH};
$ENV{BINDIR} = $psql;
$ENV{PLAY} = 'plain';
delete @ENV{grep { /^PG(?:HOST|PORT|DATABASE|USER)/ } keys %ENV};

# The directory of a run, where it is gone with all that ran in it.
sub is_gone
{
	my ($work, $name) = @_;
	my $deadline = time + PATIENCE;

	like($work, qr{^/tmp/teams_proactive\.}, "$name: it had a directory")
	  or return;
	sleep 0.1 while time < $deadline
		&& (-e $work || `ps -eo args` =~ /^[^\n]*\Q$work\E\//m);
	ok(!-e $work, "$name: the directory is gone");
	is(scalar(grep { /\Q$work\E\// } `ps -eo args`), 0,
		"$name: nothing is left running");
}

subtest 'a script' => sub
{
	my $script = <<'END';
\pset footer off
\! echo "in $HOME"
SELECT session_user, rolsuper FROM pg_roles WHERE rolname = session_user;
SELECT count(*) FROM employee;
SELECT teams_send('grace@contoso.com', teams_card(:'card')) AS id \gset
CALL teams_wait(:id);
SELECT teams_post(:'team', :'channel', 'Invoice 44 is due.') AS id \gset
CALL teams_wait(:id);
\! trouble blocked ada@contoso.com
SELECT teams_send('ada@contoso.com', 'Hello') AS id \gset
CALL teams_wait(:id);
\! trouble over
SELECT teams_send('margaret@contoso.com', 'Sent without waiting');
END
	my $said = `cat <<'EOF' | '$run' 2>&1\n${script}EOF\n`;

	is($?, 0, 'it ends well') or diag($said);
	like($said, qr/ developer +\| f\n/, 'an ordinary role');
	like($said, qr/ count \n-+\n +5\n/, 'with a table of people');
	like($said, qr/ERROR:  message 3 failed\nDETAIL:  MessageWritesBlocked/,
		'what goes wrong is told');
	like($said, qr/^Ops\ Bot\ was\ installed\.\n.*
		^Ops\ Bot\ \(notification:\ Build\ 215\ failed\):\n
		╭(?:─)+╮\n│\ Build\ 215\ failed\ +│\n/msx, 'what Grace has seen');
	like($said, qr/── Finance > Invoices ─.*\nOps Bot: Invoice 44 is due\.\n/,
		'what the channel has');
	like($said, qr/Ops Bot: Sent without waiting\n/, 'nothing is cut off');
	unlike($said, qr/Ops Bot: Hello/, 'who has blocked the bot sees nothing');
	is_gone($said =~ /^in (.+)$/m, 'a script');

	my ($work) = `printf '\\\\! echo "in \$HOME"\nSELECT 1;\n' | '$run' 2>/dev/null | head -n 1`
	  =~ /^in (.+)$/m;
	is_gone($work, 'one whose output nobody reads to its end');

	`printf '\\\\set ON_ERROR_STOP\\nSELECT nothing;' | '$run' 2>&1`;
	is($? >> 8, 3, 'its status is that of psql');
};

SKIP:
{
	skip 'no IO::Pty', 1 unless eval { require IO::Pty; 1 };

	# A run on a terminal, up to its first prompt.
	my ($pty, $pid, $screen);

	sub see
	{
		my ($what, $name) = @_;
		my $deadline = time + PATIENCE;

		while ($screen !~ $what && time < $deadline)
		{
			my $in = '';
			vec($in, fileno $pty, 1) = 1;
			next unless select($in, undef, undef, 0.2);
			sysread($pty, $screen, 4096, length $screen) or last;
		}
		like($screen, $what, $name);
		my @found = $screen =~ $what;
		$screen =~ s/.*?$what//s;
		return $found[0];
	}

	sub begin
	{
		($screen, $pty) = ('', IO::Pty->new);
		$pid = fork() // die "could not fork: $!";
		if ($pid == 0)
		{
			$pty->make_slave_controlling_terminal;
			my $slave = $pty->slave;
			close $pty;
			$slave->set_winsize(40, 100);
			open STDIN, '<&', $slave;
			open STDOUT, '>&', $slave;
			open STDERR, '>&', $slave;
			close $slave;
			$ENV{TERM} = 'dumb';
			exec $run or POSIX::_exit(127);
		}
		$pty->close_slave;
		see(qr/teams_send\('ada\@contoso\.com', 'Hello.*\n(play=> )/s, 'a greeting');
		print $pty "\\! echo \"in\" \$HOME\n";
		return see(qr/^in (\S+)\r\n/m, 'a prompt');
	}

	sub end
	{
		my $deadline = time + PATIENCE;
		my $ended;

		# Somebody has to read, or it cannot write.
		while (!($ended = waitpid $pid, WNOHANG) && time < $deadline)
		{
			my $in = '';
			vec($in, fileno $pty, 1) = 1 if defined fileno $pty;
			sysread($pty, $screen, 4096, length $screen)
			  if select($in, undef, undef, 0.1);
		}
		is($ended, $pid, 'it ends');
		return $?;
	}

	subtest 'a terminal' => sub
	{
		my $work = begin();

		print $pty "SELECT teams_send('ada\@contoso.com', 'Hi **Ada**');\n";
		see(qr/Ada Lovelace.*\nOps Bot: Hi \033\[1mAda\033\[0m\r\n/s,
			'what arrives is shown');
		see(qr/play=> /, 'and then a prompt');
		print $pty "DO \$\$ BEGIN RAISE NOTICE 'begun'; PERFORM pg_sleep(600); END \$\$;\n";
		see(qr/NOTICE:  begun/, 'a statement takes its time');
		print $pty "\003";
		see(qr/canceling statement due to user request/, 'Ctrl-C is for psql');
		see(qr/play=> /, 'which goes on');
		print $pty "\032SELECT 6 * 7 AS answer;\n";
		see(qr/\b42\b/, 'Ctrl-Z does nothing');
		print $pty "\\q\n";
		see(qr/Nothing is left running/, 'it says that it is left');
		is(end(), 0, 'and ends well');
		is_gone($work, 'left');
	};

	subtest 'a kill' => sub
	{
		my $work = begin();

		print $pty "SELECT pg_sleep(600);\n";
		kill 'TERM', $pid;
		is(end() >> 8, 143, 'killed');
		is_gone($work, 'killed');
	};

	subtest 'a terminal that is closed' => sub
	{
		my $work = begin();

		close $pty;
		is_gone($work, 'closed');
		waitpid $pid, 0;
	};
}

done_testing();
