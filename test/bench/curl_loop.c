/*
 * curl_loop.c
 *	  The floor of the benchmark: what libcurl can do when nothing else is
 *	  done.
 *
 *	  curl_loop --prefix=URL --conversations=FILE --body=FILE --requests=N
 *		--in-flight=N [--warm=N] [--ca=FILE]
 *		--token-url=URL --token-form=TEXT
 *
 * Posts the same body N times, to one conversation after the other, with so
 * many requests in flight, over HTTP/1.1 and verified TLS.  Easy handles are
 * used again; the first --warm requests open the connections and do not count.
 * Prints "SECONDS CPU_SECONDS" of those that do.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <curl/curl.h>

static const char *prefix, *conversations_file, *body_file, *ca_file,
		   *token_url, *token_form;
static long requests, warm, in_flight;

static char **conversations;
static long conversation_count;
static char *body;
static struct curl_slist *headers;
static char *bearer;
static CURLM *multi;
static long started, ended;

static void
fail(const char *what)
{
	fprintf(stderr, "curl_loop: %s\n", what);
	exit(1);
}

static char *
read_file(const char *name)
{
	FILE	   *file = fopen(name, "r");
	char	   *text;
	long		size;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
		fail(name);
	size = ftell(file);
	rewind(file);
	text = calloc(1, size + 1);
	if (fread(text, 1, size, file) != (size_t) size)
		fail(name);
	fclose(file);
	return text;
}

static void
read_conversations(void)
{
	char	   *line = strtok(read_file(conversations_file), "\n");

	for (; line != NULL; line = strtok(NULL, "\n"))
	{
		conversations = realloc(conversations,
								(conversation_count + 1) * sizeof(char *));
		conversations[conversation_count++] = line;
	}
}

/* ----------
 * Requests
 * ----------
 */

typedef struct Reply
{
	char		text[8192];
	size_t		length;
} Reply;

static size_t
keep_reply(char *data, size_t size, size_t nitems, void *context)
{
	Reply	   *reply = context;
	size_t		length = size * nitems;

	if (reply->length + length >= sizeof(reply->text))
		return 0;
	memcpy(reply->text + reply->length, data, length);
	reply->length += length;
	reply->text[reply->length] = '\0';
	return length;
}

static CURL *
new_handle(Reply *reply)
{
	CURL	   *easy = curl_easy_init();

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	if (ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_reply);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, reply);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, reply);
	return easy;
}

static void
fetch_token(void)
{
	Reply		reply = {.length = 0};
	CURL	   *easy = new_handle(&reply);
	char	   *end;

	curl_easy_setopt(easy, CURLOPT_URL, token_url);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, token_form);
	if (curl_easy_perform(easy) != CURLE_OK)
		fail("cannot fetch a token");
	curl_easy_cleanup(easy);
	bearer = strstr(reply.text, "\"access_token\"");
	bearer = bearer ? strchr(bearer + 14, '"') : NULL;
	end = bearer ? strchr(bearer + 1, '"') : NULL;
	if (end == NULL)
		fail(reply.text);
	*end = '\0';
	bearer = strdup(bearer + 1);
}

static CURL *
new_message(void)
{
	CURL	   *easy = new_handle(calloc(1, sizeof(Reply)));

	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long) strlen(body));
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "curl_loop/1.0");
	curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BEARER);
	curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, bearer);
	return easy;
}

static void
start(CURL *easy)
{
	char		url[1024];
	Reply	   *reply;

	snprintf(url, sizeof(url), "%s/v3/conversations/%s/activities", prefix,
			 conversations[started++ % conversation_count]);
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &reply);
	reply->length = 0;
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_multi_add_handle(multi, easy);
}

static void
finish(CURLMsg *message)
{
	CURL	   *easy = message->easy_handle;
	Reply	   *reply;
	long		status;

	if (message->data.result != CURLE_OK)
		fail(curl_easy_strerror(message->data.result));
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &reply);
	if (status != 201)
		fail(reply->text);
	curl_multi_remove_handle(multi, easy);
	ended++;
}

/* Make so many requests more; what is over waits in the list of spare ones. */
static void
make_requests(CURL **spare, long count)
{
	long		until = started + count;
	long		spares = in_flight;
	int			running;
	int			left;
	CURLMsg    *message;

	while (ended < until)
	{
		while (spares > 0 && started < until)
			start(spare[--spares]);
		curl_multi_perform(multi, &running);
		while ((message = curl_multi_info_read(multi, &left)) != NULL)
			if (message->msg == CURLMSG_DONE)
			{
				spare[spares] = message->easy_handle;
				finish(message);
				spares++;
			}
		if (ended < until && (spares == 0 || started == until))
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
}

/* ----------
 * The program
 * ----------
 */

static double
wall_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static double
cpu_clock(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_utime.tv_usec / 1e6 +
		usage.ru_stime.tv_sec + usage.ru_stime.tv_usec / 1e6;
}

static void
read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{"prefix", required_argument, NULL, 'p'},
		{"conversations", required_argument, NULL, 'c'},
		{"body", required_argument, NULL, 'b'},
		{"requests", required_argument, NULL, 'n'},
		{"warm", required_argument, NULL, 'w'},
		{"in-flight", required_argument, NULL, 'i'},
		{"ca", required_argument, NULL, 'a'},
		{"token-url", required_argument, NULL, 't'},
		{"token-form", required_argument, NULL, 'f'},
		{0}
	};
	int			option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option)
		{
			case 'p': prefix = optarg; break;
			case 'c': conversations_file = optarg; break;
			case 'b': body_file = optarg; break;
			case 'n': requests = atol(optarg); break;
			case 'w': warm = atol(optarg); break;
			case 'i': in_flight = atol(optarg); break;
			case 'a': ca_file = optarg; break;
			case 't': token_url = optarg; break;
			case 'f': token_form = optarg; break;
			default: exit(2);
		}
	if (!prefix || !conversations_file || !body_file || !token_url ||
		!token_form || requests <= 0 || in_flight <= 0)
		fail("an option is missing: see the head of curl_loop.c");
}

int
main(int argc, char **argv)
{
	CURL	  **handles;
	double		seconds,
				cpu;

	read_options(argc, argv);
	read_conversations();
	body = read_file(body_file);
	curl_global_init(CURL_GLOBAL_ALL);
	fetch_token();
	headers = curl_slist_append(headers, "Accept: application/json");
	headers = curl_slist_append(headers, "Content-Type: application/json");
	headers = curl_slist_append(headers, "Expect:");
	multi = curl_multi_init();
	handles = calloc(in_flight, sizeof(CURL *));
	for (long i = 0; i < in_flight; i++)
		handles[i] = new_message();

	make_requests(handles, warm);
	seconds = wall_clock();
	cpu = cpu_clock();
	make_requests(handles, requests);
	printf("%.6f %.6f\n", wall_clock() - seconds, cpu_clock() - cpu);
	return 0;
}
