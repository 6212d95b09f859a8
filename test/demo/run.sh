#!/bin/sh
# Shows the main job against the simulator, in a private cluster that is gone
# afterwards.
set -eu

cd "$(dirname "$0")/../.."
. test/setup/playground.sh
cp test/demo/demo.sql "$WORK/"
start_playground

status=0
as_user env TRANSCRIPT="perl -MHTTP::Tiny -e '\$_ = HTTP::Tiny->new->get(shift)->{content}; s/^User .*\\n.*no messages.*\\n+//gm; print' $admin/transcript" \
	"$bindir/psql" -X -h "$WORK" -U postgres -d postgres \
	-v login_url="$login_url" -v graph_url="$graph_url" \
	-v connector_url="$connector_url" \
	-f "$WORK/demo.sql" 2>&1 | sed -u 's/^psql:[^ ]* //' || status=$?

echo "That was test/demo/demo.sql. Nothing is left running."
exit $status
