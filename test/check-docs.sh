#!/bin/sh
# Checks the documentation against itself and against the code:
#   - the examples of docs/testing.md are those that pg_regress runs: each block
#     of SQL is in test/sql/testing.sql, each other one in the expected output;
#   - links within the repository lead to files and headings that are there;
#   - docs/reference/README.md lists each function, view, table, domain and
#     setting of the extension once, and nothing else;
#   - each TAP test begins with what it is about, and its subject is listed in
#     test/t/README.md.
set -eu
cd "$(dirname "$0")/.."
status=0

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
	exit $status' || status=1

# A heading has the anchor that GitHub gives it.
# shellcheck disable=SC2046
perl -e '
	use strict;
	use warnings;
	my (%anchors, %text);
	for my $file (@ARGV)
	{
		open my $in, "<", $file or die "$file: $!\n";
		my $is_code = 0;
		while (<$in>)
		{
			$is_code = !$is_code if /^\s*```/;
			next if $is_code || /^\s*```/;
			$text{$file} .= $_ =~ s/``.*?``|`[^`]*`//gr;
			next unless /^#+ +(.*?)\s*$/;
			my $anchor = lc($1) =~ s/\[([^]]*)\]\([^)]*\)/$1/gr;
			$anchor =~ s/[^\w\- ]//g;
			$anchor =~ tr/ /-/;
			$anchors{$file}{$anchor} = 1;
		}
	}
	my $status = 0;
	for my $file (@ARGV)
	{
		my $folder = $file =~ s|[^/]*$||r;
		while (($text{$file} // "") =~ /\]\(([^)\s]+)\)/g)
		{
			my $link = $1;
			next if $link =~ /^[a-z]+:/;
			my ($path, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;
			my $to = $path eq "" ? $file : $folder . $path;
			1 while $to =~ s{(^|/)(?!\.\.?/)[^/]+/\.\./}{$1};
			$to =~ s{(^|/)\./}{$1}g;
			next if -e $to && (!defined $anchor || $anchors{$to}{$anchor});
			print STDERR "$file: $link leads nowhere\n";
			$status = 1;
		}
	}
	exit $status' $(find . \( -name '.?*' -o -name node_modules -o -name log \) -prune \
		-o -name '*.md' -print | sed 's|^\./||' | sort) || status=1

for file in test/t/*.pl
do
	subject=${file#test/t/}
	grep -qF "| \`${subject%%_*}\` |" test/t/README.md ||
	{
		echo "$file: test/t/README.md has no such subject" >&2
		status=1
	}
	head -n 1 "$file" | grep -q '^# [A-Z0-9]' ||
	{
		echo "$file: the first line does not say what it is about" >&2
		status=1
	}
done

found=$(mktemp)
listed=$(mktemp)
trap 'rm -f "$found" "$listed"' EXIT
{
	for file in sql/*.sql
	do
		case $file in *--*) continue ;; esac
		sed -nE 's/^CREATE (OR REPLACE )?(FUNCTION|PROCEDURE) @extschema@\.(\w+).*/\3()/p
			s/^CREATE (VIEW|TABLE|DOMAIN) @extschema@\.(\w+).*/\1 \2/p' "$file"
	done
	sed -nE 's/.*"(teams_proactive\.\w+)".*/setting \1/p' src/*/settings.c
} | sed 's/^VIEW/view/; s/^TABLE/table/; s/^DOMAIN/domain/' | sort -u >"$found"
# Under a heading of that kind, or of none for functions.
awk '
	/^## / { kind = $2 ~ /^(Views|Tables|Domains|Settings)$/ ? tolower(substr($2, 1, length($2) - 1)) " " : "" }
	/^\| \[`/ { split($0, part, "`"); print kind part[2] }
' docs/reference/README.md | sort >"$listed"
if ! difference=$(diff "$found" "$listed")
then
	echo "docs/reference/README.md: < is not listed, > is not there or listed twice" >&2
	echo "$difference" | grep '^[<>]' >&2
	status=1
fi
exit $status
