#!/bin/sh
# Runs pg_regress in the running server that PGHOST, PGPORT and PGUSER lead to,
# as a superuser, in a database of its own which is removed at the end. A worker
# there would try to send what the tests write, so the server must not preload
# the library; and it must have the settings of test/sql/postgresql.conf.
set -eu

cd "$(dirname "$0")/.."
pg_config=${PG_CONFIG:-pg_config}
psql=$($pg_config --bindir)/psql
pg_regress=$(dirname "$($pg_config --pgxs)")/../test/regress/pg_regress
database=teams_proactive_regression

ask()
{
	"$psql" -XAtq -d postgres -c "$1"
}

if [ "$(ask "SELECT count(*) FROM pg_available_extensions WHERE name = 'teams_proactive'")" -eq 0 ]
then
	echo "The server does not have the extension: run make install first." >&2
	exit 1
fi
if ask 'SHOW shared_preload_libraries' | grep -q teams_proactive
then
	echo "The server preloads teams_proactive, and a worker would send what the tests write." >&2
	echo "Use another server, or make test, which has a private one." >&2
	exit 1
fi

wanted=$(sed -n "s/^teams_proactive.allowed_hosts = '\(.*\)'/\1/p" \
	test/sql/postgresql.conf)
if [ "$(ask "LOAD 'teams_proactive'; SHOW teams_proactive.allowed_hosts")" != "$wanted" ]
then
	echo "The server needs the settings of test/sql/postgresql.conf." >&2
	exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cp -R expected test "$work/"
tests=$(cd test/sql && ls ./*.sql | sed 's|^\./||; s|\.sql$||')
status=0
# shellcheck disable=SC2086
(
	cd "$work"
	"$pg_regress" --inputdir=test \
		--outputdir=. --bindir="$($pg_config --bindir)" --no-locale \
		--encoding=UTF8 --dbname="$database" $tests
) || status=$?
ask "DROP DATABASE IF EXISTS $database"
[ "$status" -eq 0 ] || cat "$work/regression.diffs" >&2
exit $status
