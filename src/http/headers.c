/*
 * headers.c
 *	  The header lines of requests, shared and wiped after use.
 *
 * Requests with the same token and type of body share a list, which counts its
 * users.  The token is in it ready to send: libcurl would put together
 * CURLOPT_XOAUTH2_BEARER byte by byte, and that twice for each request.
 */
#include "postgres.h"

#include "http/internal.h"

struct Headers
{
	int			users;
	char	   *bearer;			/* NULL: without a token */
	char	   *content_type;	/* NULL: without a body */
	struct curl_slist *list;
};

/* The next request may have the same headers as the last one. */
static Headers *last_headers = NULL;

/* No copy of a token shall stay in memory that is given back. */
static void
wipe_text(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
}

/*
 * headers_release(): one user less; without any, headers are wiped and freed.
 * NULL is allowed.
 */
void
headers_release(Headers *headers)
{
	if (headers == NULL || --headers->users > 0)
		return;
	for (struct curl_slist *node = headers->list; node; node = node->next)
		wipe_text(node->data);
	wipe_text(headers->bearer);
	curl_slist_free_all(headers->list);
	free(headers->bearer);
	free(headers->content_type);
	free(headers);
}

/* Append the line "name" + "value"; false: out of memory. */
static bool
append_header(Headers *headers, const char *name, const char *value)
{
	char	   *line = psprintf("%s%s", name, value);
	struct curl_slist *longer = curl_slist_append(headers->list, line);

	wipe_text(line);
	pfree(line);
	if (longer == NULL)
		return false;
	headers->list = longer;
	return true;
}

/*
 * All header lines that the request needs; false: out of memory.  "Expect:"
 * without a value keeps libcurl from asking before it sends a body, which
 * would cost a round trip.
 */
static bool
fill_headers(Headers *headers, const HttpRequest *request)
{
	if (!append_header(headers, "Accept: ", "application/json"))
		return false;
	if (request->bearer != NULL)
	{
		headers->bearer = strdup(request->bearer);
		if (headers->bearer == NULL ||
			!append_header(headers, "Authorization: Bearer ", request->bearer))
			return false;
	}
	if (request->body != NULL)
	{
		headers->content_type = strdup(request->content_type);
		if (headers->content_type == NULL ||
			!append_header(headers, "Content-Type: ", request->content_type) ||
			!append_header(headers, "Expect:", ""))
			return false;
	}
	return true;
}

/* Are both texts the same, or both NULL? */
static bool
are_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Do the headers of the last request fit this one? */
static bool
last_headers_fit(const HttpRequest *request)
{
	return last_headers != NULL &&
		are_same(last_headers->bearer, request->bearer) &&
		are_same(last_headers->content_type,
				 request->body != NULL ? request->content_type : NULL);
}

/*
 * headers_find(): headers for the request: those of the last one if they fit,
 * else new ones.  The caller releases them; NULL: out of memory.
 */
Headers *
headers_find(const HttpRequest *request)
{
	if (!last_headers_fit(request))
	{
		headers_release(last_headers);
		last_headers = calloc(1, sizeof(Headers));
		if (last_headers == NULL)
			return NULL;
		last_headers->users = 1;
		if (!fill_headers(last_headers, request))
		{
			headers_release(last_headers);
			last_headers = NULL;
			return NULL;
		}
	}
	last_headers->users++;
	return last_headers;
}

/* headers_list(): as libcurl takes them; it lives as long as the headers. */
struct curl_slist *
headers_list(const Headers *headers)
{
	return headers->list;
}

/* headers_close(): forget the headers that are kept for the next request. */
void
headers_close(void)
{
	headers_release(last_headers);
	last_headers = NULL;
}
