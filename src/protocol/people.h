/*
 * people.h
 *	  Lists of people, page by page: the directory and its groups from
 *	  Microsoft Graph, the roster of a team from the Bot Connector.
 *
 * Requests as bytes, replies as structs; contract 3.11 and 4.6.
 */
#ifndef TP_PEOPLE_H
#define TP_PEOPLE_H

#include "lib/stringinfo.h"

/* Links that the services give are long, but not longer. */
#define PEOPLE_MAX_LINK (16 * 1024)

/*
 * What one entry says; a property that it does not mention is NULL or
 * PEOPLE_UNTOLD, one that is not set is "".
 */
typedef enum PeopleFlag
{
	PEOPLE_UNTOLD = -1,
	PEOPLE_NO,
	PEOPLE_YES
} PeopleFlag;

typedef struct Person
{
	const char *id;				/* Entra object id, in lower case */
	bool		removed;		/* is gone; nothing else is said */
	const char *user_principal_name;	/* in lower case */
	const char *display_name;
	const char *locale;
	PeopleFlag	is_guest;
	PeopleFlag	is_enabled;
	PeopleFlag	is_licensed;
} Person;

typedef struct PeoplePage
{
	int			count;
	Person	   *people;
	const char *next;			/* Graph's link or the Connector's token to go
								 * on with, or NULL */
	const char *later;			/* at the end: the link that tells of changes,
								 * or NULL */
} PeoplePage;

/* Requests. */
extern char *people_directory_url(const char *graph_url);
extern char *people_group_url(const char *graph_url, const char *group_id,
							  bool owners);
extern char *people_roster_url(const char *service_url,
							   const char *conversation_id,
							   const char *token);
extern bool people_may_follow(const char *graph_url, const char *link);

/* Replies. */
extern bool people_graph_reply(const char *body, size_t length,
							   PeoplePage *page, const char **problem);
extern bool people_roster_reply(const char *body, size_t length,
								PeoplePage *page, const char **problem);

#endif							/* TP_PEOPLE_H */
