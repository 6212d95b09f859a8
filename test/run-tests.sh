#!/bin/sh
# Runs pg_regress and the TAP tests in a directory of their own under /tmp,
# with a private copy of PostgreSQL, as a user that may run it. Leaves nothing
# behind: neither files nor processes.
#
#   test/run-tests.sh [NAME...]      e.g. test/run-tests.sh regress t/sending
#   test/run-tests.sh --list [NAME...]   only say what each TAP test is about
#   SANITIZE=1 test/run-tests.sh     the same under ASan and UBSan; see
#                                    test/setup/sanitize.sh
set -eu

cd "$(dirname "$0")/.."
action=run
if [ "${1:-}" = --list ]
then
	action=list
	shift
fi
names=${*:-regress t/}

wanted()
{
	for name in $names
	do
		case $1 in *"$name"*) return 0 ;; esac
	done
	return 1
}

# The TAP files that are wanted.  A name that is no test's is a mistake.
files=
for name in $names
do
	if ! { echo regress; ls test/t/*.pl; } | grep -qF -- "$name"
	then
		echo "No test has \"$name\" in its name: see $0 --list" >&2
		exit 2
	fi
done
# Those that take longest begin first, lest all wait for the last of them.
slow='worker_memory worker_restart broadcast_life directory_many_names
	installation_first_contacts'
# shellcheck disable=SC2086
for file in $(printf 'test/t/%s.pl ' $slow) test/t/*.pl
do
	case "$files " in
		*" $file "*) continue ;;
	esac
	if wanted "${file#test/}"
	then
		files="$files $file"
	fi
done
if [ $action = list ]
then
	# shellcheck disable=SC2086
	[ -z "$files" ] || awk '
		FNR == 1 { printf "%s%s:", separator, substr(FILENAME, 6); separator = "\n"; head = 1 }
		!/^#/ { head = 0 }
		head { printf "%s", substr($0, 2) }
		END { print "" }' $files | sort
	exit
fi

. test/setup/workspace.sh
PG_CONFIG=${PG_CONFIG:-pg_config}
source_tree=.
if [ -n "${SANITIZE:-}" ]
then
	. test/setup/sanitize.sh
else
	finish_set_up()
	{
		:
	}
	check_reports()
	{
		:
	}
fi
export PG_CONFIG
bindir=$(test/setup/private-install.sh "$WORK/install" "$source_tree")
pgxs=$WORK/install$(dirname "$(dirname "$($PG_CONFIG --pgxs)")")
mkdir "$WORK/src"
cp -R test expected docs README.md CONTRIBUTING.md "$WORK/src/"
finish_set_up
hand_over

run_regress()
{
	tests=$(cd test/sql && ls ./*.sql | sed 's|^\./||; s|\.sql$||')
	echo "# pg_regress"
	# shellcheck disable=SC2086
	if ! as_user sh -c "cd '$WORK/src' && '$pgxs/test/regress/pg_regress' \
		--inputdir=test --outputdir=. --bindir='$bindir' \
		--temp-instance='$WORK/regress' --no-locale --encoding=UTF8 \
		--temp-config=test/sql/postgresql.conf $(echo $tests)"
	then
		cat "$WORK/src/regression.diffs" 2>/dev/null || true
		keep_logs "$WORK/src/results"
		return 1
	fi
}

run_tap()
{
	[ -n "$files" ] || return 0
	# They wait more than they compute.
	jobs=${JOBS:-$(($(nproc) + 1))}
	echo "# TAP tests"
	as_user env PATH="$bindir:$PATH" PERL5LIB="$WORK/src/test/perl:$pgxs/test/perl" \
		PG_REGRESS="$pgxs/test/regress/pg_regress" TESTDIR="$WORK/src" \
		TESTDATADIR="$WORK/src/tmp_check" TESTLOGDIR="$WORK/src/tmp_check/log" \
		sh -c "cd '$WORK/src' && prove --timer -j $jobs $files" ||
	{
		keep_logs "$WORK/src/tmp_check/log"
		return 1
	}
}

status=0
if wanted regress
then
	run_regress || status=1
fi
run_tap || status=1
check_reports || status=1
exit $status
