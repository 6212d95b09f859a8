/*
 * outbox.h
 *	  The extension's tables, as the rest of the C code sees them.
 *
 * All functions but those for SQL functions must be called between
 * session_begin() and session_commit().  Strings are UTF-8.
 */
#ifndef TP_OUTBOX_H
#define TP_OUTBOX_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/array.h"

#include "base/compat.h"
#include "base/throttle.h"
#include "base/words.h"
#include "protocol/connector.h"
#include "protocol/kind.h"

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
	int			chat_limits[CHAT_LIMITS];
	bool		reinstall;
	bool		dry_run;		/* it records, and sends nothing */
	const char *paused_by;		/* NULL: it is not paused */
	bool		is_at_home;		/* else this database is a copy */
} OutboxBot;

/* All bots, as a list of OutboxBot in the given context. */
extern List *outbox_read_bots(MemoryContext context);

/* May the bot's row be written without waiting for somebody's transaction? */
extern bool outbox_lock_bot(const char *bot);
extern void outbox_pause_bot(const char *bot, const char *reason,
							 const char *paused_by);
extern void outbox_resume_bot(const char *bot);
extern void outbox_save_trouble(const char *bot, const char *trouble);
extern void outbox_save_app_id(const char *bot, const char *teams_app_id);
extern void outbox_save_app_version(const char *bot, const char *version);

/* ----------
 * Pending messages
 * ----------
 */
/* What teams_installation knows of a target. */
typedef enum TargetKnowledge
{
	KNOWN_NOT,					/* Graph is to be asked */
	KNOWN_UNVERIFIED,			/* the same; it was there for whoever had the
								 * name */
	KNOWN_LOST,					/* the same; it was there, and is said not to be */
	KNOWN_INSTALLED,			/* chat_id is set */
	KNOWN_REMOVED,				/* somebody took the bot away */
	KNOWN_UNINSTALLED,			/* we did, as somebody here wanted */
	KNOWN_BLOCKED				/* the recipient does not want the bot */
} TargetKnowledge;

typedef struct OutboxMessage
{
	int64		id;
	char	   *bot;
	Kind		kind;
	Scope		scope;
	char	   *target;
	char	   *team;			/* of a channel, or NULL */
	Priority	priority;
	int			attempts;
	bool		retrying;
	bool		at_most_once;
	char	   *error_code;		/* of the last attempt, or NULL */
	TargetKnowledge knowledge;
	char	   *chat_id;
	char	   *service_url;	/* NULL: the bot's */
	char	   *installation_id;	/* these are for users known by name */
	char	   *user_id;
	TimestampTz verify_at;
	int64		party;			/* whose share of what Graph is asked for it
								 * takes; if it is_earlier, the later one's */
	const char *problem;		/* why nothing can be done for it, or NULL */
	int			source;			/* index of the sweep or target that it was
								 * read for; 0 of what has become ready */
	bool		is_earlier;		/* it was read because a later one to the same
								 * target is due */
	bool		has_followers;	/* of what has become ready: others wait for it */
	char	   *place;			/* of a change: the chat where the message is, ""
								 * if that was not sent; or NULL */
	char	   *place_url;		/* the service URL of that chat, or NULL */
	bool		at_once;		/* nothing has to be asked before it goes */
	bool		is_held;		/* it waits for a job of its team, or is one that
								 * waits for messages to the team's channels */
} OutboxMessage;

/*
 * Where to look for a bot's messages: "room" ids above "after" of one
 * priority, for those to people who are known, to the others, or to both.
 * The last three are set: up to which id all was looked at, how many there were,
 * and what was left out.
 */
typedef struct OutboxSweep
{
	const char *bot;
	Priority	priority;
	bool		known;
	bool		unknown;
	bool		alone;			/* no other priority has messages */
	bool		ahead;			/* it leaves out some parties, so that earlier
								 * ones to the same target may have been passed
								 * over in the same priority, too */
	int64	   *without;		/* these */
	int			nwithout;
	int64		first_party;	/* the one of them that needs no second look */
	int64		after;
	int			room;
	int64		last;
	int			scanned;
	int64		passed_from;	/* the first that is to be looked at again, or 0 */
} OutboxSweep;

/*
 * Read messages that are due and that no retry of an earlier one to the same
 * target holds back, in the order of their ids; and with each, up to
 * "earlier_room" that are due to the same target in other priorities, or were
 * passed over, and come before it, unless there are none.
 */
extern int	outbox_read_due(OutboxSweep *sweeps, int nsweeps,
							int earlier_room, MemoryContext context, OutboxMessage **messages);

/* Read the first that are due to each target; no more than "room". */
typedef struct OutboxBehind
{
	const char *bot;
	Scope		scope;
	const char *target;
} OutboxBehind;

extern int	outbox_read_behind(const OutboxBehind *targets, int ntargets,
							   int room, MemoryContext context,
							   OutboxMessage **messages);

/*
 * A message about to be posted.  The conversation and the activity are those
 * of the message that it edits, deletes or replies to; NULL if that was not
 * sent.
 */
typedef struct OutboxPost
{
	int64		id;
	Kind		kind;			/* of a message */
	char	   *activity;		/* NULL to delete */
	const char *problem;		/* why that cannot be sent, or NULL */
	bool		opted_out;		/* the recipient, of the broadcast's topic */
	bool		has_referent;
	char	   *conversation_id;
	char	   *activity_id;
} OutboxPost;

/*
 * Enter messages into the ledger and read what to post.  Those that somebody
 * has locked are left out, those that have expired, which outbox_expire() will
 * settle, and those that are gone; the ids of the latter go
 * to gone[count].  Returns the batch's id, 0 if none is left.
 */
extern int64 outbox_enter_ledger(const int64 *ids, int count,
								 MemoryContext context,
								 OutboxPost **posts, int *nposts,
								 int64 *gone, int *ngone);

/* What became of an attempt. */
typedef struct Outcome
{
	int64		id;
	bool		is_final;		/* else to be tried again at due_at */
	Fate		fate;			/* if final */
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

/*
 * Lock those that are still there and that nobody has locked; returns how many,
 * and their ids, palloc'd.
 */
extern int	outbox_lock_free(const int64 *ids, int count, int64 **locked);

extern void outbox_settle(Outcome *const *outcomes, int count);

/*
 * Have messages sent again later; those that were cancelled when they were on
 * the wire are not.  Returns the id of the first of these, or 0.
 */
extern int64 outbox_postpone(Outcome *const *outcomes, int count);
extern int64 outbox_end_postponed(void);

/* Take messages that are to be tried again from their batches. */
extern void outbox_leave_ledger(const int64 *batches, int nbatches,
								const int64 *ids, int nids);
extern void outbox_close_batches(const int64 *batches, int count);

/*
 * Make messages ready whose time has come, up to a thousand, and read them.
 */
extern int	outbox_make_ready(MemoryContext context, OutboxMessage **messages);

/* When the next message becomes due, or expires, or 0. */
extern TimestampTz outbox_next_due(void);

/*
 * Settle what has expired and is not on the wire, up to a thousand; sets their
 * ids, and whether each held back those behind it.
 */
typedef struct OutboxExpired
{
	int64		id;
	char	   *bot;
	bool		held_back;
} OutboxExpired;

extern int	outbox_expire(MemoryContext context, OutboxExpired **expired);

/*
 * Settle rows as failed for which nothing can be done; returns how many nobody
 * had locked.
 */
extern int	outbox_refuse(const int64 *ids, const char *const *problems,
						  int count);

/*
 * Remove up to a thousand old messages from the history, as many recipients of
 * old broadcasts, and broadcasts without any; returns how many rows.
 */
extern int64 outbox_purge_history(int retention_minutes);

/*
 * What a dry-run bot has in the outbox goes to the history as if it had been
 * sent: one message that the current transaction has written; or up to a
 * thousand that got there otherwise, and how many those were.
 */
extern void outbox_record(int64 id);
extern int	outbox_record_pending(const char *bot);

/*
 * Add up the account: up to so many rows behind an id, which is moved on.
 * False if there are more.
 */
extern bool outbox_fold_account(int64 *after, int most);

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
	Scope		scope;
	const char *target;
	InstallState state;
	const char *installation_id;
	const char *app_version;
	const char *chat_id;
	const char *user_id;
	TimestampTz verify_at;		/* 0: null */
	bool		installed_by_us;
	const char *error_code;
	const char *error;
	const char *hint;
	int64		job;			/* that has found this out, or 0 */
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
	TimestampTz send_at;		/* 0: at once */
	TimestampTz expires_at;		/* 0: never */
	Oid			sender;
} OutboxNew;

/*
 * Insert a message in the current transaction.  Returns its id, or that of the
 * message that has the key already.
 */
extern int64 outbox_enqueue(OutboxNew *message);

/* Is it a bot of this database: two uuids? */
extern bool outbox_has_registration(Datum client_id, Datum tenant_id);

/*
 * Cancel messages that the role may see and that are not on the wire; returns
 * how many.  The second leaves out those that others have sent.
 */
extern int64 outbox_cancel(ArrayType *ids, Oid role);
extern int64 outbox_cancel_own(ArrayType *ids, Oid role);

/* Hold a message back that was not written here, until teams_resume(). */
extern void outbox_hold_loaded(int64 id);

/* Hold such messages back until their due_at is something else again. */
extern void outbox_hold(ArrayType *ids, Oid role);

/*
 * Send messages again that the role may see and that were not sent; their new
 * ids go to new_ids, palloc'd in the context.
 */
extern int	outbox_retry(ArrayType *ids, Oid role, MemoryContext context,
						 int64 **new_ids);

/*
 * Give another activity to those of the messages that the role, or one of which
 * it is a member, has sent or is about to; or delete them if that is NULL.
 * What is not on the wire yet is rewritten; for the others a job is written.
 * Returns how many, and the ids of the jobs like outbox_retry().
 */
extern int	outbox_change(ArrayType *ids, const char *activity, Oid role,
						  MemoryContext context, int64 **new_ids);

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

extern void outbox_note_notify_error(const OutboxNotifyError *error);

/* Is there a template of that name, for whatever locale? */
extern bool outbox_has_template(const char *name);

/* Where a message is that was sent; false if the role cannot know. */
extern bool outbox_read_link(int64 id, Oid role, ConnectorLink *link);

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
	char	   *error_code;
	char	   *error;
	char	   *hint;
} MessageFate;

/*
 * What became of a message by now, whatever the caller's transaction has seen
 * of it; palloc'd in the context.
 */
extern MessageFate *outbox_fate(int64 id, MemoryContext context);

#endif							/* TP_OUTBOX_H */
