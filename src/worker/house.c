/*
 * house.c
 *	  When what is old is removed, and the account added up.
 *
 * Old messages are removed a thousand at a time, with pauses for others; and
 * the account is added up now and then.
 */
#include "postgres.h"

#include "base/settings.h"
#include "outbox/fates.h"
#include "worker/house.h"

/* The time to the next look, if there is more to remove, and if not. */
#define PURGE_PAUSE_MS 50
#define PURGE_INTERVAL_MS 60000

/* How often the account is added up, and how many rows of it at a time. */
#define FOLD_INTERVAL_MS 10000
#define FOLD_MOST 10000

static TimestampTz purge_at;
static TimestampTz fold_at;		/* 0: nothing has happened since the last
								 * time */
static int64 folded;			/* rows of the account up to this id */

/* Begin: both are due at once. */
void
house_open(void)
{
	purge_at = GetCurrentTimestamp();
	fold_at = purge_at;
	folded = 0;
}

/* The retention may be another now. */
void
house_try_again(void)
{
	purge_at = GetCurrentTimestamp();
}

/* Something has happened that the account has to be added up for. */
void
house_note_change(void)
{
	if (fold_at == 0)
		fold_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											  FOLD_INTERVAL_MS);
}

/*
 * In a transaction: do what is due.  If something fails, it is not before its
 * next time that it fails again.
 */
void
house_keep(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (purge_at <= now)
	{
		purge_at = TimestampTzPlusMilliseconds(now, PURGE_INTERVAL_MS);
		if (settings_retention >= 0 &&
			outbox_purge_history(settings_retention) > 0)
			purge_at = TimestampTzPlusMilliseconds(now, PURGE_PAUSE_MS);
	}
	if (fold_at != 0 && fold_at <= now)
	{
		fold_at = TimestampTzPlusMilliseconds(now, FOLD_INTERVAL_MS);
		fold_at = outbox_fold_account(&folded, FOLD_MOST) ? 0 :
			TimestampTzPlusMilliseconds(now, PURGE_PAUSE_MS);
	}
}

/* When there is something to do next. */
TimestampTz
house_next(void)
{
	return fold_at != 0 ? Min(purge_at, fold_at) : purge_at;
}
