#!/bin/sh
# terminal.sh FILE
#
# Writes the playground as a terminal shows it: what is typed, and what is seen
# of it, side by side. Takes tmux, which types and looks.
set -eu

output=$(realpath "$1")
cd "$(dirname "$0")/../.."
socket=$(mktemp -d)
trap 'tmux -S "$socket/outer" kill-server 2>/dev/null || true; rm -rf "$socket"' EXIT
trap 'exit 130' HUP INT TERM
screen()
{
	tmux -S "$socket/outer" capture-pane -p
}

# Until the screen has a line like that.
await()
{
	tries=0
	until screen | grep -q "$1"
	do
		tries=$((tries + 1))
		[ $tries -lt 300 ] || { screen >&2; exit 1; }
		sleep 0.1
	done
}

# A semicolon at the end would be one of tmux's.
type_in()
{
	tmux -S "$socket/outer" send-keys -l "${1%;}\\;"
	tmux -S "$socket/outer" send-keys Enter
	await "$2"
	await '^play=> *│'
}

tmux -u -S "$socket/outer" new-session -d -x 114 -y 30 \
	'env -u TMUX make play'
await '^play=> *│'
tmux -S "$socket/outer" send-keys C-l
type_in "SELECT teams_send('ada@contoso.com', 'Hello, **Ada**!');" \
	'Ops Bot: Hello'
type_in "SELECT teams_send('grace@contoso.com', teams_card(:'card'));" \
	'Open the log'
type_in "SELECT teams_edit(1, 'Good bye, **Ada**.');" \
	'(edited)'
type_in "SELECT id, kind, target, state FROM teams_message;" '(3 rows)'

# All but the status line of tmux and what is empty at the end, with room beside
# the line between the panes.
screen | sed '$d' | LC_ALL=C.UTF-8 sed -E 's/^(.{67})│/\1│ /; s/ *$//' |
	awk '/[^ │]/ { last = NR } { line[NR] = $0 }
		END { for (i = 1; i <= last; i++) print line[i] }' >"$socket/picture"
cp "$socket/picture" "$output"
tmux -S "$socket/outer" send-keys -l '\q'
tmux -S "$socket/outer" send-keys Enter
tries=0
while tmux -S "$socket/outer" has-session 2>/dev/null && [ $tries -lt 100 ]
do
	tries=$((tries + 1))
	sleep 0.1
done
