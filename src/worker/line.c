/*
 * line.c
 *	  The line to each host: is it there, and if not, when to try it again.
 *
 * A host that cannot be reached is nobody's fault who wants to write to it, so
 * that must cost no message an attempt.  The first request that finds no
 * connection tells for all: the others stay where they are, and from time to
 * time one of them is let go as a trial.  Once a host has answered anything,
 * nothing is known against it any more, and all go on.
 *
 * Only hosts that cannot be reached are remembered, so that in good times this
 * costs nothing.  Bots that share a host share its line.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/memutils.h"

#include "base/moment.h"
#include "base/trust.h"
#include "worker/line.h"
#include "worker/retry.h"

/* The longest text of a host or problem. */
#define MAX_SAID 500

/* Hosts that are remembered; of others, each request finds out for itself. */
#define MAX_LINES 100

typedef enum Trial
{
	TRIAL_NONE,
	TRIAL_RESERVED,
	TRIAL_UNDER_WAY
} Trial;

/* A host that cannot be reached. */
typedef struct Line
{
	dlist_node	node;
	int			failures;		/* in a row, of trials */
	TimestampTz not_before;		/* when to try again */
	Trial		trial;
	char	   *problem;
	const char *hint;			/* what to do about it, or NULL; a constant */
	char		origin[FLEXIBLE_ARRAY_MEMBER];	/* scheme, host and port */
} Line;

/* A request under way. */
typedef struct Errand
{
	HttpHandler handler;
	void	   *argument;
	TimestampTz started_at;
	bool		is_trial;
	char		origin[FLEXIBLE_ARRAY_MEMBER];
} Errand;

static MemoryContext line_context;
static dlist_head lines;
static int	line_count;
static TimestampTz mended_at;	/* when some host was last reached again */

/* All lines are good; what is known of them is kept in the context. */
void
line_open(MemoryContext context)
{
	line_context = context;
	dlist_init(&lines);
	line_count = 0;
	mended_at = 0;
}

/* How much of a URL is scheme, host and port; all of it if it is none. */
static size_t
host_part_length(const char *url)
{
	const char *host = strstr(url, "://");

	if (host == NULL)
		return strlen(url);
	host += strlen("://");
	return (host - url) + strcspn(host, "/?#");
}

/* The line to the URL's host, if that cannot be reached; else NULL. */
static Line *
find_line(const char *url)
{
	size_t		length;
	dlist_iter	iter;

	if (line_count == 0)
		return NULL;
	length = host_part_length(url);
	dlist_foreach(iter, &lines)
	{
		Line	   *line = dlist_container(Line, node, iter.cur);

		if (pg_strncasecmp(line->origin, url, length) == 0 &&
			line->origin[length] == '\0')
			return line;
	}
	return NULL;
}

/* NULL is a line of which nothing is known. */
static bool
may_be_tried(const Line *line)
{
	return line == NULL ||
		(line->trial == TRIAL_NONE &&
		 line->not_before <= GetCurrentTimestamp());
}

/*
 * May a request to that URL start now?  Always, unless its host cannot be
 * reached: then one at a time may, as a trial, ever more rarely.
 */
bool
line_is_free(const char *url)
{
	return may_be_tried(find_line(url));
}

/* The same; a trial is then the caller's, until it starts or gives up. */
bool
line_reserve(const char *url)
{
	Line	   *line = find_line(url);

	if (!may_be_tried(line))
		return false;
	if (line != NULL)
		line->trial = TRIAL_RESERVED;
	return true;
}

/* What was reserved by line_reserve() does not start now. */
void
line_give_up(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &lines)
	{
		Line	   *line = dlist_container(Line, node, iter.cur);

		if (line->trial == TRIAL_RESERVED)
			line->trial = TRIAL_NONE;
	}
}

/* ----------
 * What becomes of requests
 * ----------
 */

/* Each trial that fails makes the time to the next one longer. */
static void
try_later(Line *line)
{
	line->not_before = retry_time(retry_decide(RETRY_HOST, ACTION_RETRY,
											   ++line->failures, -1).delay);
}

/* A URL that was refused may have a user and password in it. */
static void
set_line_problem(Line *line, const HttpReply *reply)
{
	const char *at = strrchr(line->origin, '@');
	char	   *host = trust_clean_copy(at != NULL ? at + 1 : line->origin,
										MAX_SAID);
	char	   *text = trust_clean_copy(reply->problem, MAX_SAID);

	if (line->problem != NULL)
		pfree(line->problem);
	line->problem = MemoryContextStrdup(line_context,
										psprintf("could not reach %s: %s",
												 host, text));
	line->hint = reply->hint;
	pfree(host);
	pfree(text);
}

/* Nobody knew yet that the host cannot be reached. */
static void
break_line(const char *origin, const HttpReply *reply)
{
	size_t		length = strlen(origin);
	Line	   *line;

	if (!line_has_room())
		return;
	line = MemoryContextAllocZero(line_context,
								  offsetof(Line, origin) + length + 1);
	memcpy(line->origin, origin, length + 1);
	set_line_problem(line, reply);
	try_later(line);
	dlist_push_tail(&lines, &line->node);
	line_count++;
	ereport(LOG,
			(errmsg("teams_proactive: %s", line->problem),
			 errdetail("What is to go there waits, while one request at a time tries whether it can."),
			 line->hint != NULL ? errhint("%s", line->hint) : 0));
}

/* The host has answered. */
static void
mend_line(Line *line)
{
	ereport(LOG,
			(errmsg("teams_proactive: it is over: %s", line->problem)));
	mended_at = GetCurrentTimestamp();
	dlist_delete(&line->node);
	line_count--;
	pfree(line->problem);
	pfree(line);
}

/*
 * One that began before a host was reached again says nothing of now.  A trial
 * that left and got no answer says neither that the host is there nor that it
 * is not: the next one may.
 */
static void
judge_host(const Errand *errand, const HttpReply *reply)
{
	Line	   *line = find_line(errand->origin);

	if (reply->result == HTTP_ANSWERED)
	{
		if (line != NULL)
			mend_line(line);
	}
	else if (line == NULL)
	{
		if (reply->result == HTTP_NOT_REACHED &&
			errand->started_at >= mended_at)
			break_line(errand->origin, reply);
	}
	else if (errand->is_trial)
	{
		line->trial = TRIAL_NONE;
		set_line_problem(line, reply);
		try_later(line);
	}
}

/* The handler of each request: the line first, then whoever has started it. */
static void
on_errand_end(const HttpReply *reply, void *argument)
{
	Errand	   *errand = argument;
	HttpHandler handler = errand->handler;
	void	   *handlers_argument = errand->argument;

	judge_host(errand, reply);
	pfree(errand);
	handler(reply, handlers_argument);
}

/* http_start(), and the line is judged by what becomes of the request. */
void
line_start(const HttpRequest *request)
{
	Line	   *line = find_line(request->url);
	size_t		length = host_part_length(request->url);
	HttpRequest ours = *request;
	Errand	   *errand = MemoryContextAlloc(line_context,
											offsetof(Errand, origin) + length + 1);

	errand->handler = request->handler;
	errand->argument = request->argument;
	errand->started_at = GetCurrentTimestamp();
	errand->is_trial = line != NULL && line->trial != TRIAL_UNDER_WAY;
	memcpy(errand->origin, request->url, length);
	errand->origin[length] = '\0';
	if (errand->is_trial)
		line->trial = TRIAL_UNDER_WAY;
	ours.handler = on_errand_end;
	ours.argument = errand;
	http_start(&ours);
}

/* ----------
 * What is known
 * ----------
 */

/*
 * Can more hosts be remembered that cannot be reached?  If not, each request
 * to another one finds out for itself.
 */
bool
line_has_room(void)
{
	return line_count < MAX_LINES;
}

/* Why the URL's host cannot be reached, or NULL. */
const char *
line_problem(const char *url)
{
	const Line *line = find_line(url);

	return line != NULL ? line->problem : NULL;
}

/* What to do about that, or NULL. */
const char *
line_hint(const char *url)
{
	const Line *line = find_line(url);

	return line != NULL ? line->hint : NULL;
}

/* When the URL's host may be tried again; 0: at any time. */
TimestampTz
line_not_before(const char *url)
{
	const Line *line = find_line(url);

	return line != NULL ? line->not_before : 0;
}

/* When the first of those that cannot be reached may be tried again, or 0. */
TimestampTz
line_next(void)
{
	TimestampTz next = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &lines)
	{
		const Line *line = dlist_container(Line, node, iter.cur);

		if (line->trial == TRIAL_NONE)
			next = sooner(next, line->not_before);
	}
	return next;
}

/* Do not wait any longer for what has failed. */
void
line_try_again(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &lines)
	{
		Line	   *line = dlist_container(Line, node, iter.cur);

		line->not_before = 0;
		line->failures = 0;
	}
}
