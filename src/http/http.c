/*
 * http.c
 *	  HTTP requests, many at a time: starting them and reporting their ends.
 *
 * All of libcurl is here and in the modules that share http_internal.h:
 * transfer.c knows one request, http_headers.c its header lines,
 * sockets.c waits; and in http_url.c, which says where tokens may go.
 */
#include "postgres.h"

#include "http/internal.h"

static CURLM *multi = NULL;
static dlist_head active = DLIST_STATIC_INIT(active);
static int	active_count = 0;

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
	http_sockets_open(multi);
}

void
http_close(void)
{
	sigset_t	saved;

	if (multi == NULL)
		return;

	http_sockets_close(multi);
	enter_curl(&saved);
	while (!dlist_is_empty(&active))
	{
		Transfer   *transfer = dlist_container(Transfer, node,
											   dlist_pop_head_node(&active));

		curl_multi_remove_handle(multi, transfer->easy);
		http_transfer_free(transfer);
	}
	http_transfer_close();
	curl_multi_cleanup(multi);
	leave_curl(&saved);
	http_headers_close();

	multi = NULL;
	active_count = 0;
}

void
http_start(const HttpRequest *request)
{
	Transfer   *transfer = http_transfer_prepare(request);

	dlist_push_tail(&active, &transfer->node);
	active_count++;
	if (transfer->refused == NULL)
	{
		CURLMcode	code;
		sigset_t	saved;

		enter_curl(&saved);
		http_sockets_check_idle(multi);
		code = curl_multi_add_handle(multi, transfer->easy);
		leave_curl(&saved);
		if (code != CURLM_OK)
			transfer->refused = "libcurl did not accept the request.";
	}

	/* The next http_wait() shall report it without waiting. */
	if (transfer->refused != NULL)
		http_sockets_do_not_wait();
}

int
http_in_flight(void)
{
	return active_count;
}

/*
 * A handle whose transfer failed is not used again: since 8.7 libcurl may still
 * want to rewind the body that it could not rewind then, and would fail each
 * request to come.
 */
static void
report(Transfer *transfer, const HttpReply *reply, bool is_usable)
{
	HttpHandler handler = transfer->handler;
	void	   *argument = transfer->argument;

	dlist_delete(&transfer->node);
	active_count--;
	http_transfer_wipe(transfer);
	handler(reply, argument);
	if (is_usable)
		http_transfer_keep(transfer);
	else
		http_transfer_free(transfer);
}

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

	http_transfer_reply(transfer, status, code, &reply);
	report(transfer, &reply, code == CURLE_OK);
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
		reply.result = HTTP_NOT_REACHED;
		reply.body = "";
		reply.problem = transfer->refused;
		report(transfer, &reply, false);
		any = true;
	}
	return any;
}

void
http_wait(long timeout_ms)
{
	int64		deadline = http_sockets_deadline(timeout_ms);
	bool		is_over = false;

	while (!is_over)
	{
		is_over = http_sockets_wait(multi, deadline);
		if (report_ended())
			return;
	}
}

void
http_poll(void)
{
	http_wait(0);
}
