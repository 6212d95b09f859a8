/*
 * transfer.c
 *	  One request: what libcurl is told of it, sends and receives.
 *
 * libcurl sends a POST a second time by itself if a kept-alive connection
 * dies before the answer begins, and the reader would see the message twice.
 * It cannot if the body comes from a callback that cannot be rewound: then it
 * reports CURLE_SEND_FAIL_REWIND, which counts as an unknown outcome here.
 *
 * libcurl's callbacks must not raise errors, so what they store is malloc'd.
 */
#include "postgres.h"

#include <curl/curl.h>

#include "base/compat.h"

#include "base/settings.h"
#include "http/internal.h"

/* Idle connections older than this are not used again: they may be dead. */
#define MAX_IDLE_SECONDS 50L

/* Larger buffers are not kept for the next request. */
#define KEPT_BUFFER_SIZE 16384

/* Transfers to use again; the one used last is the first. */
static dlist_head spare = DLIST_STATIC_INIT(spare);

/* ----------
 * Callbacks of libcurl
 * ----------
 */

/*
 * CURLOPT_READFUNCTION: the next part of the body.  There is deliberately no
 * seek callback beside this: see the file header.
 */
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

/*
 * CURLOPT_PREREQFUNCTION: there is a connection, and nothing was sent on it
 * for this request.
 */
static int
on_connected(void *context, char *remote_ip pg_attribute_unused(),
			 char *local_ip pg_attribute_unused(),
			 int remote_port pg_attribute_unused(),
			 int local_port pg_attribute_unused())
{
	((Transfer *) context)->connected = true;
	return 0;
}

/*
 * CURLOPT_WRITEFUNCTION: the next part of the reply.  Another number than that
 * of the bytes ends the transfer, so a reply that is too long is cut.
 */
static size_t
on_write(char *data, size_t size, size_t nitems, void *context)
{
	Transfer   *transfer = context;
	size_t		length = size * nitems;

	if (length > transfer->reply_max - transfer->reply_length)
		return 0;
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

/* CURLOPT_HEADERFUNCTION: a line, of which not all are headers. */
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
 * Easy handles
 * ----------
 */

/*
 * What is the same for every request that a handle makes.  libcurl's defaults
 * are not relied on where a token's way depends on them.
 */
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

	/* The environment has no say in what goes through the proxy, either. */
	CHECK_SETOPT(easy, CURLOPT_NOPROXY, "");

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
	CHECK_SETOPT(easy, CURLOPT_OPENSOCKETFUNCTION, sockets_on_open);
	CHECK_SETOPT(easy, CURLOPT_CLOSESOCKETFUNCTION, sockets_on_close);
	return compat_curl_restrict_protocols(easy) == CURLE_OK &&
		compat_curl_on_connected(easy, on_connected, transfer) == CURLE_OK &&
		compat_curl_quick_exit(easy) == CURLE_OK;
}

/* A spare transfer, or a new one; an error if there is no memory for it. */
static Transfer *
take_transfer(void)
{
	Transfer   *transfer;

	while (!dlist_is_empty(&spare))
	{
		transfer = dlist_container(Transfer, node,
								   dlist_pop_head_node(&spare));

		/* libcurl's default cannot be restored once it was replaced. */
		if (transfer->has_ca_file == (settings_ca_file[0] != '\0'))
			return transfer;
		transfer_free(transfer);
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

/* A request that was refused at once may have no body to wipe. */
static void
wipe_secret(Transfer *transfer)
{
	if (transfer->is_secret && transfer->request != NULL)
		explicit_bzero(transfer->request, transfer->request_length);
}

/*
 * transfer_free(): free a transfer and all that it has, wiping what is secret.
 * It must have been removed from the multi handle.
 */
void
transfer_free(Transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	wipe_secret(transfer);
	headers_release(transfer->headers);
	free(transfer->request);
	free(transfer->reply);
	free(transfer);
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

/*
 * transfer_keep(): let a later request have a transfer that has ended well,
 * with its easy handle, which need not be set up again, and its buffers.
 */
void
transfer_keep(Transfer *transfer)
{
	free_large_buffers(transfer);
	dlist_push_head(&spare, &transfer->node);
}

/* transfer_close(): free those that are kept. */
void
transfer_close(void)
{
	while (!dlist_is_empty(&spare))
		transfer_free(dlist_container(Transfer, node,
									  dlist_pop_head_node(&spare)));
}

/* ----------
 * Requests
 * ----------
 */

/* Forget the last request but for what the next one can use again. */
static void
reset_transfer(Transfer *transfer)
{
	transfer->request_length = 0;
	transfer->given = 0;
	transfer->connected = !COMPAT_CURL_TELLS_CONNECTED;
	transfer->reply_length = 0;
	transfer->retry_after[0] = '\0';
	transfer->correlation_id[0] = '\0';
	transfer->refused = NULL;
	transfer->hint = NULL;
	transfer->error[0] = '\0';
}

/*
 * transfer_new(): a transfer for the request, of which libcurl has yet to be
 * told: transfer_set_request().  Raises an error if there is no memory for it.
 */
Transfer *
transfer_new(const HttpRequest *request)
{
	Transfer   *transfer = take_transfer();

	reset_transfer(transfer);
	transfer->handler = request->handler;
	transfer->argument = request->argument;
	transfer->is_secret = request->is_secret;
	transfer->reply_max = request->max_reply ?
		request->max_reply : HTTP_MAX_BODY;
	return transfer;
}

/* Copy the body, and say how it is sent; false: out of memory. */
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

/*
 * transfer_set_request(): tell libcurl all of a request whose URL has been
 * checked.  The settings are those of now.  False: out of memory.
 */
bool
transfer_set_request(Transfer *transfer, const HttpRequest *request,
					 bool use_proxy)
{
	CURL	   *easy = transfer->easy;

	transfer->headers = headers_find(request);
	if (transfer->headers == NULL || !set_body(transfer, request))
		return false;
	CHECK_SETOPT(easy, CURLOPT_CUSTOMREQUEST, request->method);
	CHECK_SETOPT(easy, CURLOPT_URL, request->url);
	CHECK_SETOPT(easy, CURLOPT_HTTPHEADER,
				 headers_list(transfer->headers));
	if (!proxy_set_options(easy, use_proxy))
		return false;
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

/* transfer_wipe(): wipe the secrets of a request that has ended. */
void
transfer_wipe(Transfer *transfer)
{
	wipe_secret(transfer);
	headers_release(transfer->headers);
	transfer->headers = NULL;
}

/* ----------
 * Replies
 * ----------
 */

/*
 * What is known of a request that has ended: whether somebody can have acted
 * on it decides whether it may be sent again (contract 4.0.4).
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
	if (transfer->given < transfer->request_length)
		return transfer->given == 0 ? HTTP_NOT_REACHED : HTTP_NOT_SENT;
	if (transfer->request_length == 0 && !transfer->connected)
		return HTTP_NOT_REACHED;
	return HTTP_OUTCOME_UNKNOWN;
}

/*
 * What the administrator of this server can do about a request that has not
 * reached its host, or NULL.
 */
static const char *
hint_of(CURLcode code)
{
	bool		has_proxy = settings_proxy[0] != '\0';

	switch (code)
	{
		case CURLE_COULDNT_RESOLVE_HOST:
			return "Check the name, and this server's DNS. If it reaches the internet by a proxy only, name that in teams_proactive.proxy.";
		case CURLE_COULDNT_RESOLVE_PROXY:
			return "Check the proxy's name in teams_proactive.proxy.";
		case CURLE_COULDNT_CONNECT:
		case CURLE_OPERATION_TIMEDOUT:
		case CURLE_RECV_ERROR:
			return has_proxy ?
				"Check that the proxy that teams_proactive.proxy names is there, and lets this server through to that host." :
				"Check that firewalls let this server connect to that host. If it reaches the internet by a proxy only, name that in teams_proactive.proxy.";
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_ISSUER_ERROR:
			return "If that host, or the proxy, has a certificate of an authority of your own, name a file with that authority's certificate and all others that are needed in teams_proactive.ca_file.";
		case CURLE_SSL_CACERT_BADFILE:
			return "Check the file that teams_proactive.ca_file names: certificates in PEM format, which the server's user can read.";
		default:
			return NULL;
	}
}

/*
 * transfer_reply(): what came of a request that libcurl has ended with that
 * status and code.  The reply is valid until the transfer is used again.
 */
void
transfer_reply(Transfer *transfer, long status, CURLcode code,
			   HttpReply *reply)
{
	memset(reply, 0, sizeof(*reply));
	reply->result = result_of(transfer, status);
	reply->status = reply->result == HTTP_ANSWERED ? (int) status : 0;
	reply->is_cut = code != CURLE_OK;
	reply->body = "";
	if (transfer->reply_length > 0)
	{
		transfer->reply[transfer->reply_length] = '\0';
		reply->body = transfer->reply;
		reply->length = transfer->reply_length;
	}
	if (transfer->retry_after[0] != '\0')
		reply->retry_after = transfer->retry_after;
	if (transfer->correlation_id[0] != '\0')
		reply->correlation_id = transfer->correlation_id;
	if (reply->result == HTTP_NOT_REACHED)
		reply->problem = proxy_refusal(transfer->easy);
	if (reply->result != HTTP_ANSWERED && reply->problem == NULL)
		reply->problem = transfer->error[0] != '\0' ? transfer->error :
			curl_easy_strerror(code);
	if (reply->result == HTTP_NOT_REACHED)
		reply->hint = hint_of(code);
}
