/*
 * directory_page.h
 *	  A list of people that a bot reads: its next page, and what came of it.
 */
#ifndef TP_DIRECTORY_PAGE_H
#define TP_DIRECTORY_PAGE_H

#include "lib/ilist.h"

#include "http/http.h"
#include "outbox/directories.h"
#include "worker/bot.h"

typedef enum PageState
{
	PAGE_WAITS,					/* for a token, or its pace */
	PAGE_FLIES,
	PAGE_ARRIVED				/* to be written */
} PageState;

typedef struct DirectoryPage
{
	MemoryContext context;		/* of all of it */
	dlist_node	node;			/* in the list of directory.c */
	Bot		   *bot;
	int			generation;		/* of the bot's configuration */
	PageState	state;
	int			token;			/* serial of the one that asked for it */
	bool		written;		/* the current transaction has done so */

	/* Pages that were read before, to notice links that go in a circle. */
	char	   *mark;			/* the link of one of them */
	int			steps;			/* how many there were */

	MemoryContext list_context;
	DirectoryList list;

	MemoryContext answer_context;	/* of what follows */
	Action		action;			/* ACTION_OK: the page is good */
	PeoplePage	people;
	DirectoryDoubts doubts;		/* that it has raised, once it is written */
	ListError	error;
	double		retry_after;	/* seconds; negative: not said */
} DirectoryPage;

static inline bool
directory_page_is_roster(const DirectoryPage *page)
{
	return directory_list_is_roster(&page->list);
}

/* Whose service has it. */
static inline Audience
directory_page_audience(const DirectoryPage *page)
{
	return directory_page_is_roster(page) ? AUDIENCE_CONNECTOR :
		AUDIENCE_GRAPH;
}

extern DirectoryPage *directory_page_new(MemoryContext context, Bot *bot);
extern void directory_page_free(DirectoryPage *page);
extern void directory_page_turn(DirectoryPage *page,
								const DirectoryList *list);
extern char *directory_page_url(const DirectoryPage *page);
extern void directory_page_take(DirectoryPage *page, const HttpReply *reply);
extern bool directory_page_write(DirectoryPage *page);
extern void directory_page_fail(const DirectoryList *list,
								const ListError *error);

#endif							/* TP_DIRECTORY_PAGE_H */
