/*
 * fuzz_graph.c
 *	  Replies of Microsoft Graph: $batch, the catalog, the error envelope.
 */
#include "postgres_fe.h"

#include "fuzz.h"
#include "base/trust.h"
#include "protocol/graph.h"

static const GraphItem items[] = {
	{OP_LOOKUP, "ada@contoso.com", NULL, SCOPE_USER},
	{OP_INSTALL, "ada@contoso.com", NULL, SCOPE_USER},
	{OP_CHAT, "ada@contoso.com", "OWY0", SCOPE_USER},
	{OP_LOOKUP, "grace@contoso.com", NULL, SCOPE_USER},
	{OP_CHAT, "grace@contoso.com", "MWM3", SCOPE_USER},
};

static void
require_reply(const GraphItem *item, const GraphReply *reply)
{
	bool		good = reply->status >= 200 && reply->status <= 299;
	bool		found = good && !reply->malformed;

	REQUIRE(reply->status == 0 ||
			(reply->status >= 100 && reply->status <= 599));
	require_error(&reply->error);
	require_wait(reply->retry_after);
	REQUIRE(good || !reply->malformed);
	if (good)
		REQUIRE(reply->error.code[0] == '\0' && reply->error.message[0] == '\0');

	REQUIRE((reply->chat_id != NULL) == (found && item->op == OP_CHAT));
	if (reply->chat_id != NULL)
		require_id(reply->chat_id);
	if (reply->installation_id != NULL)
	{
		REQUIRE(found && item->op == OP_LOOKUP);
		require_id(reply->installation_id);
	}
	if (reply->app_version != NULL)
	{
		REQUIRE(reply->installation_id != NULL);
		require_id(reply->app_version);
		REQUIRE(strlen(reply->app_version) <= 100);
	}
}

void
fuzz_one(const char *input, size_t length)
{
	GraphReply	replies[lengthof(items)];
	ServiceError error;
	const char *problem = NULL;
	char	   *app_id = NULL;
	bool		good;
	int			i;

	good = graph_batch_reply(input, length, items, lengthof(items), replies,
							 &problem);
	REQUIRE(good == (problem == NULL));
	for (i = 0; i < (int) lengthof(items); i++)
	{
		REQUIRE(good || replies[i].status == 0);
		require_reply(&items[i], &replies[i]);
	}

	if (graph_catalog_reply(input, length, &app_id) == GRAPH_CATALOG_FOUND)
		REQUIRE(trust_is_guid(app_id));
	else
		REQUIRE(app_id == NULL);

	graph_error(input, length, &error);
	require_error(&error);
}
