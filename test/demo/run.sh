#!/bin/sh
# Shows the main job against the simulator, in a private cluster that is gone
# afterwards.
set -eu

cd "$(dirname "$0")/../.."
. test/setup/workspace.sh

bindir=$(test/setup/private-install.sh "$WORK/install")
cp test/sim/teams-sim test/demo/demo.sql test/demo/contoso.json "$WORK/"
hand_over

as_user "$WORK/teams-sim" --quiet --config="$WORK/contoso.json" \
	--port-file="$WORK/ports" >"$WORK/simulator.log" 2>&1 &

as_user "$bindir/initdb" -D "$WORK/data" -A trust -U postgres --no-locale \
	-E UTF8 -N >"$WORK/initdb.log"
as_user tee -a "$WORK/data/postgresql.conf" >/dev/null <<END
listen_addresses = ''
unix_socket_directories = '$WORK'
shared_preload_libraries = 'teams_proactive'
teams_proactive.allowed_hosts = '127.0.0.1'
END
as_user sh -c "umask 077; mkdir '$WORK/data/teams_credentials' &&
	echo 'S3cret~with+special/chars=' >'$WORK/data/teams_credentials/ops-bot'"
as_user "$bindir/pg_ctl" -D "$WORK/data" -l "$WORK/server.log" -w start \
	>/dev/null || { cat "$WORK/server.log" >&2; exit 1; }

until [ -s "$WORK/ports" ]
do
	kill -0 $! || { cat "$WORK/simulator.log" >&2; exit 1; }
	sleep 0.1
done
read -r port admin <"$WORK/ports"

status=0
as_user env TRANSCRIPT="perl -MHTTP::Tiny -e '\$_ = HTTP::Tiny->new->get(shift)->{content}; s/^User .*\\n.*no messages.*\\n+//gm; print' http://127.0.0.1:$admin/transcript" \
	"$bindir/psql" -X -h "$WORK" -U postgres -d postgres \
	-v login_url="http://127.0.0.1:$port/login" \
	-v graph_url="http://127.0.0.1:$port/graph/v1.0" \
	-v connector_url="http://127.0.0.1:$port/connector/teams" \
	-f "$WORK/demo.sql" 2>&1 | sed -u 's/^psql:[^ ]* //' || status=$?

as_user "$bindir/pg_ctl" -D "$WORK/data" -m fast -w stop >/dev/null
echo "That was test/demo/demo.sql. Nothing is left running."
exit $status
