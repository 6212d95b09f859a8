#!/bin/sh
# run.sh
#
# What is wrong with the C sources before anything runs: warnings of gcc, what
# clang's analyzer and cppcheck find, and what pgindent would change.  PG_CONFIG,
# GCC and CLANG name the programs if need be.
set -eu
cd "$(dirname "$0")/../.."

# PostgreSQL's headers are the system's: what is in them is not ours to mend.
pg_config=${PG_CONFIG:-pg_config}
flags="-std=gnu11 -Isrc -isystem $("$pg_config" --includedir-server) \
	$("$pg_config" --cppflags) $(curl-config --cflags)"
processes=$(getconf _NPROCESSORS_ONLN)
sources=$(ls src/*.c src/*/*.c)
headers=$(ls src/*/*.h)
tests=$(find test -name '*.[ch]' -not -path '*/build/*')

problems=$(mktemp)
trap 'rm -f "$problems"' EXIT
status=0

# finish NAME: say what a tool has found, if anything
finish()
{
	if [ -s "$problems" ]
	then
		echo "$1:" >&2
		cat "$problems" >&2
		status=1
	else
		echo "$1: nothing found"
	fi
}

# each COMMAND...: run it for each source, as many at a time as it pays
each()
{
	# shellcheck disable=SC2086
	printf '%s\n' $sources | xargs -P "$processes" -I '{}' "$@" '{}' \
		>"$problems" 2>&1 || true
}

# What tests are made of is compiled with the same warnings by its Makefiles.
# shellcheck disable=SC2086
each "${GCC:-gcc}" $flags -O2 -fsyntax-only -Wall -Wextra -Wsign-compare \
	-Wunused-parameter -Wmissing-prototypes -Wstrict-prototypes -Wundef \
	-Wdeclaration-after-statement -Wvla
finish 'warnings of gcc'

# shellcheck disable=SC2086
each "${CLANG:-clang}" $flags --analyze --analyzer-output text -o /dev/null
finish "clang's analyzer"

cppcheck -j "$processes" --quiet --std=c11 -Isrc \
	--enable=warning,style,performance,portability \
	--library=posix --library=test/lint/postgres.cfg \
	--suppressions-list=test/lint/cppcheck.txt \
	src test/sim test/unit >"$problems" 2>&1 || true
finish cppcheck

# shellcheck disable=SC2086
perl test/lint/format.pl $sources $headers $tests >"$problems" 2>&1 || true
finish 'formatting'

exit $status
