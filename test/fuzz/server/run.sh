#!/bin/sh
# server/run.sh BUILD SECONDS TARGET...
#
# Runs the fuzz targets that need a server, each in a session of its own in
# single-user mode, as many at a time as there are processors, and sums up what
# came of it. A target ends at its first finding; the input that led there stays
# in BUILD/findings, and can be given to it alone: INPUT=file. With FUZZ_ERRORS
# set, the log has the errors that inputs were answered with.
set -eu

cd "$(dirname "$0")"
mkdir -p "$1/corpus" "$1/findings"
build=$(cd "$1" && pwd)
seconds=$2
shift 2
sources=$PWD
cd ../../..
. test/setup/workspace.sh

pg_config=${PG_CONFIG:-pg_config}
runtime=$(clang -print-file-name="libclang_rt.asan-$(uname -m).so")
if ! [ -f "$runtime" ]
then
	echo "# clang has no shared runtime of ASan: the server is not fuzzed."
	exit
fi

# The programs and the extension, of which only the library is another.
bindir=$(PG_CONFIG=$pg_config test/setup/private-install.sh "$WORK/install")
pkglibdir=$WORK/install$($pg_config --pkglibdir)
cp "$build"/*.so "$pkglibdir/"
hand_over

ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=0
ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0:intercept_strstr=0
UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1
export ASAN_OPTIONS UBSAN_OPTIONS

session()
{
	as_user env LD_PRELOAD="$runtime $pkglibdir/first.so" \
		"$bindir/postgres" --single -F -D "$1" \
		-c shared_preload_libraries=fuzz_server -c max_stack_depth=1MB \
		-c client_min_messages=error -c log_min_messages=fatal \
		-c teams_proactive.allowed_hosts=127.0.0.1 postgres
}

as_user "$bindir/initdb" -D "$WORK/data" -A trust -E UTF8 --no-locale -N \
	>"$WORK/initdb.log" 2>&1 || { cat "$WORK/initdb.log" >&2; exit 1; }
if ! session "$WORK/data" <"$sources/setup.sql" >"$WORK/setup.log" 2>&1 ||
	grep -q ERROR: "$WORK/setup.log"
then
	cat "$WORK/setup.log" >&2
	exit 1
fi

fuzz()
{
	target=$1
	run=$WORK/$target
	rm -rf "$build/findings/$target"
	mkdir -p "$run/findings" "$build/corpus/$target" "$build/findings/$target"
	cp -R "$build/corpus/$target" "$run/corpus"
	cp -R "$sources/corpus/$target" "$run/seeds"
	cp "$sources/dictionary" "$run/"
	cp -R "$WORK/data" "$run/data"
	arguments="'$run/corpus', '$run/seeds', '-dict=$run/dictionary'"
	if [ -n "${INPUT:-}" ]
	then
		cp "$INPUT" "$run/input"
		arguments="'$run/input'"
	fi
	hand_over
	echo "SELECT fuzz('$target', ARRAY[$arguments, '-max_len=4096'," \
		"'-max_total_time=$seconds', '-timeout=20', '-rss_limit_mb=2048'," \
		"'-malloc_limit_mb=256', '-artifact_prefix=$run/findings/'," \
		"'-print_final_stats=1', '-verbosity=${VERBOSITY:-0}'])" |
		session "$run/data" >"$build/$target.log" 2>&1 ||
		touch "$run/failed"
	cp "$run/corpus"/* "$build/corpus/$target/" 2>/dev/null || true
	cp "$run/findings"/* "$build/findings/$target/" 2>/dev/null || true
}

statistic()
{
	sed -n "s/^stat::$1: *//p" "$build/$target.log"
}

running=0
for target in "$@"
do
	fuzz "$target" &
	running=$((running + 1))
	[ $((running % $(nproc))) -ne 0 ] || wait
done
wait

# An error is an outcome, too; but where all inputs are errors nothing is tested.
status=0
for target in "$@"
do
	if [ -e "$WORK/$target/failed" ] || [ "$(statistic succeeded)" = 0 ]
	then
		tail -n 60 "$build/$target.log" >&2
		echo "$build/$target.log, $build/findings/$target" >&2
		status=1
	fi
	printf '%-14s %12s %9s\n' "$target" \
		"$(statistic number_of_executed_units)" \
		"$(find "$build/findings/$target" -type f | wc -l)"
done
exit $status
