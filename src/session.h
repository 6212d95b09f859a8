/*
 * session.h
 *	  Transactions and prepared statements on the extension's tables, for the
 *	  worker and for ordinary sessions alike.
 */
#ifndef TP_SESSION_H
#define TP_SESSION_H

#include "executor/spi.h"

/*
 * A statement, prepared when first run and kept.  "@" in its text stands for
 * the extension's schema.
 */
typedef struct Statement
{
	const char *text;
	int			nargs;
	Oid			args[12];
	SPIPlanPtr	plan;
} Statement;

/* How the process uses the tables. */
typedef enum SessionKind
{
	SESSION_CALLER,				/* inside the caller's transaction */
	SESSION_PROCEDURE,			/* a procedure that commits as it goes */
	SESSION_WORKER				/* a background worker */
} SessionKind;

/* Say where the tables are: in the schema of the function that is running. */
extern void session_attach(Oid schema);

/*
 * Work on the tables, and who the process was before it took the rights of
 * their owner.  It may be nested: what the worker writes may fire a trigger
 * that sends a message.
 */
typedef struct Session
{
	SessionKind kind;
	Oid			role;
	int			security_context;
} Session;

/*
 * The worker finds the extension at the beginning of each of its transactions.
 * False from session_begin(): the extension is not there, or not the one that
 * was there before; no transaction is open then.
 *
 * For SESSION_PROCEDURE an SPI connection that is not atomic must be open.
 * Between session_begin() and session_commit() the process has the rights of
 * the extension's owner.  session_abort() is for the worker, after an error.
 */
extern void session_attach_worker(void);
extern bool session_begin(SessionKind kind, Session *session);
extern void session_commit(const Session *session);
extern void session_abort(void);

/* Are the tables being written by the process that sends? */
extern bool session_is_senders(void);
extern void session_leave(void);	/* after an error in SESSION_PROCEDURE */

/* The worker: is the extension here at all? */
extern bool session_has_extension(void);

/*
 * Become the one process that sends from this database's outbox, until the
 * process ends or session_disown_outbox().  False if another one is.
 */
extern bool session_own_outbox(void);
extern void session_disown_outbox(void);

/*
 * Run a statement; nulls may be NULL.  Returns the number of rows.  The second
 * is for reading what has been committed by now, also in a transaction that
 * goes by an older snapshot.
 */
extern uint64 session_run(Statement *statement, Datum *values,
						  const char *nulls);
extern uint64 session_run_latest(Statement *statement, Datum *values,
								 const char *nulls);

/* The oid of a table or sequence of the extension; InvalidOid: not there. */
extern Oid	session_relation(const char *name);

/*
 * A column of a row of the last result.  Text comes as UTF-8 in the given
 * memory context, NULL for null; numbers of nulls are 0.
 */
extern char *session_text(uint64 row, int column, MemoryContext context);
extern int64 session_int8(uint64 row, int column);
extern int	session_int4(uint64 row, int column);
extern bool session_bool(uint64 row, int column);
extern TimestampTz session_timestamp(uint64 row, int column);	/* 0: null */

/*
 * Parameters from what the services say.  Text is UTF-8; where the database's
 * encoding cannot hold it, characters beyond ASCII become question marks.
 */
extern Datum session_text_datum(const char *text);
extern Datum session_text_array(const char *const *texts, int count);
extern Datum session_int8_array(const int64 *numbers, int count);
extern Datum session_bool_array(const bool *values, int count);
extern Datum session_timestamp_array(const TimestampTz *times, int count);

#endif							/* TP_SESSION_H */
