#!/bin/sh
# Checks that the files of src/ need each other in no circle, by the objects
# that were built from them: a function that is called or whose address is
# taken, and a variable, is needed from the file that has it.
set -eu
cd "$(dirname "$0")/../src"

# Objects may be left over from sources that are gone.
objects=
for source in *.c */*.c
do
	[ ! -e "${source%.c}.o" ] || objects="$objects ${source%.c}.o"
done

[ -n "$objects" ] || {
	echo "src/: nothing is built" >&2
	exit 1
}

# shellcheck disable=SC2086
circles=$(nm -A $objects | awk '
	{
		file = $1
		sub(/\.o:.*/, "", file)
		symbol = $NF
		type = $(NF - 1)
	}
	type ~ /^[BDRTV]$/ { home[symbol] = file }
	type == "U" { wants[file, symbol] }
	END {
		for (pair in wants)
		{
			split(pair, part, SUBSEP)
			if (part[2] in home && home[part[2]] != part[1])
				print part[1], home[part[2]]
		}
	}' | tsort 2>&1 >/dev/null | sed 's/^tsort: //')
[ -z "$circles" ] || {
	echo "src/: files that need each other in a circle:" >&2
	echo "$circles" >&2
	exit 1
}
