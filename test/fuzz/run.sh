#!/bin/sh
# run.sh BUILD SECONDS TARGET...
#
# Runs fuzz targets one after the other and sums up what came of it. A target
# ends at its first finding; the input that led there stays in BUILD/findings.
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
	log=$build/$target.log
	findings=$build/findings/$target
	rm -rf "$findings"
	mkdir -p "$build/corpus/$target" "$findings"
	"$build/fuzz_$target" "$build/corpus/$target" "corpus/$target" \
		-dict=dictionary -max_total_time="$seconds" -max_len=4096 \
		-timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=64 \
		-artifact_prefix="$findings/" -print_final_stats=1 \
		-verbosity="${VERBOSITY:-0}" >"$log" 2>&1
}

statistic()
{
	sed -n "s/^stat::$1: *//p" "$log"
}

summary=$(printf '%-14s %12s %8s %9s' target executions seconds findings)
status=0
for target in "$@"
do
	start=$(date +%s)
	fuzz "$target" || status=1
	found=$(find "$findings" -type f | wc -l)
	if [ "$found" -gt 0 ]
	then
		tail -n 60 "$log" >&2
		echo "test/fuzz/$log, test/fuzz/$findings" >&2
	fi
	summary="$summary
$(printf '%-14s %12s %8s %9s' "$target" "$(statistic number_of_executed_units)" \
		$(($(date +%s) - start)) "$found")"
done
echo "$summary"
exit $status
