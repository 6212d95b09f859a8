/*
 * answer.c
 *	  What an answer means for a message.
 *
 * The rules about fates are here and nowhere else: policy.c says what kind of
 * answer it is, this says what becomes of the message, of those behind it, and
 * of what is known of its recipient.
 */
#include "postgres.h"

#include "access.h"
#include "answer.h"
#include "connector.h"
#include "settle.h"

#define REMOVED_HINT \
	"Somebody has taken the bot away from this person, and that is respected.  Call teams_ensure_installed() to install it nevertheless."

/* People for whom the app is blocked in a row: then it is for all. */
#define MAX_DISABLED 5

/* The longest Retry-After that is believed. */
#define MAX_RETRY_AFTER 3600.0

/* Those that queue for a target that is not known ask for it. */
static void
ask_for(Target *target)
{
	Message    *first = window_first(target);

	if (first == NULL || target->state != TARGET_NEW)
		return;
	installation_ask(target,
					 !first->is_send || target->bot->config->reinstall);
}

/* Try again after so many seconds; negative: they were not told. */
static void
retry(Message *message, const Failure *failure, double delay)
{
	Target	   *target = message->target;
	bool		others = target->message_count > 1;

	if (delay < 0)
		delay = bot_backoff(message->attempts + 1);

	/* If that was the last attempt, those behind it go on. */
	if (!settle_retry(message, failure, delay) && others)
		ask_for(target);
}

/* Those behind it ask for the target anew. */
static void
fail_and_ask_again(Message *message, const Failure *failure)
{
	Target	   *target = message->target;
	bool		others = target->message_count > 1;

	settle_failed(message, failure);
	if (others)
	{
		window_target_is_stale(target);
		ask_for(target);
	}
}

/* All that queue for a target fail for the same reason, up to the next job. */
static void
fail_all(Target *target, Failure *failure)
{
	Message    *message = window_first(target);

	/* A job to install the bot is a wish to try again. */
	while (message != NULL)
	{
		bool		last = target->message_count == 1;

		settle_failed(message, failure);
		message = last ? NULL : window_first(target);
		if (message != NULL && !message->is_send)
		{
			ask_for(target);
			return;
		}
	}
}

/* Nobody knows whether the message has arrived. */
static void
outcome_unknown(Message *message, Failure *failure, double delay)
{
	failure->doubtful = true;
	if (message->at_most_once)
	{
		failure->code = "outcome_unknown";
		failure->hint = "Look into the chat before you send it again.";
		settle_failed(message, failure);
	}
	else
		retry(message, failure, delay);
}

/*
 * What is cached of the target is wrong: ask Graph again, once.  A second
 * answer of the same kind is believed.
 */
static void
look_up_again(Message *message, Failure *failure, const ServiceError *error)
{
	Target	   *target = message->target;

	target->knowledge = KNOWN_LOST;
	window_note_change(target);
	settle_installation(target, "stale", error);
	if (strcmp(message->last_code, failure->code) == 0)
		fail_and_ask_again(message, failure);
	else
	{
		window_target_is_stale(target);
		retry(message, failure, 0);
	}
}

/* The recipient does not want the bot, or may not have it. */
static void
take_block(Message *message, Failure *failure, const ServiceError *error)
{
	Target	   *target = message->target;

	settle_installation(target, "blocked", error);
	target->knowledge = KNOWN_BLOCKED;
	window_note_change(target);
	window_target_is_stale(target);
	fail_all(target, failure);
}

/*
 * An administrator may have blocked the app for one person or for all: several
 * in a row, then it is for all (contract 4.9).
 */
static bool
is_disabled_for_all(Bot *bot, const ServiceError *error)
{
	if (pg_strcasecmp(error->code, "BotDisabledByAdmin") != 0)
		return false;
	return ++bot->disabled >= MAX_DISABLED;
}

/* The Bot Connector has answered with an error. */
static void
take_refusal(Message *message, Operation op, const HttpReply *reply)
{
	Bot		   *bot = message->target->bot;
	ServiceError error;
	Failure		failure = {0};
	double		delay = policy_retry_after(reply->retry_after, bot_clock(),
										   MAX_RETRY_AFTER);

	connector_error(reply->body, reply->length, &error);
	failure.code = error.code[0] != '\0' ? error.code :
		psprintf("http_%d", reply->status);
	failure.error = error.message[0] != '\0' ? error.message :
		psprintf("the Bot Connector answered with status %d", reply->status);
	failure.hint = policy_hint(op, reply->status, &error);
	failure.correlation_id = reply->correlation_id;
	failure.is_attempt = true;

	switch (policy_classify(op, reply->status, &error))
	{
		case ACTION_OK:
		case ACTION_FAIL:
			settle_failed(message, &failure);
			break;
		case ACTION_RETRY:
			if (policy_is_ambiguous(op, reply->status))
				outcome_unknown(message, &failure, delay);
			else
				retry(message, &failure, delay);
			break;
		case ACTION_THROTTLED:
			failure.is_attempt = false;
			bot_connector_throttled(bot, delay);
			retry(message, &failure, delay);
			break;
		case ACTION_REAUTH:
			/* Once more with another token; then it counts. */
			access_connector_refused(bot, message->token, &error);
			failure.is_attempt = strcmp(message->last_code,
										failure.code) == 0;
			retry(message, &failure, failure.is_attempt ? -1 : 0);
			break;
		case ACTION_PAUSE_BOT:
			bot_pause_for(bot, "the Bot Connector refused a message", OP_SEND,
						  reply->status, &error);
			failure.is_attempt = false;
			retry(message, &failure, 0);
			break;
		case ACTION_LOOK_UP_AGAIN:
		case ACTION_INSTALL_AGAIN:
			look_up_again(message, &failure, &error);
			break;
		case ACTION_BLOCKED:
			if (is_disabled_for_all(bot, &error))
			{
				bot_pause_for(bot, "the Bot Connector refused a message",
							  OP_SEND, reply->status, &error);
				failure.is_attempt = false;
				retry(message, &failure, 0);
			}
			else
				take_block(message, &failure, &error);
			break;
	}
}

/* It is done. */
static void
take_success(Flight *flight, const HttpReply *reply)
{
	Message    *message = flight->message;
	char	   *conversation_id = flight->conversation_id;
	char	   *activity_id = flight->activity_id;

	if (flight->op == OP_THREAD)
		connector_thread_reply(reply->body, reply->length, &conversation_id,
							   &activity_id);
	else if (flight->op == OP_SEND)
		activity_id = connector_send_reply(reply->body, reply->length);
	settle_sent(message, conversation_id != NULL ? conversation_id :
				message->target->chat_id, activity_id);
}

/* To change a message twice is to change it once. */
static void
take_silence(Message *message, Operation op, Failure *failure)
{
	failure->code = "no_answer";
	if (op == OP_EDIT || op == OP_DELETE)
		retry(message, failure, -1);
	else
	{
		failure->hint = "It is sent again; see delivery => 'at-most-once'.";
		outcome_unknown(message, failure, -1);
	}
}

static bool
is_success(Operation op, const HttpReply *reply)
{
	static const ServiceError none = {"", ""};

	return policy_classify(op, reply->status, &none) == ACTION_OK;
}

void
answer_without_referent(Message *message)
{
	Failure		failure = {0};

	failure.code = "not_sent";
	failure.error = "the message that it refers to was not sent";
	failure.hint = "See teams_message for what became of that one.";
	settle_failed(message, &failure);
}

/* One that took longer than others may have come later, and is counted so. */
static void
count_delay(const Message *message)
{
	Bot		   *bot = message->bot;
	int64		took = GetCurrentTimestamp() - message->posted_at;
	int64		delay = throttle_delay(&bot->connector_journey, took);

	if (delay > 0)
		pace_move(bot->pace, PACE_CONNECTOR, 1, message->counted_at,
				  message->counted_at + delay);
	throttle_arrived(&bot->connector_journey, took);
}

void
answer_post(const HttpReply *reply, void *argument)
{
	Flight	   *flight = argument;
	Message    *message = flight->message;
	Failure		failure = {0};

	count_delay(message);

	failure.error = reply->problem;
	failure.is_attempt = true;
	switch (reply->result)
	{
		case HTTP_NOT_SENT:
			failure.code = "connection_failed";
			retry(message, &failure, -1);
			break;
		case HTTP_OUTCOME_UNKNOWN:
			take_silence(message, flight->op, &failure);
			break;
		case HTTP_ANSWERED:
			if (is_success(flight->op, reply))
			{
				access_connector_accepted(message->target->bot);
				bot_succeeded(message->target->bot, OP_SEND);
				message->target->bot->disabled = 0;
				take_success(flight, reply);
			}
			else
				take_refusal(message, flight->op, reply);
			break;
	}
	flight_free(flight);
}

void
answer_verdict(Target *target)
{
	Failure		failure = {0};
	Message    *message = window_first(target);

	if (message == NULL)
		return;
	failure.code = target->error.code[0] ? target->error.code : "graph_error";
	failure.error = target->error.message;
	failure.hint = target->hint;
	failure.correlation_id = target->correlation_id;
	failure.is_attempt = true;

	if (target->verdict == ACTION_RETRY)
	{
		retry(message, &failure, target->retry_after);
		return;
	}
	if (target->verdict == ACTION_INSTALL_AGAIN)
	{
		target->knowledge = KNOWN_REMOVED;
		failure.hint = REMOVED_HINT;
	}
	settle_installation(target, target->knowledge == KNOWN_REMOVED ?
						"removed" : "failed", &target->error);
	fail_all(target, &failure);
}

void
answer_unreachable(Message *message, TargetKnowledge knowledge)
{
	Failure		failure = {0};

	if (knowledge == KNOWN_BLOCKED)
	{
		failure.code = "recipient_blocked";
		failure.error = "the recipient has blocked, muted or removed the bot";
		failure.hint = "See teams_installation for what the service said.  Call teams_ensure_installed() when the recipient wants messages again.";
	}
	else
	{
		failure.code = "removed_by_user";
		failure.error = "the bot was removed for this person";
		failure.hint = REMOVED_HINT;
	}
	settle_failed(message, &failure);
}
