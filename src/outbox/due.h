/*
 * due.h
 *	  Messages in the outbox that are due.
 *
 * All functions must be called between session_begin() and session_commit().
 * Strings are UTF-8.
 */
#ifndef TP_DUE_H
#define TP_DUE_H

#include "datatype/timestamp.h"

#include "base/words.h"
#include "protocol/kind.h"

/* What teams_installation knows of a target. */
typedef enum TargetKnowledge
{
	KNOWN_NOT,					/* Graph is to be asked */
	KNOWN_UNVERIFIED,			/* the same; it was there for whoever had the
								 * name */
	KNOWN_LOST,					/* the same; it was there, and is said not to
								 * be */
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
	bool		has_followers;	/* of what has become ready: others wait for
								 * it */
	char	   *place;			/* of a change: the chat where the message is,
								 * "" if that was not sent; or NULL */
	char	   *place_url;		/* the service URL of that chat, or NULL */
	bool		at_once;		/* nothing has to be asked before it goes */
	bool		is_held;		/* it waits for a job of its team, or is one
								 * that waits for messages to the team's
								 * channels */
} OutboxMessage;

/*
 * Where to look for a bot's messages: "room" ids above "after" of one
 * priority, for those to people who are known, to the others, or to both.  The
 * last three are set: up to which id all was looked at, how many there were,
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
	int64		passed_from;	/* the first that is to be looked at again, or
								 * 0 */
} OutboxSweep;

/*
 * Read messages that are due and that no retry of an earlier one to the same
 * target holds back, in the order of their ids; and with each, up to
 * "earlier_room" that are due to the same target in other priorities, or were
 * passed over, and come before it, unless there are none.
 */
extern int	outbox_read_due(OutboxSweep *sweeps, int nsweeps,
							int earlier_room, MemoryContext context,
							OutboxMessage **messages);

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
 * Make messages ready whose time has come, up to a thousand, and read them.
 */
extern int	outbox_make_ready(MemoryContext context, OutboxMessage **messages);
extern TimestampTz outbox_next_due(void);

#endif							/* TP_DUE_H */
