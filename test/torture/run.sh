#!/bin/sh
# Sends messages for a while, as everything that can break does, and proves
# that nothing is lost.  Like run-tests.sh, it uses a private copy of PostgreSQL
# in a directory of its own under /tmp, and leaves nothing behind.
#
#   DURATION=60 SEED=7 test/torture/run.sh
#   test/torture/run.sh --self-test      # only see whether the judge can judge
set -eu

cd "$(dirname "$0")/../.."
perl test/torture/self-test.pl
if [ "${1:-}" = --self-test ]
then
	exit
fi

. test/setup/workspace.sh
PG_CONFIG=${PG_CONFIG:-pg_config}
pgxs=$(dirname "$(dirname "$($PG_CONFIG --pgxs)")")

bindir=$(test/setup/private-install.sh "$WORK/install")
mkdir "$WORK/src"
cp -R test "$WORK/src/"
hand_over

status=0
as_user env PATH="$bindir:$PATH" PERL5LIB="$WORK/src/test/perl:$pgxs/test/perl" \
	PG_REGRESS="$pgxs/test/regress/pg_regress" TESTDIR="$WORK/src" \
	DURATION="${DURATION:-300}" SEED="${SEED:-}" \
	perl "$WORK/src/test/torture/torture.pl" || status=$?
if [ $status -ne 0 ]
then
	keep_logs "$WORK/src/tmp_check/log"
fi
exit $status
