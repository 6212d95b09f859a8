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

/*
 * A page of a bot that reads nothing yet, in a context below that one: it is
 * given a list by directory_page_turn().
 */
DirectoryPage *
directory_page_new(MemoryContext context, Bot *bot)
{
	MemoryContext own = AllocSetContextCreate(context,
											  "teams_proactive directory",
											  ALLOCSET_SMALL_SIZES);
	DirectoryPage *page = MemoryContextAllocZero(own, sizeof(DirectoryPage));

	page->context = own;
	page->list_context = AllocSetContextCreate(own,
											   "teams_proactive list",
											   ALLOCSET_SMALL_SIZES);
	page->answer_context = AllocSetContextCreate(own,
												 "teams_proactive page",
												 ALLOCSET_DEFAULT_SIZES);
	page->bot = bot;
	return page;
}

/* No request for it may be under way. */
void
directory_page_free(DirectoryPage *page)
{
	MemoryContextDelete(page->context);
}

/* Another list begins, or this one anew: no link of it has been followed. */
static void
forget_mark(DirectoryPage *page)
{
	if (page->mark != NULL)
		pfree(page->mark);
	page->mark = NULL;
	page->steps = 0;
}

static char *
copy_list_text(const char *text)
{
	return text != NULL ? pstrdup(text) : NULL;
}

/*
 * Go on to the next page that is to be asked for: of that list, perhaps the
 * one that it had, of which the last page is forgotten.  The list is copied.
 */
void
directory_page_turn(DirectoryPage *page, const DirectoryList *list)
{
	bool		goes_on = list->link != NULL &&
		page->list.bot != NULL &&
		page->list.source == list->source &&
		strcmp(page->list.container, list->container) == 0;
	MemoryContext old;

	if (!goes_on)
		forget_mark(page);
	MemoryContextReset(page->answer_context);
	MemoryContextReset(page->list_context);
	old = MemoryContextSwitchTo(page->list_context);
	page->list = *list;
	page->list.bot = copy_list_text(list->bot);
	page->list.container = copy_list_text(list->container);
	page->list.link = copy_list_text(list->link);
	page->list.later = copy_list_text(list->later);
	page->list.conversation_id = copy_list_text(list->conversation_id);
	page->list.service_url = copy_list_text(list->service_url);
	MemoryContextSwitchTo(old);
	page->generation = page->bot->generation;
	page->state = PAGE_WAITS;
	page->written = false;
}

/*
 * Where the page is: the list's link to it, or where the list begins;
 * palloc'd, or the list's.
 */
char *
directory_page_url(const DirectoryPage *page)
{
	const DirectoryList *list = &page->list;
	const Bot  *bot = page->bot;

	if (directory_page_is_roster(page))
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
							list->source == LIST_OWNERS);
}

/* ----------
 * Answers
 * ----------
 */

/* What is to be done about the page, and why; the strings are not copied. */
static void
set_page_error(DirectoryPage *page, Action action, const char *code,
			   const char *message, const char *hint)
{
	page->action = action;
	page->error.code = code;
	page->error.message = message;
	page->error.hint = hint;
}

/*
 * Has the link been followed before?  Only one is remembered: each that is
 * reached after twice as many steps as the last.  So where links go in a
 * circle, one that is remembered comes again sooner or later.
 */
static bool
is_repeated(DirectoryPage *page, const char *next)
{
	const char *link = page->list.link;

	if ((link != NULL && strcmp(next, link) == 0) ||
		(page->mark != NULL && strcmp(next, page->mark) == 0))
		return true;
	page->steps++;
	if ((page->steps & (page->steps - 1)) == 0)
	{
		if (page->mark != NULL)
			pfree(page->mark);
		page->mark = MemoryContextStrdup(page->context, next);
	}
	return false;
}

/* Would the token go to another host than the one that it is for? */
static bool
is_foreign(const DirectoryPage *page, const char *link)
{
	return link != NULL && !directory_page_is_roster(page) &&
		!people_may_follow(page->bot->graph_url, link);
}

/* A page is good only if where it leads to is. */
static void
check_links(DirectoryPage *page)
{
	const PeoplePage *people = &page->people;

	if (is_foreign(page, people->next) || is_foreign(page, people->later))
		set_page_error(page, ACTION_FAIL, "foreign_link",
					   "the next page is said to be at another host",
					   "A token is sent to the configured graph_url only.");
	else if (people->next != NULL && is_repeated(page, people->next))
		set_page_error(page, ACTION_FAIL, "repeated_link",
					   "the pages go in a circle", NULL);
	else if (people->next != NULL && page->list.pages >= MAX_PAGES)
		set_page_error(page, ACTION_FAIL, "too_many_pages",
					   "the pages come to no end", NULL);
}

/* The service has answered with 200. */
static void
take_people(DirectoryPage *page, const HttpReply *reply)
{
	const char *problem;
	bool		is_good;

	if (directory_page_is_roster(page))
		is_good = people_roster_reply(reply->body, reply->length,
									  &page->people, &problem);
	else
		is_good = people_graph_reply(reply->body, reply->length,
									 &page->people, &problem);
	if (is_good)
	{
		bot_token_accepted(page->bot, directory_page_audience(page),
						   page->token);
		check_links(page);
	}
	else
		set_page_error(page, ACTION_RETRY, "unusable_reply", problem, NULL);
}

/* What a status other than 200 means for the list. */
static Action
classify_refusal(const DirectoryPage *page, int status,
				 const ServiceError *error, Operation op)
{
	Action		action = policy_classify(op, status, error);

	/* A token knows nothing of a permission that was granted since. */
	if (status == 403 && !directory_page_is_roster(page) &&
		page->list.attempts == 0)
		return ACTION_REAUTH;

	/* Some 2xx that is not the service's. */
	return action == ACTION_OK ? ACTION_RETRY : action;
}

/* The service has answered with another status. */
static void
take_page_refusal(DirectoryPage *page, const HttpReply *reply)
{
	bool		is_roster = directory_page_is_roster(page);
	Operation	op = is_roster ? OP_ROSTER : OP_DIRECTORY;
	ServiceError error;
	Action		action;

	if (is_roster)
		connector_error(reply->body, reply->length, &error);
	else
		graph_error(reply->body, reply->length, &error);
	action = classify_refusal(page, reply->status, &error, op);
	if (action == ACTION_REAUTH)
		bot_token_forget(page->bot, directory_page_audience(page),
						 page->token);
	if (action == ACTION_THROTTLED && is_roster)
		bot_connector_throttled(page->bot, page->retry_after);
	set_page_error(page, action,
				   error.code[0] != '\0' ? error.code :
				   psprintf("status_%d", reply->status),
				   error.message[0] != '\0' ? error.message :
				   psprintf("the service answered with status %d", reply->status),
				   policy_hint(op, reply->status, &error));
}

/* The page has come, or has not: see what the reply says, and keep it. */
void
directory_page_take(DirectoryPage *page, const HttpReply *reply)
{
	MemoryContext old = MemoryContextSwitchTo(page->answer_context);

	page->action = ACTION_OK;
	page->retry_after = retry_told(reply->retry_after);
	if (reply->result != HTTP_ANSWERED)
		set_page_error(page, ACTION_RETRY, "connection_failed",
					   pstrdup(reply->problem), reply->hint);
	else if (reply->status == 200)
		take_people(page, reply);
	else
		take_page_refusal(page, reply);
	page->state = PAGE_ARRIVED;
	MemoryContextSwitchTo(old);
}

/* ----------
 * What becomes of them
 * ----------
 */

/* In a transaction: there is no use in going on with the list. */
void
directory_page_fail(const DirectoryList *list, const ListError *error)
{
	outbox_fail_list(list, error);
	ereport(LOG,
			(errmsg("bot \"%s\": could not synchronise %s%s%s: %s: %s",
					list->bot, words_name(&list_source_words, list->source),
					list->container[0] != '\0' ? " of " : "", list->container,
					error->code, error->message)));
}

/* After a failed attempt, or a 429. */
static void
delay_list(const DirectoryPage *page)
{
	Action		action = page->action == ACTION_THROTTLED ?
		ACTION_THROTTLED : ACTION_RETRY;
	Retry		retry = retry_decide(RETRY_LIST, action,
									 page->list.attempts + 1,
									 page->retry_after);

	if (retry.again)
		outbox_delay_list(&page->list, &page->error, retry.counts,
						  retry_time(retry.delay));
	else
		directory_page_fail(&page->list, &page->error);
}

/*
 * The service does not know any more where the list was to go on: it is read
 * from its beginning.  If that is what was asked for, it cannot be read.
 */
static void
restart_list(const DirectoryPage *page)
{
	const DirectoryList *list = &page->list;

	if (list->link == NULL && list->later == NULL)
		directory_page_fail(&page->list, &page->error);
	else
	{
		outbox_restart_list(list);
		if (list->later == NULL)
			delay_list(page);
	}
}

/* The people of the page, and where the list goes on, in one transaction. */
static void
write_people(DirectoryPage *page)
{
	outbox_save_people(&page->list, &page->people, page->answer_context,
					   &page->doubts);
	if (page->people.next != NULL)
		outbox_continue_list(&page->list, page->people.next);
	else
		outbox_finish_list(&page->list, page->people.later);
}

/*
 * In a transaction: write what came, unless the list is gone, or the bot was
 * configured anew.  False if somebody has locked the list: then the page
 * stays.
 */
bool
directory_page_write(DirectoryPage *page)
{
	ListHold	hold = LIST_GONE;

	page->doubts.count = 0;
	if (page->generation == page->bot->generation)
		hold = outbox_hold_list(&page->list);
	if (hold != LIST_HELD)
		return hold != LIST_LOCKED;
	switch (page->action)
	{
		case ACTION_OK:
			write_people(page);
			break;
		case ACTION_RETRY:
		case ACTION_THROTTLED:
		case ACTION_REAUTH:
			delay_list(page);
			break;
		case ACTION_LOOK_UP_AGAIN:
			restart_list(page);
			break;
		default:
			directory_page_fail(&page->list, &page->error);
			break;
	}
	return true;
}
