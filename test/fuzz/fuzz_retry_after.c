/*
 * fuzz_retry_after.c
 *	  The header Retry-After.
 */
#include "postgres_fe.h"

#include "fuzz.h"

void
fuzz_one(const char *input, size_t length)
{
	char	   *header = fuzz_string(input, length);
	char	   *padded = psprintf(" \t%s \t", header);
	double		now = 1795461600;
	double		wait = policy_retry_after(header, now, 3600);
	char	   *rest;
	long		seconds;

	require_wait(header);
	REQUIRE(policy_retry_after(padded, now, 3600) == wait);
	if (wait >= 0)
	{
		REQUIRE(policy_retry_after(header, now, 60) == Min(wait, 60));

		/* what century a year of two digits is of depends on the clock */
		if (strchr(header, '-') == NULL)
			REQUIRE(policy_retry_after(header, 0, 1e12) >= wait);
	}

	/* whole seconds are obeyed to the second */
	if (header[0] >= '0' && header[0] <= '9')
	{
		seconds = strtol(header, &rest, 10);
		if (*rest == '\0')
			REQUIRE(wait == (seconds > 0 ? Min(seconds, 3600) : -1));
	}
}
