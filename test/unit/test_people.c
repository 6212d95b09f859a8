/*
 * test_people.c
 *	  Lists of people: requests for them, and their pages.
 */
#include "postgres_fe.h"

#include "protocol/people.h"
#include "tap.h"

#define ROOT "https://graph.microsoft.com/v1.0"
#define GROUP "b8a4f3d1-6c2e-4e0b-9d37-5f1c8a2e7b03"
#define ADA "9f4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c01"
#define GRACE "1c7de2f0-3b77-4a7e-8f0b-5b8d7b1f2a02"
#define SELECT \
	"$select=id,userPrincipalName,displayName,preferredLanguage,userType," \
	"accountEnabled,assignedLicenses"

static void
test_requests(void)
{
	is_str(people_directory_url(ROOT), ROOT "/users/delta?" SELECT,
		   "the directory");
	is_str(people_group_url(ROOT, GROUP, false),
		   ROOT "/groups/" GROUP "/transitiveMembers?" SELECT "&$top=999",
		   "members of a group");
	is_str(people_group_url(ROOT, "../x?", true),
		   ROOT "/groups/..%2Fx%3F/owners?" SELECT "&$top=999",
		   "owners of one");
	is_str(people_roster_url("https://smba.example/teams/",
							 "19:x@thread.tacv2", NULL),
		   "https://smba.example/teams/v3/conversations/"
		   "19%3Ax%40thread.tacv2/pagedmembers?pageSize=500",
		   "a roster");
	is_str(people_roster_url("https://smba.example/teams", "19:x", "a+b&c"),
		   "https://smba.example/teams/v3/conversations/19%3Ax/pagedmembers"
		   "?pageSize=500&continuationToken=a%2Bb%26c", "its next page");
}

static void
test_links(void)
{
	static const struct
	{
		const char *link;
		bool		may_follow;
	}			cases[] = {
		{ROOT "/users/delta?$skiptoken=x", true},
		{"HTTPS://Graph.Microsoft.com/beta/x", true},
		{"https://graph.microsoft.com", false},
		{"https://graph.microsoft.com?x", false},
		{"https://graph.microsoft.com#/x", false},
		{"http://graph.microsoft.com/v1.0/x", false},
		{"https://graph.microsoft.com:444/v1.0/x", false},
		{"https://graph.microsoft.com.example.com/v1.0/x", false},
		{"https://graph.microsoft.com@example.com/v1.0/x", false},
		{"https://x@graph.microsoft.com/v1.0/x", false},
		{"https://graph.microsoft.co/v1.0/x", false},
		{"//graph.microsoft.com/v1.0/x", false},
		{"/v1.0/x", false},
		{"x", false},
		{"", false},
	};
	int			i;

	for (i = 0; i < (int) lengthof(cases); i++)
		ok(people_may_follow(ROOT, cases[i].link) == cases[i].may_follow,
		   cases[i].link);
	ok(people_may_follow("http://127.0.0.1:80/graph/v1.0",
						 "http://127.0.0.1:80/graph/v1.0/x"), "with a port");
	ok(!people_may_follow("http://127.0.0.1:80/graph/v1.0",
						  "http://127.0.0.1:8/graph/v1.0/x"), "another one");
}

static void
test_graph_page(void)
{
	static const char body[] =
		"{\"value\":["
		"{\"id\":\"9F4B2C1E-6d0b-4a55-9c0e-2f6f3a1b7c01\","
		"\"userPrincipalName\":\"Ada@Contoso.com\",\"displayName\":\"Ada\\n\","
		"\"preferredLanguage\":\"en-GB\",\"userType\":\"Member\","
		"\"accountEnabled\":true,\"assignedLicenses\":[{\"skuId\":\"x\"}]},"
		"{\"@odata.type\":\"#microsoft.graph.user\",\"id\":\"" GRACE "\","
		"\"userPrincipalName\":\"g_x.com#EXT#@contoso.com\","
		"\"userType\":\"guest\",\"accountEnabled\":false,"
		"\"preferredLanguage\":null,\"assignedLicenses\":[]},"
		"{\"id\":\"" ADA "\",\"@removed\":{\"reason\":\"changed\"}},"
		"{\"@odata.type\":\"#microsoft.graph.group\",\"id\":\"" GROUP "\"},"
		"{\"id\":\"../x\"},{\"id\":7},{},7,null,"
		"{\"id\":\"" ADA "\",\"userPrincipalName\":\"a/b@x\","
		"\"accountEnabled\":\"true\",\"userType\":null,"
		"\"assignedLicenses\":null}],"
		"\"@odata.nextLink\":\"" ROOT "/x\",\"@odata.deltaLink\":null}";
	PeoplePage	page;
	const char *problem = NULL;
	const Person *person;

	ok(people_graph_reply(body, strlen(body), &page, &problem) &&
	   problem == NULL, "a page");
	is_int(page.count, 4, "its people, and nothing else");
	is_str(page.next, ROOT "/x", "where it goes on");
	is_str(page.later, NULL, "it is not the last one");

	person = &page.people[0];
	is_str(person->id, ADA, "an id in lower case");
	is_str(person->user_principal_name, "ada@contoso.com", "and a name");
	is_str(person->display_name, "Ada ", "without control characters");
	is_str(person->locale, "en-GB", "a language");
	ok(person->is_guest == PEOPLE_NO && person->is_enabled == PEOPLE_YES &&
	   person->is_licensed == PEOPLE_YES && !person->removed, "no guest");

	person = &page.people[1];
	is_str(person->user_principal_name, "g_x.com#ext#@contoso.com", "a guest");
	is_str(person->display_name, NULL, "what is not mentioned");
	is_str(person->locale, "", "what is not set");
	ok(person->is_guest == PEOPLE_YES && person->is_enabled == PEOPLE_NO &&
	   person->is_licensed == PEOPLE_NO, "disabled and without a licence");

	ok(page.people[2].removed, "one is gone");
	person = &page.people[3];
	is_str(person->user_principal_name, NULL, "a name that cannot be used");
	ok(person->is_guest == PEOPLE_UNTOLD &&
	   person->is_enabled == PEOPLE_UNTOLD &&
	   person->is_licensed == PEOPLE_UNTOLD, "nothing is made up");
}

static void
test_roster_page(void)
{
	static const char body[] =
		"{\"continuationToken\":\"a bc==\",\"members\":["
		"{\"id\":\"29:1\",\"name\":\"Ada\",\"aadObjectId\":\"" ADA "\","
		"\"userPrincipalName\":\"ADA@contoso.com\",\"userRole\":\"user\"},"
		"{\"id\":\"29:2\",\"name\":\"Grace\",\"objectId\":\"" GRACE "\","
		"\"userRole\":\"guest\"},{\"id\":\"29:3\",\"name\":\"x\"}]}";
	static const char last[] = "{\"members\":[],\"continuationToken\":\"\"}";
	PeoplePage	page;
	const char *problem;

	ok(people_roster_reply(body, strlen(body), &page, &problem), "a roster");
	is_int(page.count, 2, "members with an object id");
	is_str(page.next, "a bc==", "the token of the next page");
	is_str(page.people[0].user_principal_name, "ada@contoso.com", "a member");
	ok(page.people[0].is_guest == PEOPLE_UNTOLD &&
	   page.people[0].is_enabled == PEOPLE_UNTOLD, "of whom it knows little");
	is_str(page.people[1].id, GRACE, "the id by its other name");
	ok(page.people[1].is_guest == PEOPLE_YES, "a guest");
	ok(people_roster_reply(last, strlen(last), &page, &problem) &&
	   page.next == NULL && page.count == 0, "the last page");
}

static void
test_nonsense(void)
{
	static const char *const bodies[] = {
		"", "[]", "{}", "<html>", "{\"value\":{}}", "{\"value\":[",
		"{\"value\":[],\"@odata.nextLink\":7}",
		"{\"value\":[],\"@odata.nextLink\":\"https://x/ y\"}",
		"{\"value\":[],\"@odata.nextLink\":\"https://x/\\u000a\"}",
		"{\"value\":[],\"@odata.deltaLink\":\"https://x/\\u00e9\"}",
		"{\"value\":[],\"@odata.deltaLink\":{}}",
	};
	StringInfoData body;
	PeoplePage	page;
	int			i;

	for (i = 0; i < (int) lengthof(bodies); i++)
	{
		const char *problem = NULL;

		ok(!people_graph_reply(bodies[i], strlen(bodies[i]), &page, &problem) &&
		   problem != NULL, bodies[i]);
		problem = NULL;
		ok(!people_roster_reply(bodies[i], strlen(bodies[i]), &page,
								&problem) && problem != NULL, "as a roster");
	}
	initStringInfo(&body);
	appendStringInfoString(&body, "{\"value\":[],\"@odata.nextLink\":\"");
	for (i = 0; i < PEOPLE_MAX_LINK + 1; i++)
		appendStringInfoChar(&body, 'x');
	appendStringInfoString(&body, "\"}");
	{
		const char *problem = NULL;

		ok(!people_graph_reply(body.data, body.len, &page, &problem) &&
		   problem != NULL, "a link that is too long");
	}
}

int
main(void)
{
	test_requests();
	test_links();
	test_graph_page();
	test_roster_page();
	test_nonsense();
	return done();
}
