/*
 * quota.c
 *	  The services' limits, as sliding windows (contract 5).
 *
 * A window is a ring with the times of the latest calls.  A limit of N calls
 * in S seconds is met as long as the Nth latest call is older than S, so any
 * number of limits costs one look into the ring each.
 */
#include "service/quota.h"
#include "base/memory.h"
#include "base/table.h"
#include "service/entra.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct SimLimit
{
	unsigned	calls;
	unsigned	seconds;
} SimLimit;

typedef struct SimWindow
{
	unsigned	size;
	unsigned	used;
	unsigned	next;			/* where the next time goes */
	int64_t		times[];
} SimWindow;

/* Per bot and conversation: what posts, what reads (contract 5.1). */
static const SimLimit chat_limits[] = {{7, 1}, {8, 2}, {60, 30}, {1800, 3600}};
static const SimLimit read_limits[] = {
	{14, 1}, {16, 2}, {120, 30}, {3600, 3600}
};

/* Per conversation: what all bots post together. */
static const SimLimit all_bots_limits[] = {{14, 1}, {16, 2}};

/*
 * Per app and tenant: the Connector (5.1), and Graph (5.2).  The rows for
 * Teams name resources: of what we call, the chat of an installation is the
 * one that is not named, and so among "other GET Teams calls".
 */
static const SimLimit connector_limit[] = {{50, 1}};
static const SimLimit graph_limit[] = {{30, 1}};
static const SimLimit graph_delete_limit[] = {{15, 1}};
static const SimLimit team_limit[] = {{4, 1}};

/* Resource units of a small tenant. */
static const SimLimit directory_limit[] = {{3500, 10}};

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

static SimTable windows;

/* A window per app and tenant lives in a table, with its key. */
typedef struct NamedWindow
{
	SimWindow  *window;
	char	   *key;
} NamedWindow;

static void
record(SimWindow **window, unsigned max, int64_t now)
{
	SimWindow  *ring = *window;

	if (ring == NULL || (ring->used == ring->size && ring->size < max))
	{
		unsigned	size = ring == NULL ? 8 : ring->size * 2;
		SimWindow  *bigger;

		size = size < max ? size : max;
		bigger = sim_alloc(sizeof(SimWindow) + size * sizeof(int64_t));
		bigger->size = size;
		for (; ring != NULL && bigger->used < ring->used; bigger->used++)
			bigger->times[bigger->used] =
				ring->times[(ring->next + bigger->used) % ring->size];
		bigger->next = bigger->used;
		free(ring);
		*window = ring = bigger;
	}
	ring->times[ring->next] = now;
	ring->next = (ring->next + 1) % ring->size;
	if (ring->used < ring->size)
		ring->used++;
}

/* Seconds until one more call is within all limits; 0 if it is now. */
static double
wait_for_room(const SimWindow *window, const SimLimit *limits, int count,
			  int64_t now)
{
	double		longest = 0;

	for (int i = 0; window != NULL && i < count; i++)
	{
		int64_t		nth;
		double		wait;

		if (window->used < limits[i].calls)
			continue;
		nth = window->times[(window->next + window->size - limits[i].calls) %
							window->size];
		wait = limits[i].seconds - (double) (now - nth) / 1e9;
		if (wait > longest)
			longest = wait;
	}
	return longest;
}

static SimWindow **
named_window(const char *kind, const SimToken *token)
{
	char	   *key = sim_format("%s %s %s", kind, token->client_id,
								 token->tenant_id);
	NamedWindow *named = sim_table_get(&windows, key);

	if (named == NULL)
	{
		named = sim_alloc(sizeof(NamedWindow));
		named->key = key;
		sim_table_put(&windows, named->key, named);
	}
	else
		free(key);
	return &named->window;
}

/*
 * Count against one window.  Requests made while throttled count as well
 * (contract 5.2).
 */
static bool
take(SimWindow **window, const SimLimit *limit, double *retry_after)
{
	int64_t		now = sim_monotonic_ns();
	bool		allowed = wait_for_room(*window, limit, 1, now) <= 0;
	double		wait;

	record(window, limit->calls, now);
	wait = wait_for_room(*window, limit, 1, now);
	if (!allowed && wait > *retry_after)
		*retry_after = wait;
	return allowed;
}

/* What a call of the directory costs, in resource units. */
static int
directory_cost(const SimCall *call)
{
	const char *top = sim_uri_parameter(&call->uri, "$top");
	int			cost = 2;

	if (sim_uri_parameter(&call->uri, "$select") != NULL)
		cost--;
	if (top != NULL && atoi(top) < 20)
		cost--;
	return cost > 0 ? cost : 1;
}

static bool
take_directory(SimCall *call, double *retry_after)
{
	SimWindow **window = named_window("directory", call->token);
	bool		allowed = true;

	for (int i = directory_cost(call); i > 0; i--)
		allowed = take(window, directory_limit, retry_after) && allowed;
	return allowed;
}

/*
 * Count a call against the limits.  False if it is one too many; then
 * *retry_after says after how many seconds there will be room.  A team, if
 * the call is about one, has a limit of its own.
 */
bool
sim_quota_graph(SimCall *call, const char *team, double *retry_after)
{
	bool		is_delete = strcmp(call->method, "DELETE") == 0;
	bool		allowed;

	*retry_after = 0;
	if (!sim_settings.enforce_quotas)
		return true;
	if (call->operation == SIM_USERS || call->operation == SIM_DELTA ||
		call->operation == SIM_GROUP)
		return take_directory(call, retry_after);
	allowed = take(named_window(call->operation == SIM_CHAT ? "GET other" :
								call->method, call->token),
				   is_delete ? graph_delete_limit : graph_limit, retry_after);
	if (team != NULL)
	{
		char	   *kind = sim_format("team %s", team);

		allowed = take(named_window(kind, call->token), team_limit,
					   retry_after) && allowed;
		free(kind);
	}
	return allowed;
}

/* The window of the bot for what it does in a chat; posts come first. */
static SimWindow **
chat_window(SimCall *call, SimChat *chat, bool reads)
{
	char	   *kind;
	SimWindow **window;

	/* Only one bot can be in a personal chat. */
	if (chat->user != NULL && !reads)
		return &chat->window;
	kind = sim_format("%s %s", reads ? sim_operation_names[call->operation] :
					  "post", chat->id);
	window = named_window(kind, call->token);
	free(kind);
	return window;
}

/*
 * Count a call to the Connector against the limits: that of the bot in its
 * tenant, and if there is a chat, those of the chat; the threads of a channel
 * share what is the channel's.  False if it is one too many; then *retry_after
 * says after how many seconds there will be room.
 */
bool
sim_quota_connector(SimCall *call, SimChat *chat, double *retry_after)
{
	bool		reads = call->operation == SIM_MEMBERS ||
		call->operation == SIM_CHANNELS;
	const SimLimit *limits = reads ? read_limits : chat_limits;
	SimWindow **own = chat != NULL ? chat_window(call, chat, reads) : NULL;
	bool		shared = chat != NULL && chat->user == NULL && !reads;
	int64_t		now = sim_monotonic_ns();
	SimWindow **window;
	double		wait;

	if (!sim_settings.enforce_quotas)
		return true;
	window = named_window("connector", call->token);
	wait = wait_for_room(*window, connector_limit, LENGTH(connector_limit),
						 now);
	if (chat != NULL)
		wait = fmax(wait, wait_for_room(*own, limits, LENGTH(chat_limits),
										now));
	if (shared)
		wait = fmax(wait, wait_for_room(chat->window, all_bots_limits,
										LENGTH(all_bots_limits), now));
	*retry_after = wait;
	if (wait > 0)
		return false;
	record(window, connector_limit[0].calls, now);
	if (chat != NULL)
		record(own, limits[LENGTH(chat_limits) - 1].calls, now);
	if (shared)
		record(&chat->window, all_bots_limits[1].calls, now);
	return true;
}

static void
free_named(void *item)
{
	NamedWindow *named = item;

	free(named->window);
	free(named->key);
	free(named);
}

/* Forget all that was counted. */
void
sim_quota_reset(void)
{
	sim_table_clear(&windows, free_named);
}
