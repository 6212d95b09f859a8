/*
 * fault.c
 *	  Faults that a test scripts beforehand.
 *
 * A fault hits operations, not connections: the items of a batch count one
 * by one.  The oldest fault that fits a call and is neither to be skipped
 * nor used up hits it; at most one does.
 */
#include "service/fault.h"
#include "base/memory.h"
#include "http/reply.h"
#include "service/service.h"

#include <stdlib.h>
#include <string.h>

struct SimFault
{
	int			id;
	int			service;		/* -1: any */
	int			operation;		/* -1: any */
	const char *user;			/* these point into "description" */
	const char *target;
	const char *text;
	const char *code;
	const char *message;
	const char *body;
	const char *content_type;
	int			skip;			/* calls that it still lets pass */
	int			count;			/* calls it still hits; -1: for ever */
	int			status;			/* 0: leave the answer alone */
	double		delay_ms;
	int			truncate;
	bool		close_before;
	bool		close_after;
	bool		carry_out;
	int			hits;
	json_t	   *description;
};

static SimList faults;
static int	last_fault;

static int
index_of(const char *name, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

/* Read what the fault is limited to; NULL, or what is wrong. */
static char *
read_scope(SimFault *fault, const char *service, const char *operation)
{
	fault->service = fault->operation = -1;
	if (service != NULL)
	{
		fault->service = index_of(service, sim_service_names, SIM_ELSEWHERE);
		if (fault->service < 0)
			return sim_format("unknown service \"%s\"", service);
	}
	if (operation != NULL)
	{
		fault->operation = index_of(operation, sim_operation_names,
									SIM_OPERATIONS);
		if (fault->operation < 0)
			return sim_format("unknown operation \"%s\"", operation);
	}
	return NULL;
}

static char *
check_headers(const json_t *headers)
{
	const char *name;
	json_t	   *value;

	if (headers == NULL)
		return NULL;
	if (!json_is_object(headers))
		return sim_strdup("\"headers\" must be an object");
	json_object_foreach((json_t *) headers, name, value)
	{
		if (!json_is_string(value) ||
			strpbrk(json_string_value(value), "\r\n") != NULL ||
			strpbrk(name, "\r\n: ") != NULL)
			return sim_format("header \"%s\" must be a string of one line",
							  name);
	}
	return NULL;
}

static char *
check_fault(SimFault *fault, const char *close)
{
	if (close != NULL && strcmp(close, "before") != 0 &&
		strcmp(close, "after") != 0)
		return sim_strdup("\"close\" must be \"before\" or \"after\"");
	fault->close_before = close != NULL && strcmp(close, "before") == 0;
	fault->close_after = close != NULL && strcmp(close, "after") == 0;
	if (fault->status != 0 && (fault->status < 200 || fault->status > 599))
		return sim_strdup("\"status\" must be between 200 and 599");
	if (fault->skip < 0 || fault->count < -1 || fault->count == 0)
		return sim_strdup("\"skip\" and \"count\" cannot be like that");
	if (fault->delay_ms < 0 || fault->delay_ms > 3600e3)
		return sim_strdup("\"delay_ms\" is out of range");
	if (fault->status == 0 && (fault->body != NULL || fault->code != NULL))
		return sim_strdup("a fault with a body or code needs a \"status\"");
	return check_headers(json_object_get(fault->description, "headers"));
}

/*
 * Add a fault as POST /faults describes it.  Returns its number; or 0, and
 * then *problem, to be freed by the caller, says what is wrong with it.
 */
int
sim_fault_add(const json_t *description, char **problem)
{
	SimFault   *fault = sim_alloc(sizeof(SimFault));
	json_error_t error;
	const char *service = NULL;
	const char *operation = NULL;
	const char *close = NULL;
	json_t	   *headers;
	int			carry_out = 0;

	*problem = NULL;
	fault->description = json_deep_copy(description);
	fault->count = 1;
	fault->truncate = -1;
	if (json_unpack_ex(fault->description, &error, JSON_STRICT,
					   "{s?s s?s s?s s?s s?s s?i s?i s?i s?s s?s s?o s?s s?s"
					   " s?F s?s s?b s?i}",
					   "service", &service, "operation", &operation,
					   "user", &fault->user, "target", &fault->target,
					   "text", &fault->text,
					   "skip", &fault->skip, "count", &fault->count,
					   "status", &fault->status, "code", &fault->code,
					   "message", &fault->message, "headers", &headers,
					   "body", &fault->body,
					   "content_type", &fault->content_type,
					   "delay_ms", &fault->delay_ms, "close", &close,
					   "carry_out", &carry_out,
					   "truncate", &fault->truncate) != 0)
		*problem = sim_strdup(error.text);
	fault->carry_out = carry_out != 0;
	if (*problem == NULL)
		*problem = read_scope(fault, service, operation);
	if (*problem == NULL)
		*problem = check_fault(fault, close);
	if (*problem != NULL)
	{
		json_decref(fault->description);
		free(fault);
		return 0;
	}
	fault->id = ++last_fault;
	sim_list_add(&faults, fault);
	return fault->id;
}

/* All faults, with the number of their hits; the caller owns the array. */
json_t *
sim_faults_json(void)
{
	json_t	   *result = json_array();

	for (size_t i = 0; i < faults.used; i++)
	{
		const SimFault *fault = faults.items[i];
		json_t	   *item = json_copy(fault->description);

		json_object_set_new(item, "id", json_integer(fault->id));
		json_object_set_new(item, "hits", json_integer(fault->hits));
		json_array_append_new(result, item);
	}
	return result;
}

/* Forget all faults. */
void
sim_faults_clear(void)
{
	for (size_t i = 0; i < faults.used; i++)
	{
		SimFault   *fault = faults.items[i];

		json_decref(fault->description);
		free(fault);
	}
	free(faults.items);
	memset(&faults, 0, sizeof(faults));
}

/* Whom a call is about, as the client wrote it, or NULL. */
static const char *
user_of(const SimCall *call, const json_t *body)
{
	const SimUri *uri = &call->uri;
	const SimChat *chat;

	switch (call->operation)
	{
		case SIM_LOOKUP:
		case SIM_INSTALL:
		case SIM_UPGRADE:
		case SIM_UNINSTALL:
		case SIM_CHAT:
			return uri->segments[3];
		case SIM_SEND:
		case SIM_EDIT:
		case SIM_DELETE:
			chat = sim_find_chat_of_thread(sim_connector_chat(uri), NULL);
			return chat != NULL && chat->user != NULL ? chat->user->id : NULL;
		case SIM_CREATE:
			return json_string_value(json_object_get(json_array_get(
				json_object_get(body, "members"), 0), "id"));
		default:
			return NULL;
	}
}

static bool
fits_user(const SimFault *fault, const SimCall *call, const json_t *body)
{
	const char *written = user_of(call, body);
	const SimUser *user;

	if (written == NULL)
		return false;
	user = sim_find_user(fault->user);
	return strcasecmp(written, fault->user) == 0 ||
		(user != NULL && user == sim_find_user(written));
}

/*
 * The team, chat, channel or group that a call is about, or the user as it
 * was written.
 */
static const char *
target_of(const SimCall *call, const json_t *body)
{
	switch (call->operation)
	{
		case SIM_LOOKUP:
		case SIM_INSTALL:
		case SIM_UPGRADE:
		case SIM_UNINSTALL:
		case SIM_CHAT:
		case SIM_PRIMARY_CHANNEL:
		case SIM_GROUP:
			return call->uri.segments[3];
		case SIM_CREATE:
			return json_string_value(json_object_get(json_object_get(
				json_object_get(body, "channelData"), "channel"), "id"));
		default:
			return sim_connector_conversation(&call->uri);
	}
}

/* A channel is also meant by each of its threads. */
static bool
fits_target(const SimFault *fault, const SimCall *call, const json_t *body)
{
	const char *target = target_of(call, body);
	size_t		length = strlen(fault->target);

	return target != NULL &&
		strncasecmp(target, fault->target, length) == 0 &&
		(target[length] == '\0' || target[length] == ';');
}

static bool
fits(const SimFault *fault, const SimCall *call, const json_t *body)
{
	const char *said;

	if (fault->count == 0 ||
		(fault->service >= 0 && fault->service != (int) call->service) ||
		(fault->operation >= 0 && fault->operation != (int) call->operation))
		return false;
	if (fault->user != NULL && !fits_user(fault, call, body))
		return false;
	if (fault->target != NULL && !fits_target(fault, call, body))
		return false;
	if (fault->text == NULL)
		return true;
	if (json_object_get(body, "activity") != NULL)
		body = json_object_get(body, "activity");
	said = json_string_value(json_object_get(body, "text"));
	return said != NULL && strstr(said, fault->text) != NULL;
}

/* The fault that hits this call, or NULL; it counts as hit. */
SimFault *
sim_fault_match(SimCall *call)
{
	SimFault   *hit = NULL;
	json_t	   *body;

	if (faults.used == 0)
		return NULL;
	body = call->body != NULL && call->operation != SIM_BATCH ?
		json_loadb(call->body, call->length, 0, NULL) : NULL;
	for (size_t i = 0; i < faults.used && hit == NULL; i++)
	{
		SimFault   *fault = faults.items[i];

		if (!fits(fault, call, body))
			continue;
		if (fault->skip > 0)
			fault->skip--;
		else
			hit = fault;
	}
	json_decref(body);
	if (hit != NULL)
	{
		hit->hits++;
		if (hit->count > 0)
			hit->count--;
	}
	return hit;
}

/* Is the call to be carried out all the same? */
bool
sim_fault_carries_out(const SimFault *fault)
{
	if (fault->close_before)
		return false;
	return fault->carry_out || fault->close_after || fault->status == 0;
}

static const char *
usual_code(const SimFault *fault, SimService service)
{
	if (fault->code != NULL)
		return fault->code;
	if (service == SIM_LOGIN)
		return "temporarily_unavailable";
	switch (fault->status)
	{
		case 401:
			return service == SIM_GRAPH ? "InvalidAuthenticationToken" :
				"AuthorizationError";
		case 403:
			return "Forbidden";
		case 404:
			return "NotFound";
		case 429:
			return service == SIM_GRAPH ? "TooManyRequests" : "Throttled";
		case 503:
			return "ServiceUnavailable";
		default:
			return fault->status < 500 ? "BadRequest" : "ServiceError";
	}
}

/* The services' own way to say the code and message of the fault. */
static void
write_error(const SimFault *fault, SimCall *call)
{
	const char *code = usual_code(fault, call->service);
	const char *message = fault->message != NULL ? fault->message :
		"This fault was ordered.";
	int			number = strcmp(code, "invalid_client") == 0 ? 7000215 : 90033;

	if (call->service == SIM_CONNECTOR)
		sim_connector_error(call, fault->status, code, "%s", message);
	else if (call->service == SIM_GRAPH)
		sim_graph_error(call, fault->status, code, "%s", message);
	else
	{
		/* The code of Entra ID may be its AADSTS number. */
		if (strspn(code, "0123456789") == strlen(code))
		{
			number = atoi(code);
			code = "invalid_request";
		}
		sim_login_error(call, fault->status, code, number, "%s", message);
	}
}

/* Change the answer as the fault says. */
void
sim_fault_apply(const SimFault *fault, SimCall *call)
{
	SimReply   *reply = &call->reply;
	const char *name;
	json_t	   *value;

	/* What was refused is not told to have been done. */
	if (fault->carry_out && fault->status != 0 && fault->status < 300 &&
		reply->status >= 400)
		return;
	if (fault->status != 0 && fault->body != NULL)
		sim_reply_text(reply, fault->status, fault->content_type != NULL ?
					   fault->content_type : "application/json",
					   sim_strdup(fault->body));
	else if (fault->status >= 400)
		write_error(fault, call);
	else if (fault->status != 0)
		sim_reply_json(reply, fault->status, NULL);
	json_object_foreach(json_object_get(fault->description, "headers"), name,
						value)
		sim_reply_header(reply, name, json_string_value(value));
	reply->delay_ms += fault->delay_ms;
	if (fault->truncate >= 0)
		reply->truncate = fault->truncate;
	if (fault->close_before || fault->close_after)
		reply->wire = SIM_WIRE_CLOSE;
}
