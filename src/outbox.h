/*
 * outbox.h
 *	  The extension's tables, as the rest of the C code sees them.
 *
 * All functions but outbox_enqueue() and outbox_fate() must be called between
 * session_begin() and session_commit().  Strings are UTF-8.
 */
#ifndef TP_OUTBOX_H
#define TP_OUTBOX_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* ----------
 * Bots
 * ----------
 */
typedef struct OutboxBot
{
	char	   *name;
	char	   *tenant_id;
	char	   *client_id;
	char	   *teams_app_id;	/* NULL: ask the catalog for manifest_id */
	char	   *manifest_id;
	char	   *credential;
	char	   *cloud;
	bool		multi_tenant;
	char	   *login_url;		/* NULL: the cloud's */
	char	   *graph_url;
	char	   *connector_url;
	int			connector_rate; /* requests each second */
	int			graph_rate;		/* the same, for each verb */
	bool		paused;
} OutboxBot;

/* All bots, as a list of OutboxBot in the given context. */
extern List *outbox_read_bots(MemoryContext context);
extern void outbox_pause_bot(const char *bot, const char *reason);
extern void outbox_save_trouble(const char *bot, const char *trouble);
extern void outbox_save_app_id(const char *bot, const char *teams_app_id);

/* ----------
 * Pending messages
 * ----------
 */
typedef struct OutboxMessage
{
	int64		id;
	char	   *bot;
	bool		is_send;		/* else: make sure that the bot is installed */
	char	   *scope;
	char	   *target;
	int			attempts;
	bool		retrying;
	bool		at_most_once;
	char	   *error_code;		/* of the last attempt, or NULL */

	/* What teams_installation knows of the target; NULL: not known. */
	char	   *chat_id;
	char	   *service_url;
} OutboxMessage;

/* Where to look for a bot's messages: ids above "after", "room" of them. */
typedef struct OutboxSweep
{
	const char *bot;
	int64		after;
	int			room;
} OutboxSweep;

/*
 * Read messages that are due and that no retry of an earlier one to the same
 * target holds back, in the order of their ids.
 */
extern int	outbox_read_due(const OutboxSweep *sweeps, int nsweeps,
							MemoryContext context, OutboxMessage **messages);

/* A message about to be posted. */
typedef struct OutboxPost
{
	int64		id;
	char	   *activity;
} OutboxPost;

/*
 * Enter messages into the ledger and read what to post.  Those that are gone
 * or locked by somebody are left out.  Returns the batch's id, 0 if none is
 * left.
 */
extern int64 outbox_enter_ledger(const int64 *ids, int count,
								 MemoryContext context,
								 OutboxPost **posts, int *nposts);

/* What became of an attempt. */
typedef struct Outcome
{
	int64		id;
	bool		is_final;		/* else to be tried again at due_at */
	const char *fate;			/* if final */
	bool		is_attempt;		/* counts against max_attempts */
	bool		doubtful;		/* may have been carried out nevertheless */
	TimestampTz due_at;
	const char *conversation_id;
	const char *activity_id;
	const char *error_code;
	const char *error;
	const char *hint;
	const char *correlation_id;
} Outcome;

extern void outbox_settle(Outcome *const *outcomes, int count);
extern void outbox_postpone(Outcome *const *outcomes, int count);

/* Take messages that are to be tried again from their batches. */
extern void outbox_leave_ledger(const int64 *batches, int nbatches,
								const int64 *ids, int nids);
extern void outbox_close_batches(const int64 *batches, int count);

/* The first message of a bot that has become due. */
typedef struct OutboxDue
{
	char	   *bot;
	int64		first_id;
} OutboxDue;

/* Make messages ready whose time has come; a list of OutboxDue. */
extern List *outbox_make_ready(MemoryContext context);

/* When the next message becomes due, or 0. */
extern TimestampTz outbox_next_due(void);

/*
 * Decide about the messages that the ledger has from an earlier life: those
 * are in doubt, and no others.  Returns how many there were.
 */
extern int64 outbox_recover(void);

/* ----------
 * Installations
 * ----------
 */
typedef struct OutboxInstallation
{
	const char *bot;
	const char *scope;
	const char *target;
	const char *state;
	const char *installation_id;
	const char *app_version;
	const char *chat_id;
	bool		installed_by_us;
	const char *error_code;
	const char *error;
} OutboxInstallation;

extern void outbox_save_installations(OutboxInstallation *const *records,
									  int count);

/* ----------
 * For SQL functions
 * ----------
 */
typedef struct OutboxNew
{
	const char *bot;			/* in the database's encoding, as are all */
	const char *kind;
	const char *scope;
	const char *target;
	const char *activity;		/* JSON text, or NULL */
	const char *delivery;
	Oid			sender;
} OutboxNew;

/*
 * Insert a message in the current transaction.  Returns its id, or 0 if the
 * bot does not exist.
 */
extern int64 outbox_enqueue(const OutboxNew *message);

typedef enum FateState
{
	FATE_UNKNOWN,				/* no such message */
	FATE_UNCOMMITTED,			/* the current transaction wrote it */
	FATE_PENDING,
	FATE_SETTLED
} FateState;

typedef struct Fate
{
	FateState	state;
	Oid			sender;
	char	   *fate;			/* if settled */
	char	   *error_code;
	char	   *error;
	char	   *hint;
} Fate;

extern Fate *outbox_fate(int64 id, MemoryContext context);

#endif							/* TP_OUTBOX_H */
