/*
 * graph_batch.c
 *	  Microsoft Graph: up to 20 requests in one (contract 3.10).
 *
 * The items are checked together before any is carried out, since a
 * malformed batch is refused as a whole; then each takes the same way as a
 * request of its own.  The answers come in a random order.
 */
#include "base/memory.h"
#include "http/reply.h"
#include "service/service.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ITEMS 20

/* One item, pointing into the JSON of the batch. */
typedef struct BatchItem
{
	const char *id;
	const char *method;
	const char *url;
	json_t	   *headers;
	json_t	   *body;
	json_t	   *depends_on;
	int			status;			/* 0: not done yet */
} BatchItem;

/* Header names are compared without regard to case. */
static const char *
item_header(const BatchItem *item, const char *name)
{
	const char *key;
	json_t	   *value;

	json_object_foreach(item->headers, key, value)
	{
		if (strcasecmp(key, name) == 0)
			return json_string_value(value);
	}
	return NULL;
}

static bool
is_upper_case(const char *method)
{
	for (; *method != '\0'; method++)
	{
		if (!isupper((unsigned char) *method))
			return false;
	}
	return true;
}

/* What is wrong with an item by itself, or NULL. */
static const char *
item_problem(const BatchItem *item)
{
	if (*item->id == '\0')
		return "An id must not be empty.";
	if (*item->method == '\0' || !is_upper_case(item->method))
		return "A method must be in upper case.";
	if (item->url[0] != '/' || item->url[1] == '/')
		return "A url must be relative and start with one slash.";
	if (strncasecmp(item->url, "/$batch", 7) == 0 ||
		strncasecmp(item->url, "/%24batch", 9) == 0)
		return "A batch cannot hold a batch.";
	if (item->headers != NULL && !json_is_object(item->headers))
		return "The headers must be an object.";
	if (item->body != NULL && item_header(item, "Content-Type") == NULL)
		return "An item with a body needs a Content-Type header.";
	return NULL;
}

static bool
has_id(const BatchItem *items, int count, const char *id)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(items[i].id, id) == 0)
			return true;
	}
	return false;
}

/* Items depend on earlier ones only, so no circle is possible. */
static const char *
dependency_problem(const BatchItem *items, int i)
{
	size_t		j;
	const json_t *id;

	if (items[i].depends_on == NULL)
		return NULL;
	if (!json_is_array(items[i].depends_on))
		return "dependsOn must be an array.";
	json_array_foreach(items[i].depends_on, j, id)
	{
		if (!json_is_string(id) || !has_id(items, i, json_string_value(id)))
			return "dependsOn must name an earlier item.";
	}
	return NULL;
}

static const char *
read_items(json_t *requests, BatchItem *items)
{
	size_t		i;
	json_t	   *request;

	json_array_foreach(requests, i, request)
	{
		BatchItem  *item = &items[i];
		const char *problem;

		memset(item, 0, sizeof(*item));
		if (json_unpack_ex(request, NULL, JSON_STRICT,
						   "{ss ss ss s?o s?o s?o}", "id", &item->id,
						   "method", &item->method, "url", &item->url,
						   "headers", &item->headers, "body", &item->body,
						   "dependsOn", &item->depends_on) != 0)
			return "An item must have id, method and url, and may have"
				" headers, body and dependsOn.";
		if (has_id(items, (int) i, item->id))
			return "The ids must be unique.";
		problem = item_problem(item);
		if (problem == NULL)
			problem = dependency_problem(items, (int) i);
		if (problem != NULL)
			return problem;
	}
	return NULL;
}

/* Did all that the item depends on go well? */
static bool
may_run(const BatchItem *items, int count, const BatchItem *item)
{
	size_t		i;
	const json_t *id;

	json_array_foreach(item->depends_on, i, id)
	{
		for (int j = 0; j < count; j++)
		{
			if (strcmp(items[j].id, json_string_value(id)) == 0 &&
				(items[j].status < 200 || items[j].status > 299))
				return false;
		}
	}
	return true;
}

static json_t *
item_json(const BatchItem *item, SimReply *reply)
{
	json_t	   *result = json_pack("{ss si}", "id", item->id, "status",
								   reply->status);
	json_t	   *headers = reply->headers != NULL ?
		json_copy(reply->headers) : json_object();

	if (reply->json != NULL)
	{
		json_object_set_new(headers, "Content-Type",
							json_string("application/json"));
		json_object_set(result, "body", reply->json);
	}
	else if (reply->text != NULL)
		json_object_set_new(result, "body", json_string(reply->text));
	json_object_set_new(result, "headers", headers);
	return result;
}

/* Carry out one item; its delay and its cut are those of the batch. */
static json_t *
run_item(SimCall *batch, BatchItem *item, bool runnable,
		 const SimRequest *request)
{
	SimCall		call = *batch;
	char	   *target = sim_format("/graph/%s%s", batch->uri.segments[1],
									item->url);
	char	   *body = item->body != NULL ?
		json_dumps(item->body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	const char *problem;
	json_t	   *result;

	sim_reply_init(&call.reply);
	call.method = item->method;
	call.content_type = item_header(item, "Content-Type");
	if (item_header(item, "client-request-id") != NULL)
		call.client_request_id = item_header(item, "client-request-id");
	call.consistency_level = item_header(item, "ConsistencyLevel");
	call.body = body != NULL ? body : "";
	call.length = strlen(call.body);
	call.in_batch = true;
	if (!runnable)
		sim_graph_error(&call, 424, "FailedDependency",
						"An item that this one depends on has failed.");
	else if (!sim_uri_parse(&call.uri, target, &problem))
		sim_graph_error(&call, 400, "BadRequest", "%s", problem);
	else
	{
		sim_run(&call, request);
		sim_uri_free(&call.uri);
	}
	item->status = call.reply.status;
	if (call.reply.delay_ms > batch->reply.delay_ms)
		batch->reply.delay_ms = call.reply.delay_ms;
	if (call.reply.wire != SIM_WIRE_NORMAL)
		batch->reply.wire = call.reply.wire;
	if (call.reply.truncate >= 0)
		batch->reply.truncate = call.reply.truncate;
	result = item_json(item, &call.reply);
	sim_reply_free(&call.reply);
	free(body);
	free(target);
	return result;
}

/* Sattolo's shuffle: nothing stays where it was, so it always shows. */
static void
shuffle(json_t **array, int count)
{
	for (int i = count - 1; i > 0; i--)
	{
		int			j = rand() % i;
		json_t	   *other = array[j];

		array[j] = array[i];
		array[i] = other;
	}
}

static void
run_items(SimCall *call, BatchItem *items, int count,
		  const SimRequest *request)
{
	json_t	   *answers[MAX_ITEMS];
	json_t	   *responses = json_array();

	for (int i = 0; i < count; i++)
		answers[i] = run_item(call, &items[i], may_run(items, i, &items[i]),
							  request);
	shuffle(answers, count);
	for (int i = 0; i < count; i++)
		json_array_append_new(responses, answers[i]);
	sim_reply_json(&call->reply, 200,
				   json_pack("{so}", "responses", responses));
}

/*
 * POST /$batch: carry out up to 20 calls, and answer them in another order
 * (contract 3.10).
 */
void
sim_graph_batch(SimCall *call, const SimRequest *request)
{
	BatchItem	items[MAX_ITEMS];
	json_t	   *body = NULL;
	json_t	   *requests;
	const char *problem = NULL;
	size_t		count;

	if (call->content_type != NULL &&
		strncasecmp(call->content_type, "application/json", 16) == 0)
		body = json_loadb(call->body, call->length, JSON_REJECT_DUPLICATES,
						  NULL);
	requests = json_object_get(body, "requests");
	count = json_array_size(requests);
	if (call->oversized)
		problem = "The batch is too large.";
	else if (count == 0)
		problem = "The body must be JSON with a list of requests.";
	else if (count > MAX_ITEMS)
		problem = "A batch can hold at most 20 requests.";
	else
		problem = read_items(requests, items);
	if (problem != NULL)
		sim_graph_error(call, 400, "BadRequest", "%s", problem);
	else
		run_items(call, items, (int) count, request);
	json_decref(body);
}
