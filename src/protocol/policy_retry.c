/*
 * policy_retry.c
 *	  Whether and when something is tried again.
 *
 * Two tables decide: what the meaning of an answer has for trying again, and
 * how patient each subject is that is tried.  The clock and chance are
 * arguments.
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <math.h>
#include <time.h>

#include "protocol/policy.h"

/* ----------
 * Retry-After
 * ----------
 */

#define FIFTY_YEARS (50 * 365.25 * 86400)

/* Does nothing follow but blanks? */
static bool
is_blank(const char *text)
{
	return text[strspn(text, " \t")] == '\0';
}

/* Digits with or without a fraction (contract 5.2); not what strtod takes. */
static bool
parse_seconds(const char *text, double *seconds)
{
	const char *p = text + strspn(text, "0123456789");

	if (p == text)
		return false;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	if (!is_blank(p))
		return false;
	*seconds = strtod(text, NULL);
	return true;
}

/*
 * The three formats of RFC 9110 section 5.6.7, of which two are obsolete but
 * have to be understood.  strptime reads English names, since the server keeps
 * LC_TIME at "C".  A year of two digits is never more than 50 years ahead.
 */
static bool
parse_http_date(const char *text, double now, double *when)
{
	static const char *const formats[] = {
		"%a, %d %b %Y %H:%M:%S GMT",	/* IMF-fixdate */
		"%a, %d-%b-%y %H:%M:%S GMT",	/* RFC 850 */
		"%a %b %e %H:%M:%S %Y"	/* asctime() */
	};

	for (size_t i = 0; i < lengthof(formats); i++)
	{
		struct tm	tm;
		const char *rest;

		memset(&tm, 0, sizeof(tm));
		rest = strptime(text, formats[i], &tm);
		if (rest == NULL || !is_blank(rest))
			continue;
		*when = (double) timegm(&tm);
		if (i == 1 && *when > now + FIFTY_YEARS)
		{
			tm.tm_year -= 100;
			*when = (double) timegm(&tm);
		}
		return true;
	}
	return false;
}

/*
 * Seconds to wait by a Retry-After header: delta-seconds, also fractional,
 * or an HTTP date relative to "now" (Unix time).  Clamped to [0, cap].
 * Negative if the header is missing (NULL), zero or makes no sense (contract
 * 5.2).
 */
double
policy_retry_after(const char *header, double now, double cap)
{
	double		seconds;

	if (header == NULL)
		return -1;
	header += strspn(header, " \t");
	if (!parse_seconds(header, &seconds))
	{
		if (!parse_http_date(header, now, &seconds))
			return -1;
		seconds -= now;
	}
	return seconds > 0 ? Min(seconds, cap) : -1;
}

/* ----------
 * Decisions
 * ----------
 */

/* What an answer means for trying again. */
static const struct
{
	bool		again;
	bool		counts;			/* as a failed attempt */
	bool		at_once;		/* something else has been done about it */
}			retries[] = {
	[ACTION_OK] = {false, true, false},
	[ACTION_RETRY] = {true, true, false},
	[ACTION_THROTTLED] = {true, false, false},
	[ACTION_REAUTH] = {true, false, true},
	[ACTION_PAUSE_BOT] = {true, false, true},
	[ACTION_LOOK_UP_AGAIN] = {true, true, true},
	[ACTION_INSTALL_AGAIN] = {true, true, true},
	[ACTION_BLOCKED] = {false, true, false},
	[ACTION_FAIL] = {false, true, false}
};

/* How each subject is tried again if the service does not say when. */
static const struct
{
	bool		has_end;		/* after so many attempts as are set */
	double		least;			/* delay after a failure, in seconds */
	double		least_throttled;	/* the same after a 429 */
	double		most;
	double		certain;		/* the part that is not left to chance */
}			patience[] = {
	[RETRY_MESSAGE] = {true, 0, 0, HUGE_VAL, 0},
	[RETRY_LIST] = {true, 0, 1, HUGE_VAL, 0},
	[RETRY_FETCH] = {false, 1, 1, 60, 0},
	[RETRY_HOST] = {false, 0, 0, 60, 0.5}
};

/*
 * Exponential backoff with jitter (contract 1): min(cap, base * 2^(attempt -
 * 1)), of which chance leaves a part; uniform in [0, 1).
 */
static double
backoff(int attempt, const RetryLimits *limits, double most, double certain,
		double uniform)
{
	/* beyond 2^60 every cap is reached, and nothing overflows */
	int			doublings = attempt < 1 ? 0 : Min(attempt - 1, 60);
	double		ceiling = Min(Min(limits->cap, most),
							  ldexp(limits->base, doublings));

	return ceiling * (certain + (1 - certain) * uniform);
}

/*
 * Is something tried again after an answer of that meaning (ACTION_RETRY also
 * if there was none), and when?  The attempt counts from 1, with those that
 * count.  "told" is what policy_retry_after() has made of the answer: that is
 * obeyed, and what is not told backs off.
 */
Retry
policy_retry(RetrySubject subject, Action action, int attempt, double told,
			 const RetryLimits *limits, double uniform)
{
	double		least = action == ACTION_THROTTLED ?
		patience[subject].least_throttled : patience[subject].least;
	Retry		retry;

	retry.counts = retries[action].counts;
	retry.again = retries[action].again &&
		!(patience[subject].has_end && retry.counts &&
		  attempt >= limits->attempts);
	if (retries[action].at_once)
		retry.delay = 0;
	else if (told >= 0)
		retry.delay = told;
	else
		retry.delay = Min(patience[subject].most,
						  Max(least, backoff(attempt, limits,
											 patience[subject].most,
											 patience[subject].certain,
											 uniform)));
	return retry;
}
