#!/bin/sh
# Checks what the files of src/ may include, that none is too long, and that
# each foreign interface is in one module alone.
set -eu
cd "$(dirname "$0")/../src"

# A folder, and those whose headers its files may include besides its own.
rooms='
base
template: base
http: base
protocol: base
server: base
outbox: base protocol server
worker: base http protocol server outbox
sql: base template http protocol server outbox worker
'

status=0
complain()
{
	echo "src/$1" >&2
	status=1
}

for file in */*.c */*.h
do
	room=${file%%/*}
	allowed=$(echo "$rooms" | sed -n "s/^\($room\)\(:.*\)\{0,1\}$/\1\2/p")
	[ -n "$allowed" ] || complain "$file: $room is not in the list of folders"
	for included in $(sed -n 's/^#include "\(.*\)"$/\1/p' "$file")
	do
		[ -e "$included" ] || continue
		case " ${allowed%%:*} ${allowed#*:} " in
			*" ${included%%/*} "*) ;;
			*) complain "$file: $room may not include $included" ;;
		esac
	done
done

for file in $(wc -l ./*.c ./*/*.c ./*/*.h | awk '$1 > 600 && $2 != "total" { print $2 }')
do
	complain "${file#./}: more than 600 lines"
done
# A function begins at a brace in the first column, and ends at one.
for place in $(awk '
	/^{/ { begin = FNR }
	/^}/ && begin { if (FNR - begin > 80) print FILENAME ":" begin; begin = 0 }
' ./*.c ./*/*.c)
do
	complain "${place#./}: a function of more than 80 lines"
done

# only PATTERN FILES...: no other file may have it
only()
{
	pattern=$1
	shift
	for file in $(grep -lE "$pattern" ./*.c ./*/*.c ./*/*.h || true)
	do
		case " $* " in
			*" ${file#./} "*) ;;
			*" ${file%/*}/ "*) ;;
			*) complain "${file#./}: $pattern belongs to $*" ;;
		esac
	done
}
only '<curl/' ./http/
only '"http/internal.h"' ./http/
only '"server/shared_internal.h"' server/shared.c server/slot.c server/wake.c
only '<openssl/' protocol/auth.c
only 'PG_VERSION_NUM|LIBCURL_VERSION_NUM' base/compat.h
only 'SPI_(prepare|execute|execute_plan|execute_snapshot)\b' outbox/statement.c outbox/conditions.c
only '"(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH) ' ./outbox/
only 'WaitEventSetWait' http/sockets.c
only '\bhttp_start\(' http/http.c http/http.h worker/line.c worker/line.h

# owned MEMBER FILES...: this struct of a bot or target is written there alone
owned()
{
	member=$1
	shift
	for place in $(grep -nE "(->|\\.)$member\\.[a-z_]+(\\[[^]]*\\])? *([-+|&]?=[^=]|\\+\\+|--)|(\\+\\+|--)[a-z>_-]*->$member\\.|&[a-z>_-]+->$member([^a-z_.[]|$)" worker/*.c |
		grep -vE "const [A-Za-z]+ +\\*|_(configure|init|init_window)\\(&" | cut -d: -f1,2)
	do
		case " $* " in
			*" ${place%:*} "*) ;;
			*) complain "$place: $member is written by $*" ;;
		esac
	done
}
owned app worker/bot_app.c
owned catalog worker/catalog.c
owned graph worker/graph_queue.c
owned pacing worker/bot_pace.c
owned secret worker/bot_secret.c
owned shares worker/share.c
owned status worker/bot_status.c
owned window worker/target.c worker/window.c
owned inquiry worker/installation.c
owned question worker/graph_queue.c worker/installation.c
owned queue worker/target.c worker/window.c
owned rest worker/target.c
only '[a-z]->(cursor|is_on|is_sparse) *=[^=]' worker/lane.c
only 'target->(knowledge|state) *=[^=]' worker/target.c

# What a module of the worker's begins with.
for opener in $(sed -n 's/^extern void \([a-z_]*_open\)(MemoryContext context);/\1/p' worker/*.h)
do
	grep -q "^	$opener,\{0,1\}$" worker/delivery.c ||
		complain "worker/delivery.c: $opener is not in the list"
done

# What callers run with the rights of the tables' owner must not look for an
# operator or function in the callers' search_path: the modules that begin such
# a session, and what those share.
callers=$(grep -l SESSION_CALLER */*.c
	echo outbox/keys.c outbox/locks.c outbox/sql.h)
never()
{
	for line in $(grep -nE "^[[:space:]]*\".*($1)" $callers | cut -d: -f1,2)
	do
		complain "$line: $2"
	done
}
term='[a-z0-9_.$]+'
never "(WHERE|AND|OR|ON|WHEN|HAVING|\\() ?$term (=|<>|<|>|<=|>=|~|\\+|-|\\|\\|) " \
	'write OPERATOR(pg_catalog...)'
never "CASE [a-z]" 'write CASE WHEN ... OPERATOR(pg_catalog.=) ...'
never " (NOT )?(IN|LIKE|BETWEEN) |IS (NOT )?DISTINCT FROM|NULLIF\\(|USING \\(" \
	'it hides an operator'
never "(^|[^._a-z])(count|min|max|sum|nextval|unnest|array_agg|now|clock_timestamp|pg_notify)\\(" \
	'write pg_catalog...'

exit $status
