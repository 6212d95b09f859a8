/*
 * digests.h
 *	  Rows of triggers that wait for the digest that they are in.
 */
#ifndef TP_DIGESTS_H
#define TP_DIGESTS_H

#include "datatype/timestamp.h"
#include "utils/timestamp.h"

#include "protocol/kind.h"

/* Rows that one digest shows, and bytes of their JSON: more are counted. */
#define OUTBOX_DIGEST_MAX_ROWS 100
#define OUTBOX_DIGEST_MAX_SIZE 100000

/* Rows of one message, and all that is to be known for it. */
typedef struct OutboxDigest
{
	const char *key;			/* rows of one target with the same key are in
								 * the same one */
	const char *sender;
	const char *bot;
	Scope		scope;
	const char *target;
	const char *team;			/* of a channel, or NULL */
	const char *thread;			/* or NULL, as the next */
	const char *locale;
	const char *priority;
	const char *template;
	const Interval *expires;	/* after it is sent, or NULL */
	const char *schema;			/* of the table */
	const char *table;
	const char *trigger;
	const char *operation;

	/* What was taken. */
	TimestampTz expires_at;		/* 0: never */
	int64		count;			/* rows */
	int			shown;			/* how many of them there are here */
	const char **rows;			/* as JSON */
} OutboxDigest;

/* For the trigger; all texts are in the database's encoding. */
extern void outbox_collect(const OutboxDigest *digest, Interval *after,
						   const char *const *rows, int count);

/* For the one that sends; texts are UTF-8. */
extern bool outbox_take_digest(Datum key, Datum bot, Datum target,
							   OutboxDigest *digest);
extern int64 outbox_fail_digest(const OutboxDigest *digest, const char *error,
								const char *hint);
extern TimestampTz outbox_next_digest(void);
extern bool outbox_send_digest(int64 *id);

#endif							/* TP_DIGESTS_H */
