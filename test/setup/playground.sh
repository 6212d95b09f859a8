# To be sourced: a workspace in which the simulator and a server with the
# extension run, for the demo and the playground. Says where they are: $bindir
# has PostgreSQL's programs (those of a server that has the extension, if BINDIR
# names them), the server's socket is in $WORK, $login_url, $graph_url and
# $connector_url are the simulator's, and $admin its administration.
# start_playground takes further options of the simulator.

. test/setup/workspace.sh

bindir=${BINDIR:-$(test/setup/private-install.sh "$WORK/install" </dev/null)}

# The simulator is in a session of its own: Ctrl-C is for what the terminal
# shows.
start_playground()
{
	cp test/sim/teams-sim test/setup/contoso.json "$WORK/"
	hand_over
	as_user setsid "$WORK/teams-sim" --quiet --config="$WORK/contoso.json" \
		--port-file="$WORK/ports" "$@" >"$WORK/simulator.log" 2>&1 </dev/null &
	simulator=$!

	as_user "$bindir/initdb" -D "$WORK/data" -A trust -U postgres --no-locale \
		-E UTF8 -N >"$WORK/initdb.log" </dev/null
	as_user tee -a "$WORK/data/postgresql.conf" >/dev/null <<END
listen_addresses = ''
unix_socket_directories = '$WORK'
shared_preload_libraries = 'teams_proactive'
teams_proactive.allowed_hosts = '127.0.0.1'
END
	as_user sh -c "umask 077; mkdir '$WORK/data/teams_credentials' &&
		echo 'S3cret~with+special/chars=' >'$WORK/data/teams_credentials/ops-bot'"
	as_user "$bindir/pg_ctl" -D "$WORK/data" -l "$WORK/server.log" -w start \
		>/dev/null </dev/null || { cat "$WORK/server.log" >&2; exit 1; }

	until [ -s "$WORK/ports" ]
	do
		kill -0 "$simulator" || { cat "$WORK/simulator.log" >&2; exit 1; }
		sleep 0.1
	done
	read -r port administration_port <"$WORK/ports"
	login_url=http://127.0.0.1:$port/login
	graph_url=http://127.0.0.1:$port/graph/v1.0
	connector_url=http://127.0.0.1:$port/connector/teams
	admin=http://127.0.0.1:$administration_port
}

# Whatever a session of it is doing, the server ends.
stop_server()
{
	[ ! -e "$WORK/data/postmaster.pid" ] ||
		as_user "$bindir/pg_ctl" -D "$WORK/data" -m immediate -w stop \
			>/dev/null 2>&1 </dev/null || true
}

end_playground()
{
	stop_server
	clean_up
}
trap end_playground EXIT
