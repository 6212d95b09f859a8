/*
 * notifications.h
 *	  What triggers that notify need of the tables.
 *
 * All functions are for the trigger function, in its caller's transaction,
 * with the rights of the tables' owner.
 */
#ifndef TP_NOTIFICATIONS_H
#define TP_NOTIFICATIONS_H

/* A message of a trigger that could not be written, for teams_notify_error. */
typedef struct OutboxNotifyError
{
	const char *schema;
	const char *table;
	const char *trigger;
	const char *template;
	const char *error_code;
	const char *error;
	const char *hint;			/* or NULL */
	const char *data;			/* JSON */
} OutboxNotifyError;
extern void outbox_save_notify_error(const OutboxNotifyError *error);
extern bool outbox_has_template(const char *name);
extern char **outbox_find_people(const char *bot, const char *const *names,
								 int count);

#endif							/* TP_NOTIFICATIONS_H */
