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
#include "utils/jsonb.h"

#include "outbox.h"

/* A text that must not be null. */
extern char *text_argument(FunctionCallInfo fcinfo, int number,
						   const char *name);

/* A user id in the form in which it is stored: both kinds ignore case. */
extern char *user_id_argument(FunctionCallInfo fcinfo, int number);

extern char *delivery_argument(FunctionCallInfo fcinfo, int number);

/*
 * Those that are the same for all, from this number on: bot, send_at,
 * expires_at, priority, dedupe_key.
 */
extern void take_options(FunctionCallInfo fcinfo, int first,
						 OutboxNew *message);

/* The activity that is a text, or that a caller has made; as JSON. */
extern char *activity_of_text(const char *text);
extern char *activity_of_jsonb(Jsonb *activity);

/* Would the service take it (contract 8)? */
extern void activity_check_size(const char *activity);

#endif							/* TP_ARGUMENTS_H */
