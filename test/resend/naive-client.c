/*
 * naive-client.c
 *	  Posts two messages as the manual of libcurl shows it: CURLOPT_POSTFIELDS,
 *	  one handle, so that the second goes over the kept-alive connection of the
 *	  first. Says what libcurl reports of each.
 *
 *	  naive-client URL
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

static size_t
ignore(char *data, size_t size, size_t nitems, void *context)
{
	(void) data;
	(void) context;
	return size * nitems;
}

static void
post(CURL *easy, const char *body)
{
	long		status = 0;
	CURLcode	code;

	if (curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body) != CURLE_OK)
		exit(EXIT_FAILURE);
	code = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	printf("%s, status %ld\n", curl_easy_strerror(code), status);
}

int
main(int argc, char **argv)
{
	CURL	   *easy;

	if (argc != 2)
	{
		fprintf(stderr, "usage: %s URL\n", argv[0]);
		return EXIT_FAILURE;
	}
	curl_global_init(CURL_GLOBAL_ALL);
	easy = curl_easy_init();
	if (easy == NULL ||
		curl_easy_setopt(easy, CURLOPT_URL, argv[1]) != CURLE_OK ||
		curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK ||
		curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore) != CURLE_OK)
		return EXIT_FAILURE;
	post(easy, "{\"type\":\"message\",\"text\":\"naive 1\"}");
	post(easy, "{\"type\":\"message\",\"text\":\"naive 2\"}");
	curl_easy_cleanup(easy);
	curl_global_cleanup();
	return EXIT_SUCCESS;
}
