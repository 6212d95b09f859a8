#!/bin/sh
# card.sh FILE
#
# Draws a card as it arrives in a chat: the message that teams_send has brought
# to the simulator, by the cards' own renderer (npm's adaptivecards) in Chromium.
# What npm installs is kept in the user's cache.
set -eu

output=$(realpath "$1")
cd "$(dirname "$0")"
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/teams_proactive/picture
mkdir -p "$cache"
if ! cmp -s package.json "$cache/package.json" ||
	! [ -d "$cache/node_modules/adaptivecards" ]
then
	cp package.json "$cache/"
	(cd "$cache" && npm install --silent --no-package-lock --no-audit --no-fund)
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
message=$(../play/run.sh <message.sql | sed -n 's/^message: \[\(.*\)\]$/\1/p')
if [ -z "$message" ]
then
	echo "No message has arrived." >&2
	exit 1
fi
for script in adaptivecards/dist/adaptivecards.min.js markdown-it/dist/markdown-it.min.js
do
	cp "$cache/node_modules/$script" "$work/"
done
{
	sed '/^<body>/,$d' page.html
	echo '<script src="adaptivecards.min.js"></script>'
	echo '<script src="markdown-it.min.js"></script>'
	printf '<script>const bot = "Ops Bot", message = %s;</script>\n' "$message"
	sed -n '/^<body>/,$p' page.html
} >"$work/page.html"

# Chromium's sandbox takes rights that containers do not have; the page is ours.
browse()
{
	chromium --headless --no-sandbox --disable-gpu --hide-scrollbars \
		--user-data-dir="$work/profile" --force-device-scale-factor=2 \
		--virtual-time-budget=2000 "$@" "file://$work/page.html" \
		2>>"$work/chromium.log"
}
height=$(browse --dump-dom | sed -n 's/.*<title>\([0-9]*\)<\/title>.*/\1/p')
if [ -z "$height" ]
then
	cat "$work/chromium.log" >&2
	exit 1
fi
browse --window-size="492,$height" --screenshot="$work/card.png"
cp "$work/card.png" "$output"
