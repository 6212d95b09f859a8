#!/bin/sh
# Checks what the modules of src/ may include: a module only what stands below
# it, and each foreign interface in one module alone.
set -eu
cd "$(dirname "$0")/../src"

# From the bottom to the top; a line is a layer.
layers='
json trust policy throttle cloud compat settings value value_text activity
auth graph connector people
pace
expression expression_internal expression_token
expression_convert expression_date expression_eval expression_functions expression_number expression_operators expression_parse expression_strings expression_text
template template_internal template_expand template_prepare
shared shared_internal shared_wake credential schema encoding
rules
statement http http_internal http_headers http_sockets http_transfer http_url
line
session
outbox outbox_sql outbox_key outbox_lock outbox_bot outbox_change outbox_ledger outbox_read outbox_record outbox_settle outbox_user outbox_broadcast outbox_audience outbox_steer outbox_directory
tally
bot bot_pace
target
access share
inquiry
catalog
installation
window window_internal window_target window_team
settle flight
verdict
answer
dispatch
intake
sweep
reading
broadcast directory house
delivery
worker launcher ddl
arguments notify_options
submit
api accept notify change audience steer wait report render
teams_proactive
'

status=0
complain()
{
	echo "$1" >&2
	status=1
}

layer_of()
{
	echo "$layers" | grep -n -w "$1" | cut -d: -f1
}

for path in *.c */*.c */*.h
do
	file=${path##*/}
	module=${file%.*}
	own=$(layer_of "$module")
	[ -n "$own" ] || complain "src/$file: not in the list of layers"
	for included in $(sed -n 's/^#include "\([a-z_]*\)\.h"$/\1/p' "$path")
	do
		ls -- */"$included.h" >/dev/null 2>&1 || continue
		[ "$included" = "$module" ] && continue
		other=$(layer_of "$included")
		if [ "$other" -gt "$own" ]
		then
			complain "src/$file: includes $included.h from a layer above"
		fi
	done
done

# only PATTERN FILES...: no other file may have it
only()
{
	pattern=$1
	shift
	for file in $(grep -lE "$pattern" *.c */*.c */*.h || true)
	do
		case " $* " in
			*" ${file##*/} "*) ;;
			*) complain "src/$file: $pattern belongs to $*" ;;
		esac
	done
}
only '<curl/' http_internal.h http_sockets.c http_transfer.c http_url.c
only '"http_internal.h"' http.c http_headers.c http_sockets.c http_transfer.c http_url.c
only '"shared_internal.h"' shared.c shared_wake.c
only '<openssl/' auth.c
only 'PG_VERSION_NUM|LIBCURL_VERSION_NUM' compat.h
only 'SPI_(prepare|execute|execute_plan|execute_snapshot)\b' statement.c
only '"(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH) ' outbox_bot.c outbox_change.c \
	outbox_read.c outbox_settle.c outbox_sql.h outbox_user.c outbox_broadcast.c outbox_audience.c \
	outbox_record.c outbox_key.c outbox_ledger.c outbox_lock.c \
	outbox_steer.c outbox_directory.c
only 'WaitEventSetWait' http_sockets.c
only '\bhttp_start\(' http.c http.h line.c line.h

# What callers run with the rights of the tables' owner must not look for an
# operator or function in the callers' search_path: the modules that begin such
# a session, and what those share.
callers=$(grep -l SESSION_CALLER */*.c; echo outbox/outbox_key.c outbox/outbox_lock.c outbox/outbox_sql.h)
never()
{
	for line in $(grep -nE "^[[:space:]]*\".*($1)" $callers | cut -d: -f1,2)
	do
		complain "src/$line: $2"
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
