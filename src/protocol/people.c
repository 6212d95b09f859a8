/*
 * people.c
 *	  Lists of people, page by page: the directory and its groups from
 *	  Microsoft Graph, the roster of a team from the Bot Connector.
 *
 * Members of groups are asked for without a cast to users: with one, Graph
 * wants a header and a count for transitive members.  So groups and devices
 * come, too, and are left out here.
 *
 * Licences are read from assignedLicenses.  The plans within them would say
 * whether Teams is one, but make an entry twenty times as long, and the size
 * of a delta query's pages cannot be chosen.
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/json.h"
#include "base/trust.h"
#include "protocol/connector.h"
#include "protocol/people.h"

#define SELECT_PEOPLE \
	"$select=id,userPrincipalName,displayName,preferredLanguage,userType," \
	"accountEnabled,assignedLicenses"

/* The most that Graph and the Connector give at a time. */
#define GROUP_PAGE 999
#define ROSTER_PAGE 500

#define MAX_NAME_LENGTH 256

/* ---------------------------------------------------------------------------
 * Requests
 * ---------------------------------------------------------------------------
 */

/*
 * Where the list of all people begins, palloc'd: a delta query, whose last
 * page has a link that tells of changes (contract 3.11).  "graph_url" is as in
 * graph.h.
 */
char *
people_directory_url(const char *graph_url)
{
	return psprintf("%s/users/delta?" SELECT_PEOPLE, graph_url);
}

/*
 * Where the members of a group begin, those of groups within it, too;
 * palloc'd.
 */
char *
people_group_url(const char *graph_url, const char *group_id, bool owners)
{
	StringInfoData url;

	initStringInfo(&url);
	appendStringInfo(&url, "%s/groups/", graph_url);
	trust_append_escaped(&url, group_id);
	appendStringInfo(&url, "/%s?" SELECT_PEOPLE "&$top=%d",
					 owners ? "owners" : "transitiveMembers", GROUP_PAGE);
	return url.data;
}

/*
 * A page of the roster of a team, by its General channel (contract 4.6),
 * palloc'd.  "token" is that of the page before, NULL for the first one.
 */
char *
people_roster_url(const char *service_url, const char *conversation_id,
				  const char *token)
{
	StringInfoData url;

	initStringInfo(&url);
	appendStringInfoString(&url, connector_thread_url(service_url));
	appendStringInfoChar(&url, '/');
	trust_append_escaped(&url, conversation_id);
	appendStringInfo(&url, "/pagedmembers?pageSize=%d", ROSTER_PAGE);
	if (token != NULL)
	{
		appendStringInfoString(&url, "&continuationToken=");
		trust_append_escaped(&url, token);
	}
	return url.data;
}

/* How much of a URL is scheme, host and port. */
static size_t
link_origin_length(const char *url)
{
	const char *host = strstr(url, "://");

	if (host == NULL)
		return 0;
	host += strlen("://");
	return (host - url) + strcspn(host, "/?#");
}

/*
 * May a link be followed, with the token for Graph, that a page has given?
 * Scheme, host and port have to be those of the root.
 */
bool
people_may_follow(const char *graph_url, const char *link)
{
	size_t		length = link_origin_length(graph_url);

	return length > 0 && link_origin_length(link) == length &&
		pg_strncasecmp(graph_url, link, length) == 0 && link[length] == '/';
}

/* ---------------------------------------------------------------------------
 * Replies
 * ---------------------------------------------------------------------------
 */

/* A copy with the capitals of ASCII in lower case, as targets are stored. */
static char *
lower_copy(const char *text)
{
	char	   *copy = pstrdup(text);
	char	   *c;

	for (c = copy; *c != '\0'; c++)
		*c = (char) pg_ascii_tolower((unsigned char) *c);
	return copy;
}

/* A text to keep, "" if there is none, NULL if it is not mentioned. */
static const char *
text_property(const JsonValue *entry, const char *name)
{
	const JsonValue *value = json_member(entry, name);

	if (value == NULL)
		return NULL;
	return trust_clean_copy(json_string(value), MAX_NAME_LENGTH);
}

/*
 * The name that messages can go to.  What could not be the target of one is
 * none.
 */
static const char *
user_principal_name(const JsonValue *entry)
{
	const char *name = json_string(json_member(entry, "userPrincipalName"));

	if (name == NULL || trust_user_id_problem(name) != NULL)
		return NULL;
	return lower_copy(name);
}

static PeopleFlag
flag(bool is_set)
{
	return is_set ? PEOPLE_YES : PEOPLE_NO;
}

static PeopleFlag
bool_property(const JsonValue *entry, const char *name)
{
	const JsonValue *value = json_member(entry, name);

	if (value == NULL || value->kind != JSON_KIND_BOOL)
		return PEOPLE_UNTOLD;
	return flag(strcmp(value->text, "true") == 0);
}

static PeopleFlag
guest_property(const JsonValue *entry)
{
	const char *type = json_string(json_member(entry, "userType"));

	return type == NULL ? PEOPLE_UNTOLD :
		flag(pg_strcasecmp(type, "Guest") == 0);
}

static PeopleFlag
licence_property(const JsonValue *entry)
{
	const JsonValue *list = json_member(entry, "assignedLicenses");

	if (list == NULL || list->kind != JSON_KIND_ARRAY)
		return PEOPLE_UNTOLD;
	return flag(json_first(list) != NULL);
}

/* The id of an entry, if it is a person's, or NULL. */
static const char *
person_id(const JsonValue *entry)
{
	const char *type = json_string(json_member(entry, "@odata.type"));
	const char *id = json_string(json_member(entry, "id"));

	if (type != NULL && pg_strcasecmp(type, "#microsoft.graph.user") != 0)
		return NULL;
	return id != NULL && trust_is_guid(id) ? lower_copy(id) : NULL;
}

/* A line of Graph's lists; false if it is no person. */
static bool
read_graph_person(const JsonValue *entry, Person *person)
{
	person->id = person_id(entry);
	if (person->id == NULL)
		return false;
	person->removed = json_member(entry, "@removed") != NULL;
	person->user_principal_name = user_principal_name(entry);
	person->display_name = text_property(entry, "displayName");
	person->locale = text_property(entry, "preferredLanguage");
	person->is_guest = guest_property(entry);
	person->is_enabled = bool_property(entry, "accountEnabled");
	person->is_licensed = licence_property(entry);
	return true;
}

/*
 * A line of a roster; false if it has no object id, which comes by either of
 * two names (contract 4.6).  A roster knows neither languages nor accounts,
 * but that one is a guest it may say.
 */
static bool
read_member(const JsonValue *entry, Person *person)
{
	const char *id = json_string(json_member(entry, "aadObjectId"));
	const char *role = json_string(json_member(entry, "userRole"));

	if (id == NULL)
		id = json_string(json_member(entry, "objectId"));
	if (id == NULL || !trust_is_guid(id))
		return false;
	person->id = lower_copy(id);
	person->user_principal_name = user_principal_name(entry);
	person->display_name = text_property(entry, "name");
	person->is_guest = role != NULL && pg_strcasecmp(role, "guest") == 0 ?
		PEOPLE_YES : PEOPLE_UNTOLD;
	person->is_enabled = person->is_licensed = PEOPLE_UNTOLD;
	return true;
}

typedef bool (*PersonReader) (const JsonValue *entry, Person *person);

/* The people in a list, in an array with room for all of its entries. */
static bool
read_people(const JsonValue *list, PersonReader reader, PeoplePage *page,
			const char **problem)
{
	const JsonValue *entry;
	int			room = 0;

	if (list == NULL || list->kind != JSON_KIND_ARRAY)
	{
		if (*problem == NULL)
			*problem = "JSON document has no list of people";
		return false;
	}
	for (entry = json_first(list); entry != NULL; entry = entry->next)
		room++;
	page->people = palloc0((room + 1) * sizeof(Person));
	for (entry = json_first(list); entry != NULL; entry = entry->next)
		if (reader(entry, &page->people[page->count]))
			page->count++;
	return true;
}

/*
 * A link or token to go on with, NULL if there is none; false: it is unfit.  A
 * token is encoded when it becomes part of a URL, so it may have blanks; a
 * link is one already.
 */
static bool
read_link(const JsonValue *doc, const char *name, char lowest,
		  const char **link, const char **problem)
{
	const JsonValue *value = json_member(doc, name);
	const unsigned char *c;

	*link = json_string(value);
	if (value == NULL || value->kind == JSON_KIND_NULL)
		return true;
	*problem = "JSON document has an unfit link to the next page";
	if (*link == NULL || strlen(*link) > PEOPLE_MAX_LINK)
		return false;
	for (c = (const unsigned char *) *link; *c != '\0'; c++)
		if (*c < lowest || *c >= 0x7F)
			return false;
	*problem = NULL;
	if (**link == '\0')
		*link = NULL;
	return true;
}

/*
 * Read a page of a list of Graph's.  Entries that are no people are left out.
 * False if the reply makes no sense as a whole; then *problem says why.
 * Strings are in the current memory context.
 */
bool
people_graph_reply(const char *body, size_t length, PeoplePage *page,
				   const char **problem)
{
	const JsonValue *doc;

	memset(page, 0, sizeof(*page));
	*problem = NULL;
	doc = json_read(body, length, problem);
	return read_people(json_member(doc, "value"), read_graph_person, page,
					   problem) &&
		read_link(doc, "@odata.nextLink", '!', &page->next, problem) &&
		read_link(doc, "@odata.deltaLink", '!', &page->later, problem);
}

/* The same for a page of a roster. */
bool
people_roster_reply(const char *body, size_t length, PeoplePage *page,
					const char **problem)
{
	const JsonValue *doc;

	memset(page, 0, sizeof(*page));
	*problem = NULL;
	doc = json_read(body, length, problem);
	return read_people(json_member(doc, "members"), read_member, page,
					   problem) &&
		read_link(doc, "continuationToken", ' ', &page->next, problem);
}
