/*
 * installation.c
 *	  Finds out where a target's messages go, and installs the bot on the way.
 *
 * Somebody new gets the bot at once: the answer says if it was there (contract
 * 12), and then its id is asked for, and with that the chat's (3.3 to 3.5).
 * The quotas count these three calls separately (5.2): "installedApps" by
 * their verb, and the chat, which is none of them, among "other GET Teams
 * calls".  So people come as fast as one call a person lets them.  Where the
 * bot was before and may have been taken away, it is looked for first, and
 * also where it is refused, as it may be there already.
 */
#include "postgres.h"

#include "base/compat.h"
#include "utils/memutils.h"

#include "base/settings.h"
#include "base/trust.h"
#include "protocol/graph.h"
#include "worker/bot_token.h"
#include "worker/catalog.h"
#include "worker/graph_queue.h"
#include "worker/installation.h"
#include "worker/message.h"
#include "worker/retry.h"
#include "worker/share.h"

/* The code of a message that waits for Graph to list what was installed. */
#define NOT_VISIBLE "installation_not_visible"

#define GROUP_ROLES_HINT \
	"Grant the application permission TeamsAppInstallation.ReadWriteSelfForTeam.All (for chats, ...ForChat.All; to post to General, also Channel.ReadBasic.All) to the bot's app registration, and have an administrator of the tenant consent to it."
#define UNKNOWN_GROUP_HINT \
	"There is no such team or chat in the tenant.  Check the id: that of a team is the id of its group."

#define UNKNOWN_ID_HINT \
	"Nobody has this id who is known to Teams. If it is that of a team, call teams_post(). Else check it, and that the user has a license for Teams."

static MemoryContext targets_context;
static dlist_head finished;

/* Keep a string in place of what was there before. */
static void
replace_text(char **place, const char *text)
{
	if (*place != NULL)
		pfree(*place);
	*place = text ? MemoryContextStrdup(targets_context, text) : NULL;
}

/* Does the target have a chat, after what was found out? */
static bool
has_chat(const Target *target)
{
	if (target->inquiry.verdict == ACTION_OK)
		return !target->inquiry.is_absent;
	return !kind_installs(target->inquiry.job) &&
		target->knowledge == KNOWN_INSTALLED;
}

/*
 * When it is to be asked again whose a name is.  What was found out at once
 * does not expire at once.
 */
static TimestampTz
next_verification(void)
{
	double		seconds = settings_name_lifetime *
		(0.75 + 0.25 * compat_random_uniform());

	if (settings_name_lifetime < 0)
		return 0;
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
									   (int64) (seconds * 1000));
}

/*
 * The next target that was being asked about, or NULL if there is none.  It is
 * TARGET_KNOWN now if it can be written to, else TARGET_NEW: then the verdict
 * of the inquiry says why, or the bot is absent.
 */
Target *
installation_take_finished(void)
{
	Target	   *target;

	if (dlist_is_empty(&finished))
		return NULL;
	target = dlist_container(Target, question.node,
							 dlist_pop_head_node(&finished));
	target_set_state(target, has_chat(target) ? TARGET_KNOWN : TARGET_NEW);
	if (target_is_name(target) && target->inquiry.verdict == ACTION_OK &&
		target->state == TARGET_KNOWN)
	{
		target->verify_at = next_verification();
		target->is_verified = true;
	}
	share_give_back(target->bot, target->party);
	if (kind_traits[target->inquiry.job].needs_version)
		bot_app_version_used(target->bot);
	return target;
}

/* ----------
 * Answers
 * ----------
 */

/* All is found out that there is to find out. */
static void
end_inquiry(Target *target)
{
	dlist_push_tail(&finished, &target->question.node);
}

/* The error of an earlier inquiry lives as long as the target. */
static void
forget_error(Target *target)
{
	if (target->inquiry.error.code != NULL)
		pfree(unconstify(char *, target->inquiry.error.code));
	if (target->inquiry.error.message != NULL)
		pfree(unconstify(char *, target->inquiry.error.message));
	target->inquiry.error.code = target->inquiry.error.message = NULL;
}

/*
 * It cannot be found out, or reached: for people the error, as the service has
 * said it, and what they can do about it.
 */
static void
end_failed(Target *target, Action verdict, const ServiceError *error,
		   const char *hint, double retry_after)
{
	MemoryContext old;

	forget_error(target);
	old = MemoryContextSwitchTo(targets_context);
	target->inquiry.verdict = verdict;
	if (verdict == ACTION_INSTALL_AGAIN)
		target->inquiry.failed_state = INSTALL_REMOVED;
	policy_set_error(&target->inquiry.error, error->code, error->message);
	MemoryContextSwitchTo(old);
	target->inquiry.hint = hint;
	target->inquiry.told = retry_after;
	dlist_push_tail(&finished, &target->question.node);
}

/* Fail a target for a reason of our own. */
static void
end_failed_because(Target *target, Action verdict, const char *code,
				   const char *message)
{
	ServiceError error = {code, message};

	end_failed(target, verdict, &error, NULL, -1);
}

/* What is wrong with the id of a row that no function has written, or NULL. */
static const char *
target_problem(const Target *target)
{
	const char *team = target->team ? target->team : target->id;

	if (target->scope == SCOPE_USER)
		return trust_user_id_problem(target->id);
	if (target->scope != SCOPE_CHAT && !trust_is_guid(team))
		return "the id of a team is a GUID";
	if (!trust_is_opaque_id(target->id))
		return "this cannot be an id";
	return NULL;
}

/* Was the bot there, so that it is looked for before it is installed? */
static bool
was_there(const Target *target)
{
	return target->knowledge == KNOWN_LOST ||
		target->knowledge == KNOWN_UNVERIFIED;
}

/* What was tried before may have been done, so a retry looks first. */
static Operation
first_step(const Target *target, bool is_retry)
{
	bool		install = kind_installs(target->inquiry.job);

	return install && !is_retry && !was_there(target) ?
		OP_INSTALL : OP_LOOKUP;
}

/* The name is somebody else's: nothing is known of them. */
static void
forget_person(Target *target)
{
	target_set_knowledge(target, KNOWN_NOT);
	target->verify_at = 0;
	replace_text(&target->installation_id, NULL);
	replace_text(&target->app_version, NULL);
	replace_text(&target->chat_id, NULL);
	replace_text(&target->user_id, NULL);
}

/*
 * Begin to ask about a target that is not being asked about, for the first of
 * its messages: that is a job, or wants no more than to get there.  If the bot
 * was lost for it, it is installed again only if that is wanted.
 */
void
installation_ask(Target *target)
{
	const Message *first = target_first(target);
	Kind		job = first->kind;
	const char *last_code = first->last_code;
	const char *problem = target_problem(target);
	Bot		   *bot = target->bot;

	target_set_state(target, TARGET_ASKING);
	target->inquiry.job = job;
	target->inquiry.job_id = kind_is_job(job) ? first->id : 0;
	target->inquiry.may_reinstall = kind_is_job(job) || bot->config->reinstall;
	share_take(bot, target->party);

	if (kind_traits[job].needs_version)
		bot_app_version_wanted(bot);
	target->inquiry.verdict = ACTION_OK;
	target->inquiry.is_absent = false;
	target->inquiry.looked_up = false;

	/*
	 * Where it was installed but is not visible yet, looking is all there is.
	 */
	target->inquiry.tried_to_install = strcmp(last_code, NOT_VISIBLE) == 0;
	target->inquiry.is_done = false;
	target->inquiry.tried_new_token = false;
	target->question.alone = false;
	target->inquiry.installed_by_us = false;
	target->inquiry.failed_state = INSTALL_FAILED;
	target->inquiry.asks_former = false;
	if (target->knowledge == KNOWN_NOT && target_is_name(target))
		forget_person(target);
	if (problem != NULL)
		end_failed_because(target, ACTION_FAIL, "invalid_target", problem);
	else
		graph_queue_ask(target, first_step(target, last_code[0] != '\0'));
}

/*
 * That is where its messages go.  The chat's id tells whose chat it is, too,
 * which shows later whether a name has become another's.
 */
static void
take_chat(Target *target, const char *chat_id)
{
	replace_text(&target->chat_id, chat_id);
	if (target_is_name(target))
		replace_text(&target->user_id,
					 graph_chat_user(chat_id, target->bot->config->client_id));
	end_inquiry(target);
}

/* The bot is not there, and that is what was to be found out or reached. */
static void
end_absent(Target *target)
{
	replace_text(&target->installation_id, NULL);
	replace_text(&target->app_version, NULL);
	replace_text(&target->chat_id, NULL);
	target->inquiry.is_absent = true;
	end_inquiry(target);
}

/*
 * Where do messages go?  Jobs for a target that is known need not ask, nor
 * need those who only made sure that a name is still the same person's.
 */
static void
ask_for_chat(Target *target)
{
	if (target->chat_id != NULL && (!kind_installs(target->inquiry.job) ||
									target->knowledge == KNOWN_UNVERIFIED))
		end_inquiry(target);
	else if (target->scope == SCOPE_USER)
		graph_queue_ask(target, OP_CHAT);
	else if (target->scope == SCOPE_TEAM)
		graph_queue_ask(target, OP_CHANNEL);
	else
		take_chat(target, target->id);
}

/*
 * Is there something to do with an installation that was found?  Upgrading to
 * the same version is documented nowhere (contract 3.6), so it is avoided
 * where the catalog's version is known.
 */
static bool
has_operation(const Target *target)
{
	const char *newest = target->bot->app.version;

	switch (kind_traits[target->inquiry.job].operation)
	{
		case OP_LOOKUP:
		case OP_INSTALL:
			return false;
		case OP_UPGRADE:
			return !target->inquiry.is_done &&
				(*newest == '\0' || target->app_version == NULL ||
				 strcmp(target->app_version, newest) != 0);
		default:
			return !target->inquiry.is_done;
	}
}

/* The bot is there: do what the job wants, or go on to the chat. */
static void
take_installation(Target *target, const GraphReply *reply)
{
	/* Nobody else's installation has the same id (contract 3.3). */
	if (target_is_name(target) && target->chat_id != NULL &&
		(target->installation_id == NULL ||
		 strcmp(target->installation_id, reply->installation_id) != 0))
		forget_person(target);
	replace_text(&target->installation_id, reply->installation_id);
	replace_text(&target->app_version, reply->app_version);
	if (has_operation(target))
		graph_queue_ask(target, kind_traits[target->inquiry.job].operation);
	else
		ask_for_chat(target);
}

/*
 * The bot is not there for whoever has the name.  Have they taken it away, or
 * are they somebody new?  That is so if the one who had the name has the bot
 * still, or is not there any more.
 */
static bool
must_ask_former(const Target *target)
{
	return !kind_is_job(target->inquiry.job) && was_there(target) &&
		!target->inquiry.may_reinstall && target->user_id != NULL;
}

/*
 * Whether the one who had the name still has the bot says whether somebody
 * else has the name now, who may not have had it ever.
 */
static void
take_former(Target *target, bool is_other)
{
	target->inquiry.asks_former = false;
	if (is_other)
	{
		forget_person(target);
		graph_queue_ask(target, OP_INSTALL);
	}
	else
		end_failed_because(target, ACTION_INSTALL_AGAIN, "removed_by_user",
						   "somebody has taken the bot away");
}

/* The list of installations has one with the bot, or none. */
static void
take_lookup(Target *target, const GraphReply *reply)
{
	target->inquiry.looked_up = true;
	if (target->inquiry.asks_former)
		take_former(target, reply->installation_id != NULL);
	else if (reply->installation_id != NULL)
		take_installation(target, reply);
	else if (kind_traits[target->inquiry.job].absence == ABSENCE_IS_SUCCESS)
		end_absent(target);
	else if (kind_traits[target->inquiry.job].absence == ABSENCE_IS_FAILURE)
	{
		end_failed_because(target, ACTION_FAIL, "not_installed",
						   "the bot is not installed there");
		target->inquiry.hint = "Call teams_ensure_installed() to install it.";
	}
	else if (must_ask_former(target))
	{
		target->inquiry.asks_former = true;
		graph_queue_ask(target, OP_LOOKUP);
	}
	else if (was_there(target) && !target->inquiry.may_reinstall)
		take_former(target, false);
	else if (!target->inquiry.tried_to_install)
		graph_queue_ask(target, OP_INSTALL);
	else
		end_failed_because(target, ACTION_RETRY, NOT_VISIBLE,
						   "the bot was installed, but Graph does not list it yet");
}

/* Graph has done what it was asked for; "token" is the serial of the token. */
static void
take_result(Target *target, const GraphReply *reply, int token)
{
	bot_token_accepted(target->bot, AUDIENCE_GRAPH, token);
	bot_succeeded(target->bot, target->question.op);
	switch (target->question.op)
	{
		case OP_LOOKUP:
			take_lookup(target, reply);
			break;
		case OP_INSTALL:
			/* 201 has no body, 409 says that it is there: ask for its id */
			target->inquiry.tried_to_install = true;
			target->inquiry.installed_by_us = reply->status != 409;
			if (target->inquiry.installed_by_us)
				catalog_note_app(target->bot);
			graph_queue_ask(target, OP_LOOKUP);
			break;
		case OP_CHAT:
		case OP_CHANNEL:
			take_chat(target, reply->chat_id);
			break;
		default:
			/* 204 says nothing of what is there now */
			target->inquiry.is_done = true;
			if (kind_uninstalls(target->inquiry.job))
				end_absent(target);
			else
				graph_queue_ask(target, OP_LOOKUP);
			break;
	}
}

/*
 * Is it open whether the app is refused, or somebody for whom Graph had just
 * looked?  It is the app if the catalog has not got it, and nothing else says
 * so: several people in a row may all be without a license.
 */
static bool
is_open(const Target *target, const GraphReply *reply)
{
	return target->question.op == OP_INSTALL &&
		(reply->status == 404 || reply->status == 400);
}

/* Is it refused to somebody for whom nobody has looked yet? */
static bool
is_refused_unseen(const Target *target, Action action)
{
	return target->question.op == OP_INSTALL && !target->inquiry.looked_up &&
		(action == ACTION_FAIL || action == ACTION_PAUSE_BOT);
}

/* What people can do about it; a team or chat is no person. */
static const char *
hint_of(const Target *target, const GraphReply *reply, Action action)
{
	if (target->scope != SCOPE_USER)
	{
		if (action == ACTION_PAUSE_BOT)
			return GROUP_ROLES_HINT;
		if (reply->status == 404 && target->question.op != OP_CHANNEL)
			return UNKNOWN_GROUP_HINT;
	}
	else if (reply->status == 404 && target->question.op == OP_LOOKUP &&
			 trust_is_guid(target->id))
		return UNKNOWN_ID_HINT;
	return policy_hint(target->question.op, reply->status, &reply->error);
}

/* What teams_installation says of a target that Graph refuses. */
static InstallState
failed_state(Operation op, int status)
{
	if (status == 403)
		return INSTALL_REFUSED;
	return status == 404 && (op == OP_LOOKUP || op == OP_INSTALL) ?
		INSTALL_UNKNOWN : INSTALL_FAILED;
}

/* Graph refuses it for good, unless it may be the app that is not there. */
static void
end_refused(Target *target, const GraphReply *reply, Action action,
			const char *hint, double delay)
{
	if (is_open(target, reply) && catalog_doubt(target))
		return;
	target->inquiry.failed_state = failed_state(target->question.op,
												reply->status);
	end_failed(target, action, &reply->error, hint, delay);
}

/* Graph has answered with an error, of that meaning. */
static void
take_error(Target *target, const GraphReply *reply, Action action,
		   int token)
{
	Bot		   *bot = target->bot;
	const char *hint = hint_of(target, reply, action);
	double		told = retry_told(reply->retry_after);

	switch (action)
	{
		case ACTION_THROTTLED:
			/* The longest of the delays told counts (contract 3.10). */
			bot_graph_throttled(bot, graph_queue_pace(target->question.op),
								told);
			graph_queue_ask(target, target->question.op);
			break;
		case ACTION_REAUTH:
			bot_token_refused(bot, AUDIENCE_GRAPH, token, &reply->error);
			if (target->inquiry.tried_new_token)
				end_failed(target, ACTION_RETRY, &reply->error, hint, told);
			else
				graph_queue_ask(target, target->question.op);
			target->inquiry.tried_new_token = true;
			break;
		case ACTION_PAUSE_BOT:
			if (target->scope != SCOPE_USER)
			{
				/* Teams and chats have permissions of their own */
				end_refused(target, reply, ACTION_FAIL, hint, told);
				break;
			}
			bot_pause_for(bot, "Graph refused a request", target->question.op,
						  reply->status, &reply->error);
			graph_queue_ask(target, target->question.op);
			break;
		default:
			end_refused(target, reply, action, hint, told);
			break;
	}
}

/* The handler of what was asked: one step of the inquiry is over. */
static void
take_reply(Target *target, const GraphReply *reply, int token)
{
	Action		action;

	replace_text(&target->inquiry.correlation_id, reply->correlation_id);
	if (reply->status == 0)
		end_failed(target, ACTION_RETRY, &reply->error, NULL, -1);
	else if (reply->malformed)
		end_failed_because(target, ACTION_RETRY, "malformed_reply",
						   "Graph's reply makes no sense");
	else
	{
		action = policy_classify(target->question.op, reply->status,
								 &reply->error);
		if (action == ACTION_OK)
			take_result(target, reply, token);
		else if (target->inquiry.asks_former && reply->status == 404)
			take_former(target, true);
		else if (is_refused_unseen(target, action))
			graph_queue_ask(target, OP_LOOKUP);
		else
			take_error(target, reply, action, token);
	}
}

/* Start with nothing asked; what is found out lives in the context. */
void
installation_open(MemoryContext context)
{
	targets_context = context;
	dlist_init(&finished);
	graph_queue_open(context, take_reply);
}
