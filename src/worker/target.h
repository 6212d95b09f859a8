/*
 * target.h
 *	  Somebody that a bot has messages for, while it has any in memory.
 *
 * installation.c finds out where the messages go; window.c admits them, and
 * dispatch.c lets them go.  target.c says what they wait for.
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

/* Messages of one target that may be in memory. */
#define TARGET_ROOM 8

/* What the first message in memory waits for: see target.c. */
typedef enum QueueState
{
	QUEUE_EMPTY,
	QUEUE_ASKS,
	QUEUE_WAITS,
	QUEUE_READY,
	QUEUE_FLIES
} QueueState;

/* The messages that are in memory. */
typedef struct TargetQueue
{
	dlist_head	messages;		/* in the order of their ids */
	int			count;
	Priority	priority;		/* the highest of these, and of the rest */
	QueueState	state;
	dlist_node	node;			/* in one of the bot's lists "ready" or
								 * "asks" */
} TargetQueue;

/* What the messages wait for that are in the table: see target.c. */
typedef enum RestState
{
	REST_NONE,
	REST_HELD,
	REST_ASKING,
	REST_FIRST,
	REST_FULL,
	REST_DUE
} RestState;

/* The messages that no sweep comes to again, and that stay in the table. */
typedef struct TargetRest
{
	int64		from;			/* from this id on there may be some; or 0 */
	Priority	priority;		/* the highest that they may have */
	int64		held_from;		/* from this id on, they wait for others of its
								 * team; or 0 */
	RestState	state;
	dlist_node	node;			/* in the bot's list "due" */
} TargetRest;

/* What Graph is asked about a target, and what came of it. */
typedef struct TargetInquiry
{
	Kind		job;			/* what for: a job, or only where to send */
	int64		job_id;			/* of the message that is the job, or 0 */
	bool		may_reinstall;	/* although the bot was there once */
	bool		looked_up;
	bool		tried_to_install;
	bool		is_done;		/* the job's operation */
	bool		tried_new_token;
	bool		asks_former;	/* whether user_id still has the bot, as the
								 * name's owner has not */

	/* At its end. */
	Action		verdict;		/* ACTION_OK if all went well */
	bool		is_absent;		/* then: the bot is not there */
	bool		installed_by_us;
	ServiceError error;			/* if it did not: why */
	const char *hint;
	char	   *correlation_id; /* Graph's request-id, or NULL */
	double		told;			/* Retry-After in seconds; negative: not
								 * told */
	InstallState failed_state;	/* for teams_installation */
} TargetInquiry;

/* The next question of the inquiry, on its way to Graph. */
typedef struct TargetQuestion
{
	Operation	op;
	int64		turn;			/* among those that wait */
	bool		alone;			/* travels in a batch of its own */
	TimestampTz rests_until;	/* its team has been asked enough for now */
	dlist_node	node;			/* among those that wait, in a batch, or where
								 * installation.c or catalog.c keep it */
} TargetQuestion;

typedef struct Target
{
	const char *key;			/* scope:id, the hash key */
	Bot		   *bot;
	Scope		scope;
	const char *id;
	const char *team;			/* of a channel, else NULL */

	TargetState state;
	int64		party;			/* whose share it is asked for by */
	TargetKnowledge knowledge;
	char	   *installation_id;
	char	   *app_version;
	char	   *chat_id;
	char	   *service_url;	/* NULL: the bot's */
	char	   *user_id;		/* of a user known by name: whose chat it is,
								 * if that is known */
	TimestampTz verify_at;		/* from then on the name may be another's; 0:
								 * never */
	bool		is_verified;	/* just now, and nothing was sent since */
	bool		in_doubt;		/* what the answers say may be outdated */
	TargetInquiry inquiry;		/* installation.c */
	TargetQuestion question;	/* graph_queue.c */

	TimestampTz not_before;		/* dispatch.c: until then its chat rests */
	TargetQueue queue;			/* target.c and window.c */
	TargetRest	rest;			/* target.c */
	bool		is_idle;		/* in the list of those that may be freed */
	dlist_node	idle_node;
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

/* For a walk over all targets of a bot. */
typedef struct TargetScan
{
	HASH_SEQ_STATUS targets;
} TargetScan;

struct Message;

extern void target_open(MemoryContext context);
extern void target_init_window(BotWindow *window);
extern Target *target_find(Bot *bot, Scope scope, const char *id);
extern Target *target_find_or_make(Bot *bot, const OutboxMessage *row);
extern void target_begin_scan(Bot *bot, TargetScan *scan);
extern Target *target_next(TargetScan *scan);

/* Its messages in memory. */
extern struct Message *target_first(Target *target);
extern int64 target_last_queued_id(Target *target);
extern bool target_waits_for_first(const Target *target);

/* What has changed, for the states of its messages to follow. */
extern void target_update(Target *target);
extern void target_set_state(Target *target, TargetState state);
extern void target_make_stale(Target *target);
extern void target_set_knowledge(Target *target, TargetKnowledge knowledge);
extern void target_note_rest(Target *target, int64 from, Priority priority);
extern void target_note_change(Target *target);
extern void target_take_rest(Target *target);
extern void target_hold(Target *target, int64 from);

/* Free those that nothing is left of: nobody may have a pointer to one. */
extern void target_free_idle(void);

#endif							/* TP_TARGET_H */
