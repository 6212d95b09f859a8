/*
 * fuzz_user_id.c
 *	  What is given as a user, and what else becomes a part of a URL.
 */
#include "postgres_fe.h"

#include "fuzz.h"
#include "base/json.h"
#include "base/trust.h"
#include "protocol/graph.h"

/* A batch for the user is JSON with the user in one segment of the URL. */
static void
require_request(const char *user_id)
{
	GraphItem	item = {OP_LOOKUP, user_id, NULL, SCOPE_USER};
	StringInfoData body;
	StringInfoData wanted;
	const JsonValue *request;
	const char *url;

	initStringInfo(&body);
	graph_batch_request(&body, "https://graph.microsoft.com/v1.0",
						"7b1c0a0e-0c55-4a7c-9d0a-9a2f8b0d4a11", &item, 1);
	request = json_first(json_member(json_read(body.data, body.len, NULL),
									 "requests"));
	url = json_string(json_member(request, "url"));
	REQUIRE(url != NULL);

	initStringInfo(&wanted);
	appendStringInfoString(&wanted, "/users/");
	trust_append_escaped(&wanted, user_id);
	appendStringInfoString(&wanted, "/teamwork/installedApps?");
	REQUIRE(strncmp(url, wanted.data, wanted.len) == 0);
}

void
fuzz_one(const char *input, size_t length)
{
	char	   *text = fuzz_string(input, length);
	const char *problem = trust_user_id_problem(text);
	const char *p;
	int			signs = 0;

	if (problem != NULL)
		REQUIRE(problem[strlen(problem) - 1] == '.');
	else
	{
		REQUIRE(text[0] != '\0' && strlen(text) <= TRUST_MAX_USER_ID);
		REQUIRE(trust_is_opaque_id(text));
		REQUIRE(strpbrk(text, "/\\ \t\r\n") == NULL);
		REQUIRE(strstr(text, "..") == NULL);
		for (p = text; *p != '\0'; p++)
			signs += *p == '@';
		REQUIRE(signs == (trust_is_guid(text) ? 0 : 1));
		require_request(text);
	}

	/* a host is allowed only as a whole */
	if (trust_host_is_listed(text, "graph.microsoft.com\0localhost\0"))
		REQUIRE(pg_strcasecmp(text, "graph.microsoft.com") == 0 ||
				pg_strcasecmp(text, "localhost") == 0);
	if (trust_host_is_loopback(text))
		REQUIRE(pg_strcasecmp(text, "localhost") == 0 ||
				strncmp(text, "127.", 4) == 0 || strchr(text, ':') != NULL);
}
