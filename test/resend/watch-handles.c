/*
 * watch-handles.c
 *	  A library to preload into the server, for test/t/wire_failed_handles.pl.
 *	  Stands before libcurl and says on stderr which transfers fail, and which
 *	  requests are made on a handle whose transfer has failed.
 */
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>

#define MAX_HANDLES 1000

/* The handles that have failed and are still there. */
static CURL *failed[MAX_HANDLES];

static CURL **
find(CURL *easy)
{
	for (int i = 0; i < MAX_HANDLES; i++)
		if (failed[i] == easy)
			return &failed[i];
	return NULL;
}

CURLMsg *
curl_multi_info_read(CURLM *multi, int *left)
{
	CURLMsg    *(*next) (CURLM *, int *) =
		(CURLMsg *(*) (CURLM *, int *)) dlsym(RTLD_NEXT, __func__);
	CURLMsg    *message = next(multi, left);

	if (message != NULL && message->data.result != CURLE_OK)
	{
		CURL	  **place = find(NULL);

		if (place != NULL)
			*place = message->easy_handle;
		fprintf(stderr, "watch-handles: a transfer failed: %d\n",
				message->data.result);
	}
	return message;
}

CURLMcode
curl_multi_add_handle(CURLM *multi, CURL *easy)
{
	CURLMcode	(*next) (CURLM *, CURL *) =
		(CURLMcode (*) (CURLM *, CURL *)) dlsym(RTLD_NEXT, __func__);

	if (find(easy) != NULL)
		fprintf(stderr, "watch-handles: a failed handle is used again\n");
	return next(multi, easy);
}

void
curl_easy_cleanup(CURL *easy)
{
	void		(*next) (CURL *) = (void (*) (CURL *)) dlsym(RTLD_NEXT, __func__);
	CURL	  **place = find(easy);

	if (place != NULL)
		*place = NULL;
	next(easy);
}
