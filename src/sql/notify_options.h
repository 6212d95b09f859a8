/*
 * notify_options.h
 *	  The arguments of a trigger that calls teams_notify().
 */
#ifndef TP_NOTIFY_OPTIONS_H
#define TP_NOTIFY_OPTIONS_H

#include "commands/trigger.h"
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
	NOTIFY_PRIORITY
} NotifyOption;

#define NOTIFY_VALUES (NOTIFY_PRIORITY + 1)

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
	Interval   *expires;		/* or NULL */
	bool		only_warns;
} NotifyOptions;

typedef enum NotifyTarget
{
	NOTIFY_TARGET_USER,
	NOTIFY_TARGET_TEAM,
	NOTIFY_TARGET_CHAT
} NotifyTarget;
extern void notify_parse_options(const TriggerData *trigger,
								 NotifyOptions *options);
extern NotifyTarget notify_target(const NotifyOptions *options);
extern const char *notify_value(const NotifyOptions *options,
								NotifyOption option, HeapTuple row,
								TupleDesc desc);
extern const char *notify_recipient(const NotifyOptions *options,
									HeapTuple row, TupleDesc desc);

#endif							/* TP_NOTIFY_OPTIONS_H */
