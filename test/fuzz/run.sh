#!/bin/sh
# run.sh BUILD SECONDS TARGET...
#
# Runs fuzz targets, as many at a time as there are processors, and sums up what
# came of it. A target ends at its first finding; the input that led there stays
# in BUILD/findings.
set -eu

build=$1
seconds=$2
shift 2
cd "$(dirname "$0")"

export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1

fuzz()
{
	target=$1
	findings=$build/findings/$target
	rm -rf "$findings"
	mkdir -p "$build/corpus/$target" "$findings"
	"$build/fuzz_$target" "$build/corpus/$target" "corpus/$target" \
		-dict=dictionary -max_total_time="$seconds" -max_len=4096 \
		-timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=64 \
		-artifact_prefix="$findings/" -print_final_stats=1 \
		-verbosity="${VERBOSITY:-0}" >"$build/$target.log" 2>&1 ||
		touch "$build/$target.failed"
}

statistic()
{
	sed -n "s/^stat::$1: *//p" "$build/$target.log"
}

rm -f "$build"/*.failed
running=0
for target in "$@"
do
	fuzz "$target" &
	running=$((running + 1))
	[ $((running % $(nproc))) -ne 0 ] || wait
done
wait

summary=$(printf '%-14s %12s %9s' target executions findings)
status=0
for target in "$@"
do
	found=$(find "$build/findings/$target" -type f | wc -l)
	if [ -e "$build/$target.failed" ]
	then
		tail -n 60 "$build/$target.log" >&2
		echo "test/fuzz/$build/$target.log, test/fuzz/$build/findings/$target" >&2
		status=1
	fi
	summary="$summary
$(printf '%-14s %12s %9s' "$target" "$(statistic number_of_executed_units)" \
		"$found")"
done
echo "$summary"
exit $status
