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

extern char *argument_text(FunctionCallInfo fcinfo, int number,
						   const char *name);

/* A user id in the form in which it is stored: both kinds ignore case. */
extern char *argument_user_id(FunctionCallInfo fcinfo, int number);
extern char *argument_team(FunctionCallInfo fcinfo, int number);
extern char *argument_channel(FunctionCallInfo fcinfo, int number);
extern char *argument_chat(FunctionCallInfo fcinfo, int number);

/* What the bot is installed for: user, team or chat; and its id. */
extern Scope argument_scope(FunctionCallInfo fcinfo, int number);
extern char *argument_target(FunctionCallInfo fcinfo, int number,
							 Scope scope);
extern ArrayType *argument_ids(FunctionCallInfo fcinfo);
extern char *argument_content(FunctionCallInfo fcinfo, int number,
							  bool is_text);
extern char *argument_key(FunctionCallInfo fcinfo, int number,
						  const char *name);
extern bool argument_flag(FunctionCallInfo fcinfo, int number);
extern bool argument_only_warns(FunctionCallInfo fcinfo, int number);
extern Delivery argument_delivery(FunctionCallInfo fcinfo, int number);

/*
 * Those that are the same for all, from this number on: bot, send_at,
 * expires_at, priority, dedupe_key.
 */
extern void argument_options(FunctionCallInfo fcinfo, int first,
							 OutboxNew *message);
extern char *text_in_server_encoding(const char *utf8);
extern void argument_check_activity(const char *activity);

#endif							/* TP_ARGUMENTS_H */
