#!/usr/bin/perl
# format.pl FILE...
#
# Checks C sources against what pgindent would make of them; pgindent itself is
# in no package.  What it cannot judge line by line it leaves alone: this finds
# what a hand does wrong, not every blank.
use strict;
use warnings;

my $WIDTH = 79;
my $CODE_WIDTH = 84;			# pgindent breaks no code, and nor need we at any price
my $NAME_COLUMN = 12;			# of declared names, from the block's indentation
my $problems = 0;
my ($file, $number);

sub complain
{
	print "$file:$number: @_\n";
	$problems++;
	return;
}

# Columns that a text takes which begins at a column.
sub width
{
	my ($text, $column) = (@_, 0);
	for my $c (split //, $text)
	{
		$column += $c eq "\t" ? 4 - $column % 4 : 1;
	}
	return $column;
}

# The code of a line, with its strings, characters and comments made harmless.
my $in_comment;

sub code_of
{
	my ($line) = @_;
	my $code = '';
	while ($line ne '')
	{
		if ($in_comment)
		{
			$line =~ s/^(.*?)(\*\/|$)//;
			$code .= ' ' x length("$1$2");
			$in_comment = $2 ne '*/';
		}
		elsif ($line =~ s{^("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')}{})
		{
			$code .= substr($1, 0, 1) . '_' x (length($1) - 2) . substr($1, 0, 1);
		}
		elsif ($line =~ s{^/\*}{})
		{
			$code .= '  ';
			$in_comment = 1;
		}
		else
		{
			$line =~ s/^(.[^"'\/]*)//;
			$code .= $1;
		}
	}
	$code =~ s/ +$//;
	return $code;
}

# Lines that end too late, unless by a string, which is written in one piece, or
# a lone argument, which stands where its parenthesis has it.
sub check_line
{
	my ($line, $code, $is_continuation) = @_;
	my $has_comment = width($line) > width($code);
	my $width = $has_comment ? $WIDTH : $CODE_WIDTH;
	complain('blank at the end') if $line =~ /[ \t]$/;
	complain('indented with spaces') if $line =~ /^ *    / || $line =~ /^\t* +\t/;
	complain("longer than $width columns")
	  if width($line) > $width && $code !~ /"_+"/
	  && !($is_continuation && $code !~ /\S /);
	complain('comment with //') if $code =~ m{//};
	return;
}

# Where blanks go.
sub check_blanks
{
	my ($code) = @_;
	return if $code =~ /^#/;
	complain('blank missing after keyword')
	  if $code =~ /\b(?:if|for|while|switch|foreach_ptr)\(/;
	complain('blank inside parentheses') if $code =~ /\( |[^ \t] \)/;
	complain('blank missing after comma') if $code =~ /,[^ \t\n.]/;
	complain('blank before comma or semicolon') if $code =~ /[^ \t(][ \t]+[,;]/;
	complain('blank missing after cast')
	  if $code =~ /\((?:int|long|char|bool|double|size_t|Size|Oid|Datum|u?int\d+|(?:const |struct |unsigned )*\w+ \*+)\)[\w(]/
	  && $code !~ /sizeof|\w\((?:\w+ )*\w+ \*+\)\(/;
	complain('asterisk belongs to the name') if $code =~ /\w\* +\w/;
	complain('blank after a call\'s name') if $code =~ /(?<!\bif)(?<!\bfor)\b(?:strlen|memcpy|memset|palloc|pfree|ereport|errmsg|strcmp)\s+\(/;
	return;
}

# Braces stand alone, but for initializers and macros.
sub check_braces
{
	my ($code) = @_;
	return if $code =~ /\\$/;
	complain('brace on the line of its statement')
	  if $code =~ /^[ \t]*(?:\}[ \t]*)?(?:if|else|for|while|do|switch|typedef|struct|enum|union)\b.*\{$/
	  && $code !~ /=[ \t]*\{$/;
	complain('else behind a brace') if $code =~ /\}[ \t]*else/;
	complain('return type on the line of the function')
	  if $code =~ /^(?:static |const |extern )*\w+ [*\w]+\([^;]*\)$/ && $code !~ /^extern|^PG_|__attribute__|;$/;
	return;
}

# The names of declarations stand in one column.
sub check_declaration
{
	my ($code) = @_;
	return unless $code =~ /^(\t*)((?:(?:static|const|volatile|extern|struct|enum|union|unsigned) )*(?:long long|long|unsigned|\w+)(?: const)?)([ \t]+)(\**)(\w+)(?:\[[^\]]*\])*(?: = .*|;|,| = \{)$/;
	my ($indent, $type, $gap, $stars, $name) = ($1, $2, $3, $4, $5);
	return if $type =~ /^struct$|^(?:return|goto|case|else|typedef|sizeof|extern .*)$/ || $type =~ /^\d/;
	my $start = 4 * length $indent;
	my $end = $start + length $type;
	my $wanted = $start + $NAME_COLUMN;
	$wanted = $end + 1 + length $stars if $end + 1 + length $stars > $wanted;
	my $column = width($gap, $end) + length $stars;
	complain("name \"$name\" stands in column $column, not $wanted")
	  if $column != $wanted;
	return;
}

for (@ARGV)
{
	$file = $_;
	$number = 0;
	$in_comment = 0;
	my @open;		# columns behind the parentheses that are open
	my $blank = 0;
	my $continued = 0;
	open my $in, '<', $file or die "$file: $!\n";
	while (my $line = <$in>)
	{
		$number++;
		complain('no end of line') unless chomp $line;
		my $was_comment = $in_comment;
		my $code = code_of($line);
		complain('two empty lines') if $line eq '' && $blank;
		$blank = $line eq '';
		check_line($line, $code, @open > 0);
		next if $line eq '' || $was_comment;

		my $is_macro = $continued || $code =~ /^#/;
		$continued = $is_macro && $code =~ /\\$/;
		next if $code =~ /^[ \t]*$/ || $is_macro;

		my ($lead) = $line =~ /^([ \t]*)/;
		complain("continuation stands in column " . width($lead) . ", not $open[-1]")
		  if @open && $open[-1] >= 0 && width($lead) != $open[-1];
		check_blanks($code);
		check_braces($code);
		check_declaration($code) unless @open;

		# The columns of the parentheses that are open at the end.
		my $column = 0;
		my $left = length $code;
		for my $c (split //, $code)
		{
			$column += $c eq "\t" ? 4 - $column % 4 : 1;
			$left--;
			push @open, $left ? $column : -1 if $c eq '(' || $c eq '[';
			push @open, -1 if $c eq '{' && @open;
			pop @open if ($c eq ')' || $c eq '}' || $c eq ']') && @open;
		}
	}
	close $in;
	complain('empty line at the end') if $blank;
}
exit($problems > 0);
