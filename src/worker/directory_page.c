/*
 * directory_page.c
 *	  A list of people that a bot reads: its next page, and what came of it.
 *
 * Nothing here pauses a bot or slows its messages down: an error stays in the
 * list's row, a 429 of the directory delays the directory alone, as it has
 * quotas of its own (contract 5.2), and a token that is refused is only
 * forgotten.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "protocol/connector.h"
#include "protocol/graph.h"
#include "worker/bot_token.h"
#include "worker/directory_page.h"
#include "worker/retry.h"

/* After this many pages something is wrong. */
#define MAX_PAGES 50000

char *
reading_url(const Reading *reading)
{
	const DirectoryList *list = &reading->list;
	const Bot  *bot = reading->bot;

	if (reading_is_roster(reading))
		return people_roster_url(list->service_url != NULL ?
								 list->service_url : bot->connector_url,
								 list->conversation_id, list->link);
	if (list->link != NULL)
		return list->link;
	if (list->later != NULL)
		return list->later;
	if (directory_list_is_people(list))
		return people_directory_url(bot->graph_url);
	return people_group_url(bot->graph_url, list->container,
							strcmp(list->source, "owners") == 0);
}

/* ----------
 * Answers
 * ----------
 */

static void
set_error(Reading *reading, Action action, const char *code,
		  const char *message, const char *hint)
{
	reading->action = action;
	reading->error.code = code;
	reading->error.message = message;
	reading->error.hint = hint;
}

/*
 * Where links go in a circle, one comes that was remembered: each that is
 * reached after twice as many steps is.
 */
static bool
is_repeated(Reading *reading, const char *next)
{
	const char *link = reading->list.link;

	if ((link != NULL && strcmp(next, link) == 0) ||
		(reading->mark != NULL && strcmp(next, reading->mark) == 0))
		return true;
	reading->steps++;
	if ((reading->steps & (reading->steps - 1)) == 0)
	{
		if (reading->mark != NULL)
			pfree(reading->mark);
		reading->mark = MemoryContextStrdup(GetMemoryChunkContext(reading), next);
	}
	return false;
}

static bool
is_foreign(const Reading *reading, const char *link)
{
	return link != NULL && !reading_is_roster(reading) &&
		!people_may_follow(reading->bot->graph_url, link);
}

static void
check_links(Reading *reading)
{
	const PeoplePage *page = &reading->page;

	if (is_foreign(reading, page->next) || is_foreign(reading, page->later))
		set_error(reading, ACTION_FAIL, "foreign_link",
				  "the next page is said to be at another host",
				  "A token is sent to the configured graph_url only.");
	else if (page->next != NULL && is_repeated(reading, page->next))
		set_error(reading, ACTION_FAIL, "repeated_link",
				  "the pages go in a circle", NULL);
	else if (page->next != NULL && reading->list.pages >= MAX_PAGES)
		set_error(reading, ACTION_FAIL, "too_many_pages",
				  "the pages come to no end", NULL);
}

static void
take_page(Reading *reading, const HttpReply *reply)
{
	const char *problem;
	bool		is_good;

	if (reading_is_roster(reading))
		is_good = people_roster_reply(reply->body, reply->length,
									  &reading->page, &problem);
	else
		is_good = people_graph_reply(reply->body, reply->length,
									 &reading->page, &problem);
	if (is_good)
	{
		bot_token_accepted(reading->bot, reading_audience(reading),
						   reading->token);
		check_links(reading);
	}
	else
		set_error(reading, ACTION_RETRY, "unusable_reply", problem, NULL);
}

static void
take_refusal(Reading *reading, const HttpReply *reply)
{
	Operation	op = reading_is_roster(reading) ? OP_ROSTER : OP_DIRECTORY;
	ServiceError error;
	Action		action;

	if (reading_is_roster(reading))
		connector_error(reply->body, reply->length, &error);
	else
		graph_error(reply->body, reply->length, &error);
	action = policy_classify(op, reply->status, &error);
	if (action == ACTION_OK)	/* some 2xx that is not the service's */
		action = ACTION_RETRY;

	/* A token knows nothing of a permission that was granted since. */
	if (reply->status == 403 && !reading_is_roster(reading) &&
		reading->list.attempts == 0)
		action = ACTION_REAUTH;
	if (action == ACTION_REAUTH)
		bot_token_forget(reading->bot, reading_audience(reading),
						 reading->token);
	if (action == ACTION_THROTTLED && reading_is_roster(reading))
		bot_connector_throttled(reading->bot, reading->retry_after);
	set_error(reading, action,
			  error.code[0] != '\0' ? error.code :
			  psprintf("status_%d", reply->status),
			  error.message[0] != '\0' ? error.message :
			  psprintf("the service answered with status %d", reply->status),
			  policy_hint(op, reply->status, &error));
}

void
reading_take(Reading *reading, const HttpReply *reply)
{
	MemoryContext old = MemoryContextSwitchTo(reading->answer);

	reading->action = ACTION_OK;
	reading->retry_after = retry_told(reply->retry_after);
	if (reply->result != HTTP_ANSWERED)
		set_error(reading, ACTION_RETRY, "connection_failed",
				  pstrdup(reply->problem), NULL);
	else if (reply->status == 200)
		take_page(reading, reply);
	else
		take_refusal(reading, reply);
	MemoryContextSwitchTo(old);
}

/* ----------
 * What becomes of them
 * ----------
 */

void
reading_fail(const DirectoryList *list, const ListError *error)
{
	outbox_fail_list(list, error);
	ereport(LOG,
			(errmsg("bot \"%s\": could not synchronise %s%s%s: %s: %s",
					list->bot, list->source,
					list->container[0] != '\0' ? " of " : "", list->container,
					error->code, error->message)));
}

/* After a failed attempt, or a 429. */
static void
delay_list(const Reading *reading)
{
	Action		action = reading->action == ACTION_THROTTLED ?
		ACTION_THROTTLED : ACTION_RETRY;
	Retry		retry = retry_decide(RETRY_LIST, action,
									 reading->list.attempts + 1,
									 reading->retry_after);

	if (retry.again)
		outbox_delay_list(&reading->list, &reading->error, retry.counts,
						  retry_time(retry.delay));
	else
		reading_fail(&reading->list, &reading->error);
}

/* Where to go on is not known any more: begin, and with all of it. */
static void
restart_list(const Reading *reading)
{
	const DirectoryList *list = &reading->list;

	if (list->link == NULL && list->later == NULL)
		reading_fail(&reading->list, &reading->error);
	else
	{
		outbox_restart_list(list);
		if (list->later == NULL)
			delay_list(reading);
	}
}

static void
write_page(Reading *reading)
{
	outbox_save_people(&reading->list, &reading->page, reading->answer,
					   &reading->doubts);
	if (reading->page.next != NULL)
		outbox_continue_list(&reading->list, reading->page.next);
	else
		outbox_finish_list(&reading->list, reading->page.later);
}

bool
reading_write(Reading *reading)
{
	ListHold	hold = LIST_GONE;

	reading->doubts.count = 0;
	if (reading->generation == reading->bot->generation)
		hold = outbox_hold_list(&reading->list);
	if (hold != LIST_HELD)
		return hold != LIST_LOCKED;
	switch (reading->action)
	{
		case ACTION_OK:
			write_page(reading);
			break;
		case ACTION_RETRY:
		case ACTION_THROTTLED:
		case ACTION_REAUTH:
			delay_list(reading);
			break;
		case ACTION_LOOK_UP_AGAIN:
			restart_list(reading);
			break;
		default:
			reading_fail(&reading->list, &reading->error);
			break;
	}
	return true;
}
