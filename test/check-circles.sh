#!/bin/sh
# Checks that the files of src/ call each other in no circle, by the objects
# that were built from them.
set -eu
cd "$(dirname "$0")/../src"

circles=$(nm ./*.o ./*/*.o | awk '
	/:$/ { file = substr($1, 3, length($1) - 5) }
	$2 ~ /^[BDRTV]$/ { home[$3] = file }
	$1 == "U" { wants[file, $2] }
	END {
		for (pair in wants)
		{
			split(pair, part, SUBSEP)
			if (part[2] in home && home[part[2]] != part[1])
				print part[1], home[part[2]]
		}
	}' | tsort 2>&1 >/dev/null | sed 's/^tsort: //') || true
[ -z "$circles" ] || {
	echo "src/: files that call each other in a circle:" >&2
	echo "$circles" >&2
	exit 1
}
