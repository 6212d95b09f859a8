/*
 * http.c
 *	  The HTTP servers: requests in, answers out.
 *
 * Each port is one libmicrohttpd daemon with one thread.  A request is handled
 * once all of its body is there, never before: an early answer makes clients
 * stall, and the services read everything too.  A delayed answer suspends its
 * connection until the timer resumes it.
 *
 * The thread uses poll().  With epoll, libmicrohttpd 0.9.75 loses an event
 * once in some hundred thousand requests, and the connections stall.
 */
#include "http/http.h"
#include "base/memory.h"
#include "http/reply.h"
#include "http/timer.h"

#include <microhttpd.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A token of 16 kB and a long target still fit. */
#define CONNECTION_MEMORY (64 * 1024)
#define MAX_CONNECTIONS 4000
#define BACKLOG 1024

/* The value of a request header, or NULL. */
const char *
sim_http_header(const SimRequest *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
									   name);
}

/* Called with the raw target, before anything of it is decoded. */
static void *
new_request(void *cls, const char *target, struct MHD_Connection *connection)
{
	SimRequest *request = sim_alloc(sizeof(SimRequest));

	request->server = cls;
	request->connection = connection;
	request->target = sim_strdup(target);
	sim_reply_init(&request->reply);
	return request;
}

static void
free_request(SimRequest *request)
{
	sim_reply_free(&request->reply);
	free(request->target);
	free(request->method);
	free(request->chat_id);
	free(request->body);
	free(request);
}

/* Keep a piece of the body; what is too much is read and forgotten. */
static void
add_to_body(SimRequest *request, const char *data, size_t length)
{
	size_t		needed = request->length + length + 1;

	if (request->oversized || needed > request->server->max_body)
	{
		request->oversized = true;
		return;
	}
	if (needed > request->size)
	{
		request->size = needed > 2 * request->size ?
			needed : 2 * request->size;
		request->body = sim_realloc(request->body, request->size);
	}
	memcpy(request->body + request->length, data, length);
	request->length += length;
	request->body[request->length] = '\0';
}

/* Close with a reset, so that the client cannot take it for an answer. */
static enum MHD_Result
reset_connection(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info;
	struct linger linger = {.l_onoff = 1,.l_linger = 0};

	info = MHD_get_connection_info(connection,
								   MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info != NULL)
		setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &linger,
				   sizeof(linger));
	return MHD_NO;
}

typedef struct CutBody
{
	char	   *text;
	size_t		length;
} CutBody;

static ssize_t
read_cut_body(void *cls, uint64_t position, char *buffer, size_t max)
{
	const CutBody *cut = cls;
	size_t		length = cut->length - (size_t) position;

	if (length == 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (length > max)
		length = max;
	memcpy(buffer, cut->text + position, length);
	return (ssize_t) length;
}

static void
free_cut_body(void *cls)
{
	free(((CutBody *) cls)->text);
	free(cls);
}

/* The whole body, or one that promises more than it holds. */
static struct MHD_Response *
new_response(const SimReply *reply, char *text)
{
	size_t		length = text != NULL ? strlen(text) : 0;
	CutBody    *cut;

	if (reply->truncate < 0 || (size_t) reply->truncate >= length)
		return MHD_create_response_from_buffer(length,
											   text != NULL ? text : "",
											   text != NULL ?
											   MHD_RESPMEM_MUST_FREE :
											   MHD_RESPMEM_PERSISTENT);
	cut = sim_alloc(sizeof(CutBody));
	cut->text = text;
	cut->length = (size_t) reply->truncate;
	return MHD_create_response_from_callback(length, 1024, read_cut_body,
											 cut, free_cut_body);
}

static void
add_headers(struct MHD_Response *response, const SimReply *reply)
{
	const char *name;
	json_t	   *value;

	if (reply->json != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
								"application/json; charset=utf-8");
	else if (reply->content_type != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
								reply->content_type);
	json_object_foreach(reply->headers, name, value)
		MHD_add_response_header(response, name, json_string_value(value));
}

static enum MHD_Result
queue_reply(SimRequest *request)
{
	SimReply   *reply = &request->reply;
	struct MHD_Response *response;
	enum MHD_Result result;
	char	   *text = NULL;

	if (request->server->answer != NULL)
		request->server->answer(request);
	if (reply->wire == SIM_WIRE_CLOSE)
		return reset_connection(request->connection);
	if (reply->json != NULL)
		text = json_dumps(reply->json, JSON_COMPACT | JSON_ENCODE_ANY);
	else if (reply->text != NULL)
		text = sim_strdup(reply->text);
	response = new_response(reply, text);
	if (response == NULL)
		return MHD_NO;
	add_headers(response, reply);
	result = MHD_queue_response(request->connection,
								(unsigned) reply->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
on_access(void *cls, struct MHD_Connection *connection, const char *url,
		  const char *method, const char *version, const char *data,
		  size_t *length, void **context)
{
	SimServer  *server = cls;
	SimRequest *request = *context;

	(void) url;
	(void) version;
	if (!request->begun)
	{
		request->begun = true;
		request->method = sim_strdup(method);
		if (server->begin != NULL)
			server->begin(request);
		return MHD_YES;
	}
	if (*length > 0)
	{
		add_to_body(request, data, *length);
		*length = 0;
		return MHD_YES;
	}
	if (!request->handled)
	{
		request->handled = true;
		request->received_at_ns = sim_now_ns();
		if (request->body == NULL)
			add_to_body(request, "", 0);
		server->handle(request);
		if (request->reply.delay_ms > 0)
		{
			MHD_suspend_connection(connection);
			sim_timer_add(connection, sim_monotonic_ns() +
						  (int64_t) (request->reply.delay_ms * 1e6));
			return MHD_YES;
		}
	}
	return queue_reply(request);
}

static void
on_completed(void *cls, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode why)
{
	SimServer  *server = cls;
	SimRequest *request = *context;

	(void) connection;
	(void) why;
	if (request == NULL)
		return;
	if (request->begun && server->end != NULL)
		server->end(request);
	free_request(request);
	*context = NULL;
}

static void
on_connection(void *cls, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	SimServer  *server = cls;

	(void) connection;
	(void) context;
	if (server->connected != NULL)
		server->connected(what == MHD_CONNECTION_NOTIFY_STARTED);
}

/* Listen on 127.0.0.1; false if that failed. */
bool
sim_http_start(SimServer *server)
{
	struct sockaddr_in address = {0};
	unsigned	flags = MHD_USE_POLL_INTERNAL_THREAD |
		MHD_ALLOW_SUSPEND_RESUME;
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *) server->tls_cert},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *) server->tls_key},
		{MHD_OPTION_END, 0, NULL}
	};
	const union MHD_DaemonInfo *info;

	if (server->tls_cert != NULL)
		flags |= MHD_USE_TLS;
	else
		tls[0].option = MHD_OPTION_END;
	address.sin_family = AF_INET;
	address.sin_port = htons(server->port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->daemon =
		MHD_start_daemon(flags, server->port, NULL, NULL, on_access, server,
						 MHD_OPTION_SOCK_ADDR, &address,
						 MHD_OPTION_URI_LOG_CALLBACK, new_request, server,
						 MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
						 MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
						 MHD_OPTION_CONNECTION_MEMORY_LIMIT,
						 (size_t) CONNECTION_MEMORY,
						 MHD_OPTION_CONNECTION_LIMIT,
						 (unsigned) MAX_CONNECTIONS,
						 MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned) BACKLOG,
						 MHD_OPTION_ARRAY, tls,
						 MHD_OPTION_END);
	if (server->daemon == NULL)
		return false;
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
	if (info == NULL || info->port == 0)
		return false;
	server->port = info->port;
	return true;
}
