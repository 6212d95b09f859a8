/*
 * service.c
 *	  Which service and operation a request is for, and the way it takes.
 *
 * All calls, also those inside a batch, pass sim_run(): that is where faults
 * strike and operations are counted.
 */
#include "service/service.h"
#include "base/memory.h"
#include "http/reply.h"
#include "service/entra.h"
#include "service/fault.h"
#include "service/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

SimSettings sim_settings = {
	.token_lifetime = 3599,
	.strict_conversations = true,
	.delta_page_size = 200
};

pthread_mutex_t sim_lock = PTHREAD_MUTEX_INITIALIZER;

const char *const sim_service_names[SIM_SERVICES] = {
	[SIM_LOGIN] = "login",
	[SIM_GRAPH] = "graph",
	[SIM_CONNECTOR] = "connector",
	[SIM_ELSEWHERE] = "other"
};

const char *const sim_operation_names[SIM_OPERATIONS] = {
	[SIM_TOKEN] = "token",
	[SIM_BATCH] = "batch",
	[SIM_LOOKUP] = "lookup",
	[SIM_INSTALL] = "install",
	[SIM_UPGRADE] = "upgrade",
	[SIM_UNINSTALL] = "uninstall",
	[SIM_CHAT] = "chat",
	[SIM_CATALOG] = "catalog",
	[SIM_PRIMARY_CHANNEL] = "primary_channel",
	[SIM_USERS] = "users",
	[SIM_DELTA] = "delta",
	[SIM_GROUP] = "group",
	[SIM_SEND] = "send",
	[SIM_CREATE] = "create",
	[SIM_EDIT] = "edit",
	[SIM_DELETE] = "delete",
	[SIM_MEMBERS] = "members",
	[SIM_CHANNELS] = "channels",
	[SIM_OTHER] = "other"
};

static int64_t
clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Nanoseconds since 1970. */
int64_t
sim_now_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* Nanoseconds of a clock that nobody sets. */
int64_t
sim_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/*
 * The head of a send, an edit or a delete opens it, its answer closes it: two
 * to one chat overlap if the second one starts in between
 * (PreconditionFailed, contract 4.9).
 */
void
sim_service_begin(SimRequest *request)
{
	SimUri		uri;
	const char *problem;
	const char *chat_id;
	SimChat    *chat;

	pthread_mutex_lock(&sim_lock);
	sim_stats_under_way(1);
	if (strcmp(request->method, "GET") != 0 &&
		sim_uri_parse(&uri, request->target, &problem))
	{
		chat_id = sim_connector_chat(&uri);
		chat = chat_id != NULL ? sim_find_chat_of_thread(chat_id, NULL) : NULL;
		if (chat != NULL)
		{
			request->chat_id = sim_strdup(chat->id);
			request->chat_epoch = sim_epoch;
			request->overlapped = chat->open_sends > 0;
			sim_stats_overlap(++chat->open_sends);
		}
		sim_uri_free(&uri);
	}
	pthread_mutex_unlock(&sim_lock);
}

static void
close_send(SimRequest *request)
{
	SimChat    *chat;

	if (request->chat_id == NULL)
		return;
	chat = request->chat_epoch == sim_epoch ?
		sim_find_chat(request->chat_id) : NULL;
	if (chat != NULL)
		chat->open_sends--;
	free(request->chat_id);
	request->chat_id = NULL;
}

/* The callback for an answer that leaves: the send is over. */
void
sim_service_answer(SimRequest *request)
{
	pthread_mutex_lock(&sim_lock);
	close_send(request);
	pthread_mutex_unlock(&sim_lock);
}

/* The callback for a request that is over, answered or not. */
void
sim_service_end(SimRequest *request)
{
	pthread_mutex_lock(&sim_lock);
	close_send(request);
	sim_stats_under_way(-1);
	pthread_mutex_unlock(&sim_lock);
}

/* The callback for a connection that was opened or closed. */
void
sim_service_connected(bool opened)
{
	pthread_mutex_lock(&sim_lock);
	sim_stats_connection(opened);
	pthread_mutex_unlock(&sim_lock);
}

static SimService
service_of(const SimUri *uri)
{
	for (int i = 0; i < SIM_ELSEWHERE && uri->nsegments > 0; i++)
	{
		if (strcmp(uri->segments[0], sim_service_names[i]) == 0)
			return (SimService) i;
	}
	return SIM_ELSEWHERE;
}

static SimOperation
operation_of(const SimCall *call)
{
	switch (call->service)
	{
		case SIM_LOGIN:
			return sim_uri_matches(&call->uri, 1, "*/oauth2/v2.0/token") ?
				SIM_TOKEN : SIM_OTHER;
		case SIM_GRAPH:
			return sim_graph_operation(call);
		case SIM_CONNECTOR:
			return sim_connector_operation(call);
		default:
			return SIM_OTHER;
	}
}

static void
carry_out(SimCall *call, const SimRequest *request)
{
	if (call->service == SIM_GRAPH)
		sim_graph_handle(call, request);
	else if (call->service == SIM_CONNECTOR)
		sim_connector_handle(call);
	else if (call->operation == SIM_TOKEN)
		sim_entra_token(call, request);
	else
		sim_admin_error(&call->reply, 404, "no service is at this path;"
						" there are /login, /graph and /connector");
}

/* Carry out one call, faults and counters included. */
void
sim_run(SimCall *call, const SimRequest *request)
{
	SimFault   *fault;

	call->operation = operation_of(call);
	fault = sim_fault_match(call);
	if (fault == NULL || sim_fault_carries_out(fault))
		carry_out(call, request);
	if (fault != NULL)
		sim_fault_apply(fault, call);
	sim_stats_item(call);
}

/* The headers by which the services let their answers be traced. */
static void
add_trace_headers(SimCall *call)
{
	SimReply   *reply = &call->reply;

	if (call->service == SIM_GRAPH)
	{
		sim_reply_header(reply, "request-id", call->request_id);
		if (call->client_request_id != NULL)
			sim_reply_header(reply, "client-request-id",
							 call->client_request_id);
	}
	else if (call->service == SIM_CONNECTOR)
	{
		char		vector[23];

		sim_random_text(vector, 20);
		strcat(vector, ".0");
		sim_reply_header(reply, "MS-CV", vector);
	}
	else if (call->service == SIM_LOGIN)
		sim_reply_header(reply, "x-ms-request-id", call->request_id);
}

static char *
origin_of(const SimRequest *request)
{
	const char *scheme = request->server->tls_cert != NULL ? "https" : "http";
	const char *host = sim_http_header(request, "Host");

	if (host != NULL)
		return sim_format("%s://%s", scheme, host);
	return sim_format("%s://127.0.0.1:%u", scheme, request->server->port);
}

static void
bad_target(SimRequest *request, const char *problem)
{
	sim_reply_json(&request->reply, 400,
				   json_pack("{s{ss ss}}", "error", "code", "BadRequest",
							 "message", problem));
	sim_stats_request(SIM_ELSEWHERE, 400);
}

/*
 * The callback for a request that is whole: find out what is asked, carry it
 * out, and make the answer.
 */
void
sim_service_handle(SimRequest *request)
{
	SimCall		call = {0};
	char		request_id[37];
	char	   *origin;
	const char *problem;

	pthread_mutex_lock(&sim_lock);
	if (!sim_uri_parse(&call.uri, request->target, &problem))
	{
		bad_target(request, problem);
		pthread_mutex_unlock(&sim_lock);
		return;
	}
	sim_uuid(request_id);
	origin = origin_of(request);
	call.service = service_of(&call.uri);
	call.method = request->method;
	call.origin = origin;
	call.authorization = sim_http_header(request, "Authorization");
	call.content_type = sim_http_header(request, "Content-Type");
	call.client_request_id = sim_http_header(request, "client-request-id");
	call.consistency_level = sim_http_header(request, "ConsistencyLevel");
	call.body = request->body;
	call.length = request->length;
	call.oversized = request->oversized;
	call.overlapped = request->overlapped;
	call.received_at_ns = request->received_at_ns;
	call.request_id = request_id;
	sim_reply_init(&call.reply);
	sim_run(&call, request);
	add_trace_headers(&call);
	request->reply = call.reply;
	request->reply.delay_ms += sim_settings.latency_ms;
	sim_stats_request(call.service, call.reply.wire == SIM_WIRE_CLOSE ?
					  0 : call.reply.status);
	sim_uri_free(&call.uri);
	free(origin);
	pthread_mutex_unlock(&sim_lock);
}
