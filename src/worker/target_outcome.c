/*
 * target_outcome.c
 *	  What becomes of those that wait for a target when it cannot be reached,
 *	  or when Graph has answered about it.
 *
 * A job is answered by what was found out for it; what is found out is also
 * what those behind it go by, and what teams_installation says.
 */
#include "postgres.h"

#include "worker/installation.h"
#include "worker/settle.h"
#include "worker/target_outcome.h"

#define REMOVED_HINT \
	"Somebody has taken the bot away, and that is respected.  Call teams_ensure_installed() to install it nevertheless."
#define UNINSTALLED_HINT \
	"See teams_installed_detail for who wanted it.  Call teams_ensure_installed() to install it again."
#define BLOCKED_HINT \
	"See teams_installed_detail for what the service said.  Call teams_ensure_installed() when the recipient wants messages again."

/* Nothing is sent to the target until somebody asks for its installation. */
static bool
is_unreachable(const Target *target)
{
	return target->knowledge >= KNOWN_REMOVED &&
		!(target->knowledge == KNOWN_REMOVED && target->bot->config->reinstall);
}

/* Why nothing is sent to a target of which that is known. */
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

/*
 * The target's first message is in the list "asks": ask Graph.  False if there
 * is nothing to ask, since that the bot is there, or must not be there, is
 * known: then the next target_outcome_advance() settles the message, which
 * must not be done while outcomes are being written.
 */
bool
target_outcome_ask(Target *target)
{
	const Message *first = target_first(target);

	if (kind_is_job(first->kind) ?
		target->state == TARGET_KNOWN && kind_installs(first->kind) :
		is_unreachable(target))
		return false;
	installation_ask(target);
	return true;
}

/* The first message of a target in the list "asks" leaves that list. */
static void
see_to_first(Target *target)
{
	Message    *first = target_first(target);
	Failure		failure;

	if (target_outcome_ask(target))
		return;
	if (kind_is_job(first->kind))
		settle_sent(first, target->chat_id, NULL);
	else
	{
		describe_unreachable(target->knowledge, &failure);
		settle_all_failed(target, &failure);
	}
}

/* ----------
 * What Graph has said
 * ----------
 */

/* The job that Graph was asked for, or NULL if it is not there any more. */
static Message *
job_of(const Target *target)
{
	Message    *message = target->inquiry.job_id != 0 ?
		window_find(target->inquiry.job_id) : NULL;

	return message != NULL && message->target == target &&
		message->state == MESSAGE_QUEUED ? message : NULL;
}

/* The job has reached its end, wherever the chat is. */
static void
settle_job(Target *target)
{
	Message    *job = job_of(target);

	if (job != NULL)
		settle_sent(job, target->chat_id, NULL);
}

/* The bot is there. */
static void
found_present(Target *target)
{
	/* That it is there does not say that it is wanted. */
	if (kind_only_looks(target->inquiry.job) &&
		target->knowledge == KNOWN_BLOCKED)
		target_make_stale(target);
	else
	{
		target_set_knowledge(target, KNOWN_INSTALLED);
		settle_installation(target, INSTALL_INSTALLED, NULL, NULL);
	}
	settle_job(target);
}

/* The bot is not there, and was not to be installed. */
static void
found_absent(Target *target)
{
	InstallState state = INSTALL_ABSENT;

	if (kind_uninstalls(target->inquiry.job))
		target_set_knowledge(target, KNOWN_UNINSTALLED);
	else if (target->knowledge != KNOWN_NOT &&
			 target->knowledge != KNOWN_UNINSTALLED)
		target_set_knowledge(target, KNOWN_REMOVED);
	if (target->knowledge == KNOWN_UNINSTALLED)
		state = INSTALL_UNINSTALLED;
	else if (target->knowledge == KNOWN_REMOVED)
		state = INSTALL_REMOVED;
	settle_installation(target, state, NULL, NULL);
	if (target->scope == SCOPE_TEAM)
		window_lose_channels(target);
	settle_job(target);
}

/* A job for a target that was known is in vain; those behind it go on. */
static void
fail_job(Target *target, Message *job, const Failure *failure)
{
	if (kind_only_looks(target->inquiry.job))
		settle_installation(target, target->inquiry.failed_state,
							&target->inquiry.error, target->inquiry.hint);
	settle_failed(job, failure);
}

/* What was asked for is not to be had: those that wait for it fail. */
static void
give_up(Target *target, Failure *failure)
{
	Message    *job = job_of(target);

	if (target->inquiry.verdict == ACTION_INSTALL_AGAIN)
	{
		target_set_knowledge(target, KNOWN_REMOVED);
		failure->hint = REMOVED_HINT;
	}
	if (job != NULL && !kind_installs(target->inquiry.job))
	{
		fail_job(target, job, failure);
		return;
	}
	settle_installation(target, target->inquiry.failed_state,
						&target->inquiry.error, failure->hint);
	settle_all_failed(target, failure);
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

/*
 * The inquiry has failed.  If it is worth another attempt, whoever asked makes
 * it, and those behind wait for that.
 */
static void
found_nothing(Target *target)
{
	Message    *asker = asker_of(target);
	Failure		failure = {0};

	failure.code = target->inquiry.error.code[0] ? target->inquiry.error.code : "graph_error";
	failure.error = target->inquiry.error.message;
	failure.hint = target->inquiry.hint;
	failure.correlation_id = target->inquiry.correlation_id;
	failure.is_attempt = true;
	if (target->inquiry.verdict != ACTION_RETRY)
	{
		give_up(target, &failure);
		return;
	}

	/* So that people see what it waits for. */
	if (target->knowledge == KNOWN_NOT && kind_installs(target->inquiry.job))
		settle_installation(target, INSTALL_INSTALLING, &target->inquiry.error,
							target->inquiry.hint);
	if (asker != NULL)
		settle_retry(asker, &failure,
					 retry_decide(RETRY_MESSAGE, ACTION_RETRY,
								  asker->attempts + 1, target->inquiry.told));
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
	target_set_knowledge(target, target->chat_id != NULL ?
						 KNOWN_UNVERIFIED : KNOWN_NOT);
}

/* Graph has been asked about a target, or it was to no avail. */
static void
take_outcome(Target *target)
{
	target_note_change(target);

	/* Perhaps nobody waits for it, as the bot is another one now. */
	if (target_first(target) == NULL)
		return;
	if (target->in_doubt)
		ask_once_more(target);
	else if (target->inquiry.verdict != ACTION_OK)
		found_nothing(target);
	else if (target->inquiry.is_absent)
		found_absent(target);
	else
		found_present(target);
}

/*
 * Take in what was found out of targets, and see to all whose first message is
 * a question for Graph by now, by whatever has changed.
 */
void
target_outcome_advance(void)
{
	Target	   *target;

	while ((target = installation_take_finished()) != NULL)
		take_outcome(target);
	foreach_bot(bot)
	{
		dlist_head *asks = &bot->window.asks;

		while (!dlist_is_empty(asks))
			see_to_first(dlist_head_element(Target, queue.node, asks));
	}
}
