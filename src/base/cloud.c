/*
 * cloud.c
 *	  Where the services of Microsoft's clouds are (contract 10).
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/cloud.h"
#include "base/trust.h"

static const Cloud clouds[] = {
	{"public", "https://login.microsoftonline.com",
		"https://graph.microsoft.com/v1.0",
		"https://smba.trafficmanager.net/teams",
		"https://graph.microsoft.com/.default",
	"https://api.botframework.com/.default", "botframework.com",
	"teams.microsoft.com"},
	{"gcc", "https://login.microsoftonline.com",
		"https://graph.microsoft.com/v1.0",
		"https://smba.infra.gcc.teams.microsoft.com/teams",
		"https://graph.microsoft.com/.default",
	"https://api.botframework.com/.default", "botframework.com",
	"teams.microsoft.com"},
	{"gcc-high", "https://login.microsoftonline.us",
		"https://graph.microsoft.us/v1.0",
		"https://smba.infra.gov.teams.microsoft.us/teams",
		"https://graph.microsoft.us/.default",
		"https://api.botframework.us/.default",
	"MicrosoftServices.onmicrosoft.us", "gov.teams.microsoft.us"},
	{"dod", "https://login.microsoftonline.us",
		"https://dod-graph.microsoft.us/v1.0",
		"https://smba.infra.dod.teams.microsoft.us/teams",
		"https://dod-graph.microsoft.us/.default",
		"https://api.botframework.us/.default",
	"MicrosoftServices.onmicrosoft.us", "dod.teams.microsoft.us"}
};

/* cloud_find(): the cloud of that name; the public one if there is none. */
const Cloud *
cloud_find(const char *name)
{
	for (size_t i = 0; i < lengthof(clouds); i++)
		if (strcmp(clouds[i].name, name) == 0)
			return &clouds[i];
	return &clouds[0];
}

/* Is the host the one of that URL, which begins with https://? */
static bool
is_at(const char *url, const char *host)
{
	size_t		length = strlen(host);

	url += strlen("https://");
	return pg_strncasecmp(url, host, length) == 0 &&
		(url[length] == '\0' || url[length] == '/');
}

/*
 * cloud_has_host(): is the host one of Microsoft's, of whatever cloud?  Case
 * does not count.
 */
bool
cloud_has_host(const char *host)
{
	if (*host == '\0')
		return false;
	for (size_t i = 0; i < lengthof(clouds); i++)
		if (is_at(clouds[i].login_url, host) ||
			is_at(clouds[i].graph_url, host) ||
			is_at(clouds[i].connector_url, host))
			return true;
	return false;
}

/* ----------
 * Roots of services
 * ----------
 */

/*
 * cloud_root_length(): the length of the root of a service without the slashes
 * at its end.  What is appended to it brings its own.
 */
size_t
cloud_root_length(const char *url)
{
	size_t		length = strlen(url);

	while (length > 0 && url[length - 1] == '/')
		length--;
	return length;
}

/* The first segment of the path, or the end of the URL. */
static const char *
path_of(const char *url)
{
	const char *authority = strstr(url, "://");

	return authority != NULL ?
		authority + 3 + strcspn(authority + 3, "/") : url + strlen(url);
}

/*
 * The first segment of the path with that text, or NULL; it begins with '/'.
 */
static const char *
find_segment(const char *path, const char *text)
{
	while (*path == '/')
	{
		size_t		length = strcspn(path + 1, "/");

		if (length == strlen(text) &&
			pg_strncasecmp(path + 1, text, length) == 0)
			return path;
		path += 1 + length;
	}
	return NULL;
}

/* Where the tenant is in the path, or NULL. */
static const char *
find_tenant(const char *path)
{
	static const char *const names[] = {
		"common", "organizations", "consumers", "botframework.com",
		"MicrosoftServices.onmicrosoft.us"
	};
	const char *oauth = find_segment(path, "oauth2");
	const char *last = NULL;

	for (size_t i = 0; i < lengthof(names); i++)
		if (last == NULL)
			last = find_segment(path, names[i]);
	for (const char *p = path; *p == '/' && last == NULL;
		 p += 1 + strcspn(p + 1, "/"))
	{
		char	   *segment = pnstrdup(p + 1, strcspn(p + 1, "/"));

		if (trust_is_guid(segment))
			last = p;
		pfree(segment);
	}

	/* Whatever stands before "oauth2" is the tenant. */
	for (const char *p = path; last == NULL && oauth != NULL && p <= oauth;
		 p += 1 + strcspn(p + 1, "/"))
		if (p + 1 + strcspn(p + 1, "/") == oauth || p == oauth)
			last = p;
	return last;
}

/* What to write instead: so much of the URL, and the rest. */
static char *
advise(const char *parameter, const char *url, size_t length,
	   const char *rest)
{
	return psprintf("Write %s => '%.*s%s'.", parameter, (int) length, url,
					rest);
}

/* {root}/v1.0, and nothing behind it. */
static const char *
graph_url_problem(const char *url, const char **hint)
{
	const char *path = path_of(url);
	const char *version = find_segment(path, "v1.0");
	size_t		length = cloud_root_length(url);

	if (version == NULL)
		version = find_segment(path, "beta");
	if (version == NULL)
	{
		*hint = advise("graph_url", url, length, "/v1.0");
		return "It does not name the version of Microsoft Graph.";
	}
	if (version + 1 + strcspn(version + 1, "/") >= url + length)
		return NULL;
	*hint = advise("graph_url", url,
				   version + 1 + strcspn(version + 1, "/") - url, "");
	return "It is more than the root of Microsoft Graph with its version.";
}

/*
 * cloud_url_problem(): what is wrong with a URL that is to be the root of a
 * service, as a parameter of teams_configure(), or NULL: more or less than the
 * root, which would be seen only by what a service makes of it.
 *
 * It is a sentence; *hint is another one, palloc'd, with what to write in
 * its place.  Whether a token may go to the URL is for http_url_problem().
 */
const char *
cloud_url_problem(const char *parameter, const char *url, const char **hint)
{
	const char *path = path_of(url);
	const char *found;

	if (strcmp(parameter, "graph_url") == 0)
		return graph_url_problem(url, hint);
	if (strcmp(parameter, "login_url") == 0 &&
		(found = find_tenant(path)) != NULL)
	{
		*hint = advise(parameter, url, found - url, "");
		return "It is more than the root of Entra ID: the tenant and the rest are added to it.";
	}
	if (strcmp(parameter, "connector_url") == 0 &&
		(found = find_segment(path, "v3")) != NULL)
	{
		*hint = advise(parameter, url, found - url, "");
		return "It is more than the service URL: the version and the rest are added to it.";
	}
	return NULL;
}
