/*
 * api.c
 *	  The functions that SQL calls.
 */
#include "postgres.h"

#include "base/compat.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "base/cloud.h"
#include "base/trust.h"
#include "http/http.h"
#include "outbox/messages.h"
#include "outbox/session.h"
#include "protocol/credential.h"
#include "sql/accept.h"
#include "sql/arguments.h"
#include "sql/attempt.h"

SQL_FUNCTION(teams_send_text);
SQL_FUNCTION(teams_send_activity);
SQL_FUNCTION(teams_send_chat_text);
SQL_FUNCTION(teams_send_chat_activity);
SQL_FUNCTION(teams_post_text);
SQL_FUNCTION(teams_post_activity);
SQL_FUNCTION(teams_check_url);
SQL_FUNCTION(teams_check_credential);

/* ----------
 * Sending
 * ----------
 */

/* The activity is the argument, or is made of the argument that is a text. */
static void
take_judged_content(FunctionCallInfo fcinfo, int number, bool is_text,
					OutboxNew *message)
{
	message->activity = argument_content(fcinfo, number, is_text);
	message->is_judged = true;
}

/*
 * The options of a message, from the bot on: those that jobs have, too, and
 * those behind them.
 */
static void
take_options(FunctionCallInfo fcinfo, int first, OutboxNew *message)
{
	argument_options(fcinfo, first, message);
	message->delivery = argument_delivery(fcinfo, first + 5);
	message->reference = argument_key(fcinfo, first + 6, "reference");
	message->notify = argument_flag(fcinfo, first + 7);
}

/*
 * teams_send() and teams_send_chat() have the same arguments behind the
 * target.
 */
static Datum
send_content(FunctionCallInfo fcinfo, Scope scope, bool is_text)
{
	OutboxNew	message = {0};

	message.kind = KIND_SEND;
	message.scope = scope;
	message.target = scope == SCOPE_CHAT ? argument_chat(fcinfo, 0) :
		argument_user_id(fcinfo, 0);
	take_judged_content(fcinfo, 1, is_text, &message);
	take_options(fcinfo, 2, &message);
	PG_RETURN_INT64(accept_message(fcinfo, &message));
}

/* To a channel, or to the team, which is its General channel. */
static Datum
post_content(FunctionCallInfo fcinfo, bool is_text)
{
	OutboxNew	message = {0};
	char	   *team = argument_team(fcinfo, 0);
	char	   *channel = argument_channel(fcinfo, 1);

	message.kind = KIND_SEND;
	message.scope = channel != NULL ? SCOPE_CHANNEL : SCOPE_TEAM;
	message.target = channel != NULL ? channel : team;
	message.team = channel != NULL ? team : NULL;
	take_judged_content(fcinfo, 2, is_text, &message);
	message.thread = argument_key(fcinfo, 3, "thread");
	take_options(fcinfo, 4, &message);
	PG_RETURN_INT64(accept_message(fcinfo, &message));
}

static Datum
send_text(FunctionCallInfo fcinfo)
{
	return send_content(fcinfo, SCOPE_USER, true);
}

/* teams_send(user_id, text, ...): write to a person. */
Datum
teams_send_text(PG_FUNCTION_ARGS)
{
	return attempt_call(fcinfo, 10, send_text);
}

static Datum
send_activity(FunctionCallInfo fcinfo)
{
	return send_content(fcinfo, SCOPE_USER, false);
}

/* teams_send(user_id, activity, ...): the same, with an activity. */
Datum
teams_send_activity(PG_FUNCTION_ARGS)
{
	return attempt_call(fcinfo, 10, send_activity);
}

static Datum
send_chat_text(FunctionCallInfo fcinfo)
{
	return send_content(fcinfo, SCOPE_CHAT, true);
}

/* teams_send_chat(chat_id, text, ...): write to a chat that is there. */
Datum
teams_send_chat_text(PG_FUNCTION_ARGS)
{
	return attempt_call(fcinfo, 10, send_chat_text);
}

static Datum
send_chat_activity(FunctionCallInfo fcinfo)
{
	return send_content(fcinfo, SCOPE_CHAT, false);
}

/* teams_send_chat(chat_id, activity, ...): the same, with an activity. */
Datum
teams_send_chat_activity(PG_FUNCTION_ARGS)
{
	return attempt_call(fcinfo, 10, send_chat_activity);
}

static Datum
post_text(FunctionCallInfo fcinfo)
{
	return post_content(fcinfo, true);
}

/* teams_post(team, channel, text, ...): post to a channel, or to General. */
Datum
teams_post_text(PG_FUNCTION_ARGS)
{
	return attempt_call(fcinfo, 12, post_text);
}

static Datum
post_activity(FunctionCallInfo fcinfo)
{
	return post_content(fcinfo, false);
}

/* teams_post(team, channel, activity, ...): the same, with an activity. */
Datum
teams_post_activity(PG_FUNCTION_ARGS)
{
	return attempt_call(fcinfo, 12, post_activity);
}

/* ----------
 * Installations
 * ----------
 */

/* Jobs have nothing to say, and doing one twice does no harm. */
static Datum
enqueue_job(FunctionCallInfo fcinfo, Kind kind)
{
	OutboxNew	message = {0};

	message.kind = kind;
	message.scope = argument_scope(fcinfo, 6);
	message.target = argument_target(fcinfo, 0, message.scope);
	argument_options(fcinfo, 1, &message);
	message.delivery = DELIVERY_AT_LEAST_ONCE;
	PG_RETURN_INT64(accept_message(fcinfo, &message));
}

/* teams_ensure_installed() and the others, each by its line of kindlist.h. */
#define MESSAGE_KIND(name, word, has_activity, has_referent)
#define JOB_KIND(name, word, function, operation, absence, needs_version) \
SQL_FUNCTION(function); \
Datum \
function(PG_FUNCTION_ARGS) \
{ \
	return enqueue_job(fcinfo, name); \
}
#include "protocol/kindlist.h"

/* ----------
 * Configuration
 * ----------
 */

/* teams_check_url(parameter, url): an error if tokens must not go there. */
Datum
teams_check_url(PG_FUNCTION_ARGS)
{
	char	   *parameter = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *url = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const char *hint = "Write it without what follows the ? or #.";
	const char *problem = strpbrk(url, "?#") != NULL ?
		"The URL must not have a query or fragment." :
		http_url_problem(url, &hint);

	if (problem == NULL)
		problem = cloud_url_problem(parameter, url, &hint);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s cannot be used: \"%s\"", parameter, url),
				 errdetail("%s", problem),
				 errhint("%s", hint)));
	PG_RETURN_VOID();
}

/*
 * teams_check_credential(name): an error if the file of that name is none that
 * the server would read a secret from, or what it holds is surely none.
 */
Datum
teams_check_credential(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *problem = credential_problem(session_database(), name);

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("credential \"%s\" cannot be used", name),
				 errdetail("%s", problem),
				 errhint("Put the client secret into a file of that name in teams_proactive.credential_directory, readable by the server's user only.")));
	PG_RETURN_VOID();
}
