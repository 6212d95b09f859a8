/*
 * session.h
 *	  Transactions on the extension's tables, for the worker and for ordinary
 *	  sessions alike.
 */
#ifndef TP_SESSION_H
#define TP_SESSION_H

#include "datatype/timestamp.h"

/* How the process uses the tables. */
typedef enum SessionKind
{
	SESSION_CALLER,				/* inside the caller's transaction */
	SESSION_PROCEDURE,			/* a procedure that commits as it goes */
	SESSION_WORKER				/* a background worker */
} SessionKind;

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
extern void session_hurry(void);
extern const char *session_database(void);
extern bool session_is_senders(void);
extern void session_leave(void);	/* after an error in SESSION_PROCEDURE */
extern bool session_has_extension(void);
extern bool session_own_outbox(void);
extern void session_disown_outbox(void);

#endif							/* TP_SESSION_H */
