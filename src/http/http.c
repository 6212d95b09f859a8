/*
 * http.c
 *	  HTTP requests, many at a time: starting them and reporting their ends.
 *
 * A request goes to libcurl in http_start(), and its handler is called within
 * http_wait(), never before: so a caller may start a request amid anything.
 * What is refused here, because a token must not go there, is reported in the
 * same way, so that callers have one path for what failed.
 */
#include "postgres.h"

#include "base/cloud.h"
#include "base/settings.h"
#include "base/trust.h"
#include "http/internal.h"

static CURLM *multi = NULL;		/* NULL: the module is closed */
static dlist_head active = DLIST_STATIC_INIT(active);
static int	active_count = 0;

/* ----------
 * Life of the module
 * ----------
 */

/*
 * http_open(): set up libcurl in this process, unless it is already.  Raises
 * an error if that fails.
 *
 * It must be called after the fork: libcurl's threads and sockets would not
 * survive one.
 */
void
http_open(void)
{
	sigset_t	saved;

	if (multi != NULL)
		return;

	enter_curl(&saved);
	if (curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK)
		multi = curl_multi_init();
	leave_curl(&saved);
	if (multi == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not initialize libcurl")));
	sockets_open(multi);
}

/*
 * http_close(): drop what is in flight, without calling its handlers, and free
 * everything; connections are closed, and the memory of tokens is wiped.
 */
void
http_close(void)
{
	sigset_t	saved;

	if (multi == NULL)
		return;

	sockets_close(multi);
	enter_curl(&saved);
	while (!dlist_is_empty(&active))
	{
		Transfer   *transfer = dlist_container(Transfer, node,
											   dlist_pop_head_node(&active));

		curl_multi_remove_handle(multi, transfer->easy);
		transfer_free(transfer);
	}
	transfer_close();
	curl_multi_cleanup(multi);
	leave_curl(&saved);
	headers_close();
	proxy_close();

	multi = NULL;
	active_count = 0;
}

/* ----------
 * Where a token may go
 * ----------
 */

/* What the URL must not have: a place for surprises. */
static bool
has_only_host_and_path(CURLU *parts)
{
	static const CURLUPart unwanted[] = {
		CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_FRAGMENT
	};

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

/* What is wrong with a URL of this scheme and host, or NULL; *hint as well. */
static const char *
host_problem(const char *scheme, const char *host, bool is_loopback,
			 const char **hint)
{
	if (strcmp(scheme, "https") != 0 &&
		!(strcmp(scheme, "http") == 0 && is_loopback))
	{
		*hint = "Tokens are sent over verified TLS only: write https://.";
		return "The URL must start with https://, or with http:// on a loopback address.";
	}
	if (!cloud_has_host(host) &&
		!settings_allow_host(host))
	{
		*hint = "If tokens may go to that host, add it to teams_proactive.allowed_hosts, which takes a superuser.";
		return "Its host is neither Microsoft's nor one of teams_proactive.allowed_hosts.";
	}
	return NULL;
}

/*
 * What is wrong with a URL, with a hint, or NULL; then *is_loopback tells
 * whether its host is this machine.  libcurl takes it apart, so that what is
 * checked is what it will connect to.
 */
static const char *
check_url(const char *url, bool *is_loopback, const char **hint)
{
	const char *problem = "It is not a valid URL.";
	CURLU	   *parts = curl_url();
	char	   *scheme = NULL;
	char	   *host = NULL;

	*hint = "Write it like https://teams-gateway.example.com/path.";
	if (parts == NULL)
		return "There is not enough memory to parse it.";
	if (curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
	{
		*is_loopback = trust_host_is_loopback(host);
		if (has_only_host_and_path(parts))
			problem = host_problem(scheme, host, *is_loopback, hint);
		else
			problem = "The URL must not have a user, password or fragment.";
	}
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(parts);
	return problem;
}

/*
 * http_url_problem(): what is wrong with a URL as a place to send a token to,
 * as a sentence for errdetail, or NULL; *hint is what to do about that.  Both
 * are constants.
 *
 * It must be https, or http on loopback, without user or fragment, and its
 * host Microsoft's or one of teams_proactive.allowed_hosts.  No http_open() is
 * needed before.
 */
const char *
http_url_problem(const char *url, const char **hint)
{
	bool		is_loopback;

	return check_url(url, &is_loopback, hint);
}

/* ----------
 * Requests
 * ----------
 */

/*
 * Hand a request to libcurl; returns why it was refused, with a hint, or NULL.
 */
static const char *
start_transfer(Transfer *transfer, const HttpRequest *request)
{
	bool		is_loopback;
	const char *problem = check_url(request->url, &is_loopback,
									&transfer->hint);
	CURLMcode	code;
	sigset_t	saved;

	if (problem == NULL && !is_loopback)
		problem = proxy_problem();
	if (problem != NULL)
		return problem;
	transfer->hint = NULL;

	/*
	 * A proxy would read the tokens that go to this machine without TLS, and
	 * means another machine by its name.
	 */
	if (!transfer_set_request(transfer, request, !is_loopback))
		return "There was not enough memory for the request.";

	enter_curl(&saved);
	sockets_check_idle(multi);
	code = curl_multi_add_handle(multi, transfer->easy);
	leave_curl(&saved);
	return code == CURLM_OK ? NULL : "libcurl did not accept the request.";
}

/*
 * http_start(): start a request.  Everything it points to is copied, but for
 * the handler's argument, which must live until the handler is called.
 *
 * Raises an error only if there is no memory for the request.  Of anything
 * else, also of a URL that http_url_problem() refuses, the handler learns: it
 * is called by a later http_wait() as if the service had not been reached.
 */
void
http_start(const HttpRequest *request)
{
	Transfer   *transfer = transfer_new(request);

	dlist_push_tail(&active, &transfer->node);
	active_count++;
	transfer->refused = start_transfer(transfer, request);

	/* The next http_wait() shall report it without waiting. */
	if (transfer->refused != NULL)
		sockets_do_not_wait();
}

/* http_in_flight(): how many requests have been started and not reported. */
int
http_in_flight(void)
{
	return active_count;
}

/*
 * Tell who asked, and put the transfer away.  A handle whose transfer failed
 * is not used again: since 8.7 libcurl may still want to rewind the body that
 * it could not rewind then, and would fail each request to come.
 */
static void
report_transfer(Transfer *transfer, const HttpReply *reply, bool is_usable)
{
	HttpHandler handler = transfer->handler;
	void	   *argument = transfer->argument;

	dlist_delete(&transfer->node);
	active_count--;
	transfer_wipe(transfer);
	handler(reply, argument);
	if (is_usable)
		transfer_keep(transfer);
	else
		transfer_free(transfer);
}

/* What libcurl has ended with that code is taken from it and reported. */
static void
end_transfer(Transfer *transfer, CURLcode code)
{
	HttpReply	reply;
	long		status = 0;
	sigset_t	saved;

	enter_curl(&saved);
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_multi_remove_handle(multi, transfer->easy);
	leave_curl(&saved);

	transfer_reply(transfer, status, code, &reply);
	report_transfer(transfer, &reply, code == CURLE_OK);
}

/* Report what was refused at once; returns whether there was any. */
static bool
report_refused(void)
{
	bool		any = false;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &active)
	{
		Transfer   *transfer = dlist_container(Transfer, node, iter.cur);
		HttpReply	reply = {.result = HTTP_NOT_REACHED, .body = ""};

		if (transfer->refused == NULL)
			continue;
		reply.problem = transfer->refused;
		reply.hint = transfer->hint;
		report_transfer(transfer, &reply, false);
		any = true;
	}
	return any;
}

/* Report all that has ended; returns whether there was any. */
static bool
report_ended(void)
{
	bool		any = false;
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(multi, &left)) != NULL)
	{
		Transfer   *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		end_transfer(transfer, message->data.result);
		any = true;
	}
	return report_refused() || any;
}

/*
 * http_wait(): wait until a request has ended and its handler has run, the
 * latch is set, or timeout_ms have passed (negative: for ever).  Resets the
 * latch.  What a handler raises comes through; other ends are reported by the
 * next call then.
 */
void
http_wait(long timeout_ms)
{
	int64		deadline = sockets_deadline(timeout_ms);
	bool		is_over = false;

	while (!is_over)
	{
		is_over = sockets_wait(multi, deadline);
		if (report_ended())
			return;
	}
}

/* http_poll(): what http_wait() does, without waiting. */
void
http_poll(void)
{
	http_wait(0);
}
