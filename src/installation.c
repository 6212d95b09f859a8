/*
 * installation.c
 *	  Finds out where a target's messages go, and installs the bot on the way.
 *
 * Somebody new gets the bot at once: the answer says if it was there (contract
 * 12), and then its id is asked for, and with that the chat's (3.3 to 3.5).
 * The quotas count these three calls separately (5.2): "installedApps" by their
 * verb, and the chat, which is none of them, among "other GET Teams calls".  So
 * people come as fast as one call a person lets them.  Where the bot was before
 * and may have been taken away, it is looked for first, and also where it is
 * refused, as it may be there already.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "access.h"
#include "graph.h"
#include "inquiry.h"
#include "installation.h"
#include "trust.h"

/* The longest Retry-After that is believed. */
#define MAX_RETRY_AFTER 3600.0

/* Installations answered by 404 in a row: then the catalog lacks the app. */
#define MAX_REFUSED_INSTALLS 3

static MemoryContext targets_context;
static dlist_head finished;

/* Keep a string in place of what was there before. */
static void
keep(char **place, const char *text)
{
	if (*place != NULL)
		pfree(*place);
	*place = text ? MemoryContextStrdup(targets_context, text) : NULL;
}

Target *
installation_take_finished(void)
{
	Target	   *target;

	if (dlist_is_empty(&finished))
		return NULL;
	target = dlist_container(Target, node, dlist_pop_head_node(&finished));
	target->state = target->verdict == ACTION_OK ? TARGET_KNOWN : TARGET_NEW;
	target->bot->asking_targets--;
	return target;
}

/* ----------
 * Answers
 * ----------
 */

static void
finish(Target *target)
{
	dlist_push_tail(&finished, &target->node);
}

static void
forget_error(Target *target)
{
	if (target->error.code != NULL)
		pfree(unconstify(char *, target->error.code));
	if (target->error.message != NULL)
		pfree(unconstify(char *, target->error.message));
	target->error.code = target->error.message = NULL;
}

static void
fail(Target *target, Action verdict, const ServiceError *error,
	 const char *hint, double retry_after)
{
	MemoryContext old;

	forget_error(target);
	old = MemoryContextSwitchTo(targets_context);
	target->verdict = verdict;
	policy_set_error(&target->error, error->code, error->message);
	MemoryContextSwitchTo(old);
	target->hint = hint;
	target->retry_after = retry_after;
	dlist_push_tail(&finished, &target->node);
}

/* Fail a target for a reason of our own. */
static void
fail_because(Target *target, Action verdict, const char *code,
			 const char *message)
{
	ServiceError error = {code, message};

	fail(target, verdict, &error, NULL, -1);
}

void
installation_ask(Target *target, bool may_reinstall)
{
	const char *problem = trust_user_id_problem(target->id);

	target->state = TARGET_ASKING;
	target->may_reinstall = may_reinstall;
	target->bot->asking_targets++;
	target->verdict = ACTION_OK;
	target->looked_up = false;
	target->tried_to_install = false;
	target->tried_new_token = false;
	target->alone = false;
	target->installed_by_us = false;
	if (problem != NULL)
	{
		/* A row that was not written by teams_send(). */
		fail_because(target, ACTION_FAIL, "invalid_user_id", problem);
		return;
	}
	inquiry_ask(target, target->knowledge == KNOWN_LOST ? OP_LOOKUP : OP_INSTALL);
}

static void
take_chat(Target *target, const GraphReply *reply)
{
	keep(&target->chat_id, reply->chat_id);
	target->knowledge = KNOWN_INSTALLED;
	finish(target);
}

static void
take_lookup(Target *target, const GraphReply *reply)
{
	target->looked_up = true;
	if (reply->installation_id != NULL)
	{
		keep(&target->installation_id, reply->installation_id);
		keep(&target->app_version, reply->app_version);
		inquiry_ask(target, OP_CHAT);
	}
	else if (target->knowledge == KNOWN_LOST && !target->may_reinstall)
		fail_because(target, ACTION_INSTALL_AGAIN, "removed_by_user",
					 "the bot was removed for this person");
	else if (!target->tried_to_install)
		inquiry_ask(target, OP_INSTALL);
	else
		fail_because(target, ACTION_RETRY, "installation_not_visible",
					 "the bot was installed, but Graph does not list it yet");
}

static void
take_success(Target *target, const GraphReply *reply)
{
	access_graph_accepted(target->bot);
	bot_succeeded(target->bot, target->next);
	switch (target->next)
	{
		case OP_LOOKUP:
			take_lookup(target, reply);
			break;
		case OP_INSTALL:
			/* 201 has no body, 409 says that it is there: ask for its id */
			target->tried_to_install = true;
			target->installed_by_us = reply->status != 409;
			target->bot->refused_installs = 0;
			inquiry_ask(target, OP_LOOKUP);
			break;
		default:
			take_chat(target, reply);
			break;
	}
}

/*
 * Graph does not tell an app that is not in the catalog from a person who
 * cannot have it (contract 3.4).  Several people in a row, all of whom it had
 * just looked up: then it is the app.
 */
static bool
is_missing_app(Target *target, const GraphReply *reply)
{
	if (target->next != OP_INSTALL || reply->status != 404)
		return false;
	return ++target->bot->refused_installs >= MAX_REFUSED_INSTALLS;
}

/* Is it refused to somebody for whom nobody has looked yet? */
static bool
is_refused_unseen(const Target *target, Action action)
{
	return target->next == OP_INSTALL && !target->looked_up &&
		(action == ACTION_FAIL || action == ACTION_PAUSE_BOT);
}

static void
take_failure(Target *target, const GraphReply *reply, Action action,
			 int token)
{
	Bot		   *bot = target->bot;
	const char *hint = policy_hint(target->next, reply->status,
								   &reply->error);
	double		delay = policy_retry_after(reply->retry_after, bot_clock(),
										   MAX_RETRY_AFTER);

	switch (action)
	{
		case ACTION_THROTTLED:
			/* The longest of the delays told counts (contract 3.10). */
			bot_graph_throttled(bot, inquiry_kind(target->next),
								delay);
			inquiry_ask(target, target->next);
			break;
		case ACTION_REAUTH:
			access_graph_refused(bot, token, &reply->error);
			if (target->tried_new_token)
				fail(target, ACTION_RETRY, &reply->error, hint, delay);
			else
				inquiry_ask(target, target->next);
			target->tried_new_token = true;
			break;
		case ACTION_PAUSE_BOT:
			bot_pause_for(bot, "Graph refused a request", target->next,
						  reply->status, &reply->error);
			inquiry_ask(target, target->next);
			break;
		default:
			if (is_missing_app(target, reply))
			{
				bot_pause_for(bot, "Graph cannot install the app", OP_INSTALL,
							  reply->status, &reply->error);
				inquiry_ask(target, target->next);
			}
			else
				fail(target, action, &reply->error, hint, delay);
			break;
	}
}

static void
take_reply(Target *target, const GraphReply *reply, int token)
{
	Action		action;

	keep(&target->correlation_id, reply->correlation_id);
	if (reply->status == 0)
		fail(target, ACTION_RETRY, &reply->error, NULL, -1);
	else if (reply->malformed)
		fail_because(target, ACTION_RETRY, "malformed_reply",
					 "Graph's reply makes no sense");
	else
	{
		action = policy_classify(target->next, reply->status, &reply->error);
		if (action == ACTION_OK)
			take_success(target, reply);
		else if (is_refused_unseen(target, action))
			inquiry_ask(target, OP_LOOKUP);
		else
			take_failure(target, reply, action, token);
	}
}

void
installation_open(MemoryContext context)
{
	targets_context = context;
	dlist_init(&finished);
	inquiry_open(context, take_reply);
}
