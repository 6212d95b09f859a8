/*
 * fuzz_activity.c
 *	  Activities and cards of any shape: an outline, which is sent as it is, as
 *	  a card, and with somebody mentioned.
 *
 * What teams_send() accepts is recorded by the dry-run bot, and judged to be
 * something that people see.
 */
#include "server.h"

#include "access/xact.h"

#include "utils/builtins.h"

void
fuzz_activity(char *input)
{
	Jsonb	   *content = outline_to_jsonb(&input);
	const char *json = JsonbToCString(NULL, &content->root, 0);
	const char *arguments[2] = {json, next_line(&input)};
	char	   *recorded;

	if (query_value("SELECT 1 WHERE $1::jsonb ->> 'type' = 'AdaptiveCard'", 1,
					arguments) != NULL)
	{
		json = query_value("SELECT teams_card($1::jsonb,"
						   " mentions => CASE WHEN $2 <> ''"
						   " THEN jsonb_build_object('a@contoso.com', $2) END)",
						   2, arguments);
		REQUIRE(json != NULL);
		require_jsonb(jsonb_of(json));
		arguments[0] = json;
	}
	query_value("SELECT teams_send('a@contoso.com', $1::jsonb)", 1, arguments);
	recorded = query_value("SELECT activity FROM teams_recorded_detail"
						   " ORDER BY id DESC LIMIT 1", 0, NULL);
	REQUIRE(recorded != NULL);
	REQUIRE(compareJsonbContainers(&jsonb_of(recorded)->root,
								   &jsonb_of(json)->root) == 0);
	arguments[0] = recorded;
	REQUIRE(query_value("SELECT _teams_activity_problem($1::jsonb)", 1,
						arguments) == NULL);
}
