/*
 * messages.h
 *	  What SQL functions do with messages.
 *
 * All functions are for SQL functions, in their callers' transactions, with
 * the rights of the tables' owner.
 */
#ifndef TP_MESSAGES_H
#define TP_MESSAGES_H

#include "datatype/timestamp.h"
#include "utils/array.h"

#include "base/words.h"
#include "protocol/kind.h"

/* Bytes of a reference, which has up to 255 characters. */
#define MESSAGE_MAX_REFERENCE 1020

typedef struct OutboxNew
{
	const char *bot;			/* in the database's encoding, as are all */
	Kind		kind;
	Scope		scope;
	const char *target;
	const char *team;			/* of a channel, or NULL */
	const char *activity;		/* JSON text, or NULL */
	bool		is_judged;		/* the activity, by activity_problem() */
	int64		broadcast;		/* or 0 */
	int64		refers_to;		/* or 0 */
	const char *thread;			/* the application's key of it, or NULL: then
								 * refers_to is the message that started it */
	Delivery	delivery;
	Priority	priority;
	const char *dedupe_key;		/* or NULL */
	const char *reference;		/* or NULL */
	bool		notify;			/* tell what becomes of it */
	TimestampTz send_at;		/* 0: at once */
	TimestampTz expires_at;		/* 0: never */
	Oid			sender;
} OutboxNew;
extern int64 outbox_enqueue(OutboxNew *message);
extern bool outbox_has_registration(Datum client_id, Datum tenant_id);
extern ArrayType *outbox_find_reference(const char *reference,
										bool only_messages);
extern int64 outbox_cancel(ArrayType *ids, Oid role);
extern int64 outbox_cancel_own(ArrayType *ids, Oid role);
extern void outbox_hold_loaded(int64 id);
extern void outbox_hold(ArrayType *ids, Oid role);
extern int	outbox_retry(ArrayType *ids, Oid role, MemoryContext context,
						 int64 **new_ids);

typedef enum FateState
{
	FATE_UNKNOWN,				/* no such message */
	FATE_UNCOMMITTED,			/* the current transaction wrote it */
	FATE_PENDING,
	FATE_SETTLED
} FateState;

typedef struct MessageFate
{
	FateState	state;
	Oid			sender;
	Fate		fate;			/* if settled */
	char	   *error_code;		/* or, if pending, what it waits for */
	char	   *error;
	char	   *hint;
	bool		needs_somebody; /* pending, until a person has acted */
	TimestampTz due_at;			/* pending, not before; 0: it may go */
} MessageFate;
extern MessageFate *outbox_fate(int64 id, MemoryContext context);
extern void outbox_record(int64 id);
extern int	outbox_record_pending(const char *bot);

#endif							/* TP_MESSAGES_H */
