/*
 * bot_fetch.h
 *	  What is fetched for a bot, one at a time of its kind: tokens, and what
 *	  the catalog says of its app.
 */
#ifndef TP_BOT_FETCH_H
#define TP_BOT_FETCH_H

#include "utils/timestamp.h"

#include "http/http.h"
#include "protocol/policy.h"

struct Bot;
struct Fetch;

/* Called when a fetch has ended, unless the bot was configured anew. */
typedef void (*FetchHandler) (struct Bot *bot, struct Fetch *fetch,
							  const HttpReply *reply);

/* One request at a time, and not again at once if it fails. */
typedef struct Fetch
{
	bool		running;
	int			token;			/* serial of the token that it shows, if any */
	int			failures;		/* in a row */
	TimestampTz not_before;		/* 0: at any time */
} Fetch;

/* Let it be tried at once; a request that is under way goes on. */
static inline void
bot_fetch_reset(Fetch *fetch)
{
	fetch->failures = 0;
	fetch->not_before = 0;
}

/* Begin anew for another configuration. */
static inline void
bot_fetch_configure(Fetch *fetch)
{
	bot_fetch_reset(fetch);
	fetch->running = false;
}

extern void bot_fetch_open(MemoryContext context);

extern bool bot_fetch_may_start(struct Bot *bot, const Fetch *fetch,
								const char *url);
extern void bot_fetch_start(struct Bot *bot, Fetch *fetch,
							HttpRequest *request, FetchHandler handler);

/* After a failure. */
extern void bot_fetch_later(Fetch *fetch, const char *retry_after);
extern bool bot_fetch_is_refused(Operation op, const HttpReply *reply,
								 const ServiceError *error);
extern void bot_fetch_failed(struct Bot *bot, Fetch *fetch, Operation op,
							 const char *subject, const HttpReply *reply,
							 const ServiceError *error);
extern TimestampTz bot_fetch_next(const struct Bot *bot);
extern void bot_fetch_try_again(struct Bot *bot);

#endif							/* TP_BOT_FETCH_H */
