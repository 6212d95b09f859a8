/*
 * bot_pace.h
 *	  How fast a bot may send: its quotas, and what the services say of them.
 */
#ifndef TP_BOT_PACE_H
#define TP_BOT_PACE_H

#include "protocol/auth.h"
#include "server/pace.h"

struct Bot;

/* In a Bot; bot_pace.c alone writes it, but for the key. */
typedef struct BotPace
{
	char		key[PACE_KEY_SIZE]; /* of the bot's configuration */
	Pace	   *used;			/* last; see bot_pace() */
	Pace	   *own;			/* where shared memory has no room */
	TimestampTz asked_at;		/* for a place there */
	TravelTime	travel[AUDIENCES];	/* of requests to each service */
	int			complaints;		/* 429s of the Connector in a row ... */
	TimestampTz complaints_since;	/* ... within a second from here */
} BotPace;

/* The way of a request to a service and back. */
typedef struct Trip
{
	Audience	audience;
	const int  *counts;			/* requests in one, of each PaceKind */
	TimestampTz left_at;
	TimestampTz counted_at;		/* by the pace */
} Trip;

extern void bot_pace_open(MemoryContext context);
extern Pace *bot_pace(struct Bot *bot);
extern void bot_graph_throttled(struct Bot *bot, PaceKind kind,
								double retry_after);
extern void bot_connector_throttled(struct Bot *bot, double retry_after);

extern void bot_trip_begins(struct Bot *bot, Trip *trip, Audience audience,
							const int *counts, TimestampTz counted_at);
extern void bot_trip_goes_on(struct Bot *bot, Trip *trip);
extern void bot_trip_ends(struct Bot *bot, Trip *trip);

#endif							/* TP_BOT_PACE_H */
