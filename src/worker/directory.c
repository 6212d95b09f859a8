/*
 * directory.c
 *	  Keeps the tables of people, groups and teams, page by page.
 *
 * A list (a row of teams_directory) is read one page at a time, and each page
 * is written in one transaction together with the link to the next: so memory
 * is bounded by a page, and the worker may end at any time.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/moment.h"
#include "worker/bot_token.h"
#include "worker/directory.h"
#include "worker/directory_page.h"
#include "worker/line.h"
#include "worker/window.h"

/* When to write again to a row that is locked, and after an error. */
#define LOCKED_RETRY_MS 1000
#define ERROR_RETRY_MS 5000

static MemoryContext directory_context;
static dlist_head readings;
static TimestampTz due_at;		/* 0: not by itself */

void
directory_open(MemoryContext context)
{
	directory_context = context;
	dlist_init(&readings);
	directory_wake();
}

void
directory_wake(void)
{
	due_at = GetCurrentTimestamp();
}

bool
directory_is_due(void)
{
	return due_at != 0 && due_at <= GetCurrentTimestamp();
}

bool
directory_is_idle(void)
{
	return dlist_is_empty(&readings) && !directory_is_due();
}

/* ----------
 * The transaction
 * ----------
 */

static Reading *
find_reading(const Bot *bot)
{
	dlist_iter	iter;

	dlist_foreach(iter, &readings)
	{
		Reading    *reading = dlist_container(Reading, node, iter.cur);

		if (reading->bot == bot)
			return reading;
	}
	return NULL;
}

/* A list that a bot can read; what stands in the way of one is written. */
static bool
find_list(Bot *bot, MemoryContext context, DirectoryList *list)
{
	static const ListError not_in_team = {
		"not_installed",
		"the bot is not in the team, or does not know its General channel yet",
		"Post to the team's General channel with teams_post(), then synchronise again."
	};

	while (outbox_next_list(bot->name, context, list))
	{
		if (directory_list_is_roster(list))
		{
			if (list->conversation_id != NULL)
				return true;
			reading_fail(list, &not_in_team);
			continue;
		}

		/* Links of another root are of a bot that was configured anew. */
		if ((list->link != NULL && !people_may_follow(bot->graph_url, list->link)) ||
			(list->later != NULL && !people_may_follow(bot->graph_url, list->later)))
		{
			outbox_restart_list(list);
			list->link = list->later = NULL;
		}
		return true;
	}
	return false;
}

static bool
may_read(const Bot *bot)
{
	return bot_is_active(bot) && bot->status.state == BOT_ACTIVE;
}

/* The lists that bots will read, if the transaction commits. */
typedef struct Chosen
{
	Bot		   *bot;
	DirectoryList list;
} Chosen;

static List *
choose_lists(MemoryContext context)
{
	List	   *chosen = NIL;

	foreach_bot(bot)
	{
		Reading    *reading = find_reading(bot);
		Chosen	   *choice;

		if (!may_read(bot) || (reading != NULL && !reading->written))
			continue;
		choice = MemoryContextAlloc(context, sizeof(Chosen));
		choice->bot = bot;
		if (find_list(bot, context, &choice->list))
		{
			MemoryContext old = MemoryContextSwitchTo(context);

			chosen = lappend(chosen, choice);
			MemoryContextSwitchTo(old);
		}
	}
	return chosen;
}

/* When there may be a list for bots that have none to read now, or 0. */
static TimestampTz
look_again_at(List *chosen)
{
	const char **names = palloc(list_length(chosen) * sizeof(char *) + 1);
	int			count = 0;
	ListCell   *cell;

	foreach_bot(bot)
	{
		Reading    *reading = find_reading(bot);
		bool		is_chosen = reading != NULL && !reading->written;

		foreach(cell, chosen)
			is_chosen |= ((Chosen *) lfirst(cell))->bot == bot;
		if (!may_read(bot) || is_chosen)
			continue;
		names = repalloc(names, (count + 1) * sizeof(char *));
		names[count++] = bot->name;
	}
	return outbox_next_directory(names, count);
}

static void
write_answers(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &readings)
	{
		Reading    *reading = dlist_container(Reading, node, iter.cur);

		reading->written = false;
		if (reading->state == READING_ARRIVED)
			reading->written = reading_write(reading);
	}
}

/* Names that have changed hands lead nowhere any more, once that is known. */
static void
drop_names(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &readings)
	{
		Reading    *reading = dlist_container(Reading, node, iter.cur);

		for (int i = 0; reading->written && i < reading->doubts.count; i++)
		{
			const NameInDoubt *doubt = &reading->doubts.names[i];

			window_doubt(reading->bot, doubt->name, doubt->is_other ?
						 KNOWN_NOT : KNOWN_UNVERIFIED);
		}
	}
}

static char *
keep(const char *text)
{
	return text != NULL ? MemoryContextStrdup(directory_context, text) : NULL;
}

static void
forget_list(DirectoryList *list)
{
	char	   *texts[] = {list->bot, list->source, list->container, list->link,
		list->later, list->conversation_id, list->service_url};

	for (size_t i = 0; i < lengthof(texts); i++)
		if (texts[i] != NULL)
			pfree(texts[i]);
}

static void
forget_mark(Reading *reading)
{
	if (reading->mark != NULL)
		pfree(reading->mark);
	reading->mark = NULL;
	reading->steps = 0;
}

static void
forget_reading(Reading *reading)
{
	dlist_delete(&reading->node);
	forget_list(&reading->list);
	forget_mark(reading);
	MemoryContextDelete(reading->answer);
	pfree(reading);
}

static Reading *
new_reading(Bot *bot)
{
	Reading    *reading = MemoryContextAllocZero(directory_context,
												 sizeof(Reading));

	reading->bot = bot;
	reading->answer = AllocSetContextCreate(directory_context,
											"teams_proactive page",
											ALLOCSET_DEFAULT_SIZES);
	dlist_push_tail(&readings, &reading->node);
	return reading;
}

/* The bot goes on with a list, perhaps the one that it has. */
static void
take_list(const Chosen *choice)
{
	const DirectoryList *list = &choice->list;
	Reading    *reading = find_reading(choice->bot);

	if (reading == NULL)
		reading = new_reading(choice->bot);
	else
	{
		if (list->link == NULL ||
			strcmp(reading->list.source, list->source) != 0 ||
			strcmp(reading->list.container, list->container) != 0)
			forget_mark(reading);
		forget_list(&reading->list);
		MemoryContextReset(reading->answer);
	}
	reading->list = *list;
	reading->list.bot = keep(list->bot);
	reading->list.source = keep(list->source);
	reading->list.container = keep(list->container);
	reading->list.link = keep(list->link);
	reading->list.later = keep(list->later);
	reading->list.conversation_id = keep(list->conversation_id);
	reading->list.service_url = keep(list->service_url);
	reading->generation = choice->bot->generation;
	reading->state = READING_WAITS;
	reading->written = false;
}

static void
forget_written(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &readings)
	{
		Reading    *reading = dlist_container(Reading, node, iter.cur);

		if (reading->written)
			forget_reading(reading);
	}
}

/* Is there an answer that could not be written? */
static bool
has_locked(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &readings)
		if (dlist_container(Reading, node, iter.cur)->state == READING_ARRIVED)
			return true;
	return false;
}

bool
directory_write(SessionKind kind)
{
	MemoryContext context = CurrentMemoryContext;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next;
	Session		session;
	List	   *chosen;
	ListCell   *cell;

	/* If this fails, it is not before then that it fails again. */
	due_at = TimestampTzPlusMilliseconds(now, ERROR_RETRY_MS);
	if (!session_begin(kind, &session))
		return false;
	MemoryContextSwitchTo(context);
	session_hurry();
	write_answers();
	chosen = choose_lists(context);
	next = look_again_at(chosen);
	session_commit(&session);
	MemoryContextSwitchTo(context);

	drop_names();
	foreach(cell, chosen)
		take_list(lfirst(cell));
	forget_written();
	due_at = has_locked() ? TimestampTzPlusMilliseconds(now, LOCKED_RETRY_MS) :
		next;
	return true;
}

/* ----------
 * Questions
 * ----------
 */

static void
on_page(const HttpReply *reply, void *argument)
{
	Reading    *reading = argument;

	/* What never left is asked again when the host can be reached. */
	if (reply->result == HTTP_NOT_REACHED)
	{
		reading->state = READING_WAITS;
		return;
	}
	reading_take(reading, reply);
	reading->state = READING_ARRIVED;
	directory_wake();
}

static void
ask(Reading *reading)
{
	Bot		   *bot = reading->bot;
	Audience	audience = reading_audience(reading);
	HttpRequest request = {0};

	request.url = reading_url(reading);
	if (!line_is_free(request.url))
		return;
	request.bearer = bot_token_bearer(bot, audience);
	if (request.bearer == NULL ||
		(reading_is_roster(reading) &&
		 pace_take(bot_pace(bot), PACE_CONNECTOR, bot->config->connector_rate,
				   1) == 0))
		return;
	request.handler = on_page;
	request.argument = reading;
	reading->token = bot->tokens[audience].serial;
	reading->state = READING_FLIES;
	line_start(&request);
}

void
directory_advance(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &readings)
	{
		Reading    *reading = dlist_container(Reading, node, iter.cur);
		Bot		   *bot = reading->bot;

		if (reading->state != READING_WAITS)
			continue;
		if (may_read(bot) && reading->generation == bot->generation)
			ask(reading);
		else
		{
			forget_reading(reading);
			directory_wake();
		}
	}
}

TimestampTz
directory_next(void)
{
	TimestampTz next = due_at;
	dlist_iter	iter;

	dlist_foreach(iter, &readings)
	{
		Reading    *reading = dlist_container(Reading, node, iter.cur);
		Bot		   *bot = reading->bot;

		if (reading->state != READING_WAITS || !reading_is_roster(reading))
			continue;
		next = sooner(next, pace_next(bot_pace(bot), PACE_CONNECTOR,
									  bot->config->connector_rate));
	}
	return next;
}
