#!/bin/sh
# Checks the READMEs of src/ and CONTRIBUTING.md against the code.  What they name
# exists, and each room's lists all of its files.  The rooms of src/README.md are those of
# check-layers.sh, and in its blocks of calls each function is where it is said
# to be and is called by the one above it that is less indented.
set -eu
cd "$(dirname "$0")/../src"
exec perl -x "../test/check-way.sh"

#!perl
use strict;
use warnings;

my $status = 0;
my ($readme, $line);

sub complain
{
	my ($text) = @_;
	print STDERR "src/$readme:$line: $text\n";
	$status = 1;
}

sub read_file
{
	my ($name) = @_;
	open my $in, "<", $name or return "";
	local $/;
	my $text = <$in>;
	return $text =~ s/--[^\n]*//gr if $name =~ /\.sql$/;
	return $text =~ s{/\*.*?\*/}{}gsr;
}

# The bodies of the functions that a file defines.
my %files;

sub functions_of
{
	my ($name) = @_;
	return $files{$name} if exists $files{$name};
	my $text = read_file($name);
	my %bodies;
	if ($name =~ /\.sql$/)
	{
		$bodies{$1} .= $2
			while $text =~ /^CREATE FUNCTION \@extschema\@\.(\w+)(.*?)(?=^CREATE|\z)/gms;
	}
	else
	{
		$bodies{$1} = $2 while $text =~ /^(\w+)(\([^;{]*\)\n\{\n.*?^\})/gms;
	}
	return $files{$name} = \%bodies;
}

# What the function has, and those of its file that it calls: a list of bodies,
# its own first.
sub reach_of
{
	my ($file, $function) = @_;
	my $bodies = functions_of($file);
	my %seen = ($function => 1);
	my @reach = ($function);
	for (my $i = 0; $i < @reach; $i++)
	{
		for my $word ($bodies->{ $reach[$i] } =~ /\b([a-z_]\w*)\b/g)
		{
			next if $seen{$word} || !defined $bodies->{$word};
			$seen{$word} = 1;
			push @reach, $word;
		}
	}
	return map { $bodies->{$_} } @reach;
}

# A line of calls: the function is there, and its caller calls it after what the
# caller has called before.
my @callers;

sub check_call
{
	my ($indent, $function, $file) = @_;
	pop @callers while @callers && $callers[-1]{indent} >= $indent;
	my $caller = $callers[-1];
	if (!defined functions_of($file)->{$function})
	{
		complain("$file does not define $function()");
		@callers = ();
		return;
	}
	push @callers, { indent => $indent, file => $file, function => $function, at => 0 };
	return unless $caller;
	my ($own, @others) = reach_of($caller->{file}, $caller->{function});
	if ($own =~ /\b$function\b/)
	{
		pos($own) = $caller->{at};
		if ($own =~ /\b$function\b/g)
		{
			$caller->{at} = pos($own);
		}
		else
		{
			complain("$caller->{function}() calls $function() earlier than it says");
		}
	}
	elsif (!grep { /\b$function\b/ } @others)
	{
		complain("$caller->{function}() does not call $function()");
	}
	return;
}

my $code = join "", map { read_file($_) } glob("*.c *.h */*.c */*.h ../sql/*.sql ../test/unit/*.c ../Makefile");
my $layers = read_file("../test/check-layers.sh");
my ($rooms) = $layers =~ /^rooms='\n(.*?)^'/ms;
my %may_include = map { /^(\w+):?\s*(.*)$/ ? ($1 => join(", ", split / /, $2)) : () }
	split /\n/, $rooms;
my $calls = 0;

# What a line of prose or of calls names: functions, constants and files.
sub check_names
{
	my ($room) = @_;
	for my $name (/\b([a-z_]\w*)\(\)/g)
	{
		complain("there is no $name()")
			unless $code =~ /^$name\(/m || $code =~ /\@extschema\@\.$name\(/;
	}
	for my $name (/\b([A-Z]+_[A-Z_]+)\b/g)
	{
		complain("there is no $name") unless $code =~ /\b$name\b/;
	}
	for my $name (m{(?<![\w/.*-])([\w./-]+\.(?:c|h|sh|sql))\b}g)
	{
		next if $name =~ /--/;
		my @places = ($name, "../$name", "$room$name", $name =~ m{/} ? () : glob("*/$name"));
		complain("there is no $name") unless grep { -e } @places;
	}
	return;
}

sub check_map
{
	my $in_block = 0;
	my $in_calls = 0;

	open my $in, "<", $readme or die "src/$readme: $!\n";
	while (<$in>)
	{
		$line = $.;
		chomp;
		check_names("");
		if (/^```(.*)/)
		{
			$in_calls = !$in_block && $1 eq "calls";
			$in_block = !$in_block;
			@callers = ();
		}
		elsif ($in_calls && /^( *)(\w+)\(\) +(\S+\.(?:c|sql))(?: |$)/)
		{
			check_call(length $1, $2, $3);
			$calls++;
		}
		elsif ($in_calls && /\S/)
		{
			complain("this is no function with its file: $_");
		}
		elsif (m{^\| (?:\[)?`(\w+)/`.*\| ?(.*?) ?\|$})
		{
			my $listed = delete $may_include{$1};
			complain("$1/ is no room, or listed twice") unless defined $listed;
			complain("$1/ may include: $listed") if defined $listed && $listed ne $2;
		}
	}
	complain("$_/ is not listed") for sort keys %may_include;
	complain("there are no calls") if $calls == 0;
	return;
}

sub check_room
{
	my ($room) = @_;
	my $text = "";

	$line = 0;
	open my $in, "<", $readme or return complain("there is none");
	while (<$in>)
	{
		$line = $.;
		$text .= $_;
		check_names($room);
	}
	for my $file (glob("$room*.[ch]"))
	{
		my ($name) = $file =~ m{([^/]+)\.[ch]$};
		complain("$file is not listed") unless $text =~ /`[^`]*\b$name\b[^`]*`/;
	}
	return;
}

# In blocks of code are examples, in which names are made up.
sub check_text
{
	my $in_block = 0;

	open my $in, "<", $readme or die "src/$readme: $!\n";
	while (<$in>)
	{
		$line = $.;
		$in_block = !$in_block if /^\s*```/;
		check_names("") unless $in_block;
	}
	return;
}

my @rooms = sort keys %may_include;
$readme = "README.md";
check_map();
$readme = "../CONTRIBUTING.md";
check_text();
for my $room (@rooms)
{
	$readme = "$room/README.md";
	check_room("$room/");
}
exit $status;
