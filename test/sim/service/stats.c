/*
 * stats.c
 *	  Counters of what came and what was answered.
 */
#include "service/stats.h"
#include "tenant/message.h"

#include <stdio.h>
#include <string.h>

#define STATUSES 600

typedef struct SimStats
{
	uint64_t	requests[SIM_SERVICES][STATUSES];
	uint64_t	items[SIM_OPERATIONS][STATUSES];
	uint64_t	items_in_batches;
	uint64_t	installs;
	uint64_t	connections_opened;
	int			max_under_way;
	int			max_overlap;
} SimStats;

static SimStats stats;

/* These are facts, not counters: a reset leaves them alone. */
static int	connections_open;
static int	under_way;

static int
status_index(int status)
{
	return status > 0 && status < STATUSES ? status : 0;
}

/* One outer HTTP request was answered; status 0: the connection was cut. */
void
sim_stats_request(SimService service, int status)
{
	stats.requests[service][status_index(status)]++;
}

/* One operation was done, be it a request or an item of a batch. */
void
sim_stats_item(const SimCall *call)
{
	bool		closed = call->reply.wire == SIM_WIRE_CLOSE;

	stats.items[call->operation]
		[closed ? 0 : status_index(call->reply.status)]++;
	if (call->in_batch)
		stats.items_in_batches++;
}

/* A connection was opened or closed. */
void
sim_stats_connection(bool opened)
{
	connections_open += opened ? 1 : -1;
	if (opened)
		stats.connections_opened++;
}

/* So many requests more, or less, are under way. */
void
sim_stats_under_way(int change)
{
	under_way += change;
	if (under_way > stats.max_under_way)
		stats.max_under_way = under_way;
}

/* A chat has so many sends under way. */
void
sim_stats_overlap(int open_sends)
{
	if (open_sends > stats.max_overlap)
		stats.max_overlap = open_sends;
}

/* An app was installed. */
void
sim_stats_install(void)
{
	stats.installs++;
}

/* {"200": 17, "429": 3}, and their sum; a cut connection is "0". */
static json_t *
statuses_json(const uint64_t *counts, uint64_t *sum)
{
	json_t	   *result = json_object();

	*sum = 0;
	for (int status = 0; status < STATUSES; status++)
	{
		char		name[12];

		if (counts[status] == 0)
			continue;
		snprintf(name, sizeof(name), "%d", status);
		json_object_set_new(result, name,
							json_integer((json_int_t) counts[status]));
		*sum += counts[status];
	}
	return result;
}

static void
add_services(json_t *result)
{
	json_t	   *statuses = json_object();

	for (int i = 0; i < SIM_SERVICES; i++)
	{
		uint64_t	sum;
		char		name[40];

		json_object_set_new(statuses, sim_service_names[i],
							statuses_json(stats.requests[i], &sum));
		snprintf(name, sizeof(name), "%s_requests", sim_service_names[i]);
		json_object_set_new(result, name, json_integer((json_int_t) sum));
	}
	json_object_set_new(result, "statuses", statuses);
}

static void
add_operations(json_t *result)
{
	json_t	   *items = json_object();
	json_t	   *statuses = json_object();
	uint64_t	throttled = 0;
	uint64_t	unauthorized = 0;

	for (int i = 0; i < SIM_OPERATIONS; i++)
	{
		uint64_t	sum;

		json_object_set_new(statuses, sim_operation_names[i],
							statuses_json(stats.items[i], &sum));
		json_object_set_new(items, sim_operation_names[i],
							json_integer((json_int_t) sum));
		throttled += stats.items[i][429];
		unauthorized += stats.items[i][401];
	}
	json_object_set_new(result, "items", items);
	json_object_set_new(result, "item_statuses", statuses);
	json_object_set_new(result, "throttled",
						json_integer((json_int_t) throttled));
	json_object_set_new(result, "unauthorized",
						json_integer((json_int_t) unauthorized));
}

/* The counters; the caller owns the object. */
json_t *
sim_stats_json(void)
{
	json_t	   *result = json_object();

	add_services(result);
	add_operations(result);
	json_object_update_new(result,
						   json_pack("{sI sI sI sI si si si si}",
									 "items_in_batches",
									 (json_int_t) stats.items_in_batches,
									 "messages",
									 (json_int_t) sim_message_count,
									 "installs", (json_int_t) stats.installs,
									 "connections_opened",
									 (json_int_t) stats.connections_opened,
									 "connections_open", connections_open,
									 "requests_under_way", under_way,
									 "max_concurrent_requests",
									 stats.max_under_way,
									 "max_overlapping_sends",
									 stats.max_overlap));
	return result;
}

/* Set the counters to zero, but for what is under way. */
void
sim_stats_reset(void)
{
	memset(&stats, 0, sizeof(stats));
}
