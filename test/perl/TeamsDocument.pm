# The samples of a document, for the test that runs them.
#
#   my $document = TeamsDocument->read("$ENV{TESTDIR}/README.md", 'README.md');
#   my $script = $document->script;            # for psql, as options() has it
#   $document->heard($what_psql_printed);
#   is(join('', $document->faults), '', $document->name);
#
# A sample is a block "sql"; a block without a language that follows it, with
# nothing but blank lines between, is what psql prints at its end.  Comments of
# HTML, which a reader does not see, tell the test more:
#
#   <!-- run: SELECT ...; -->    is run as a sample is, to bring about what the
#                                text speaks of, such as an error
#   <!-- not run: why -->        leaves out the block that follows
#
# A line "..." of an output stands for any lines, and an output without a head
# shows the rows alone.  An error or warning of a sample that is not in its output
# is a fault, and so is an output that is compared with nothing.  What is not the same in
# two runs is listed at _steady(); what in an error's context is of the language
# that a function is written in, at $internal.

package TeamsDocument;

use strict;
use warnings;

use JSON::PP;

# Columns whose values are another in each run, whatever they look like.
my %varies = map { $_ => 1 } qw(pid rate activity_id home database datname
  left_now);

# What the documents leave out of an error's context.
my $internal = qr/PL\/pgSQL (?:function|assignment) .*|SQL function .*|SQL (?:statement|expression) "(?s:.*?)"/;

# A line that psql prints before what it says to the block that begins there.
my $mark = 'the sample of line';

# A document has {name}, {blocks} and {inline}: the queries within its text.  A
# block has the {line} at which it begins, a {language} ("run" for a comment) and
# its {text}; if it is left out, {why}; if something is printed by it, {output}
# with the line and text of that; {got} is what was printed.
sub read
{
	my ($class, $path, $name) = @_;
	my $self = bless { name => $name, blocks => [], inline => [] }, $class;
	my ($line, $block, $why) = (0);

	open(my $in, '<:encoding(UTF-8)', $path) or die "$path: $!";
	while (<$in>)
	{
		$line++;
		if ($block && ($block->{language} eq 'run' ? s/-->\s*$// : /^\s*```\s*$/))
		{
			$block->{text} .= $_ if $block->{language} eq 'run';
			$self->_add($block);
			undef $block;
		}
		elsif ($block)
		{
			s/^$block->{indent}//;
			$block->{text} .= $_;
		}
		elsif (/^(\s*)```(\w*)\s*$/)
		{
			$block = { line => $line, indent => $1, language => $2, text => '',
				why => $why };
			undef $why;
		}
		elsif (/^<!-- run:\s*(.*?)(-->)?\s*$/)
		{
			$block = { line => $line, indent => '', language => 'run',
				text => "$1\n" };
			next unless $2;
			$self->_add($block);
			undef $block;
		}
		elsif (/^<!-- not run: (.*) -->$/)
		{
			$why = $1;
		}
		else
		{
			push @{ $self->{blocks} }, { language => 'prose' } if /\S/;
			push @{ $self->{inline} }, grep { !/\.\.\./ } /`(SELECT [^`]*?);?`/g;
		}
	}
	die "$path: a block does not end" if $block;
	return $self;
}

sub _add
{
	my ($self, $block) = @_;
	my $before = $self->{blocks}[-1] // { language => 'prose' };

	if ($block->{language} eq '' && $before->{language} =~ /^(?:sql|run)$/)
	{
		$before->{output} = $block;
		$block = { language => 'prose' };
	}
	push @{ $self->{blocks} }, $block;
	return;
}

sub name { return $_[0]{name}; }

# Whether it is SQL that has to be run.
sub _is_run
{
	my ($block) = @_;

	return $block->{language} =~ /^(?:sql|run)$/ && !defined $block->{why};
}

sub options { return qw(-X -q -P footer=off -P pager=off); }

# What psql has to run.
sub script
{
	my ($self) = @_;
	my @parts = map { "\\echo $mark $_->{line}\n$_->{text}\n" }
	  grep { _is_run($_) } @{ $self->{blocks} };

	push @parts, map { "\\echo $mark 0\nEXPLAIN $_;\n" } @{ $self->{inline} };
	return join('', @parts);
}

# Take what psql has printed, to where its script was.
sub heard
{
	my ($self, $printed) = @_;
	my %block = map { $_->{line} => $_ } grep { _is_run($_) } @{ $self->{blocks} };
	my (undef, @parts) = split /^$mark (\d+)\n/m, $printed =~ s/^\\echo $mark \d+\n//mgr, -1;

	while (my ($line, $got) = splice @parts, 0, 2)
	{
		if ($line)
		{
			$block{$line}{got} = $got;
			next;
		}
		push @{ $self->{faults} }, "a query within the text:\n$got"
		  if $got =~ /^ERROR:/m;
	}
	return;
}

# What is wrong, each with its line; nothing if all is well.
sub faults
{
	my ($self) = @_;

	return @{ $self->{faults} // [] },
	  map { my $fault = _fault($_); $fault ? "line $_->{line}: $fault\n" : () }
	  @{ $self->{blocks} };
}

# Blocks that are left out: "line 17: why".
sub left_out
{
	my ($self) = @_;

	return map { "line $_->{line}: $_->{why}" } grep { defined $_->{why} }
	  map { ($_, $_->{output} // ()) } @{ $self->{blocks} };
}

sub _fault
{
	my ($block) = @_;

	return if defined $block->{why} || $block->{language} eq 'prose';
	return 'this is no JSON'
	  if $block->{language} eq 'json' && !eval { JSON::PP->new->decode($block->{text}) };
	return 'nothing that is run prints this'
	  if $block->{language} eq ''
	  && $block->{text} =~ /^(?:ERROR|WARNING|NOTICE|INFO):|^-+(?:\+-+)*$/m;
	return unless _is_run($block);
	return 'psql has not come to this' unless defined $block->{got};
	my $output = $block->{output};
	return if $block->{language} eq 'run' && !$output;
	return "an error that is not shown:\n$block->{got}"
	  if $block->{language} eq 'sql'
	  && _troubles($block->{got}) > _troubles($output ? $output->{text} : '');
	return "what is printed is not what line $output->{line} says:\n$block->{got}"
	  if $output && !defined $output->{why} && !_is_printed($output->{text}, $block->{got});
	return;
}

# How many errors and warnings there are.
sub _troubles
{
	return scalar(() = $_[0] =~ /^(?:ERROR|WARNING|FATAL|PANIC):|^invalid command/mg);
}

# Whether an output is what was printed, at its end.
sub _is_printed
{
	my ($output, $got) = @_;

	1 while $got =~ s/^CONTEXT:  $internal\n(?=$internal$|teams_notify\(\)|template ")/CONTEXT:  /m;
	$got =~ s/^(?:CONTEXT:  )?$internal\n//mg;
	$got =~ s/^.*\n-+(?:\+-+)*\n//mg unless $output =~ /^-+(?:\+-+)*$/m;
	my $pattern = join '', map { $_ eq "...\n" ? '(?:.*\n)*?' : quotemeta }
	  _steady($output) =~ /^(.*\n)/mg;

	return _steady($got) =~ /^$pattern\z/m;
}

# A text without what is another in each run: times, durations, ids that the
# services make, ports, and the columns that vary.  A column of a table in which
# something varies loses its width, the others keep theirs.  Of a broadcast that
# is watched, the last line stays.
sub _steady
{
	my ($text) = @_;
	my ($result, $head, $is_varying, @columns) = ('');

	$text =~ s/^INFO:  running .*\n//mg;
	my @lines = map { s/\s+$//r } split /\n/, $text;
	for my $i (0 .. $#lines)
	{
		# A table lasts until a blank line.
		if (($lines[ $i + 1 ] // '') =~ /^-+(?:\+-+)*$/)
		{
			@columns = map { length } split /\+/, $lines[ $i + 1 ];
			my ($end) = grep { ($lines[$_] // '') eq '' } $i .. @lines;
			my @rows = map { [ _cells($_, @columns) ] } @lines[ $i .. $end - 1 ];
			$is_varying = [ map { my $c = $_; scalar grep {
				$varies{ _trim($rows[0][$c]) } || _mask($_->[$c]) ne $_->[$c] } @rows }
				0 .. $#columns ];
			$head = $i;
		}
		@columns = () if $lines[$i] eq '';
		if ($lines[$i] eq '' || $lines[$i] eq '...')
		{
			$result .= "$lines[$i]\n" if $lines[$i] ne '';
			next;
		}
		if (!@columns)
		{
			$result .= _mask($lines[$i]) . "\n";
			next;
		}
		my @cells = _cells($lines[$i], @columns);
		for my $c (grep { $is_varying->[$_] } 0 .. $#cells)
		{
			$cells[$c] = $i <= $head + 1 ? _trim($cells[$c]) =~ s/^-+$/-/r
			  : _trim($cells[$c]) eq '' ? ''
			  : _mask($cells[$c]) ne $cells[$c] ? _trim(_mask($cells[$c])) : 'VARIES';
		}
		$result .= join('|', @cells) . "\n";
	}
	return $result;
}

# The cells of a line of a table, with the padding that they have but at the end.
sub _cells
{
	my ($line, @widths) = @_;
	my ($from, @cells) = (0);

	for my $width (@widths)
	{
		push @cells, $from > length $line ? '' : substr($line, $from, $width);
		$from += $width + 1;
	}
	$cells[-1] = substr($line, $from - $widths[-1] - 1)
	  if $from - 1 < length $line;
	$cells[-1] =~ s/\s+$//;
	return @cells;
}

sub _trim { return $_[0] =~ s/^\s+|\s+$//gr; }

sub _mask
{
	my ($text) = @_;

	$text =~ s/\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d(?::\d\d)?|Z)?/TIME/g;
	$text =~ s/-?\b\d\d:\d\d:\d\d(?:\.\d+)?\b/DURATION/g;
	$text =~ s/\b1\d{12}\b/ID/g;
	$text =~ s/\b127\.0\.0\.1:\d+/127.0.0.1:PORT/g;
	$text =~ s/\b(Trace|Correlation) ID: [\da-f-]{36}/$1 ID: UUID/g;
	$text =~ s/\b[\d.]+\/s\b/RATE/g;
	$text =~ s/\bFailed to connect to \S+ port .*/REFUSED/g;
	return $text;
}

1;
