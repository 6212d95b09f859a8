/*
 * directories.h
 *	  The tables of the directory, as the worker sees them.
 */
#ifndef TP_DIRECTORIES_H
#define TP_DIRECTORIES_H

#include "datatype/timestamp.h"

#include "base/words.h"
#include "protocol/people.h"

/* A list that is being read: a row of teams_directory. */
typedef struct DirectoryList
{
	char	   *bot;
	ListSource	source;
	char	   *container;		/* id of the group or team, or "" */
	char	   *link;			/* to go on with, or NULL: it begins */
	char	   *later;			/* tells of changes, or NULL: all is read */
	int			attempts;		/* that have failed in a row */
	int			pages;			/* read so far */
	char	   *conversation_id;	/* roster: the team's General channel, or
									 * NULL: the bot is not known to be
									 * there */
	char	   *service_url;	/* of it, or NULL: the bot's */
} DirectoryList;
extern bool directory_list_is_people(const DirectoryList *list);
extern bool directory_list_is_roster(const DirectoryList *list);
extern bool outbox_next_list(const char *bot, MemoryContext context,
							 DirectoryList *list);
extern TimestampTz outbox_next_directory(const char *const *bots, int count);

typedef enum ListHold
{
	LIST_HELD,
	LIST_LOCKED,				/* by somebody else */
	LIST_GONE					/* or not where it was */
} ListHold;
extern ListHold outbox_hold_list(const DirectoryList *list);

/*
 * Names by which installations are known and that are not their owners' any
 * more: somebody else's, or nobody knows whose.
 */
typedef struct NameInDoubt
{
	const char *name;
	bool		is_other;
} NameInDoubt;

typedef struct DirectoryDoubts
{
	int			count;
	NameInDoubt *names;
} DirectoryDoubts;
extern void outbox_save_people(const DirectoryList *list,
							   const PeoplePage *page, MemoryContext context,
							   DirectoryDoubts *doubts);
extern void outbox_continue_list(const DirectoryList *list, const char *next);
extern void outbox_finish_list(const DirectoryList *list, const char *later);
extern void outbox_restart_list(const DirectoryList *list);

typedef struct ListError
{
	const char *code;
	const char *message;
	const char *hint;			/* or NULL */
} ListError;
extern void outbox_delay_list(const DirectoryList *list,
							  const ListError *error, bool is_failure,
							  TimestampTz until);
extern void outbox_fail_list(const DirectoryList *list,
							 const ListError *error);

#endif							/* TP_DIRECTORIES_H */
