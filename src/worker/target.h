/*
 * target.h
 *	  Somebody that a bot has messages for, while it has any in memory.
 *
 * installation.c finds out where the messages go; window.c keeps the targets
 * and their messages.
 */
#ifndef TP_TARGET_H
#define TP_TARGET_H

#include "lib/ilist.h"

#include "protocol/policy.h"
#include "worker/bot.h"

typedef enum TargetState
{
	TARGET_NEW,					/* nobody has asked, or it was to no avail */
	TARGET_ASKING,				/* Graph is being asked */
	TARGET_KNOWN				/* chat_id is set */
} TargetState;

/* It is kept by window.c, which owns the lower part and frees the strings. */
typedef struct Target
{
	const char *key;			/* scope:id, the hash key */
	Bot		   *bot;
	Scope		scope;
	const char *id;
	const char *team;			/* of a channel, else NULL */

	TargetState state;
	int64		party;			/* whose share it is asked for by */
	int64		turn;			/* in the list "asking" */
	Operation	next;			/* the next call while asking */
	TargetKnowledge knowledge;
	Kind		job;			/* what Graph is asked for: a job, or only for
								 * where a message goes */
	int64		job_id;			/* of the message that is the job, or 0 */
	bool		may_reinstall;	/* although the bot was there once */
	bool		looked_up;
	bool		tried_to_install;
	bool		upgraded;
	bool		tried_new_token;
	bool		alone;			/* travels in a batch of its own */
	bool		installed_by_us;
	bool		is_absent;		/* what was found out, if all went well */
	char	   *installation_id;
	char	   *app_version;
	char	   *chat_id;
	char	   *service_url;	/* NULL: the bot's */
	char	   *user_id;		/* of a user known by name: whose chat it is, if
								 * that is known */
	TimestampTz verify_at;		/* from then on the name may be another's; 0:
								 * never */
	bool		is_verified;	/* just now, and nothing was sent since */
	bool		asks_former;	/* whether user_id still has the bot, as the
								 * name's owner has not */
	bool		in_doubt;		/* what the answers say may be outdated */
	dlist_node	node;			/* in the bot's list "asking", in a batch or
								 * among those finished */

	/* If asking has failed: why. */
	Action		verdict;		/* ACTION_OK if it has not */
	ServiceError error;
	const char *hint;
	char	   *correlation_id; /* Graph's request-id, or NULL */
	double		retry_after;	/* seconds; negative: not said */
	InstallState failed_state;	/* for teams_installation */
	TimestampTz rests_until;	/* its team has been asked enough for now */

	/* For window.c. */
	dlist_head	messages;		/* in the order of their ids */
	int			message_count;
	Priority	priority;		/* the highest of its messages, also behind */
	int64		behind_from;	/* from this id on, messages may be in the table
								 * that no sweep comes to again; or 0 */
	Priority	behind_priority;
	int64		held_from;		/* from this id on, what the table has waits for
								 * others of its team; or 0 */
	bool		is_behind;		/* in the bot's list "behind" */
	dlist_node	behind_node;
	bool		is_ready;		/* in a list "ready" of the bot */
	dlist_node	ready_node;
	dlist_node	flying_node;	/* in the bot's list "flying" */
	bool		is_idle;		/* in the list of those that may be freed */
	dlist_node	idle_node;
	TimestampTz not_before;		/* until then its chat rests */
} Target;

/* Do its messages go to a channel?  General is written to by its team. */
static inline bool
target_is_in_team(const Target *target)
{
	return target->scope == SCOPE_CHANNEL || target->scope == SCOPE_TEAM;
}

/* Where its messages are sent. */
static inline const char *
target_service_url(const Target *target)
{
	return target->service_url != NULL ? target->service_url :
		target->bot->connector_url;
}

/* Is it a person by user principal name, which may become another's? */
static inline bool
target_is_name(const Target *target)
{
	return target->scope == SCOPE_USER && strchr(target->id, '@') != NULL;
}

#endif							/* TP_TARGET_H */
