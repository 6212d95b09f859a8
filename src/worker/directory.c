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
#include "worker/retry.h"
#include "worker/window.h"

/* When to try again after an error. */
#define ERROR_RETRY_MS 5000

static MemoryContext directory_context;
static dlist_head pages;		/* of bots that read a list, one for each */
static TimestampTz due_at;		/* 0: not by itself */

/* Start with nothing under way; what is read is kept in the context. */
void
directory_open(MemoryContext context)
{
	directory_context = context;
	dlist_init(&pages);
	directory_wake();
}

/* Look at all lists again: they, or the bots, may have changed. */
void
directory_wake(void)
{
	due_at = GetCurrentTimestamp();
}

/* Is there something to write, or to look at? */
bool
directory_is_due(void)
{
	return due_at != 0 && due_at <= GetCurrentTimestamp();
}

/* Is nothing under way? */
bool
directory_is_idle(void)
{
	return dlist_is_empty(&pages) && !directory_is_due();
}

/* The page that the bot reads, or NULL. */
static DirectoryPage *
find_page(const Bot *bot)
{
	dlist_iter	iter;

	dlist_foreach(iter, &pages)
	{
		DirectoryPage *page = dlist_container(DirectoryPage, node, iter.cur);

		if (page->bot == bot)
			return page;
	}
	return NULL;
}

static void
drop_page(DirectoryPage *page)
{
	dlist_delete(&page->node);
	directory_page_free(page);
}

/*
 * Does the bot read lists?  One that tries whether its pause is over tries
 * with a message, not with these.
 */
static bool
may_read(const Bot *bot)
{
	return bot_is_active(bot) && bot->status.state == BOT_ACTIVE;
}

/* Has it no page to wait for, but for one that is written now? */
static bool
needs_list(const Bot *bot)
{
	const DirectoryPage *page = find_page(bot);

	return may_read(bot) && (page == NULL || page->written);
}

/* ----------
 * The transaction
 * ----------
 */

/* Would the bot's token go to another host than Graph's? */
static bool
leads_elsewhere(const Bot *bot, const char *link)
{
	return link != NULL && !people_may_follow(bot->graph_url, link);
}

/*
 * Find a list that the bot can read now; false if there is none.  What stands
 * in the way of one is written.
 */
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
			directory_page_fail(list, &not_in_team);
			continue;
		}

		/* Links of another root are of a bot that was configured anew. */
		if (leads_elsewhere(bot, list->link) ||
			leads_elsewhere(bot, list->later))
		{
			outbox_restart_list(list);
			list->link = list->later = NULL;
		}
		return true;
	}
	return false;
}

/* The lists that bots will read, if the transaction commits. */
typedef struct Chosen
{
	Bot		   *bot;
	DirectoryList list;
} Chosen;

/*
 * A list for each bot that needs one and has one to read, as Chosen in that
 * context.
 */
static List *
choose_lists(MemoryContext context)
{
	List	   *chosen = NIL;

	foreach_bot(bot)
	{
		Chosen	   *choice;

		if (!needs_list(bot))
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

static bool
is_chosen(const Bot *bot, const List *chosen)
{
	ListCell   *cell;

	foreach(cell, chosen)
		if (((const Chosen *) lfirst(cell))->bot == bot)
			return true;
	return false;
}

/* When there may be a list for bots that have none to read now, or 0. */
static TimestampTz
next_list_at(const List *chosen)
{
	const char **names = palloc(sizeof(char *));
	int			count = 0;

	foreach_bot(bot)
		if (needs_list(bot) && !is_chosen(bot, chosen))
		{
			names = repalloc(names, (count + 1) * sizeof(char *));
			names[count++] = bot->name;
		}
	return outbox_next_directory(names, count);
}

/* What has come is written, unless somebody has locked its list. */
static void
write_pages(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &pages)
	{
		DirectoryPage *page = dlist_container(DirectoryPage, node, iter.cur);

		page->written = page->state == PAGE_ARRIVED &&
			directory_page_write(page);
	}
}

/* Names that have changed hands lead nowhere any more, once that is known. */
static void
drop_names(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &pages)
	{
		DirectoryPage *page = dlist_container(DirectoryPage, node, iter.cur);

		for (int i = 0; page->written && i < page->doubts.count; i++)
		{
			const NameInDoubt *doubt = &page->doubts.names[i];

			window_doubt(page->bot, doubt->name, doubt->is_other ?
						 KNOWN_NOT : KNOWN_UNVERIFIED);
		}
	}
}

/* The bot goes on with a list, perhaps the one that it has. */
static void
turn_page(const Chosen *choice)
{
	DirectoryPage *page = find_page(choice->bot);

	if (page == NULL)
	{
		page = directory_page_new(directory_context, choice->bot);
		dlist_push_tail(&pages, &page->node);
	}
	directory_page_turn(page, &choice->list);
}

/* What is written and has no next page. */
static void
drop_written(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &pages)
	{
		DirectoryPage *page = dlist_container(DirectoryPage, node, iter.cur);

		if (page->written)
			drop_page(page);
	}
}

/* Is there a page that could not be written? */
static bool
has_locked(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &pages)
	{
		DirectoryPage *page = dlist_container(DirectoryPage, node, iter.cur);

		if (page->state == PAGE_ARRIVED)
			return true;
	}
	return false;
}

/*
 * In a transaction of its own, so that sending does not depend on it: write
 * the pages that have come, and see what is to be read next.  False if the
 * extension is gone.
 */
bool
directory_write(SessionKind kind)
{
	MemoryContext context = CurrentMemoryContext;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next;
	Session		session;
	List	   *chosen;
	ListCell   *cell;

	/* If this fails, it is tried again then. */
	due_at = TimestampTzPlusMilliseconds(now, ERROR_RETRY_MS);
	if (!session_begin(kind, &session))
		return false;
	MemoryContextSwitchTo(context);
	session_hurry();
	write_pages();
	chosen = choose_lists(context);
	next = next_list_at(chosen);
	session_commit(&session);
	MemoryContextSwitchTo(context);

	drop_names();
	foreach(cell, chosen)
		turn_page(lfirst(cell));
	drop_written();
	due_at = has_locked() ? TimestampTzPlusMilliseconds(now, RETRY_LOCKED_MS) :
		next;
	return true;
}

/* ----------
 * Questions
 * ----------
 */

/* The answer to a page has come, or will not come. */
static void
on_page(const HttpReply *reply, void *argument)
{
	DirectoryPage *page = argument;

	/* What never left is asked again when the host can be reached. */
	if (reply->result == HTTP_NOT_REACHED)
	{
		page->state = PAGE_WAITS;
		return;
	}
	directory_page_take(page, reply);
	directory_wake();
}

/*
 * Graph counts directory requests apart from what messages need (contract
 * 5.2).
 */
static bool
pace_allows(const DirectoryPage *page)
{
	Bot		   *bot = page->bot;

	return !directory_page_is_roster(page) ||
		pace_take(bot_pace(bot), PACE_CONNECTOR, bot->config->connector_rate,
				  1) > 0;
}

/* Ask for the page, if it can be asked for now: else it goes on waiting. */
static void
ask_for_page(DirectoryPage *page)
{
	Audience	audience = directory_page_audience(page);
	HttpRequest request = {0};

	request.url = directory_page_url(page);
	if (!line_is_free(request.url))
		return;
	request.bearer = bot_token_bearer(page->bot, audience);
	if (request.bearer == NULL || !pace_allows(page))
		return;
	request.handler = on_page;
	request.argument = page;
	page->token = page->bot->tokens[audience].serial;
	page->state = PAGE_FLIES;
	line_start(&request);
}

/*
 * Ask for what can be asked for.  Pages that a bot was to read before it was
 * paused or configured anew are dropped, and chosen again when it may.
 */
void
directory_advance(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &pages)
	{
		DirectoryPage *page = dlist_container(DirectoryPage, node, iter.cur);

		if (page->state != PAGE_WAITS)
			continue;
		if (may_read(page->bot) && page->generation == page->bot->generation)
			ask_for_page(page);
		else
		{
			drop_page(page);
			directory_wake();
		}
	}
}

/* When there will be something to write, to look at or to ask for, or 0. */
TimestampTz
directory_next(void)
{
	TimestampTz next = due_at;
	dlist_iter	iter;

	dlist_foreach(iter, &pages)
	{
		DirectoryPage *page = dlist_container(DirectoryPage, node, iter.cur);
		Bot		   *bot = page->bot;

		if (page->state == PAGE_WAITS && directory_page_is_roster(page))
			next = sooner(next, pace_next(bot_pace(bot), PACE_CONNECTOR,
										  bot->config->connector_rate));
	}
	return next;
}
