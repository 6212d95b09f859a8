/*
 * proxy.c
 *	  The proxy, and who this server is to it.
 *
 * Which proxy it is says a setting.  User and password come from outside, as
 * they are in a file and not in the setting, which the server would write to
 * its log.  They live here and in libcurl's handles.
 *
 * Unless the proxy asks for a digest, libcurl sends it the password in
 * readable form; it finds out with a first attempt without any.  All that
 * happens before the request itself is sent, which the proxy does not get to
 * see.
 */
#include "postgres.h"

#include <ctype.h>

#include "base/settings.h"
#include "http/internal.h"

/* malloc'd, or NULL: there is none. */
static char *login = NULL;		/* as CURLOPT_PROXYUSERPWD takes it */
static char *problem = NULL;

static void
forget_login(void)
{
	if (login != NULL)
		explicit_bzero(login, strlen(login));
	free(login);
	free(problem);
	login = NULL;
	problem = NULL;
}

/*
 * libcurl decodes both, as if they were of a URL; and what comes before the
 * first colon is the user.  NULL: out of memory.
 */
static char *
encode_login(const char *user_and_password)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *colon = strchr(user_and_password, ':');
	char	   *encoded = malloc(strlen(user_and_password) * 3 + 1);
	char	   *end = encoded;

	if (encoded == NULL)
		return NULL;
	for (const char *p = user_and_password; *p != '\0'; p++)
	{
		if (p == colon || isalnum((unsigned char) *p))
			*end++ = *p;
		else
		{
			*end++ = '%';
			*end++ = digits[(unsigned char) *p >> 4];
			*end++ = digits[(unsigned char) *p & 15];
		}
	}
	*end = '\0';
	return encoded;
}

/*
 * http_set_proxy_login(): from now on the proxy is shown that user and
 * password, "user:password", NULL for none.  If there is a problem with them,
 * not NULL, requests that would need the proxy end with that instead, as if it
 * had not been reached.  Both are copied.
 */
void
http_set_proxy_login(const char *user_and_password, const char *why_not)
{
	forget_login();
	if (why_not != NULL)
		problem = strdup(why_not);
	if (user_and_password == NULL)
		return;
	login = encode_login(user_and_password);
	if (login == NULL)
		problem = strdup("There was not enough memory for the proxy's user and password.");
}

/* proxy_problem(): why no request can go through the proxy, or NULL. */
const char *
proxy_problem(void)
{
	return settings_proxy[0] != '\0' ? problem : NULL;
}

/*
 * proxy_set_options(): tell libcurl of the proxy, or that there shall be none.
 * False: out of memory.
 */
bool
proxy_set_options(CURL *easy, bool use_proxy)
{
	CHECK_SETOPT(easy, CURLOPT_PROXY, use_proxy ? settings_proxy : "");
	CHECK_SETOPT(easy, CURLOPT_PROXYUSERPWD, use_proxy ? login : NULL);
	CHECK_SETOPT(easy, CURLOPT_PROXYAUTH,
				 (long) (CURLAUTH_BASIC | CURLAUTH_DIGEST));
	return true;
}

/*
 * proxy_refusal(): if the request has failed because the proxy does not know
 * us, that in words; else NULL.
 */
const char *
proxy_refusal(CURL *easy)
{
	long		status = 0;

	curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
	if (status != 407)
		return NULL;
	return login == NULL ?
		"the proxy wants a user and password (status 407): see teams_proactive.proxy_credential" :
		"the proxy has refused the user or password in the file that teams_proactive.proxy_credential names (status 407)";
}

/* proxy_close(): forget the user and password. */
void
proxy_close(void)
{
	forget_login();
}
