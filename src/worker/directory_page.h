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

typedef enum ReadingState
{
	READING_WAITS,				/* for a token, or its pace */
	READING_FLIES,
	READING_ARRIVED				/* to be written */
} ReadingState;

typedef struct Reading
{
	dlist_node	node;
	Bot		   *bot;
	int			generation;		/* of the bot's configuration */
	DirectoryList list;
	ReadingState state;
	int			token;			/* serial of the token */
	char	   *mark;			/* an earlier link, to notice a circle */
	int			steps;
	bool		written;		/* the current transaction has done so */

	MemoryContext answer;		/* of what follows */
	Action		action;			/* ACTION_OK: the page is good */
	PeoplePage	page;
	DirectoryDoubts doubts;		/* that it has raised, once it is written */
	ListError	error;
	double		retry_after;	/* seconds; negative: not said */
} Reading;

static inline bool
reading_is_roster(const Reading *reading)
{
	return directory_list_is_roster(&reading->list);
}

/* Whose page it is: which token is shown for it. */
static inline Audience
reading_audience(const Reading *reading)
{
	return reading_is_roster(reading) ? AUDIENCE_CONNECTOR : AUDIENCE_GRAPH;
}

/* Where its next page is; palloc'd, or the list's. */
extern char *reading_url(const Reading *reading);

/* The page has come, or has not: read what the reply says of it. */
extern void reading_take(Reading *reading, const HttpReply *reply);

/*
 * In a transaction: write what came.  False if somebody has locked the list.
 */
extern bool reading_write(Reading *reading);

/* There is no use in going on. */
extern void reading_fail(const DirectoryList *list, const ListError *error);

#endif							/* TP_DIRECTORY_PAGE_H */
