/*
 * fuzz_people.c
 *	  Pages of people: Graph's directory and groups, the Connector's rosters.
 */
#include "postgres_fe.h"

#include "fuzz.h"
#include "base/trust.h"
#include "protocol/people.h"

#define ROOT "https://graph.microsoft.com/v1.0"

/* The token of a roster may have blanks, a link may not. */
static void
require_link(const char *link, char lowest)
{
	if (link == NULL)
		return;
	REQUIRE(link[0] != '\0' && strlen(link) <= PEOPLE_MAX_LINK);
	for (; *link != '\0'; link++)
		REQUIRE(*link >= lowest && *link < 0x7F);
}

static void
require_person(const Person *person)
{
	const char *name = person->user_principal_name;

	REQUIRE(trust_is_guid(person->id) && trust_is_target(SCOPE_USER, person->id));
	if (name != NULL)
		REQUIRE(trust_user_id_problem(name) == NULL &&
				trust_is_target(SCOPE_USER, name));
	if (person->display_name != NULL)
		require_clean(person->display_name, 256);
	if (person->locale != NULL)
		require_clean(person->locale, 256);
	REQUIRE(person->is_guest >= PEOPLE_UNTOLD &&
			person->is_guest <= PEOPLE_YES);
	REQUIRE(person->is_enabled >= PEOPLE_UNTOLD &&
			person->is_enabled <= PEOPLE_YES);
	REQUIRE(person->is_licensed >= PEOPLE_UNTOLD &&
			person->is_licensed <= PEOPLE_YES);
}

static void
require_page(bool good, const PeoplePage *page, const char *problem,
			 char lowest)
{
	REQUIRE(good == (problem == NULL));
	if (!good)
		return;
	for (int i = 0; i < page->count; i++)
		require_person(&page->people[i]);
	require_link(page->next, lowest);
	require_link(page->later, lowest);
}

void
fuzz_one(const char *input, size_t length)
{
	const char *problem;
	char	   *link = fuzz_string(input, length);
	PeoplePage	page;
	bool		good;

	good = people_graph_reply(input, length, &page, &problem);
	require_page(good, &page, problem, '!');
	good = people_roster_reply(input, length, &page, &problem);
	require_page(good, &page, problem, ' ');
	if (people_may_follow(ROOT, link))
		REQUIRE(pg_strncasecmp(link, "https://graph.microsoft.com/", 28) == 0);
}
