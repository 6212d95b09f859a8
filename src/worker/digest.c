/*
 * digest.c
 *	  Has the digests sent that triggers have collected, when their time has
 *	  come.
 *
 * Rows of a digest become a message of the outbox in one transaction: so each
 * is in one message, whatever happens.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/moment.h"
#include "outbox/digests.h"
#include "worker/digest.h"

/* What is done in one transaction, by time, and the pause after it. */
#define SEND_BUDGET_MS 100
#define PAUSE_MS 50

/* What fails is tried again after so long, and what is locked. */
#define RETRY_MS 5000
#define LOCKED_MS 500

static TimestampTz send_at;		/* 0: there is none */
static bool has_more;			/* that are due, when it looked last */

/* There may be some that are due earlier than was known. */
void
digest_wake(void)
{
	send_at = GetCurrentTimestamp();
	has_more = true;
}

/* Begin with a look at what is there. */
void
digest_open(void)
{
	digest_wake();
}

/* When there is something to do, or 0. */
TimestampTz
digest_next(void)
{
	return send_at;
}

/* Is it time to call digest_send()? */
bool
digest_is_due(void)
{
	return send_at != 0 && send_at <= GetCurrentTimestamp();
}

/* Has it found nothing more to send, when it looked last? */
bool
digest_is_idle(void)
{
	return !has_more;
}

/* Others have as much time as this has taken. */
static TimestampTz
rest_after(TimestampTz start)
{
	TimestampTz now = GetCurrentTimestamp();

	return TimestampTzPlusMilliseconds(now + (now - start), PAUSE_MS);
}

/*
 * In a transaction: have those sent that are due, as many as there is time
 * for.  Returns the id of the first new message, or 0.
 */
int64
digest_send(void)
{
	TimestampTz start = GetCurrentTimestamp();
	int64		first_id = 0;
	int64		id;

	/* If this fails, it is not before then that it fails again. */
	send_at = TimestampTzPlusMilliseconds(start, RETRY_MS);
	has_more = false;
	while (outbox_send_digest(&id))
	{
		if (id == 0)
		{
			send_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												  LOCKED_MS);
			return first_id;
		}
		first_id = sooner(first_id, id);
		if (TimestampDifferenceExceeds(start, GetCurrentTimestamp(),
									   SEND_BUDGET_MS))
			break;
	}
	send_at = outbox_next_digest();
	if (send_at != 0)
	{
		has_more = send_at <= GetCurrentTimestamp();
		send_at = Max(send_at, rest_after(start));
	}
	return first_id;
}
