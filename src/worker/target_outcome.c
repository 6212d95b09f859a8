/*
 * target_outcome.c
 *	  What becomes of those that wait for a target when it cannot be reached, or
 *	  when Graph has answered about it.
 *
 * A job is answered by what was found out for it; what is found out is also
 * what those behind it go by, and what teams_installation says.
 */
#include "postgres.h"

#include "worker/installation.h"
#include "worker/target_outcome.h"

#define REMOVED_HINT \
	"Somebody has taken the bot away, and that is respected.  Call teams_ensure_installed() to install it nevertheless."
#define UNINSTALLED_HINT \
	"See teams_installed for who wanted it.  Call teams_ensure_installed() to install it again."
#define BLOCKED_HINT \
	"See teams_installed for what the service said.  Call teams_ensure_installed() when the recipient wants messages again."

bool
verdict_is_unreachable(const Target *target)
{
	return target->knowledge >= KNOWN_REMOVED &&
		!(target->knowledge == KNOWN_REMOVED && target->bot->config->reinstall);
}

static void
describe_unreachable(TargetKnowledge knowledge, Failure *failure)
{
	memset(failure, 0, sizeof(Failure));
	switch (knowledge)
	{
		case KNOWN_BLOCKED:
			failure->code = "recipient_blocked";
			failure->error = "the recipient has blocked, muted or removed the bot";
			failure->hint = BLOCKED_HINT;
			break;
		case KNOWN_UNINSTALLED:
			failure->code = "uninstalled";
			failure->error = "the bot was uninstalled there by teams_uninstall()";
			failure->hint = UNINSTALLED_HINT;
			break;
		default:
			failure->code = "removed_by_user";
			failure->error = "somebody has taken the bot away";
			failure->hint = REMOVED_HINT;
			break;
	}
}

void
verdict_unreachable(Message *message)
{
	Failure		failure;

	describe_unreachable(message->target->knowledge, &failure);
	settle_failed(message, &failure);
}

/*
 * Those that queue for a target that is not known ask for it.  What needs no
 * target does not; the others come again behind it.
 */
static void
ask_for(Target *target)
{
	Message    *first = target_first(target);
	Failure		failure;

	if (first == NULL || target->state != TARGET_NEW)
		return;
	if (!message_needs_target(first))
		window_drop_queue(target);
	else if (!kind_is_job(first->kind) && verdict_is_unreachable(target))
	{
		describe_unreachable(target->knowledge, &failure);
		verdict_fail_all(target, &failure);
	}
	else
		installation_ask(target, first->kind,
						 kind_is_job(first->kind) ? first->id : 0,
						 first->last_code);
}

void
verdict_retry(Message *message, Failure *failure, Retry retry)
{
	Target	   *target = message->target;

	failure->is_attempt = retry.counts;
	if (retry.again)
		settle_retry(message, failure, retry.delay);
	else
	{
		settle_failed(message, failure);

		/* Those behind it go on. */
		ask_for(target);
	}
}

void
verdict_fail_and_ask_again(Message *message, const Failure *failure)
{
	Target	   *target = message->target;

	settle_failed(message, failure);
	target_make_stale(target);
	ask_for(target);
}

void
verdict_fail_all(Target *target, Failure *failure)
{
	Message    *message;
	bool		is_first = true;

	while ((message = target_first(target)) != NULL)
	{
		/* A job to install the bot is a wish to try again. */
		if (!message_needs_target(message) ||
			(kind_is_job(message->kind) && !is_first))
		{
			ask_for(target);
			return;
		}
		settle_failed(message, failure);
		is_first = false;
	}
}

void
verdict_verify(Target *target)
{
	target->knowledge = KNOWN_UNVERIFIED;
	target_make_stale(target);
	ask_for(target);
}

/* ----------
 * What Graph has said
 * ----------
 */

/* The job that Graph was asked for, or NULL if it is not there any more. */
static Message *
job_of(const Target *target)
{
	Message    *message = target->job_id != 0 ?
		window_find(target->job_id) : NULL;

	return message != NULL && message->target == target &&
		message->state == MESSAGE_QUEUED ? message : NULL;
}

static void
settle_job(Target *target)
{
	Message    *job = job_of(target);

	if (job != NULL)
		settle_sent(job, target->chat_id, NULL);
}

/* The bot is there. */
static void
take_presence(Target *target)
{
	/* That it is there does not say that it is wanted. */
	if (kind_only_looks(target->job) && target->knowledge == KNOWN_BLOCKED)
		target_make_stale(target);
	else
	{
		target->knowledge = KNOWN_INSTALLED;
		settle_installation(target, INSTALL_INSTALLED, NULL, NULL);
	}
	settle_job(target);
	ask_for(target);
}

/* The bot is not there, and was not to be installed. */
static void
take_absence(Target *target)
{
	InstallState state = INSTALL_ABSENT;

	if (kind_uninstalls(target->job))
		target->knowledge = KNOWN_UNINSTALLED;
	else if (target->knowledge != KNOWN_NOT &&
			 target->knowledge != KNOWN_UNINSTALLED)
		target->knowledge = KNOWN_REMOVED;
	if (target->knowledge == KNOWN_UNINSTALLED)
		state = INSTALL_UNINSTALLED;
	else if (target->knowledge == KNOWN_REMOVED)
		state = INSTALL_REMOVED;
	settle_installation(target, state, NULL, NULL);
	if (target->scope == SCOPE_TEAM)
		window_lose_channels(target);
	settle_job(target);
	ask_for(target);
}

/* A job for a target that was known is in vain; those behind it go on. */
static void
fail_job(Target *target, Message *job, const Failure *failure)
{
	if (kind_only_looks(target->job))
		settle_installation(target, target->failed_state, &target->error,
							target->hint);
	settle_failed(job, failure);
	ask_for(target);
}

static void
give_up(Target *target, Failure *failure)
{
	Message    *job = job_of(target);

	if (target->verdict == ACTION_INSTALL_AGAIN)
	{
		target->knowledge = KNOWN_REMOVED;
		target->failed_state = INSTALL_REMOVED;
		failure->hint = REMOVED_HINT;
	}
	if (job != NULL && !kind_installs(target->job))
	{
		fail_job(target, job, failure);
		return;
	}
	settle_installation(target, target->failed_state, &target->error,
						failure->hint);
	verdict_fail_all(target, failure);
}

/* The first that waits for what is found out, or NULL. */
static Message *
asker_of(Target *target)
{
	Message    *job = job_of(target);
	dlist_iter	iter;

	if (job != NULL)
		return job;
	dlist_foreach(iter, &target->queue.messages)
	{
		Message    *message = dlist_container(Message, node, iter.cur);

		if (message_needs_target(message))
			return message;
	}
	return NULL;
}

static void
take_failure(Target *target)
{
	Message    *asker = asker_of(target);
	Failure		failure = {0};

	failure.code = target->error.code[0] ? target->error.code : "graph_error";
	failure.error = target->error.message;
	failure.hint = target->hint;
	failure.correlation_id = target->correlation_id;
	failure.is_attempt = true;
	if (target->verdict != ACTION_RETRY)
	{
		give_up(target, &failure);
		return;
	}

	/* So that people see what it waits for. */
	if (target->knowledge == KNOWN_NOT && kind_installs(target->job))
		settle_installation(target, INSTALL_INSTALLING, &target->error,
							target->hint);
	if (asker != NULL)
		verdict_retry(asker, &failure,
					  retry_decide(RETRY_MESSAGE, ACTION_RETRY,
								   asker->attempts + 1, target->retry_after));
	else
		ask_for(target);
}

/*
 * Whose name it is has become doubtful while Graph was being asked: what was
 * found out is to be verified.
 */
static void
ask_once_more(Target *target)
{
	target->in_doubt = false;
	target_make_stale(target);
	target->knowledge = target->chat_id != NULL ?
		KNOWN_UNVERIFIED : KNOWN_NOT;
	ask_for(target);
}

void
verdict_of_graph(Target *target)
{
	target_note_change(target);

	/* Perhaps nobody waits for it, as the bot is another one now. */
	if (target_first(target) == NULL)
		return;
	if (target->in_doubt)
		ask_once_more(target);
	else if (target->verdict != ACTION_OK)
		take_failure(target);
	else if (target->is_absent)
		take_absence(target);
	else
		take_presence(target);
}

/* Jobs that only make sure of the installation are done: it is known. */
void
verdict_begin_jobs(Target *target)
{
	Message    *first;

	while ((first = target_first(target)) != NULL && kind_is_job(first->kind))
	{
		if (!kind_installs(first->kind))
		{
			installation_ask(target, first->kind, first->id, first->last_code);
			return;
		}
		settle_sent(first, target->chat_id, NULL);
	}
}
