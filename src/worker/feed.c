/*
 * feed.c
 *	  What becomes messages of the outbox in the worker: broadcasts, digests.
 */
#include "postgres.h"

#include "base/moment.h"
#include "worker/broadcast.h"
#include "worker/digest.h"
#include "worker/feed.h"

/* Begin with a look at all. */
void
feed_open(void)
{
	broadcast_open();
	digest_open();
}

/* Something has been committed: it may be for one of them. */
void
feed_wake(const WakeUp *wake_up)
{
	if (wake_up->reload)
		broadcast_wake();
	if (wake_up->reload || wake_up->times)
		digest_wake();
}

/* Is it time to call feed_outbox()? */
bool
feed_is_due(void)
{
	return broadcast_is_due() || digest_is_due();
}

/* When it will be; 0: never by itself. */
TimestampTz
feed_next(void)
{
	return sooner(broadcast_next(), digest_next());
}

/* Is there nothing to do now? */
bool
feed_is_idle(void)
{
	return broadcast_is_idle() && digest_is_idle();
}

/*
 * In a transaction: write what is due.  Returns the id of the first new
 * message, or 0.
 */
int64
feed_outbox(void)
{
	int64		first_id = 0;

	if (broadcast_is_due())
		first_id = broadcast_feed();
	if (digest_is_due())
		first_id = sooner(first_id, digest_send());
	return first_id;
}
