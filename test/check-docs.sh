#!/bin/sh
# Checks that the examples of docs/testing.md are those that pg_regress runs:
# each block of SQL is in test/sql/testing.sql, each other one in the expected
# output.
set -eu
cd "$(dirname "$0")/.."

perl -0777 -e '
	my ($doc, $sql, $expected) = map {
		open my $file, "<", $_ or die "$_: $!\n"; <$file>
	} qw(docs/testing.md test/sql/testing.sql expected/testing.out);
	my $status = 0;
	while ($doc =~ /^```(\w*)\n(.*?)^```$/msg)
	{
		my ($language, $block) = ($1, $2);
		next if $language eq "sh" || index($language eq "sql" ? $sql : $expected, $block) >= 0;
		print STDERR "docs/testing.md: no test has this:\n$block\n";
		$status = 1;
	}
	exit $status'
