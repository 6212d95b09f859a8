/*
 * headers.c
 *	  The header lines of requests, shared and wiped after use.
 *
 * Requests with the same token and type of body share a list.  The token is
 * in it ready to send: libcurl would put together CURLOPT_XOAUTH2_BEARER byte
 * by byte, and that twice for each request.
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

static Headers *last_headers = NULL;	/* the next request may have the same */

static void
wipe_text(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
}

void
http_headers_release(Headers *headers)
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

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Those of the last request, if they will do. */
Headers *
http_headers_find(const HttpRequest *request)
{
	if (last_headers == NULL ||
		!same_text(last_headers->bearer, request->bearer) ||
		!same_text(last_headers->content_type,
				   request->body ? request->content_type : NULL))
	{
		http_headers_release(last_headers);
		last_headers = calloc(1, sizeof(Headers));
		if (last_headers == NULL)
			return NULL;
		last_headers->users = 1;
		if (!fill_headers(last_headers, request))
		{
			http_headers_release(last_headers);
			last_headers = NULL;
			return NULL;
		}
	}
	last_headers->users++;
	return last_headers;
}

struct curl_slist *
http_headers_list(const Headers *headers)
{
	return headers->list;
}

void
http_headers_close(void)
{
	http_headers_release(last_headers);
	last_headers = NULL;
}
