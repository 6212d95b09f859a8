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

#include "outbox/messages.h"

/* A text that must not be null. */
extern char *argument_text(FunctionCallInfo fcinfo, int number,
						   const char *name);

/* A user id in the form in which it is stored: both kinds ignore case. */
extern char *argument_user_id(FunctionCallInfo fcinfo, int number);

/* The ids of a team, a channel and a chat; the channel may be null. */
extern char *argument_team(FunctionCallInfo fcinfo, int number);
extern char *argument_channel(FunctionCallInfo fcinfo, int number);
extern char *argument_chat(FunctionCallInfo fcinfo, int number);

/* What the bot is installed for: user, team or chat; and its id. */
extern Scope argument_scope(FunctionCallInfo fcinfo, int number);
extern char *argument_target(FunctionCallInfo fcinfo, int number,
							 Scope scope);

/* Ids of messages; none may be null. */
extern ArrayType *argument_ids(FunctionCallInfo fcinfo);

/*
 * What to say, for a function that has two forms: one takes a text, the other
 * an activity.
 */
extern char *argument_content(FunctionCallInfo fcinfo, int number,
							  bool is_text);

/* A key of the application's; it may be null. */
extern char *argument_key(FunctionCallInfo fcinfo, int number,
						  const char *name);

extern Delivery argument_delivery(FunctionCallInfo fcinfo, int number);

/*
 * Those that are the same for all, from this number on: bot, send_at,
 * expires_at, priority, dedupe_key.
 */
extern void argument_options(FunctionCallInfo fcinfo, int first,
						 OutboxNew *message);

/*
 * What the tables' functions have read, which is UTF-8, in the database's
 * encoding, from which it came; for messages to the session.
 */
extern char *text_in_server_encoding(const char *utf8);

/* May an activity be sent?  See rules.h. */
extern void argument_check_activity(const char *activity);

#endif							/* TP_ARGUMENTS_H */
