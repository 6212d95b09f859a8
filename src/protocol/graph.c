/*
 * graph.c
 *	  Microsoft Graph: requests as bytes, replies as structs.
 *
 * Whatever concerns installations goes through $batch.  Items of one batch
 * never depend on each other: an item whose dependency answers 409, which is
 * fine for an installation, would fail with 424 (contract 3.10).
 *
 * Replies are read leniently where the service is free to vary (order, case
 * of header names, the item's body for errors), and strictly where a value is
 * kept: an id that is none makes the reply malformed, not the row.
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/json.h"
#include "base/trust.h"
#include "protocol/graph.h"
#include "lib/stringinfo.h"

/* ---------------------------------------------------------------------------
 * Requests
 * ---------------------------------------------------------------------------
 */

/* {graph_url}/$batch, palloc'd. */
char *
graph_batch_url(const char *graph_url)
{
	return psprintf("%s/$batch", graph_url);
}

/* Does the root select the preview's calls (contract 3.1)? */
static bool
is_beta(const char *graph_url)
{
	size_t		length = strlen(graph_url);

	return length >= 5 && pg_strcasecmp(graph_url + length - 5, "/beta") == 0;
}

/* Append " eq 'value'" with the quotes doubled, then encoded (3.0.2). */
static void
append_equals(StringInfo url, const char *value)
{
	StringInfoData quoted;

	initStringInfo(&quoted);
	for (; *value != '\0'; value++)
	{
		if (*value == '\'')
			appendStringInfoChar(&quoted, '\'');
		appendStringInfoChar(&quoted, *value);
	}

	appendStringInfoString(url, "%20eq%20'");
	trust_append_escaped(url, quoted.data);
	appendStringInfoChar(url, '\'');
	pfree(quoted.data);
}

/* What lies behind an installation's id (contract 3.5 to 3.7). */
static const char *
installation_path(Operation op)
{
	switch (op)
	{
		case OP_CHAT:
			return "/chat?$select=id";
		case OP_UPGRADE:
			return "/upgrade";
		default:
			return "";
	}
}

/*
 * The item's URL, relative to the version root as $batch wants it (contract
 * 3.10).  The list of installations is filtered by the app, and says with it
 * which version is there (3.3).
 */
static void
append_item_url(StringInfo url, bool beta, const char *teams_app_id,
				const GraphItem *item)
{
	static const char *const roots[] = {
		[SCOPE_USER] = "/users/",
		[SCOPE_TEAM] = "/teams/",
		[SCOPE_CHAT] = "/chats/"
	};

	appendStringInfoString(url, roots[item->scope]);
	trust_append_escaped(url, item->id);
	if (item->op == OP_CHANNEL)
	{
		appendStringInfoString(url, "/primaryChannel?$select=id");
		return;
	}
	appendStringInfoString(url, item->scope == SCOPE_USER ?
						   "/teamwork/installedApps" : "/installedApps");
	if (item->op == OP_CHAT || item->op == OP_UPGRADE ||
		item->op == OP_UNINSTALL)
	{
		appendStringInfoChar(url, '/');
		trust_append_escaped(url, item->installation_id);
		appendStringInfoString(url, installation_path(item->op));
	}
	else if (item->op == OP_LOOKUP && beta)
	{
		appendStringInfoString(url, "?$expand=teamsAppDefinition"
							   "&$filter=teamsAppDefinition/teamsAppId");
		append_equals(url, teams_app_id);
	}
	else if (item->op == OP_LOOKUP)
	{
		appendStringInfoString(url, "?$expand=teamsApp,teamsAppDefinition"
							   "&$filter=teamsApp/id");
		append_equals(url, teams_app_id);
	}
}

/*
 * What to install: a URL on the same root and version as the call's, else
 * Graph refuses it (contract 3.0.4 and 3.4).
 */
static void
append_install_body(StringInfo body, const char *graph_url,
					const char *teams_app_id)
{
	StringInfoData app;

	initStringInfo(&app);
	appendStringInfo(&app, "%s/appCatalogs/teamsApps/", graph_url);
	trust_append_escaped(&app, teams_app_id);

	appendStringInfoString(body, "{\"teamsApp@odata.bind\":");
	json_append_string(body, app.data);
	appendStringInfoChar(body, '}');
	pfree(app.data);
}

/* An upgrade without a consent has an empty object, as Microsoft's sample. */
static void
append_item_body(StringInfo body, const char *graph_url,
				 const char *teams_app_id, Operation op)
{
	if (op != OP_INSTALL && op != OP_UPGRADE)
		return;
	appendStringInfoString(body, ",\"headers\":{\"Content-Type\":"
						   "\"application/json\"},\"body\":");
	if (op == OP_INSTALL)
		append_install_body(body, graph_url, teams_app_id);
	else
		appendStringInfoString(body, "{}");
}

/* The verb, by which the quotas count, too (contract 5.2). */
static const char *
method_of(Operation op)
{
	switch (op)
	{
		case OP_INSTALL:
		case OP_UPGRADE:
			return "POST";
		case OP_UNINSTALL:
			return "DELETE";
		default:
			return "GET";
	}
}

/* Append the body of a $batch for up to GRAPH_BATCH_MAX items. */
void
graph_batch_request(StringInfo body, const char *graph_url,
					const char *teams_app_id,
					const GraphItem *items, int nitems)
{
	bool		beta = is_beta(graph_url);
	StringInfoData url;
	int			i;

	initStringInfo(&url);
	appendStringInfoString(body, "{\"requests\":[");
	for (i = 0; i < nitems; i++)
	{
		resetStringInfo(&url);
		append_item_url(&url, beta, teams_app_id, &items[i]);

		appendStringInfo(body, "%s{\"id\":\"%d\",\"method\":\"%s\",\"url\":",
						 i > 0 ? "," : "", i + 1, method_of(items[i].op));
		json_append_string(body, url.data);
		append_item_body(body, graph_url, teams_app_id, items[i].op);
		appendStringInfoChar(body, '}');
	}
	appendStringInfoString(body, "]}");
	pfree(url.data);
}

/* The catalog's entry for a manifest id (contract 3.2), palloc'd. */
char *
graph_catalog_url(const char *graph_url, const char *manifest_id)
{
	StringInfoData url;

	initStringInfo(&url);
	appendStringInfo(&url, "%s/appCatalogs/teamsApps?$filter=externalId",
					 graph_url);
	append_equals(&url, manifest_id);
	return url.data;
}

/*
 * The URL of the catalog's entry for the catalog's own id, with the versions
 * of the app (contract 3.2 and 3.6), palloc'd.
 */
char *
graph_versions_url(const char *graph_url, const char *teams_app_id)
{
	StringInfoData url;

	initStringInfo(&url);
	appendStringInfo(&url, "%s/appCatalogs/teamsApps?$expand=appDefinitions"
					 "&$filter=id", graph_url);
	append_equals(&url, teams_app_id);
	return url.data;
}

/* ---------------------------------------------------------------------------
 * Replies
 * ---------------------------------------------------------------------------
 */

/* The string's text if it can be an id, else NULL. */
static const char *
id_or_null(const JsonValue *value)
{
	const char *id = json_string(value);

	return id != NULL && trust_is_opaque_id(id) ? id : NULL;
}

/* The error envelope, contract 3.12; doc may be anything. */
static void
read_error(const JsonValue *doc, ServiceError *error)
{
	const JsonValue *envelope = json_member(doc, "error");

	policy_set_error(error, json_string(json_member(envelope, "code")),
					 json_string(json_member(envelope, "message")));
}

/* Read Graph's error envelope (contract 3.12); any bytes will do. */
void
graph_error(const char *body, size_t length, ServiceError *error)
{
	read_error(json_read(body, length, NULL), error);
}

/* The version of an app's definition, or NULL. */
static const char *
read_version(const JsonValue *definition)
{
	const char *version = id_or_null(json_member(definition, "version"));

	return version != NULL && strlen(version) <= GRAPH_MAX_VERSION ?
		version : NULL;
}

/* Contract 3.3: an empty list means that the app is not installed. */
static void
read_lookup(const JsonValue *body, GraphReply *reply)
{
	const JsonValue *list = json_member(body, "value");
	const JsonValue *entry;

	if (list == NULL || list->kind != JSON_KIND_ARRAY)
	{
		reply->malformed = true;
		return;
	}
	for (entry = json_first(list); entry != NULL; entry = entry->next)
	{
		reply->installation_id = id_or_null(json_member(entry, "id"));
		if (reply->installation_id == NULL)
			continue;
		reply->app_version = read_version(json_member(entry,
													  "teamsAppDefinition"));
		return;
	}
	reply->malformed = json_first(list) != NULL;
}

#define GUID_LENGTH 36

/* The id that begins there, in lower case, palloc'd; NULL if none does. */
static char *
guid_at(const char *text)
{
	char		guid[GUID_LENGTH + 1];
	char	   *c;

	strlcpy(guid, text, sizeof(guid));
	if (!trust_is_guid(guid))
		return NULL;
	for (c = guid; *c != '\0'; c++)
		*c = (char) pg_ascii_tolower((unsigned char) *c);
	return pstrdup(guid);
}

/*
 * Whose chat with the bot it is: their object id, palloc'd.  Personal chats
 * have the ids of both, in whichever order (contract 3.5); NULL if this is
 * none of these.
 */
char *
graph_chat_user(const char *chat_id, const char *client_id)
{
	static const char start[] = "19:";
	static const char end[] = "@unq.gbl.spaces";
	const char *pair = chat_id + strlen(start);
	char	   *one;
	char	   *other;

	if (strncmp(chat_id, start, strlen(start)) != 0 ||
		strlen(pair) != 2 * GUID_LENGTH + 1 + strlen(end) ||
		pair[GUID_LENGTH] != '_' ||
		strcmp(pair + 2 * GUID_LENGTH + 1, end) != 0)
		return NULL;
	one = guid_at(pair);
	other = guid_at(pair + GUID_LENGTH + 1);
	if (one == NULL || other == NULL)
		return NULL;
	if (pg_strcasecmp(one, client_id) == 0)
		return other;
	return pg_strcasecmp(other, client_id) == 0 ? one : NULL;
}

/*
 * Read one element of "responses" whose id belongs to the item.  Its headers
 * are JSON, so that a Retry-After may be a number (contract 3.10).
 */
static void
read_item(const JsonValue *response, const GraphItem *item, int status,
		  GraphReply *reply)
{
	const JsonValue *headers = json_member(response, "headers");
	const JsonValue *body = json_member(response, "body");
	const JsonValue *wait = json_member_nocase(headers, "Retry-After");

	reply->status = status;
	if (wait != NULL && (wait->kind == JSON_KIND_STRING ||
						 wait->kind == JSON_KIND_NUMBER))
		reply->retry_after = wait->text;

	if (status < 200 || status > 299)
		read_error(body, &reply->error);
	else if (item->op == OP_LOOKUP)
		read_lookup(body, reply);
	else if (item->op == OP_CHAT || item->op == OP_CHANNEL)
	{
		reply->chat_id = id_or_null(json_member(body, "id"));
		reply->malformed = reply->chat_id == NULL;
	}
	/* The others have no body (3.4, 3.6, 3.7); if there is one, never mind */
}

/*
 * Which item is it?  Counts from 0; -1 if none of ours.  The order of the
 * answers is the service's (contract 3.10).
 */
static int
item_index(const JsonValue *response, int nitems)
{
	double		id;

	if (!json_number(json_member(response, "id"), &id))
		return -1;
	if (id < 1 || id > nitems || id != (int) id)
		return -1;
	return (int) id - 1;
}

/* An HTTP status, or 0 if it is none. */
static int
item_status(const JsonValue *response)
{
	double		status;

	if (!json_number(json_member(response, "status"), &status) ||
		status < 100 || status > 599)
		return 0;
	return (int) status;
}

/*
 * Read the reply to a $batch into replies[nitems], in the order of the items
 * whatever the service's.  False if the body as a whole makes no sense; then
 * *problem says why.  Strings live in the current memory context.
 */
bool
graph_batch_reply(const char *body, size_t length,
				  const GraphItem *items, int nitems,
				  GraphReply *replies, const char **problem)
{
	const JsonValue *doc = json_read(body, length, problem);
	const JsonValue *list = json_member(doc, "responses");
	const JsonValue *response;
	int			i;

	for (i = 0; i < nitems; i++)
	{
		memset(&replies[i], 0, sizeof(GraphReply));
		policy_set_error(&replies[i].error, NULL, NULL);
	}

	if (list == NULL || list->kind != JSON_KIND_ARRAY)
	{
		if (doc != NULL)
			*problem = "JSON document has no array \"responses\"";
		return false;
	}
	for (response = json_first(list); response != NULL;
		 response = response->next)
	{
		int			index = item_index(response, nitems);
		int			status = item_status(response);

		/* Of answers to the same item, the first that is one counts */
		if (index >= 0 && status != 0 && replies[index].status == 0)
			read_item(response, &items[index], status, &replies[index]);
	}
	return true;
}

/* Contract 3.2: the spelling of distributionMethod varies in its case. */
static bool
is_own_app(const JsonValue *app)
{
	const char *method = json_string(json_member(app, "distributionMethod"));

	return method != NULL && pg_strcasecmp(method, "organization") == 0;
}

/* Read the reply to it; on FOUND *teams_app_id is set, a GUID, palloc'd. */
GraphCatalogResult
graph_catalog_reply(const char *body, size_t length, char **teams_app_id)
{
	const JsonValue *doc = json_read(body, length, NULL);
	const JsonValue *list = json_member(doc, "value");
	const JsonValue *first = json_first(list);
	const JsonValue *app;
	const JsonValue *chosen = NULL;
	const char *id;

	if (list == NULL || list->kind != JSON_KIND_ARRAY)
		return GRAPH_CATALOG_MALFORMED;
	if (first == NULL)
		return GRAPH_CATALOG_ABSENT;

	if (first->next == NULL)
		chosen = first;
	for (app = first; app != NULL && first->next != NULL; app = app->next)
	{
		if (!is_own_app(app))
			continue;
		if (chosen != NULL)
			return GRAPH_CATALOG_AMBIGUOUS;
		chosen = app;
	}
	if (chosen == NULL)
		return GRAPH_CATALOG_AMBIGUOUS;

	id = json_string(json_member(chosen, "id"));
	if (id == NULL || !trust_is_guid(id))
		return GRAPH_CATALOG_MALFORMED;
	*teams_app_id = pstrdup(id);
	return GRAPH_CATALOG_FOUND;
}

/* Less than, equal to or greater than 0, as for "1.9.0" and "1.10.0". */
static int
compare_versions(const char *a, const char *b)
{
	while (*a != '\0' && *b != '\0')
	{
		char	   *a_end;
		char	   *b_end;
		unsigned long x = strtoul(a, &a_end, 10);
		unsigned long y = strtoul(b, &b_end, 10);

		if (x != y)
			return x < y ? -1 : 1;

		/* Where no number stands, characters are compared. */
		if (a_end == a && b_end == b && *a != *b)
			return *a < *b ? -1 : 1;
		a = a_end > a ? a_end : a + 1;
		b = b_end > b ? b_end : b + 1;
	}
	return (*a != '\0') - (*b != '\0');
}

/* A version that waits for its review, or was refused, is nobody's yet. */
static bool
is_published(const JsonValue *definition)
{
	const char *state = json_string(json_member(definition,
												"publishingState"));

	return state == NULL || pg_strcasecmp(state, "published") == 0;
}

/* The newest of them that is published, palloc'd; NULL if none is told. */
char *
graph_versions_reply(const char *body, size_t length)
{
	const JsonValue *doc = json_read(body, length, NULL);
	const JsonValue *app = json_first(json_member(doc, "value"));
	const JsonValue *definition = json_first(json_member(app,
														 "appDefinitions"));
	const char *newest = NULL;

	for (; definition != NULL; definition = definition->next)
	{
		const char *version = read_version(definition);

		if (version != NULL && is_published(definition) &&
			(newest == NULL || compare_versions(version, newest) > 0))
			newest = version;
	}
	return newest != NULL ? pstrdup(newest) : NULL;
}
