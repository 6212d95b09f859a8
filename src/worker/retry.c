/*
 * retry.c
 *	  Whether and when something is tried again.
 */
#include "postgres.h"

#include "base/compat.h"
#include "utils/timestamp.h"

#include "base/moment.h"
#include "base/settings.h"
#include "worker/retry.h"

/* The longest Retry-After that is believed, in seconds (contract 5.2). */
#define MAX_RETRY_AFTER 3600.0

/* The seconds that a header Retry-After tells; negative if it tells none. */
double
retry_told(const char *header)
{
	return policy_retry_after(header, unix_seconds(GetCurrentTimestamp()),
							  MAX_RETRY_AFTER);
}

/* As policy_retry(), by what the administrator has set. */
Retry
retry_decide(RetrySubject subject, Action action, int attempt, double told)
{
	RetryLimits limits = {
		.base = settings_retry_base_delay / 1000.0,
		.cap = settings_retry_max_delay / 1000.0,
		.attempts = settings_max_attempts
	};

	return policy_retry(subject, action, attempt, told, &limits,
						compat_random_uniform());
}

/* The moment after a delay in seconds that begins now. */
TimestampTz
retry_time(double delay)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay * 1000);
}
