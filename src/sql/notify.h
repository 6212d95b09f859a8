/*
 * notify.h
 *	  What the files of the trigger teams_notify() share.
 */
#ifndef TP_NOTIFY_H
#define TP_NOTIFY_H

#include "commands/trigger.h"
#include "utils/rel.h"

#include "outbox/conditions.h"
#include "sql/notify_options.h"

/* One message: about a row, or those of one recipient. */
typedef struct Subject
{
	const char *template;
	NotifyOption target;		/* which of to, team and chat it goes to */
	const char *values[NOTIFY_VALUES];	/* of the options; NULL: nothing */
	TimestampTz send_at;		/* 0: at once */
	TimestampTz expires_at;		/* 0: never */
	const char *data;			/* JSON for the template */
} Subject;

/* The trigger that has fired. */
typedef struct Firing
{
	TriggerData *trigger;
	NotifyOptions options;
	Condition  *condition;		/* or NULL */
	Oid			owner;			/* of the table */
	Oid			schema;			/* of the extension */
} Firing;

/*
 * A row, for one of its recipients.  Those with the same text in "recipient"
 * are for the same one, those with the same number are the same row.
 */
typedef struct NotifyRow
{
	HeapTuple	tuple;
	const char *target;			/* as it is sent to; NULL: null */
	const char *bot;
	const char *person;			/* the target by one name for all */
	const char *recipient;
	int			number;
} NotifyRow;

/* notify_rows.c */
extern NotifyRow *notify_expand_row(const Firing *firing, HeapTuple row,
									HeapTuple old, int *count);
extern void notify_append_part(StringInfo text, const char *part);
extern NotifyRow *notify_read_rows(const Firing *firing,
								   Tuplestorestate *store, int *count);

/* notify_data.c */
extern char *notify_data_of_row(const Firing *firing, HeapTuple row,
								HeapTuple old);
extern char *notify_data_of_rows(const Firing *firing, const NotifyRow *rows,
								 int count);

extern char *notify_row_json(const Firing *firing, HeapTuple row);
extern const char *notify_operation(const Firing *firing);
extern char *notify_digest_data(const char *const *rows, int shown, int64 count,
								const char *table, const char *schema,
								const char *operation);

/* notify_send.c */
extern void notify_send(const Firing *firing, const Subject *subject);
extern bool notify_try(const Firing *firing, const char *data,
					   void (*action) (void *argument), void *argument);
extern int64 notify_send_as(Oid schema, Oid role, const Subject *subject);
extern void notify_check_sender(Oid schema, Oid role, const Subject *subject);

/* notify_collect.c */
extern void notify_collect(const Firing *firing, const Subject *subject,
						   const NotifyRow *rows, int count);

#endif							/* TP_NOTIFY_H */
