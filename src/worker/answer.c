/*
 * answer.c
 *	  What an answer means for a message.
 *
 * The rules about fates are here and nowhere else: policy.c says what kind of
 * answer it is, this says what becomes of the message, of those behind it, and
 * of what is known of its recipient.
 */
#include "postgres.h"

#include "protocol/connector.h"
#include "worker/answer.h"
#include "worker/bot_token.h"
#include "worker/line.h"
#include "worker/settle.h"

/* So many people in a row for whom the app is blocked are worth a word. */
#define MANY_DISABLED 20

#define CHANNEL_BLOCKED_HINT \
	"The channel takes no messages from the bot: it may be moderated or archived, or an administrator has blocked the app in its team."

#define CHANNEL_UNKNOWN_HINT \
	"The team has no such channel. Take the channel's id from the link that Teams gives for it; the groupId in the same link is its team's."
#define CHAT_UNKNOWN_HINT \
	"There is no such chat, or the bot cannot write to it. Take its id from the link that Teams gives for it."

/*
 * Try the message again as the meaning of its answer has it: after "told"
 * seconds, negative if the service did not tell.
 */
static void
try_again(Message *message, Failure *failure, Action action, double told)
{
	settle_retry(message, failure,
				 retry_decide(RETRY_MESSAGE, action, message->attempts + 1,
							  told));
}

/* What must not be done twice has failed, and may have been done. */
static void
fail_in_doubt(Message *message, Failure *failure)
{
	failure->doubtful = true;
	if (message->at_most_once)
	{
		failure->code = "outcome_unknown";
		failure->hint = "Look into the chat before you send it again.";
	}
	settle_failed(message, failure);
}

/* Nobody knows whether the message has arrived. */
static void
outcome_unknown(Message *message, Failure *failure, double told)
{
	failure->doubtful = true;
	if (message->at_most_once)
		fail_in_doubt(message, failure);
	else
		try_again(message, failure, ACTION_RETRY, told);
}

/*
 * What is cached of the target is wrong: ask Graph again, once.  A second
 * answer of the same kind is believed.  Of a channel nothing is cached but
 * whether its team has the bot: if that is not what is said to be wrong, or
 * was asked about, the channel alone is concerned.
 */
static void
look_up_again(Message *message, Failure *failure, const ServiceError *error,
			  Concern concern)
{
	Target	   *target = message->target;
	bool		again = strcmp(message->last_code, failure->code) == 0;

	/* Nothing is looked up that would tell another id. */
	if (concern == CONCERNS_CONVERSATION && target->scope == SCOPE_CHANNEL)
		failure->hint = CHANNEL_UNKNOWN_HINT;
	else if (concern == CONCERNS_CONVERSATION && target->scope == SCOPE_CHAT)
		failure->hint = CHAT_UNKNOWN_HINT;
	if (target->team != NULL && (again || concern == CONCERNS_CONVERSATION))
	{
		if (again)
			settle_failed(message, failure);
		else
			try_again(message, failure, ACTION_RETRY, -1);
		return;
	}
	target_set_knowledge(target, KNOWN_LOST);
	target_note_change(target);
	settle_installation(target, INSTALL_STALE, error, NULL);
	if (again)
		settle_failed(message, failure);
	else
		try_again(message, failure, ACTION_LOOK_UP_AGAIN, -1);
	target_make_stale(target);
}

/* That an administrator has blocked the app is told person by person. */
static void
count_disabled(Bot *bot, const ServiceError *error)
{
	if (pg_strcasecmp(error->code, "BotDisabledByAdmin") != 0 ||
		++bot->disabled != MANY_DISABLED)
		return;
	ereport(LOG,
			(errmsg("bot \"%s\": an administrator has blocked the app for %d people in a row",
					bot->name, MANY_DISABLED),
			 errhint("If it is blocked for everybody, have it allowed in the Teams admin center, then call teams_ensure_installed() for these people, and teams_retry().")));
}

/*
 * The recipient does not want the bot, or may not have it.  A channel that
 * takes no messages says nothing of its team; whether it does by then is seen
 * with its next message.
 */
static void
take_block(Message *message, Failure *failure, const ServiceError *error)
{
	Target	   *target = message->target;

	if (target_is_in_team(target))
	{
		failure->hint = CHANNEL_BLOCKED_HINT;
		settle_failed(message, failure);
		return;
	}
	count_disabled(target->bot, error);
	settle_installation(target, INSTALL_BLOCKED, error, failure->hint);
	target_set_knowledge(target, KNOWN_BLOCKED);
	target_note_change(target);
	target_make_stale(target);
	settle_all_failed(target, failure);
}

/*
 * Once more with another token, or later with the one that is accepted at the
 * same time; then it counts.
 */
static void
take_refused_token(Message *message, Failure *failure,
				   const ServiceError *error)
{
	Bot		   *bot = message->bot;
	bool		again = strcmp(message->last_code, failure->code) == 0;
	bool		is_new = bot_token_refused(bot, AUDIENCE_CONNECTOR,
										   message->token, error);
	Retry		retry = retry_decide(RETRY_MESSAGE, ACTION_REAUTH,
									 message->attempts + 1, -1);

	if (again && bot->status.state != BOT_PAUSED)
		try_again(message, failure, ACTION_RETRY, -1);
	else
	{
		if (!is_new)
			retry.delay = BOT_TOKEN_STILL_GOOD_MS / 1000.0 +
				retry_decide(RETRY_MESSAGE, ACTION_RETRY, 1, -1).delay;
		settle_retry(message, failure, retry);
	}
}

/*
 * Has the name changed hands while the message was on the wire?  Then the
 * answer says nothing of whoever has it now.
 */
static bool
concerns_another(const Target *target)
{
	return target_is_name(target) && target->knowledge != KNOWN_INSTALLED;
}

/* What the Bot Connector says in an error, as what people are told. */
static void
describe_refusal(const Message *message, const HttpReply *reply,
				 ServiceError *error, Failure *failure)
{
	connector_error(reply->body, reply->length, error);
	failure->code = error->code[0] != '\0' ? error->code :
		psprintf("http_%d", reply->status);
	failure->error = error->message[0] != '\0' ? error->message :
		psprintf("the Bot Connector answered with status %d", reply->status);
	failure->hint = policy_hint(message->op, reply->status, error);
	failure->may_be_done = policy_may_be_done(reply->status);
}

/* The Bot Connector has answered with an error. */
static void
take_refusal(Message *message, const HttpReply *reply, Failure *failure)
{
	Operation	op = message->op;
	double		told = retry_told(reply->retry_after);
	ServiceError error;
	Action		action;

	describe_refusal(message, reply, &error, failure);
	action = policy_classify(op, reply->status, &error);
	switch (action)
	{
		case ACTION_OK:
		case ACTION_FAIL:
			if (policy_is_ambiguous(op, reply->status))
				fail_in_doubt(message, failure);
			else
				settle_failed(message, failure);
			break;
		case ACTION_RETRY:
			if (policy_is_ambiguous(op, reply->status))
				outcome_unknown(message, failure, told);
			else
				try_again(message, failure, action, told);
			break;
		case ACTION_THROTTLED:
			bot_connector_throttled(message->bot, told);
			try_again(message, failure, action, told);
			break;
		case ACTION_REAUTH:
			take_refused_token(message, failure, &error);
			break;
		case ACTION_PAUSE_BOT:
			bot_pause_for(message->bot, "the Bot Connector refused a message",
						  OP_SEND, reply->status, &error);
			try_again(message, failure, action, told);
			break;
		case ACTION_LOOK_UP_AGAIN:
		case ACTION_INSTALL_AGAIN:
		case ACTION_BLOCKED:
			if (concerns_another(message->target))
				try_again(message, failure, ACTION_LOOK_UP_AGAIN, told);
			else if (action == ACTION_BLOCKED)
				take_block(message, failure, &error);
			else
				look_up_again(message, failure, &error,
							  policy_concern(op, reply->status, &error));
			break;
	}
}

/* It is done. */
static void
take_success(Message *message, const HttpReply *reply)
{
	char	   *conversation_id = message->conversation_id;
	char	   *activity_id = message->activity_id;

	bot_token_accepted(message->bot, AUDIENCE_CONNECTOR, message->token);
	bot_succeeded(message->bot, OP_SEND);
	message->bot->disabled = 0;
	if (message->op == OP_THREAD)
		connector_thread_reply(reply->body, reply->length, &conversation_id,
							   &activity_id);
	else if (message->op == OP_SEND)
		activity_id = connector_send_reply(reply->body, reply->length);
	settle_sent(message, conversation_id != NULL ? conversation_id :
				message->target->chat_id, activity_id);
}

/* May it be sent twice?  To change a message twice is to change it once. */
static bool
is_change(const Message *message)
{
	return message->op == OP_EDIT || message->op == OP_DELETE;
}

/* Nothing that can be believed says what became of it. */
static void
take_doubt(Message *message, Failure *failure)
{
	failure->may_be_done = true;
	if (is_change(message))
		try_again(message, failure, ACTION_RETRY, -1);
	else
		outcome_unknown(message, failure, -1);
}

/* It has left, and the connection ended before an answer. */
static void
take_silence(Message *message, Failure *failure)
{
	failure->code = "no_answer";
	if (!is_change(message))
		failure->hint = "It is sent again; see delivery => 'at-most-once'.";
	take_doubt(message, failure);
}

/* A success that the Bot Connector would not tell like this. */
static void
take_stranger(Message *message, Failure *failure)
{
	failure->code = "unusable_reply";
	failure->error = "the answer was not the Bot Connector's";
	failure->hint = "Something between here and the Bot Connector, such as a proxy, has answered in its place.";
	take_doubt(message, failure);
}

/*
 * The host cannot be reached: the message waits until it may be tried again,
 * and that is no attempt.  Of hosts that are not remembered it is one, so that
 * there is an end to it.
 */
static void
take_broken_line(Message *message, Failure *failure)
{
	const char *url = message_service_url(message);
	TimestampTz again = line_not_before(url);
	Retry		retry = retry_decide(RETRY_MESSAGE, ACTION_RETRY,
									 message->attempts + 1, -1);

	failure->code = "connection_failed";
	if (line_problem(url) != NULL || line_has_room())
	{
		retry.again = true;
		retry.counts = false;
	}
	if (again != 0)
	{
		long		ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
														 again);

		retry.delay = ms / 1000.0;
	}
	settle_retry(message, failure, retry);
}

/* Is that a status that the operation succeeds with? */
static bool
is_success(Operation op, const HttpReply *reply)
{
	static const ServiceError none = {"", ""};

	return policy_classify(op, reply->status, &none) == ACTION_OK;
}

/* It may be a success, an error, or somebody else's. */
static void
take_answer(Message *message, const HttpReply *reply, Failure *failure)
{
	if (!is_success(message->op, reply))
		take_refusal(message, reply, failure);
	else if (!connector_is_reply(reply->body, reply->length, reply->is_cut))
		take_stranger(message, failure);
	else
		take_success(message, reply);
}

/*
 * The handler of a message's request; the argument is the message, which is on
 * the wire.  It has an outcome after that.
 */
void
answer_post(const HttpReply *reply, void *argument)
{
	Message    *message = argument;
	Failure		failure = {0};

	if (reply->result != HTTP_NOT_REACHED)
		bot_trip_ends(message->bot, &message->trip);

	failure.error = reply->problem;
	failure.hint = reply->hint;
	failure.correlation_id = reply->correlation_id;
	failure.is_attempt = true;
	switch (reply->result)
	{
		case HTTP_NOT_REACHED:
			take_broken_line(message, &failure);
			break;
		case HTTP_NOT_SENT:
			failure.code = "connection_failed";
			try_again(message, &failure, ACTION_RETRY, -1);
			break;
		case HTTP_OUTCOME_UNKNOWN:
			take_silence(message, &failure);
			break;
		case HTTP_ANSWERED:
			take_answer(message, reply, &failure);
			break;
	}
}
