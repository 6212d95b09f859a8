/*
 * url.c
 *	  Which URLs a token may be sent to.
 */
#include "postgres.h"

#include "base/cloud.h"
#include "base/settings.h"
#include "base/trust.h"
#include "http/internal.h"

static bool
host_may_get_token(const char *scheme, const char *host, const char **problem)
{
	if (strcmp(scheme, "https") != 0 &&
		!(strcmp(scheme, "http") == 0 && trust_host_is_loopback(host)))
		*problem = "The URL must start with https://, or with http:// on a loopback address.";
	else if (!cloud_has_host(host) &&
			 !trust_host_is_allowed(host, settings_allowed_hosts))
		*problem = "Its host is neither Microsoft's nor one of teams_proactive.allowed_hosts.";
	else
		return true;
	return false;
}

/* What the URL must not have: a place for surprises. */
static bool
has_only_host_and_path(CURLU *parts)
{
	static const CURLUPart unwanted[] =
	{CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_FRAGMENT};

	for (size_t i = 0; i < lengthof(unwanted); i++)
	{
		char	   *part = NULL;

		if (curl_url_get(parts, unwanted[i], &part, 0) == CURLUE_OK)
		{
			curl_free(part);
			return false;
		}
	}
	return true;
}

/*
 * Is it on this machine?  Then no proxy has a part in it: it would read the
 * tokens where there is no TLS, and means another machine by the name.
 */
bool
http_url_is_loopback(const char *url)
{
	CURLU	   *parts = curl_url();
	char	   *host = NULL;
	bool		is_loopback = false;

	if (parts == NULL)
		return false;
	if (curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		is_loopback = trust_host_is_loopback(host);
	curl_free(host);
	curl_url_cleanup(parts);
	return is_loopback;
}

const char *
http_url_problem(const char *url)
{
	const char *problem = "It is not a valid URL.";
	CURLU	   *parts = curl_url();
	char	   *scheme = NULL;
	char	   *host = NULL;

	if (parts == NULL)
		return "There is not enough memory to parse it.";
	if (curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
	{
		if (!has_only_host_and_path(parts))
			problem = "The URL must not have a user, password or fragment.";
		else if (host_may_get_token(scheme, host, &problem))
			problem = NULL;
	}
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(parts);
	return problem;
}
