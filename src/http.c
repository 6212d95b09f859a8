/*
 * http.c
 *	  HTTP requests, many at a time, and the one place where the worker waits.
 *
 * All of libcurl is here.  Its sockets stand in one WaitEventSet with the
 * process latch, so that a commit, a shutdown or a reply each end the wait at
 * once; curl_multi_poll() would not see the latch.  A WaitEventSet cannot
 * forget a socket, and libcurl withdraws a connection's socket whenever the
 * connection idles: such sockets stay in the set until they are closed, and
 * the set is made anew only when sockets come or go.  The resolver's sockets
 * are closed without a word, so they leave the set when they are withdrawn.
 *
 * libcurl sends a POST a second time by itself if a kept-alive connection
 * dies before the answer begins, and the reader would see the message twice.
 * It cannot if the body comes from a callback that cannot be rewound: then it
 * reports CURLE_SEND_FAIL_REWIND, which counts as an unknown outcome here.
 *
 * libcurl's callbacks must not raise errors, so what they store is malloc'd.
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <curl/curl.h>

#include "compat.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "http.h"
#include "settings.h"
#include "trust.h"

/* Idle connections older than this are not used again: they may be dead. */
#define MAX_IDLE_SECONDS 50L

/* Larger buffers are not kept for the next request. */
#define KEPT_BUFFER_SIZE 16384

/* Set an option that cannot fail but for want of memory. */
#define CHECK_SETOPT(easy, option, value) \
	do { \
		if (curl_easy_setopt(easy, option, value) != CURLE_OK) \
			return false; \
	} while (0)

/*
 * The headers of a request.  Those with the same token and type of body share
 * a list.  The token is in it ready to send: libcurl would put together
 * CURLOPT_XOAUTH2_BEARER byte by byte, and that twice for each request.
 */
typedef struct Headers
{
	int			users;
	char	   *bearer;			/* NULL: without a token */
	char	   *content_type;	/* NULL: without a body */
	struct curl_slist *list;
} Headers;

/* A request under way, or a spare one with an easy handle to use again. */
typedef struct Transfer
{
	dlist_node	node;			/* in "active" or "spare" */
	CURL	   *easy;
	Headers    *headers;
	HttpHandler handler;
	void	   *argument;

	char	   *request;		/* what is left to send is from "given" on */
	size_t		request_size;
	size_t		request_length;
	size_t		given;
	bool		is_secret;
	bool		has_ca_file;

	char	   *reply;			/* malloc'd */
	size_t		reply_max;
	size_t		reply_size;
	size_t		reply_length;
	bool		reply_cut;
	char		retry_after[64];
	char		correlation_id[128];
	const char *refused;		/* why it was not started, or NULL */
	char		error[CURL_ERROR_SIZE];
} Transfer;

/* A socket in the WaitEventSet. */
typedef struct WatchedSocket
{
	curl_socket_t fd;
	uint32		wanted;			/* 0: libcurl does not care now */
	uint32		registered;		/* what the set knows */
	int			position;		/* in the set, or -1 */
	bool		is_connection;	/* else libcurl's own, closed behind our back */
} WatchedSocket;

static CURLM *multi = NULL;
static Headers *last_headers = NULL;	/* the next request may have the same */
static MemoryContext http_context = NULL;
static dlist_head active;
static dlist_head spare;
static int	active_count = 0;

static WaitEventSet *wait_set = NULL;
static bool wait_set_stale = true;
static WatchedSocket *sockets = NULL;	/* malloc'd: grown in callbacks */
static int	socket_count = 0;
static int	socket_capacity = 0;

/* When libcurl wants to be called; negative: it does not. */
static int64 timer_at = -1;

/* Threads that libcurl starts must not run PostgreSQL's signal handlers. */
static sigset_t saved_signals;

static void
enter_curl(void)
{
	sigset_t	all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &saved_signals);
}

static void
leave_curl(void)
{
	sigprocmask(SIG_SETMASK, &saved_signals, NULL);
}

static int64
now_ms(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MILLISEC(now);
}

/* ----------
 * Callbacks of the multi handle: sockets and the timer
 * ----------
 */

static WatchedSocket *
find_socket(curl_socket_t fd)
{
	for (int i = 0; i < socket_count; i++)
		if (sockets[i].fd == fd)
			return &sockets[i];
	return NULL;
}

static WatchedSocket *
add_socket(curl_socket_t fd)
{
	WatchedSocket *socket;

	if (socket_count == socket_capacity)
	{
		int			capacity = Max(16, socket_capacity * 2);
		WatchedSocket *grown;

		grown = realloc(sockets, capacity * sizeof(WatchedSocket));
		if (grown == NULL)
			return NULL;
		sockets = grown;
		socket_capacity = capacity;
	}
	socket = &sockets[socket_count++];
	socket->fd = fd;
	socket->wanted = 0;
	socket->registered = 0;
	socket->position = -1;
	socket->is_connection = false;
	wait_set_stale = true;
	return socket;
}

static void
drop_socket(WatchedSocket *socket)
{
	*socket = sockets[--socket_count];
	wait_set_stale = true;
}

static curl_socket_t
on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	curl_socket_t fd = socket(address->family, address->socktype,
							  address->protocol);
	WatchedSocket *watched;

	if (fd == CURL_SOCKET_BAD)
		return CURL_SOCKET_BAD;
	(void) fcntl(fd, F_SETFD, FD_CLOEXEC);
	watched = find_socket(fd);
	if (watched == NULL)
		watched = add_socket(fd);
	if (watched == NULL)
	{
		close(fd);
		return CURL_SOCKET_BAD;
	}
	watched->is_connection = true;
	wait_set_stale = true;
	return fd;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *context,
		  void *socket_context)
{
	WatchedSocket *socket = find_socket(fd);

	if (what == CURL_POLL_REMOVE && (socket == NULL || !socket->is_connection))
	{
		if (socket != NULL)
			drop_socket(socket);
		return 0;
	}
	if (socket == NULL)
		socket = add_socket(fd);
	if (socket == NULL)
		return -1;
	socket->wanted = 0;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		socket->wanted |= WL_SOCKET_READABLE;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		socket->wanted |= WL_SOCKET_WRITEABLE;
	return 0;
}

/* A closed socket has left the kernel's set; ours must not believe in it. */
static int
on_close(void *context, curl_socket_t fd)
{
	WatchedSocket *socket = find_socket(fd);

	if (socket != NULL)
		drop_socket(socket);
	return close(fd);
}

static int
on_timer(CURLM *handle, long timeout_ms, void *context)
{
	timer_at = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	return 0;
}

/* ----------
 * Callbacks of a transfer
 * ----------
 */

/* There is deliberately no seek callback beside this: see the file header. */
static size_t
on_read(char *buffer, size_t size, size_t nitems, void *context)
{
	Transfer   *transfer = context;
	size_t		left = transfer->request_length - transfer->given;
	size_t		count = Min(left, size * nitems);

	memcpy(buffer, transfer->request + transfer->given, count);
	transfer->given += count;
	return count;
}

static size_t
on_write(char *data, size_t size, size_t nitems, void *context)
{
	Transfer   *transfer = context;
	size_t		length = size * nitems;

	if (length > transfer->reply_max - transfer->reply_length)
	{
		transfer->reply_cut = true;
		return 0;
	}
	if (transfer->reply_length + length + 1 > transfer->reply_size)
	{
		size_t		wanted = Max(1024, (transfer->reply_length + length) * 2);
		char	   *grown;

		wanted = Min(wanted, transfer->reply_max + 1);
		grown = realloc(transfer->reply, wanted);
		if (grown == NULL)
			return 0;
		transfer->reply = grown;
		transfer->reply_size = wanted;
	}
	memcpy(transfer->reply + transfer->reply_length, data, length);
	transfer->reply_length += length;
	return length;
}

/* Copy a header's value if it has that name and is short and printable. */
static void
take_header(const char *line, size_t length, const char *name,
			char *value, size_t size)
{
	size_t		skip = strlen(name);

	if (length <= skip || pg_strncasecmp(line, name, skip) != 0)
		return;
	while (skip < length && (line[skip] == ' ' || line[skip] == '\t'))
		skip++;
	while (length > skip && (unsigned char) line[length - 1] <= ' ')
		length--;
	if (length - skip >= size)
		return;
	for (size_t i = skip; i < length; i++)
		if (line[i] < ' ' || line[i] > '~')
			return;
	memcpy(value, line + skip, length - skip);
	value[length - skip] = '\0';
}

static size_t
on_header(char *line, size_t size, size_t nitems, void *context)
{
	Transfer   *transfer = context;
	size_t		length = size * nitems;

	/* A 100 Continue or an early answer may precede the real one. */
	if (length >= 5 && memcmp(line, "HTTP/", 5) == 0)
	{
		transfer->retry_after[0] = '\0';
		transfer->correlation_id[0] = '\0';
	}
	take_header(line, length, "retry-after:", transfer->retry_after,
				sizeof(transfer->retry_after));
	take_header(line, length, "ms-cv:", transfer->correlation_id,
				sizeof(transfer->correlation_id));
	take_header(line, length, "request-id:", transfer->correlation_id,
				sizeof(transfer->correlation_id));
	return length;
}

/* ----------
 * Set-up
 * ----------
 */

void
http_open(void)
{
	if (multi != NULL)
		return;

	dlist_init(&active);
	dlist_init(&spare);
	http_context = AllocSetContextCreate(TopMemoryContext,
										 "teams_proactive http",
										 ALLOCSET_DEFAULT_SIZES);
	enter_curl();
	if (curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK)
		multi = curl_multi_init();
	leave_curl();
	if (multi == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not initialize libcurl")));
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	timer_at = -1;
	wait_set_stale = true;
}

static void
wipe_text(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
}

static void
release_headers(Headers *headers)
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

/* A request that was refused at once may have no body to wipe. */
static void
wipe_secret(Transfer *transfer)
{
	if (transfer->is_secret && transfer->request != NULL)
		explicit_bzero(transfer->request, transfer->request_length);
}

static void
free_transfer(Transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	wipe_secret(transfer);
	release_headers(transfer->headers);
	free(transfer->request);
	free(transfer->reply);
	free(transfer);
}

void
http_close(void)
{
	if (multi == NULL)
		return;

	enter_curl();
	/* Cleaning up calls back for cached connections: nobody cares. */
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, NULL);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, NULL);
	while (!dlist_is_empty(&active))
	{
		Transfer   *transfer = dlist_container(Transfer, node,
											   dlist_pop_head_node(&active));

		curl_multi_remove_handle(multi, transfer->easy);
		free_transfer(transfer);
	}
	while (!dlist_is_empty(&spare))
		free_transfer(dlist_container(Transfer, node,
									  dlist_pop_head_node(&spare)));
	curl_multi_cleanup(multi);
	leave_curl();
	release_headers(last_headers);

	last_headers = NULL;
	multi = NULL;
	active_count = 0;
	if (wait_set != NULL)
		FreeWaitEventSet(wait_set);
	wait_set = NULL;
	free(sockets);
	sockets = NULL;
	socket_count = socket_capacity = 0;
	MemoryContextDelete(http_context);
	http_context = NULL;
}

/* ----------
 * URLs
 * ----------
 */

static bool
host_may_get_token(const char *scheme, const char *host, const char **problem)
{
	if (strcmp(scheme, "https") != 0 &&
		!(strcmp(scheme, "http") == 0 && trust_host_is_loopback(host)))
		*problem = "The URL must start with https://, or with http:// on a loopback address.";
	else if (!trust_host_is_allowed(host, settings_allowed_hosts))
		*problem = "Its host is not one of teams_proactive.allowed_hosts.";
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

	for (int i = 0; i < lengthof(unwanted); i++)
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

/* ----------
 * Starting a request
 * ----------
 */

/* What is the same for every request that a handle makes. */
static bool
set_constant_options(Transfer *transfer)
{
	CURL	   *easy = transfer->easy;

	CHECK_SETOPT(easy, CURLOPT_NOSIGNAL, 1L);
	CHECK_SETOPT(easy, CURLOPT_FOLLOWLOCATION, 0L);
	CHECK_SETOPT(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	CHECK_SETOPT(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	CHECK_SETOPT(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	CHECK_SETOPT(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);

	/* The token is not for a proxy. */
	CHECK_SETOPT(easy, CURLOPT_HEADEROPT, (long) CURLHEADER_SEPARATE);
	CHECK_SETOPT(easy, CURLOPT_USERAGENT, EXTENSION_NAME "/1.0");
	CHECK_SETOPT(easy, CURLOPT_MAXAGE_CONN, MAX_IDLE_SECONDS);
	CHECK_SETOPT(easy, CURLOPT_TCP_NODELAY, 1L);
	CHECK_SETOPT(easy, CURLOPT_PIPEWAIT, 1L);
	CHECK_SETOPT(easy, CURLOPT_ERRORBUFFER, transfer->error);
	CHECK_SETOPT(easy, CURLOPT_PRIVATE, transfer);
	CHECK_SETOPT(easy, CURLOPT_READFUNCTION, on_read);
	CHECK_SETOPT(easy, CURLOPT_READDATA, transfer);
	CHECK_SETOPT(easy, CURLOPT_WRITEFUNCTION, on_write);
	CHECK_SETOPT(easy, CURLOPT_WRITEDATA, transfer);
	CHECK_SETOPT(easy, CURLOPT_HEADERFUNCTION, on_header);
	CHECK_SETOPT(easy, CURLOPT_HEADERDATA, transfer);
	CHECK_SETOPT(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	CHECK_SETOPT(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	return compat_curl_restrict_protocols(easy) == CURLE_OK &&
		compat_curl_quick_exit(easy) == CURLE_OK;
}

static Transfer *
new_transfer(void)
{
	Transfer   *transfer;

	while (!dlist_is_empty(&spare))
	{
		transfer = dlist_container(Transfer, node, dlist_pop_head_node(&spare));

		/* libcurl's default cannot be restored once it was replaced. */
		if (transfer->has_ca_file == (settings_ca_file[0] != '\0'))
			return transfer;
		free_transfer(transfer);
	}

	transfer = calloc(1, sizeof(Transfer));
	if (transfer != NULL)
		transfer->easy = curl_easy_init();
	if (transfer == NULL || transfer->easy == NULL ||
		!set_constant_options(transfer))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return transfer;
}

/* ----------
 * Headers
 * ----------
 */

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

/* Those of the last request, if they will do; NULL: out of memory. */
static Headers *
find_headers(const HttpRequest *request)
{
	if (last_headers == NULL ||
		!same_text(last_headers->bearer, request->bearer) ||
		!same_text(last_headers->content_type,
				   request->body ? request->content_type : NULL))
	{
		release_headers(last_headers);
		last_headers = calloc(1, sizeof(Headers));
		if (last_headers == NULL)
			return NULL;
		last_headers->users = 1;
		if (!fill_headers(last_headers, request))
		{
			release_headers(last_headers);
			last_headers = NULL;
			return NULL;
		}
	}
	last_headers->users++;
	return last_headers;
}

static bool
set_body(Transfer *transfer, const HttpRequest *request)
{
	CURL	   *easy = transfer->easy;

	if (request->body == NULL)
	{
		CHECK_SETOPT(easy, CURLOPT_HTTPGET, 1L);
		return true;
	}
	if (transfer->request_size < request->length)
	{
		free(transfer->request);
		transfer->request_size = 0;
		transfer->request = malloc(request->length);
		if (transfer->request == NULL)
			return false;
		transfer->request_size = request->length;
	}
	memcpy(transfer->request, request->body, request->length);
	transfer->request_length = request->length;
	CHECK_SETOPT(easy, CURLOPT_POST, 1L);
	CHECK_SETOPT(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t) request->length);
	return true;
}

static bool
set_request(Transfer *transfer, const HttpRequest *request)
{
	CURL	   *easy = transfer->easy;

	transfer->headers = find_headers(request);
	if (transfer->headers == NULL || !set_body(transfer, request))
		return false;
	CHECK_SETOPT(easy, CURLOPT_CUSTOMREQUEST, request->method);
	CHECK_SETOPT(easy, CURLOPT_URL, request->url);
	CHECK_SETOPT(easy, CURLOPT_HTTPHEADER, transfer->headers->list);
	CHECK_SETOPT(easy, CURLOPT_PROXY, settings_proxy);
	CHECK_SETOPT(easy, CURLOPT_CONNECTTIMEOUT_MS,
				 (long) settings_connect_timeout);
	CHECK_SETOPT(easy, CURLOPT_TIMEOUT_MS, (long) settings_request_timeout);
	CHECK_SETOPT(easy, CURLOPT_HTTP_VERSION,
				 (long) (settings_http_version == HTTP_VERSION_2 ?
						 CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
	transfer->has_ca_file = settings_ca_file[0] != '\0';
	if (transfer->has_ca_file)
		CHECK_SETOPT(easy, CURLOPT_CAINFO, settings_ca_file);
	return true;
}

/* Forget the last request but for what the next one can use again. */
static void
reset_transfer(Transfer *transfer)
{
	transfer->request_length = 0;
	transfer->given = 0;
	transfer->reply_length = 0;
	transfer->reply_cut = false;
	transfer->retry_after[0] = '\0';
	transfer->correlation_id[0] = '\0';
	transfer->refused = NULL;
	transfer->error[0] = '\0';
}

void
http_start(const HttpRequest *request)
{
	Transfer   *transfer = new_transfer();

	reset_transfer(transfer);
	transfer->handler = request->handler;
	transfer->argument = request->argument;
	transfer->is_secret = request->is_secret;
	transfer->reply_max = request->max_reply ?
		request->max_reply : HTTP_MAX_BODY;
	transfer->refused = http_url_problem(request->url);
	if (transfer->refused == NULL && !set_request(transfer, request))
		transfer->refused = "There was not enough memory for the request.";

	dlist_push_tail(&active, &transfer->node);
	active_count++;
	if (transfer->refused == NULL)
	{
		CURLMcode	code;

		enter_curl();
		code = curl_multi_add_handle(multi, transfer->easy);
		leave_curl();
		if (code != CURLM_OK)
			transfer->refused = "libcurl did not accept the request.";
	}

	/* The next http_wait() shall report it without waiting. */
	if (transfer->refused != NULL)
		timer_at = 0;
}

int
http_in_flight(void)
{
	return active_count;
}

/* ----------
 * Ended requests
 * ----------
 */

static HttpResult
result_of(const Transfer *transfer, long status)
{
	/* Once there is a status, a cut body does not change it. */
	if (status >= 200)
		return HTTP_ANSWERED;

	/*
	 * Without all of its body a request makes no sense.  The code does not
	 * tell: a connection that cannot be made may be a second one, after the
	 * first has died with the request on it.
	 */
	return transfer->given < transfer->request_length ?
		HTTP_NOT_SENT : HTTP_OUTCOME_UNKNOWN;
}

/* A spare transfer keeps what most requests need. */
static void
free_large_buffers(Transfer *transfer)
{
	if (transfer->reply_size > KEPT_BUFFER_SIZE)
	{
		free(transfer->reply);
		transfer->reply = NULL;
		transfer->reply_size = 0;
	}
	if (transfer->request_size > KEPT_BUFFER_SIZE)
	{
		free(transfer->request);
		transfer->request = NULL;
		transfer->request_size = 0;
	}
}

static void
report(Transfer *transfer, const HttpReply *reply)
{
	HttpHandler handler = transfer->handler;
	void	   *argument = transfer->argument;

	dlist_delete(&transfer->node);
	active_count--;
	wipe_secret(transfer);
	release_headers(transfer->headers);
	transfer->headers = NULL;
	handler(reply, argument);
	free_large_buffers(transfer);
	dlist_push_head(&spare, &transfer->node);
}

static void
end_transfer(Transfer *transfer, CURLcode code)
{
	HttpReply	reply;
	long		status = 0;

	enter_curl();
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_multi_remove_handle(multi, transfer->easy);
	leave_curl();

	memset(&reply, 0, sizeof(reply));
	reply.result = result_of(transfer, status);
	reply.status = reply.result == HTTP_ANSWERED ? (int) status : 0;
	reply.body = "";
	if (transfer->reply_length > 0)
	{
		transfer->reply[transfer->reply_length] = '\0';
		reply.body = transfer->reply;
		reply.length = transfer->reply_length;
	}
	if (transfer->retry_after[0] != '\0')
		reply.retry_after = transfer->retry_after;
	if (transfer->correlation_id[0] != '\0')
		reply.correlation_id = transfer->correlation_id;
	if (reply.result != HTTP_ANSWERED)
		reply.problem = transfer->error[0] != '\0' ? transfer->error :
			curl_easy_strerror(code);
	report(transfer, &reply);
}

/* Run the handlers of what has ended; returns whether there was any. */
static bool
report_ended(void)
{
	bool		any = false;
	CURLMsg    *message;
	int			left;
	dlist_mutable_iter iter;

	while ((message = curl_multi_info_read(multi, &left)) != NULL)
	{
		Transfer   *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		end_transfer(transfer, message->data.result);
		any = true;
	}

	dlist_foreach_modify(iter, &active)
	{
		Transfer   *transfer = dlist_container(Transfer, node, iter.cur);
		HttpReply	reply;

		if (transfer->refused == NULL)
			continue;
		memset(&reply, 0, sizeof(reply));
		reply.result = HTTP_NOT_SENT;
		reply.body = "";
		reply.problem = transfer->refused;
		report(transfer, &reply);
		any = true;
	}
	return any;
}

/* ----------
 * The wait
 * ----------
 */

/* Positions in the set of what is always there. */
#define LATCH_POSITION 0

static void
rebuild_wait_set(void)
{
	if (wait_set != NULL)
		FreeWaitEventSet(wait_set);
	wait_set = NULL;
	wait_set = compat_create_wait_set(http_context, socket_count + 2);
	AddWaitEventToSet(wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET,
					  NULL, NULL);
	for (int i = 0; i < socket_count; i++)
	{
		sockets[i].registered = sockets[i].wanted;
		sockets[i].position = -1;
		if (sockets[i].wanted != 0)
			sockets[i].position =
				AddWaitEventToSet(wait_set, sockets[i].wanted, sockets[i].fd,
								  NULL, NULL);
	}
	wait_set_stale = false;
}

/* Make the set agree with what libcurl wants to know. */
static void
update_wait_set(void)
{
	for (int i = 0; i < socket_count && !wait_set_stale; i++)
	{
		WatchedSocket *socket = &sockets[i];

		if (socket->wanted == 0 || socket->wanted == socket->registered)
			continue;
		if (socket->position < 0)
			wait_set_stale = true;
		else
			ModifyWaitEvent(wait_set, socket->position, socket->wanted, NULL);
		socket->registered = socket->wanted;
	}
	if (wait_set_stale)
		rebuild_wait_set();
}

static void
drive_socket(curl_socket_t fd, uint32 events)
{
	WatchedSocket *socket = find_socket(fd);
	int			mask = 0;
	int			running;

	/* An idle connection that the peer closes: stop watching it. */
	if (socket == NULL || socket->wanted == 0)
		wait_set_stale = true;
	if (events & WL_SOCKET_READABLE)
		mask |= CURL_CSELECT_IN;
	if (events & WL_SOCKET_WRITEABLE)
		mask |= CURL_CSELECT_OUT;
	curl_multi_socket_action(multi, fd, mask, &running);
}

static void
drive_timer(void)
{
	int			running;

	if (timer_at < 0 || timer_at > now_ms())
		return;
	timer_at = -1;
	curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

/* How long the wait may last, for the timer of libcurl and the caller. */
static long
time_to_wait(int64 deadline)
{
	int64		until = deadline;

	if (timer_at >= 0 && (until < 0 || timer_at < until))
		until = timer_at;
	if (until < 0)
		return -1;

	/* Max() would look at the clock twice, and -1 would be for ever. */
	until -= now_ms();
	return (long) Max(0, until);
}

void
http_wait(long timeout_ms)
{
	WaitEvent	events[64];
	int64		deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;

	for (;;)
	{
		bool		latch_was_set = false;
		int			count;

		update_wait_set();
		count = WaitEventSetWait(wait_set, time_to_wait(deadline), events,
								 lengthof(events), compat_wait_event());
		enter_curl();
		for (int i = 0; i < count; i++)
		{
			if (events[i].events & WL_LATCH_SET)
			{
				ResetLatch(MyLatch);
				latch_was_set = true;
			}
			else
				drive_socket(events[i].fd, events[i].events);
		}
		drive_timer();
		leave_curl();
		if (report_ended() || latch_was_set ||
			(deadline >= 0 && now_ms() >= deadline))
			return;
	}
}

void
http_poll(void)
{
	http_wait(0);
}
