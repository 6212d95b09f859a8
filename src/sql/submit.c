/*
 * submit.c
 *	  The one way from SQL functions into the outbox.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "outbox/statement.h"
#include "outbox/tally.h"
#include "sql/arguments.h"
#include "sql/submit.h"

int64
submit(FunctionCallInfo fcinfo, OutboxNew *message)
{
	if (message->activity != NULL)
		activity_check(message->activity);
	message->sender = GetUserId();
	statement_attach_function(fcinfo);

	if (tally_bot_mode(message->bot) == BOT_MODE_MISSING)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("bot \"%s\" does not exist", message->bot),
				 errhint("Create it with teams_configure().")));
	return outbox_enqueue(message);
}
