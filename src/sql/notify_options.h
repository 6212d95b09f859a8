/*
 * notify_options.h
 *	  The arguments of a trigger that calls teams_notify().
 */
#ifndef TP_NOTIFY_OPTIONS_H
#define TP_NOTIFY_OPTIONS_H

#include "utils/rel.h"
#include "utils/reltrigger.h"
#include "utils/timestamp.h"

/* Options that name a column of the row, or have a fixed value. */
typedef enum NotifyOption
{
	NOTIFY_TO,
	NOTIFY_TEAM,
	NOTIFY_CHANNEL,
	NOTIFY_CHAT,
	NOTIFY_THREAD,
	NOTIFY_LOCALE,
	NOTIFY_BOT,
	NOTIFY_DEDUPE,
	NOTIFY_PRIORITY,
	NOTIFY_REFERENCE
} NotifyOption;

#define NOTIFY_VALUES (NOTIFY_REFERENCE + 1)

/* Those up to this one make a recipient. */
#define NOTIFY_LAST_OF_RECIPIENT NOTIFY_BOT

typedef struct NotifyValue
{
	bool		is_given;
	AttrNumber	column;			/* or 0: it is the literal */
	const char *literal;
} NotifyValue;

typedef struct NotifyOptions
{
	const char *template;
	NotifyValue values[NOTIFY_VALUES];
	NotifyOption target;		/* which of to, team and chat is given */
	bool		has_array;		/* of targets */
	Interval   *delay;			/* or NULL */
	Interval   *expires;		/* or NULL */
	Interval   *digest;			/* for how long to collect, or NULL */
	const char *where;			/* an expression, or NULL */
	bool		only_warns;
	bool		needs_target;	/* there must be one: null is an error */
} NotifyOptions;
extern void notify_parse_options(Relation table, const Trigger *trigger,
								 NotifyOptions *options);
extern char *notify_value(const NotifyOptions *options, NotifyOption option,
						  HeapTuple row, TupleDesc desc);
extern List *notify_targets(const NotifyOptions *options, HeapTuple row,
							TupleDesc desc);

#endif							/* TP_NOTIFY_OPTIONS_H */
