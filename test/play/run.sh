#!/bin/sh
# A psql to try everything in, and the simulator beside it; both, and all that
# belongs to them, are gone when it is left. Given a script, it runs that and ends
# with what people have seen.
#
# On a terminal Teams is shown in a pane beside psql, where there is tmux, and
# otherwise, or with PLAY=plain, before each prompt.
set -eu

cd "$(dirname "$0")/../.."
. test/setup/playground.sh

interactive=
[ ! -t 0 ] || [ ! -t 1 ] || interactive=1
TRANSCRIPT=$WORK/transcript
mkdir "$WORK/bin"
cp test/play/psqlrc test/play/setup.sql test/play/card.json "$WORK/"
cp test/play/news test/play/trouble test/play/foreground "$WORK/bin/"
[ -z "$interactive" ] || echo "Starting PostgreSQL and the simulator of Teams ..."
start_playground --transcript="$TRANSCRIPT" ${interactive:+--styled}

as_superuser()
{
	as_user "$bindir/psql" -XAtq -h "$WORK" -U postgres "$@" </dev/null
}
as_superuser -d postgres -c 'CREATE DATABASE play'
as_superuser -d play -v login_url="$login_url" -v graph_url="$graph_url" \
	-v connector_url="$connector_url" -f "$WORK/setup.sql" >/dev/null

# psql, with what psqlrc and the programs in bin need.
cat >"$WORK/bin/session" <<END
#!/bin/sh
cd '$WORK'
exec $AS_USER env HOME='$WORK' PATH='$WORK/bin':"\$PATH" LC_ALL=C.UTF-8 \
	PSQLRC='$WORK/psqlrc' PSQL_HISTORY='$WORK/history' PGAPPNAME=play \
	SIMULATOR='$admin' TRANSCRIPT='$TRANSCRIPT' CARD='$WORK/card.json' \
	'$bindir/psql' -h '$WORK' -U developer -d play "\$@"
END
chmod 755 "$WORK/bin/session"

run_script()
{
	status=0
	"$WORK/bin/session" || status=$?
	# What is due is a part of it, if it can be sent soon.
	tries=0
	while [ $tries -lt 50 ] && [ "$(as_superuser -d play -c '
		SELECT count(*) FROM teams.teams_outbox
		WHERE due_at IS NULL OR due_at <= now()')" != 0 ]
	do
		sleep 0.1
		tries=$((tries + 1))
	done
	echo
	cat "$TRANSCRIPT" 2>/dev/null || true
	exit $status
}

# A command as the terminal's foreground job, until it ends or this is told to.
in_terminal()
{
	"$WORK/bin/foreground" "$@" <&3 3<&- &
	session=$!
	trap : INT
	trap 'kill $session 2>/dev/null; wait $session || true; exit 143' HUP TERM
	while kill -0 $session 2>/dev/null
	do
		wait $session || true
	done
}

plain()
{
	in_terminal "$WORK/bin/session" -v where='before each prompt' \
		-v prompt='%`news`%/%R%x%# '
}

# Beside psql if both have room there, else below.
split()
{
	if [ "$(stty size | cut -d ' ' -f 2)" -ge 108 ]
	then
		echo "-h -l 46"
	else
		echo "-v -l 12"
	fi
}

# In the window of a tmux that is there already, or in one of its own.
beside()
{
	show="tail -n +1 -f '$TRANSCRIPT'"
	session="'$WORK/bin/session' -v where='in the other pane' -v prompt='%/%R%x%# '"
	if [ -n "${TMUX:-}" ]
	then
		# shellcheck disable=SC2046
		tmux split-window -d $(split) "$show" || return 1
		in_terminal sh -c "$session"
		return
	fi
	cat >"$WORK/tmux.conf" <<END
set -g mouse on
set -g status-right ''
set -g status-left ' psql | what people see in Teams'
set -g status-left-length 40
set -g window-status-format ''
set -g window-status-current-format ''
END
	# shellcheck disable=SC2046
	in_terminal tmux -u -S "$WORK/tmux" -f "$WORK/tmux.conf" new-session \
		"touch '$WORK/begun'; $session; tmux -S '$WORK/tmux' kill-session" \; \
		split-window -d $(split) "$show"
	# It may not know the terminal.
	[ -e "$WORK/begun" ]
}

[ -n "$interactive" ] || run_script
as_user touch "$TRANSCRIPT"
exec 3<&0
if [ "${PLAY:-}" = plain ] || ! command -v tmux >/dev/null || ! beside
then
	plain
fi
echo "Nothing is left running."
