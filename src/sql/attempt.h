/*
 * attempt.h
 *	  Errors in a message that must not fail a transaction.
 */
#ifndef TP_ATTEMPT_H
#define TP_ATTEMPT_H

#include "fmgr.h"

extern bool attempt_may_pass(int sqlstate);
extern bool attempt_is_servers(int sqlstate);
extern ErrorData *attempt(void (*action) (void *argument), void *argument);
extern Datum attempt_call(FunctionCallInfo fcinfo, int on_error,
						  Datum (*call) (FunctionCallInfo fcinfo));

#endif							/* TP_ATTEMPT_H */
