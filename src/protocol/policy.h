/*
 * policy.h
 *	  What an answer means, and when to try again.
 *
 * Tables and pure functions; no memory is kept, no clock is read.
 */
#ifndef TP_POLICY_H
#define TP_POLICY_H

#include "lib/stringinfo.h"

/* The calls that the worker makes. */
typedef enum Operation
{
	OP_TOKEN,					/* Entra ID, contract 2.1 */
	OP_CATALOG,					/* Graph, 3.2 */
	OP_LOOKUP,					/* Graph, 3.3: is the app installed? */
	OP_INSTALL,					/* Graph, 3.4 */
	OP_CHAT,					/* Graph, 3.5 */
	OP_CHANNEL,					/* Graph, a team's General, 3.8 */
	OP_UPGRADE,					/* Graph, 3.6 */
	OP_UNINSTALL,				/* Graph, 3.7 */
	OP_SEND,					/* Bot Connector, 4.2 */
	OP_THREAD,					/* the same, a new thread in a channel, 4.1 */
	OP_EDIT,					/* the same, 4.4 */
	OP_DELETE,					/* the same, 4.5 */
	OP_DIRECTORY,				/* Graph, 3.11: people and who is in a group */
	OP_ROSTER					/* Bot Connector, 4.6: who is in a team */
} Operation;

/* What to do with an answer; contract sections 1 and 16. */
typedef enum Action
{
	ACTION_OK,
	ACTION_RETRY,				/* temporary: back off, honour Retry-After */
	ACTION_THROTTLED,			/* 429: the same, but it is no failed
								 * attempt */
	ACTION_REAUTH,				/* 401: new token, then once more */
	ACTION_PAUSE_BOT,			/* nothing can succeed until somebody acts */
	ACTION_LOOK_UP_AGAIN,		/* what is cached of the target is stale */
	ACTION_INSTALL_AGAIN,		/* the bot is not installed (any more) */
	ACTION_BLOCKED,				/* the recipient does not want it */
	ACTION_FAIL					/* this message cannot succeed */
} Action;

/* Whom an answer concerns; contract 4.9 and 3.4. */
typedef enum Concern
{
	CONCERNS_MESSAGE,				/* the message that it answers, and no
									 * other */
	CONCERNS_CONVERSATION,			/* what goes to the same chat or channel */
	CONCERNS_INSTALLATION,			/* the person, chat or team that the app is
								 * installed for, with all of its channels */
	CONCERNS_BOT					/* whatever the bot sends */
} Concern;

/* An error as a service reported it; strings are UTF-8, never NULL. */
typedef struct ServiceError
{
	const char *code;			/* "" if the body had none */
	const char *message;		/* without secrets, cut to a sane length */
} ServiceError;

#define SERVICE_ERROR_MAX_CODE 100
#define SERVICE_ERROR_MAX_MESSAGE 1000

/* What is tried again. */
typedef enum RetrySubject
{
	RETRY_MESSAGE,				/* a row of the outbox */
	RETRY_LIST,					/* people of a group or team */
	RETRY_FETCH,				/* what a bot needs before it can do
								 * anything */
	RETRY_HOST					/* a host that cannot be reached */
} RetrySubject;

/* What the administrator has set; seconds. */
typedef struct RetryLimits
{
	double		base;			/* the longest delay after the first failure */
	double		cap;			/* and after any */
	int			attempts;		/* of a subject that has an end */
} RetryLimits;

/* Whether something is tried again. */
typedef struct Retry
{
	bool		again;			/* else that was the end of it */
	bool		counts;			/* among the attempts that have failed */
	double		delay;			/* seconds, if again */
} Retry;

extern void policy_set_error(ServiceError *error, const char *code,
							 const char *message);

/* What an answer means. */
extern Action policy_classify(Operation op, int status,
							  const ServiceError *error);
extern Concern policy_concern(Operation op, int status,
							  const ServiceError *error);
extern const char *policy_hint(Operation op, int status,
							   const ServiceError *error);
extern bool policy_may_be_done(int status);
extern bool policy_is_ambiguous(Operation op, int status);

/* When to try again. */
extern double policy_retry_after(const char *header, double now, double cap);
extern Retry policy_retry(RetrySubject subject, Action action, int attempt,
						  double told, const RetryLimits *limits,
						  double uniform);

#endif							/* TP_POLICY_H */
