/*
 * arguments.c
 *	  The arguments of SQL functions, judged before anything is written.
 *
 * Whoever calls is there to hear what is wrong; a service's complaint comes
 * minutes later.
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "base/trust.h"
#include "protocol/activity.h"
#include "protocol/connector.h"
#include "protocol/rules.h"
#include "sql/arguments.h"

#define MAX_KEY 255

/* A text that must not be null. */
char *
argument_text(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* Teams' own ids of conversations: "19:" and what only the service knows. */
static bool
is_conversation_id(const char *id)
{
	return strncmp(id, "19:", 3) == 0 && strchr(id, '@') != NULL &&
		strpbrk(id, "/\\; ") == NULL && rules_opaque_id_problem(id) == NULL;
}

/* Could the byte be one of a user principal name, on either side of the @? */
static bool
is_part_of_name(char c)
{
	return IS_HIGHBIT_SET(c) || (c != '\0' &&
								 strchr("abcdefghijklmnopqrstuvwxyz"
										"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
										"0123456789'.-_!#^~", c) != NULL);
}

/* Is the address in "text" set off from what stands before and after it? */
static bool
stands_alone(const char *text, const char *begin, const char *end)
{
	size_t		blanks = strspn(text, " \t\r\n");

	return (text + blanks == begin || strchr("<:\"", begin[-1]) != NULL) &&
		strspn(end, ">\"; \t\r\n,.") == strlen(end);
}

/*
 * What to write in place of a text that is no user id: the address in it, if
 * it has just one, as "Ada <ada@contoso.com>" has.
 */
static const char *
user_id_advice(const char *text)
{
	const char *begin = strchr(text, '@');
	const char *end = begin;
	char	   *address;

	if (begin != NULL && strchr(begin + 1, '@') != NULL)
		return "That may be several people: call the function for each, or write to all with teams_broadcast(ARRAY['ada@contoso.com', 'grace@contoso.com'], ...).";
	if (begin != NULL)
	{
		while (begin > text && is_part_of_name(begin[-1]))
			begin--;
		do
			end++;
		while (is_part_of_name(*end));
		address = pnstrdup(begin, end - begin);
		if (rules_user_id_problem(address) == NULL &&
			stands_alone(text, begin, end))
			return psprintf("Write %s.", quote_literal_cstr(address));
	}
	return "Give the Entra object id or the user principal name of a person, such as ada@contoso.com.";
}

/* A user id in the form in which it is stored: both kinds ignore case. */
char *
argument_user_id(FunctionCallInfo fcinfo, int number)
{
	char	   *user_id = argument_text(fcinfo, number, "user_id");
	const char *problem = rules_user_id_problem(user_id);

	if (is_conversation_id(user_id))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is a chat or channel, not a person", user_id),
				 errhint("Call teams_send_chat() to write to a chat, or teams_post() to post to a channel.")));
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid user id: \"%s\"", user_id),
				 errdetail("%s", problem),
				 errhint("%s", user_id_advice(user_id))));
	return asc_tolower(user_id, strlen(user_id));
}

/* The id of a team, in lower case. */
char *
argument_team(FunctionCallInfo fcinfo, int number)
{
	char	   *team = argument_text(fcinfo, number, "team");

	if (!trust_is_guid(team))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid team: \"%s\"", team),
				 errdetail("A team is named by the id of its group, a UUID."),
				 errhint("It is the groupId in the link that Teams gives for the team.")));
	return asc_tolower(team, strlen(team));
}

/* The id of a channel; NULL for null, which is the team's General channel. */
char *
argument_channel(FunctionCallInfo fcinfo, int number)
{
	char	   *channel;

	if (PG_ARGISNULL(number))
		return NULL;
	channel = argument_text(fcinfo, number, "channel");
	if (!is_conversation_id(channel))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid channel: \"%s\"", channel),
				 errdetail("A channel is named by its id, such as 19:4a95f7d8db4c@thread.tacv2."),
				 errhint("It is in the link that Teams gives for the channel. Null is the team's General channel.")));
	return channel;
}

/* The id of a chat that is there; a person is none. */
char *
argument_chat(FunctionCallInfo fcinfo, int number)
{
	char	   *chat = argument_text(fcinfo, number, "chat_id");

	if (is_conversation_id(chat))
		return chat;
	if (rules_user_id_problem(chat) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" is a person, not a chat", chat),
				 errdetail("Teams lets no bot create a group chat: it can write to one that is there and in which it is installed."),
				 errhint("Give the id of a chat, which begins with 19:, or call teams_send() to write to the person alone.")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid chat: \"%s\"", chat),
			 errdetail("A chat is named by its id, such as 19:2da4c29f6d7041@thread.v2."),
			 errhint("It is in the link that Teams gives for the chat.")));
}

/* A word of the list; any other is an error that says what kind of word. */
static int
argument_word(FunctionCallInfo fcinfo, int number, const char *name,
			  const WordList *list, const char *what, const char *hint)
{
	char	   *word = argument_text(fcinfo, number, name);
	int			value = words_find(list, word, strlen(word));

	if (value < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown %s: \"%s\"", what, word),
				 errhint("%s", hint)));
	return value;
}

/* What the bot is installed for: user, team or chat. */
Scope
argument_scope(FunctionCallInfo fcinfo, int number)
{
	WordList	all_but_channel = {scope_words.words, SCOPE_CHANNEL};

	return argument_word(fcinfo, number, "scope", &all_but_channel, "scope",
						 "Give \"user\", \"team\" or \"chat\".");
}

/*
 * The id of what the bot is installed for, in the form in which it is stored.
 */
char *
argument_target(FunctionCallInfo fcinfo, int number, Scope scope)
{
	char	   *target = argument_text(fcinfo, number, "target");

	if (scope == SCOPE_USER && is_conversation_id(target))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is a chat, not a person", target),
				 errhint("Give scope => 'chat'.")));
	if (scope == SCOPE_TEAM)
		return argument_team(fcinfo, number);
	if (scope == SCOPE_CHAT)
		return argument_chat(fcinfo, number);
	return argument_user_id(fcinfo, number);
}

/* Ids of messages; none may be null. */
ArrayType *
argument_ids(FunctionCallInfo fcinfo)
{
	ArrayType  *ids = PG_GETARG_ARRAYTYPE_P(0);

	if (array_contains_nulls(ids))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("ids must not be null")));
	return ids;
}

/* A boolean; null is false. */
bool
argument_flag(FunctionCallInfo fcinfo, int number)
{
	return !PG_ARGISNULL(number) && PG_GETARG_BOOL(number);
}

/* Is what is wrong with a message a warning?  on_error: "fail" or "warn". */
bool
argument_only_warns(FunctionCallInfo fcinfo, int number)
{
	static const char *const words[] = {"fail", "warn"};
	static const WordList list = {words, lengthof(words)};

	return argument_word(fcinfo, number, "on_error", &list, "on_error",
						 "Give \"fail\" or \"warn\".") == 1;
}

/* Whether a message may arrive twice, or not at all. */
Delivery
argument_delivery(FunctionCallInfo fcinfo, int number)
{
	return argument_word(fcinfo, number, "delivery", &delivery_words,
						 "kind of delivery",
						 "Give \"at-least-once\" or \"at-most-once\".");
}

/* high, normal or low. */
static Priority
argument_priority(FunctionCallInfo fcinfo, int number)
{
	return argument_word(fcinfo, number, "priority", &priority_words,
						 "priority",
						 "Give \"high\", \"normal\" or \"low\".");
}

/* Not before then; 0 for null, and for what is over anyhow. */
static TimestampTz
argument_send_at(FunctionCallInfo fcinfo, int number)
{
	TimestampTz time;

	if (PG_ARGISNULL(number))
		return 0;
	time = PG_GETARG_TIMESTAMPTZ(number);
	if (TIMESTAMP_IS_NOEND(time))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("send_at must not be infinity")));
	return TIMESTAMP_IS_NOBEGIN(time) ? 0 : time;
}

/*
 * When it expires: 0 for null and infinity, which mean never.  A time in the
 * past is an error, and so are -infinity and the time whose number is 0.
 */
static TimestampTz
argument_expires_at(FunctionCallInfo fcinfo, int number, TimestampTz send_at)
{
	TimestampTz time;

	if (PG_ARGISNULL(number))
		return 0;
	time = PG_GETARG_TIMESTAMPTZ(number);
	if (TIMESTAMP_IS_NOEND(time))
		return 0;
	if (time <= Max(send_at, GetCurrentTimestamp()))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message would expire before it is sent"),
				 errhint("Give an expires_at in the future, and after send_at.")));
	return time;
}

/* A key of the application's, of up to 255 characters; NULL for null. */
char *
argument_key(FunctionCallInfo fcinfo, int number, const char *name)
{
	char	   *key;
	int			length;

	if (PG_ARGISNULL(number))
		return NULL;
	key = argument_text(fcinfo, number, name);
	length = pg_mbstrlen(key);
	if (length == 0 || length > MAX_KEY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must have between 1 and %d characters",
						name, MAX_KEY),
				 errdetail("It has %d.", length)));
	return key;
}

/* The arguments that are the same for all, from this number on. */
void
argument_options(FunctionCallInfo fcinfo, int first, OutboxNew *message)
{
	message->bot = argument_text(fcinfo, first, "bot");
	message->send_at = argument_send_at(fcinfo, first + 1);
	message->expires_at = argument_expires_at(fcinfo, first + 2,
											  message->send_at);
	message->priority = argument_priority(fcinfo, first + 3);
	message->dedupe_key = argument_key(fcinfo, first + 4, "dedupe_key");
}

/* ----------
 * Activities
 * ----------
 */

/* Once in a transaction: who sends to many is told once. */
static void
notice_large(void)
{
	static TimestampTz noticed_in = 0;

	if (noticed_in == GetCurrentTransactionStartTimestamp())
		return;
	noticed_in = GetCurrentTransactionStartTimestamp();
	ereport(NOTICE,
			(errmsg("message is nearly as large as Teams accepts"),
			 errdetail("Its activity has more than %d bytes as UTF-16; Microsoft recommends to stay below that, and Teams refuses what has more than about %d.",
					   CONNECTOR_GOOD_ACTIVITY_SIZE,
					   CONNECTOR_MAX_ACTIVITY_SIZE),
			 errhint("Shorten the message, or send it in parts. Images do not count.")));
}

/*
 * An error if the activity, as JSON text, cannot be sent: see rules.h; and a
 * notice if that may soon be so.
 */
void
argument_check_activity(const char *activity)
{
	RulesSize	size;
	const char *problem = rules_activity_problem(activity, &size);

	if (problem == NULL && size == RULES_SIZE_LARGE)
		notice_large();
	if (problem == NULL)
		return;
	if (size == RULES_SIZE_TOO_LARGE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("message is too large"),
				 errdetail("%s", problem),
				 errhint("Shorten the message, or send it in parts.")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("message cannot be sent"),
			 errdetail("%s", problem)));
}

/*
 * An error if a text is an activity or card as JSON.  That is a slip: of
 * parameters without a type the text form takes whatever a driver made of an
 * object, and people would read JSON.
 */
static void
check_text(const char *text)
{
	const char *hint;
	const char *problem;

	if (text[strspn(text, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message text is empty"),
				 errhint("Give a text that has more than blanks, or an activity.")));
	problem = activity_text_problem(text, &hint);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s", problem),
				 errdetail("As a text, people would read it as JSON."),
				 errhint("%s", hint)));
}

/* The smallest activity that shows a text. */
static char *
activity_of_text(const char *text)
{
	StringInfoData activity;

	check_text(text);
	initStringInfo(&activity);
	appendStringInfoString(&activity, "{\"type\":\"message\",\"text\":");
	escape_json(&activity, text);
	appendStringInfoChar(&activity, '}');
	return activity.data;
}

/* As JSON text, in which it is stored. */
static char *
activity_of_jsonb(Jsonb *activity)
{
	const char *hint;
	const char *problem = activity_problem(activity, &hint);

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid activity"),
				 errdetail("%s", problem),
				 errhint("%s", hint)));
	return JsonbToCString(NULL, &activity->root, VARSIZE(activity));
}

/*
 * What to say, for a function that has two forms: one takes a text, the other
 * an activity.
 */
char *
argument_content(FunctionCallInfo fcinfo, int number, bool is_text)
{
	if (is_text)
		return activity_of_text(argument_text(fcinfo, number, "text"));
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("activity must not be null")));
	return activity_of_jsonb(PG_GETARG_JSONB_P(number));
}

/*
 * What the tables' functions have read, which is UTF-8, in the database's
 * encoding, from which it came; for messages to the session.
 */
char *
text_in_server_encoding(const char *utf8)
{
	return pg_any_to_server(utf8, strlen(utf8), PG_UTF8);
}
