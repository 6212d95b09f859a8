/*
 * words.h
 *	  The words that the tables have for what the C code knows as enums.
 *
 * The tables keep words, so that people can read them.  Each is looked up
 * once, where a row or an argument comes in, and written where one goes out.
 */
#ifndef TP_WORDS_H
#define TP_WORDS_H

/* The word of a value is at its place in the list. */
typedef struct WordList
{
	const char *const *words;
	int			count;
} WordList;

/* What the target of a message is. */
typedef enum Scope
{
	SCOPE_USER,
	SCOPE_TEAM,					/* its General channel */
	SCOPE_CHAT,
	SCOPE_CHANNEL
} Scope;

/* Which conversations come first. */
typedef enum Priority
{
	PRIORITY_HIGH,
	PRIORITY_NORMAL,
	PRIORITY_LOW
} Priority;

#define PRIORITIES 3

/* What is done with a message of which nobody knows whether it has arrived. */
typedef enum Delivery
{
	DELIVERY_AT_LEAST_ONCE,
	DELIVERY_AT_MOST_ONCE
} Delivery;

/* What becomes of a message. */
typedef enum Fate
{
	FATE_SENT,
	FATE_FAILED,
	FATE_CANCELLED,
	FATE_EXPIRED
} Fate;

/* What teams_installation says of a target; see the comment there. */
typedef enum InstallState
{
	INSTALL_INSTALLED,
	INSTALL_INSTALLING,
	INSTALL_STALE,
	INSTALL_ABSENT,
	INSTALL_REMOVED,
	INSTALL_UNINSTALLED,
	INSTALL_BLOCKED,
	INSTALL_REFUSED,
	INSTALL_UNKNOWN,
	INSTALL_FAILED,
	INSTALL_UNVERIFIED			/* never stored: installed, for whoever had the
								 * name when that was found out */
} InstallState;

/* How a broadcast is; see teams_broadcast. */
typedef enum BroadcastState
{
	BROADCAST_DRAFT,
	BROADCAST_RUNNING,
	BROADCAST_PAUSED,
	BROADCAST_DONE,
	BROADCAST_CANCELLED
} BroadcastState;

/*
 * What a list of the directory has: people, of the tenant, a group or a team.
 */
typedef enum ListSource
{
	LIST_PEOPLE,
	LIST_MEMBERS,
	LIST_OWNERS,
	LIST_ROSTER
} ListSource;

extern const WordList scope_words;
extern const WordList priority_words;
extern const WordList delivery_words;
extern const WordList fate_words;
extern const WordList install_state_words;
extern const WordList list_source_words;
extern const WordList broadcast_state_words;

extern int	words_find(const WordList *list, const char *word, size_t length);
extern const char *words_name(const WordList *list, int value);
extern char *words_enumerate(const WordList *list);

#endif							/* TP_WORDS_H */
