/*
 * test_graph.c
 *	  Requests to Microsoft Graph and its replies.
 */
#include "postgres_fe.h"

#include "protocol/graph.h"
#include "tap.h"

#define ROOT "https://graph.microsoft.com/v1.0"
#define BETA "https://graph.microsoft.com/BETA"
#define APP "7b1c0a0e-0c55-4a7c-9d0a-9a2f8b0d4a11"
#define OTHER_APP "7b1c0a0e-0c55-4a7c-9d0a-9a2f8b0d4a12"
#define ADA "9f4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c01"

static const GraphItem three[] = {
	{OP_LOOKUP, ADA, NULL, SCOPE_USER},
	{OP_INSTALL, "bob_x.com#EXT#@contoso.com", NULL, SCOPE_USER},
	{OP_CHAT, ADA, "OWY0YjJj+/==", SCOPE_USER},
};

static void
test_batch_request(void)
{
	StringInfoData body;
	GraphItem	many[GRAPH_BATCH_MAX];
	int			i;

	is_str(graph_batch_url(ROOT), ROOT "/$batch", "batch URL");

	initStringInfo(&body);
	graph_batch_request(&body, ROOT, APP, three, 3);
	is_str(body.data,
		   "{\"requests\":["
		   "{\"id\":\"1\",\"method\":\"GET\",\"url\":\"/users/" ADA
		   "/teamwork/installedApps?$expand=teamsApp,teamsAppDefinition"
		   "&$filter=teamsApp/id%20eq%20'" APP "'\"},"
		   "{\"id\":\"2\",\"method\":\"POST\",\"url\":\"/users/"
		   "bob_x.com%23EXT%23%40contoso.com/teamwork/installedApps\","
		   "\"headers\":{\"Content-Type\":\"application/json\"},"
		   "\"body\":{\"teamsApp@odata.bind\":\"" ROOT
		   "/appCatalogs/teamsApps/" APP "\"}},"
		   "{\"id\":\"3\",\"method\":\"GET\",\"url\":\"/users/" ADA
		   "/teamwork/installedApps/OWY0YjJj%2B%2F%3D%3D/chat?$select=id\"}"
		   "]}", "batch of one of each");

	resetStringInfo(&body);
	graph_batch_request(&body, BETA, APP, three, 2);
	is_str(body.data,
		   "{\"requests\":["
		   "{\"id\":\"1\",\"method\":\"GET\",\"url\":\"/users/" ADA
		   "/teamwork/installedApps?$expand=teamsAppDefinition"
		   "&$filter=teamsAppDefinition/teamsAppId%20eq%20'" APP "'\"},"
		   "{\"id\":\"2\",\"method\":\"POST\",\"url\":\"/users/"
		   "bob_x.com%23EXT%23%40contoso.com/teamwork/installedApps\","
		   "\"headers\":{\"Content-Type\":\"application/json\"},"
		   "\"body\":{\"teamsApp@odata.bind\":\"" BETA
		   "/appCatalogs/teamsApps/" APP "\"}}]}", "the preview's calls");

	resetStringInfo(&body);
	graph_batch_request(&body, ROOT, "x' or 'a'/..\"", three, 1);
	ok(strstr(body.data, "eq%20'x%27%27%20or%20%27%27a%27%27%2F..%22'\"}")
	   != NULL, "quotes in a literal are doubled and encoded");

	for (i = 0; i < GRAPH_BATCH_MAX; i++)
		many[i] = three[0];
	resetStringInfo(&body);
	graph_batch_request(&body, ROOT, APP, many, GRAPH_BATCH_MAX);
	ok(strstr(body.data, "{\"id\":\"20\",") != NULL, "a full batch");
}

/*
 * Upgrades and removals, and what teams and chats have (contract 3.6 to 3.9).
 */
static void
test_other_requests(void)
{
	static const struct
	{
		GraphItem	item;
		const char *request;
	}			cases[] = {
		{{OP_UPGRADE, ADA, "a=", SCOPE_USER}, "\"method\":\"POST\",\"url\":"
			"\"/users/" ADA "/teamwork/installedApps/a%3D/upgrade\","
			"\"headers\":{\"Content-Type\":\"application/json\"},\"body\":{}}"},
		{{OP_UNINSTALL, ADA, "a=", SCOPE_USER}, "\"method\":\"DELETE\","
			"\"url\":\"/users/" ADA "/teamwork/installedApps/a%3D\"}"},
		{{OP_LOOKUP, APP, NULL, SCOPE_TEAM}, "\"method\":\"GET\",\"url\":"
			"\"/teams/" APP "/installedApps?$expand=teamsApp,"
			"teamsAppDefinition&$filter=teamsApp/id%20eq%20'" APP "'\"}"},
		{{OP_INSTALL, APP, NULL, SCOPE_TEAM}, "\"method\":\"POST\",\"url\":"
			"\"/teams/" APP "/installedApps\",\"headers\""},
		{{OP_CHANNEL, APP, NULL, SCOPE_TEAM}, "\"method\":\"GET\",\"url\":"
			"\"/teams/" APP "/primaryChannel?$select=id\"}"},
		{{OP_UNINSTALL, "19:a@thread.v2", "b", SCOPE_CHAT}, "\"method\":"
			"\"DELETE\",\"url\":\"/chats/19%3Aa%40thread.v2/installedApps/b\"}"},
		{{OP_INSTALL, "19:a@thread.v2", NULL, SCOPE_CHAT}, "\"method\":"
			"\"POST\",\"url\":\"/chats/19%3Aa%40thread.v2/installedApps\","},
	};
	StringInfoData body;

	initStringInfo(&body);
	for (int i = 0; i < (int) lengthof(cases); i++)
	{
		resetStringInfo(&body);
		graph_batch_request(&body, ROOT, APP, &cases[i].item, 1);
		ok(strstr(body.data, cases[i].request) != NULL, cases[i].request);
	}
}

static void
test_other_replies(void)
{
	static const GraphItem items[] = {
		{OP_CHANNEL, APP, NULL, SCOPE_TEAM},
		{OP_UNINSTALL, ADA, "a", SCOPE_USER},
		{OP_UPGRADE, ADA, "a", SCOPE_USER},
	};
	static const char body[] = "{\"responses\":["
		"{\"id\":\"1\",\"status\":200,\"body\":{\"id\":\"19:g@thread.tacv2\"}},"
		"{\"id\":\"2\",\"status\":204},{\"id\":\"3\",\"status\":204}]}";
	GraphReply	r[3];
	const char *problem = NULL;

	ok(graph_batch_reply(body, strlen(body), items, 3, r, &problem),
	   "a batch of other calls");
	is_str(r[0].chat_id, "19:g@thread.tacv2", "a team's General");
	ok(r[1].status == 204 && !r[1].malformed && r[2].status == 204 &&
	   !r[2].malformed, "the others have no body");
}

static void
test_versions(void)
{
#define VERSION(number, state) \
	"{\"version\":\"" number "\",\"publishingState\":\"" state "\"}"
#define VERSIONS(list) "{\"value\":[{\"id\":\"x\",\"appDefinitions\":[" list "]}]}"
	static const struct
	{
		const char *body;
		const char *version;
	}			cases[] = {
		{VERSIONS(VERSION("1.9.0", "published")), "1.9.0"},
		{VERSIONS(VERSION("1.9.0", "published") ","
				  VERSION("1.10.0", "published") ","
				  VERSION("1.2.0", "published")), "1.10.0"},
		{VERSIONS(VERSION("1.9", "published") ","
				  VERSION("1.9.1", "Published")), "1.9.1"},
		{VERSIONS(VERSION("1.9.0", "published") ","
				  VERSION("2.0.0", "submitted")), "1.9.0"},
		{VERSIONS("{\"version\":\"3\"}"), "3"},
		{VERSIONS("{\"version\":3},{},null"), NULL},
		{VERSIONS(""), NULL},
		{"{\"value\":[]}", NULL},
		{"{\"value\":{}}", NULL},
		{"[1]", NULL},
		{"<html>", NULL},
		{"", NULL},
	};

	is_str(graph_versions_url(ROOT, APP), ROOT "/appCatalogs/teamsApps"
		   "?$expand=appDefinitions&$filter=id%20eq%20'" APP "'",
		   "URL of the app's versions");
	for (int i = 0; i < (int) lengthof(cases); i++)
		is_str(graph_versions_reply(cases[i].body, strlen(cases[i].body)),
			   cases[i].version, cases[i].body);
}

/* Whose chat it is, by its id; in which order the two are is not said. */
static void
test_chat_user(void)
{
#define PERSON "9f4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c01"
#define BOT "2d0c7d7f-5b1e-4a3c-9a59-0c3b1f6a7e01"
	static const char *const cases[][2] = {
		{"19:" PERSON "_" BOT "@unq.gbl.spaces", PERSON},
		{"19:" BOT "_" PERSON "@unq.gbl.spaces", PERSON},
		{"19:9F4B2C1E-6D0B-4A55-9C0E-2F6F3A1B7C01_"
			"2D0C7D7F-5B1E-4A3C-9A59-0C3B1F6A7E01@unq.gbl.spaces", PERSON},
		{"19:" PERSON "_" PERSON "@unq.gbl.spaces", NULL},
		{"19:" PERSON "-" BOT "@unq.gbl.spaces", NULL},
		{"19:" PERSON "_" BOT "@thread.v2", NULL},
		{"19:" PERSON "_" BOT "@unq.gbl.spaces.", NULL},
		{"19:" PERSON "_" BOT, NULL},
		{"19:" PERSON, NULL},
		{"18:" PERSON "_" BOT "@unq.gbl.spaces", NULL},
		{"19:zf4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c01_" BOT "@unq.gbl.spaces", NULL},
		{"19:zd0c7d7f-5b1e-4a3c-9a59-0c3b1f6a7e01_" BOT "@unq.gbl.spaces", NULL},
		{"a:1kQ0opaque", NULL},
		{"19:", NULL},
		{"19", NULL},
		{"", NULL},
	};

	for (int i = 0; i < (int) lengthof(cases); i++)
		is_str(graph_chat_user(cases[i][0], BOT), cases[i][1], cases[i][0]);
	is_str(graph_chat_user(cases[0][0], "2D0C7D7F-5B1E-4A3C-9A59-0C3B1F6A7E01"),
		   PERSON, "the bot's id in capitals");
}

static void
test_catalog(void)
{
#define ENTRY(id, method) \
	"{\"id\":\"" id "\",\"distributionMethod\":\"" method "\"}"
	static const struct
	{
		const char *body;
		GraphCatalogResult result;
		const char *id;
	}			cases[] = {
		{"{\"value\":[{\"id\":\"" APP "\"}]}", GRAPH_CATALOG_FOUND, APP},
		{"{\"value\":[" ENTRY(APP, "store") "]}", GRAPH_CATALOG_FOUND, APP},
		{"{\"value\":[]}", GRAPH_CATALOG_ABSENT, NULL},
		{"{\"value\":[" ENTRY(OTHER_APP, "store") ","
			ENTRY(APP, "Organization") "]}", GRAPH_CATALOG_FOUND, APP},
		{"{\"value\":[" ENTRY(APP, "organization") ","
			ENTRY(OTHER_APP, "organization") "]}",
		GRAPH_CATALOG_AMBIGUOUS, NULL},
		{"{\"value\":[" ENTRY(APP, "store") "," ENTRY(OTHER_APP, "store")
			"]}", GRAPH_CATALOG_AMBIGUOUS, NULL},
		{"{\"value\":[1,2]}", GRAPH_CATALOG_AMBIGUOUS, NULL},
		{"{\"value\":[1]}", GRAPH_CATALOG_MALFORMED, NULL},
		{"{\"value\":[{\"id\":\"../x\"}]}", GRAPH_CATALOG_MALFORMED, NULL},
		{"{\"value\":[{\"id\":\"" APP "0\"}]}", GRAPH_CATALOG_MALFORMED, NULL},
		{"{\"value\":{}}", GRAPH_CATALOG_MALFORMED, NULL},
		{"[]", GRAPH_CATALOG_MALFORMED, NULL},
		{"<html>", GRAPH_CATALOG_MALFORMED, NULL},
		{"", GRAPH_CATALOG_MALFORMED, NULL},
	};
	int			i;

	is_str(graph_catalog_url(ROOT, "3f0e7f7e-2b64-4bb1-8a53-6b9a5f3d2c10"),
		   ROOT "/appCatalogs/teamsApps?$filter=externalId%20eq%20'"
		   "3f0e7f7e-2b64-4bb1-8a53-6b9a5f3d2c10'", "catalog URL");

	for (i = 0; i < (int) lengthof(cases); i++)
	{
		char	   *id = NULL;

		is_int(graph_catalog_reply(cases[i].body, strlen(cases[i].body), &id),
			   cases[i].result, cases[i].body);
		is_str(id, cases[i].id, "its id");
	}
}

static bool
read_batch(const char *body, GraphReply *replies, const char **problem)
{
	memset(replies, 0x7f, 3 * sizeof(GraphReply));
	*problem = NULL;
	return graph_batch_reply(body, strlen(body), three, 3, replies, problem);
}

static void
test_batch_reply(void)
{
	GraphReply	r[3];
	const char *problem;

	ok(read_batch(
		"{\"responses\":["
		"{\"id\":\"3\",\"status\":200,\"headers\":{},\"body\":"
		"{\"@odata.context\":\"x\",\"id\":\"19:a_b@unq.gbl.spaces\"}},"
		"{\"id\":\"1\",\"status\":200,\"body\":{\"@odata.count\":1,\"value\":"
		"[{\"id\":\"OWY0\",\"teamsApp\":{\"id\":\"" APP "\"},"
		"\"teamsAppDefinition\":{\"version\":\"1.4.0\"}}]}},"
		"{\"id\":\"2\",\"status\":201}]}", r, &problem), "shuffled batch");
	is_int(r[0].status, 200, "look-up");
	is_str(r[0].installation_id, "OWY0", "its installation");
	is_str(r[0].app_version, "1.4.0", "its version");
	is_int(r[1].status, 201, "installation");
	ok(!r[1].malformed, "is well without a body");
	is_str(r[2].chat_id, "19:a_b@unq.gbl.spaces", "chat");
	ok(!r[0].malformed && !r[2].malformed, "all well-formed");
	is_str(r[0].error.code, "", "no error code");
	ok(r[0].retry_after == NULL, "no Retry-After");

	ok(read_batch(
		"{\"responses\":["
		"{\"id\":\"2\",\"status\":424,\"body\":{\"error\":{\"code\":"
		"\"FailedDependency\",\"message\":\"m\"}}},"
		"{\"id\":\"1\",\"status\":429,\"headers\":{\"retry-AFTER\":\"2.128\"},"
		"\"body\":{\"error\":{\"code\":\"TooManyRequests\","
		"\"message\":\"Please retry again later.\",\"innerError\":{}}}},"
		"{\"id\":\"1\",\"status\":200,\"body\":{\"value\":[]}},"
		"{\"id\":\"9\",\"status\":200},{\"id\":\"0\",\"status\":200},"
		"{\"id\":\"-1\",\"status\":200},{\"id\":\"x\",\"status\":200},"
		"{\"id\":\"1.5\",\"status\":200},{\"status\":200},7,null,"
		"{\"id\":\"3\",\"status\":\"soon\"}]}", r, &problem),
	   "batch with errors, repeats and strangers");
	is_int(r[0].status, 429, "first answer counts");
	is_str(r[0].retry_after, "2.128", "header in any case");
	is_str(r[0].error.code, "TooManyRequests", "code");
	is_str(r[0].error.message, "Please retry again later.", "message");
	is_int(r[1].status, 424, "dependency");
	is_int(r[2].status, 0, "no status, no answer");
	is_str(r[2].error.code, "", "and no error");

	ok(read_batch("{\"responses\":[{\"id\":1,\"status\":503,\"headers\":"
				  "{\"Retry-After\":7},\"body\":\"<html>\"},"
				  "{\"id\":\"2\",\"status\":504,\"headers\":{\"Retry-After\":"
				  "[]}},{\"id\":\"3\",\"status\":500,\"headers\":[],"
				  "\"body\":{\"error\":\"x\"}}]}", r, &problem),
	   "numbers where strings are expected");
	is_int(r[0].status, 503, "id as a number");
	is_str(r[0].retry_after, "7", "Retry-After as a number");
	is_str(r[0].error.code, "", "body that is no object");
	ok(r[1].retry_after == NULL, "Retry-After as an array");
	is_int(r[2].status, 500, "headers as an array");

	ok(read_batch("{\"responses\":[]}", r, &problem), "empty batch");
	ok(r[0].status == 0 && r[1].status == 0 && r[2].status == 0,
	   "all left out");
}

static void
test_batch_refusals(void)
{
	static const char *const cases[][2] = {
		{"", "JSON document is empty"},
		{"<html>", "JSON document is malformed"},
		{"{}", "JSON document has no array \"responses\""},
		{"[]", "JSON document has no array \"responses\""},
		{"{\"responses\":{}}", "JSON document has no array \"responses\""},
		{"{\"error\":{\"code\":\"BadRequest\"}}",
		"JSON document has no array \"responses\""},
	};
	GraphReply	r[3];
	const char *problem;
	int			i;

	for (i = 0; i < (int) lengthof(cases); i++)
	{
		ok(!read_batch(cases[i][0], r, &problem), "no batch");
		is_str(problem, cases[i][1], cases[i][0]);
		is_int(r[2].status, 0, "replies are set all the same");
	}
}

/* Bodies of a 200 to a look-up (item 1) or a chat (item 3). */
static void
test_item_bodies(void)
{
#define LONG_ID_50 "01234567890123456789012345678901234567890123456789"
#define LONG_ID_500 LONG_ID_50 LONG_ID_50 LONG_ID_50 LONG_ID_50 LONG_ID_50 \
	LONG_ID_50 LONG_ID_50 LONG_ID_50 LONG_ID_50 LONG_ID_50
	static const struct
	{
		int			item;
		const char *body;
		const char *id;
		bool		malformed;
	}			cases[] = {
		{1, "{\"value\":[]}", NULL, false},
		{1, "{\"value\":[{\"id\":\"a\"},{\"id\":\"b\"}]}", "a", false},
		{1, "{\"value\":[{},{\"id\":\"\"},{\"id\":\"b\"}]}", "b", false},
		{1, "{\"value\":[{\"id\":17}]}", NULL, true},
		{1, "{\"value\":[{\"id\":\"a\\u0007\"}]}", NULL, true},
		{1, "{\"value\":[{\"id\":\"..\"}]}", NULL, true},
		{1, "{\"value\":[{\"id\":\"" LONG_ID_500 LONG_ID_500 "\"}]}",
		LONG_ID_500 LONG_ID_500, false},
		{1, "{\"value\":[{\"id\":\"" LONG_ID_500 LONG_ID_500 "x\"}]}",
		NULL, true},
		{1, "{\"value\":[null]}", NULL, true},
		{1, "{\"value\":{}}", NULL, true},
		{1, "{}", NULL, true},
		{1, "null", NULL, true},
		{3, "{\"id\":\"19:x\"}", "19:x", false},
		{3, "{\"id\":\"\"}", NULL, true},
		{3, "{\"id\":null}", NULL, true},
		{3, "{\"id\":\"a\\u0085b\"}", NULL, true},
		{3, "\"eyJpZCI6MX0=\"", NULL, true},
	};
	int			i;

	for (i = 0; i < (int) lengthof(cases); i++)
	{
		GraphReply	r[3];
		GraphReply *reply = &r[cases[i].item - 1];
		const char *problem;

		read_batch(psprintf("{\"responses\":[{\"id\":\"%d\",\"status\":200,"
							"\"body\":%s}]}", cases[i].item, cases[i].body),
				   r, &problem);
		is_str(cases[i].item == 1 ? reply->installation_id : reply->chat_id,
			   cases[i].id, cases[i].body);
		is_int(reply->malformed, cases[i].malformed, "malformed or not");
		ok(reply->app_version == NULL, "version unknown");
	}
}

static void
test_errors(void)
{
	static const char *const errors[][3] = {
		{"{\"error\":{\"code\":\"Conflict\",\"message\":\"(text varies)\","
			"\"innerError\":{\"date\":\"2026-11-23T19:20:00\"}}}",
		"Conflict", "(text varies)"},
		{"{\"error\":{\"code\":\"Forbidden\",\"message\":\"Bearer abc.def "
			"refused\"}}", "Forbidden", "Bearer [removed] refused"},
		{"{\"error\":{\"code\":null}}", "", ""},
		{"{\"error\":\"x\"}", "", ""},
		{"<html>", "", ""},
		{"", "", ""},
	};
	int			i;

	for (i = 0; i < (int) lengthof(errors); i++)
	{
		ServiceError error;

		graph_error(errors[i][0], strlen(errors[i][0]), &error);
		is_str(error.code, errors[i][1], errors[i][0]);
		is_str(error.message, errors[i][2], "its message");
	}
}

int
main(void)
{
	test_batch_request();
	test_other_requests();
	test_other_replies();
	test_versions();
	test_chat_user();
	test_catalog();
	test_batch_reply();
	test_batch_refusals();
	test_item_bodies();
	test_errors();
	return done();
}
