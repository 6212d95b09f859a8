#!/bin/sh
# Measures the goals for speed, memory and quotas against what the machine can
# do, in a private server with private services, and writes results.md.  Leaves
# nothing running.
#
#   test/bench/run.sh [GOAL...]          e.g. test/bench/run.sh drain wal
#   BENCH=quick test/bench/run.sh        in about two minutes
set -eu

cd "$(dirname "$0")/../.."
. test/setup/workspace.sh

bindir=$(test/setup/private-install.sh "$WORK/install")
nginx=$(test/bench/nginx.sh "$WORK/nginx") ||
{
	echo "There is no nginx with the module echo to measure with." >&2
	exit 1
}
mkdir "$WORK/src"
cp -R test "$WORK/src/"
test/bench/certificates.sh "$WORK"
test/bench/node/install.sh "$WORK/node"
hand_over

status=0
as_user env BINDIR="$bindir" NGINX_PROGRAM="$nginx" WORK="$WORK" BENCH="${BENCH:-full}" \
	COMMIT="$(git describe --always --dirty 2>/dev/null || echo unknown)" \
	PERL5LIB="$WORK/src/test/perl:$WORK/src/test/bench" \
	perl "$WORK/src/test/bench/bench.pl" "$@" || status=$?
if [ -f "$WORK/results.md" ]
then
	cat "$WORK/results.md" test/bench/tried.md >test/bench/results.md
fi
if [ $status -ne 0 ]
then
	tail -n 20 "$WORK/server.log" "$WORK/nginx.log" >&2 || true
fi
exit $status
