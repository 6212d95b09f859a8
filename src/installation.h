/*
 * installation.h
 *	  Finds out where a target's messages go, and installs the bot on the way.
 */
#ifndef TP_INSTALLATION_H
#define TP_INSTALLATION_H

#include "lib/ilist.h"

#include "bot.h"
#include "policy.h"

typedef enum TargetState
{
	TARGET_NEW,					/* nobody has asked, or it was to no avail */
	TARGET_ASKING,				/* Graph is being asked */
	TARGET_KNOWN				/* chat_id is set */
} TargetState;

/*
 * A person that a bot has messages for, while it has any in memory.  It is
 * kept by window.c, which owns the lower part and frees the strings.
 */
typedef struct Target
{
	const char *key;			/* scope:id, the hash key */
	Bot		   *bot;
	const char *scope;
	const char *id;

	TargetState state;
	Operation	next;			/* the next call while asking */
	TargetKnowledge knowledge;
	bool		may_reinstall;	/* although the bot was there once */
	bool		tried_to_install;
	bool		tried_new_token;
	bool		alone;			/* travels in a batch of its own */
	bool		installed_by_us;
	char	   *installation_id;
	char	   *app_version;
	char	   *chat_id;
	char	   *service_url;	/* NULL: the bot's */
	dlist_node	node;			/* in the bot's list "asking", in a batch or
								 * among those finished */

	/* If asking has failed: why. */
	Action		verdict;		/* ACTION_OK if it has not */
	ServiceError error;
	const char *hint;
	char	   *correlation_id; /* Graph's request-id, or NULL */
	double		retry_after;	/* seconds; negative: not said */

	/* For window.c. */
	dlist_head	messages;		/* in the order of their ids */
	int			message_count;
	Priority	priority;		/* the highest of its messages, also behind */
	int64		behind_from;	/* from this id on, messages may be in the table
								 * that no sweep comes to again; or 0 */
	Priority	behind_priority;
	bool		is_behind;		/* in the bot's list "behind" */
	dlist_node	behind_node;
	bool		is_ready;		/* in a list "ready" of the bot */
	dlist_node	ready_node;
	dlist_node	flying_node;	/* in the bot's list "flying" */
	TimestampTz not_before;		/* until then its chat rests */
} Target;

/* Targets that a bot asks for at a time; enough for full batches. */
#define INSTALLATION_MAX_ASKING 100

/*
 * Begin to ask for a target that is TARGET_NEW.  If the bot was lost for it,
 * it is installed again only if that is wanted.
 */
extern void installation_ask(Target *target, bool may_reinstall);

/* Send what can be sent of a bot's questions. */
extern void installation_advance(Bot *bot);

/*
 * The next target that was being asked for and is TARGET_KNOWN now, or
 * TARGET_NEW again with a verdict that says why; NULL if there is none.
 */
extern Target *installation_take_finished(void);

/* When a bot that was throttled may be asked again, or 0. */
extern TimestampTz installation_next(const Bot *bot);

/* Start anew, with nothing asked; what is found out lives in the context. */
extern void installation_open(MemoryContext context);

#endif							/* TP_INSTALLATION_H */
