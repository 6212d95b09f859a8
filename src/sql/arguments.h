/*
 * arguments.h
 *	  The arguments of SQL functions, judged.
 *
 * Each raises an error with a hint if the argument is not right.  Strings are
 * palloc'd, in the database's encoding.
 */
#ifndef TP_ARGUMENTS_H
#define TP_ARGUMENTS_H

#include "fmgr.h"
#include "utils/array.h"

#include "outbox/outbox.h"

/* A text that must not be null. */
extern char *text_argument(FunctionCallInfo fcinfo, int number,
						   const char *name);

/* A user id in the form in which it is stored: both kinds ignore case. */
extern char *user_id_argument(FunctionCallInfo fcinfo, int number);

/* The ids of a team, a channel and a chat; the channel may be null. */
extern char *team_argument(FunctionCallInfo fcinfo, int number);
extern char *channel_argument(FunctionCallInfo fcinfo, int number);
extern char *chat_argument(FunctionCallInfo fcinfo, int number);

/* What the bot is installed for: user, team or chat; and its id. */
extern Scope scope_argument(FunctionCallInfo fcinfo, int number);
extern char *target_argument(FunctionCallInfo fcinfo, int number,
							 Scope scope);

/* Ids of messages; none may be null. */
extern ArrayType *ids_argument(FunctionCallInfo fcinfo);

/*
 * What to say, for a function that has two forms: one takes a text, the other
 * an activity.
 */
extern char *content_argument(FunctionCallInfo fcinfo, int number,
							  bool is_text);

/* A key of the application's; it may be null. */
extern char *key_argument(FunctionCallInfo fcinfo, int number,
						  const char *name);

extern Delivery delivery_argument(FunctionCallInfo fcinfo, int number);

/*
 * Those that are the same for all, from this number on: bot, send_at,
 * expires_at, priority, dedupe_key.
 */
extern void take_options(FunctionCallInfo fcinfo, int first,
						 OutboxNew *message);

/*
 * What the tables' functions have read, which is UTF-8, in the database's
 * encoding, from which it came; for messages to the session.
 */
extern char *text_in_server_encoding(const char *utf8);

/* May an activity be sent?  See rules.h. */
extern void activity_check(const char *activity);

#endif							/* TP_ARGUMENTS_H */
