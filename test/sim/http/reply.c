/*
 * reply.c
 *	  Writing answers, among them each service's error envelope.
 *
 * An answer stays a JSON tree until it leaves, because the same answer may
 * be an item inside a batch.
 */
#include "http/reply.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A xorshift generator is random enough: nothing here is a secret. */
static uint64_t
random_bits(void)
{
	static uint64_t state = 0;

	if (state == 0)
		state = (uint64_t) sim_now_ns() | 1;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* A fresh version 4 UUID of 36 characters. */
void
sim_uuid(char *uuid)
{
	uint64_t	high = random_bits();
	uint64_t	low = random_bits();

	snprintf(uuid, 37, "%08x-%04x-4%03x-%04x-%012llx",
			 (unsigned) (high >> 32), (unsigned) (high >> 16 & 0xffff),
			 (unsigned) (high & 0xfff),
			 (unsigned) (0x8000 | (low >> 48 & 0x3fff)),
			 (unsigned long long) (low & UINT64_C(0xffffffffffff)));
}

/* Fill with characters of base64url. */
void
sim_random_text(char *text, size_t length)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t i = 0; i < length; i++)
		text[i] = digits[random_bits() >> 20 & 63];
	text[length] = '\0';
}

/* An answer that says nothing yet; every answer begins so. */
void
sim_reply_init(SimReply *reply)
{
	memset(reply, 0, sizeof(*reply));
	reply->truncate = -1;
}

/* Forget what the answer says so far, to say something else. */
void
sim_reply_clear(SimReply *reply)
{
	json_decref(reply->headers);
	json_decref(reply->json);
	free(reply->text);
	reply->headers = NULL;
	reply->json = NULL;
	reply->text = NULL;
	reply->content_type = NULL;
}

/* Free what the answer holds; not the structure itself. */
void
sim_reply_free(SimReply *reply)
{
	sim_reply_clear(reply);
	sim_reply_init(reply);
}

/*
 * Answer with a JSON document, whose reference is taken over, or with no body
 * if it is NULL.
 */
void
sim_reply_json(SimReply *reply, int status, json_t *body)
{
	sim_reply_clear(reply);
	reply->status = status;
	reply->json = body;
}

/*
 * Answer with a text, which must come from malloc() and is taken over; the
 * type must live on.
 */
void
sim_reply_text(SimReply *reply, int status, const char *type, char *text)
{
	sim_reply_clear(reply);
	reply->status = status;
	reply->text = text;
	reply->content_type = type;
}

/* Add a header to the answer. */
void
sim_reply_header(SimReply *reply, const char *name, const char *value)
{
	if (reply->headers == NULL)
		reply->headers = json_object();
	json_object_set_new(reply->headers, name, json_string(value));
}

/* Text from a format, as a JSON string whatever bytes it came to hold. */
static json_t *
format_json(const char *format, va_list args)
{
	char	   *text;
	json_t	   *string;

	if (vasprintf(&text, format, args) < 0)
		abort();
	string = json_string(text);
	if (string == NULL)
		string = json_string("(the text is not valid UTF-8)");
	free(text);
	return string;
}

static json_t *
utc_now(const char *format)
{
	char		text[40];
	time_t		now = time(NULL);
	struct tm	parts;

	gmtime_r(&now, &parts);
	strftime(text, sizeof(text), format, &parts);
	return json_string(text);
}

/* Graph: {"error": {"code", "message", "innerError"}} (contract 3.12). */
void
sim_graph_error(SimCall *call, int status, const char *code,
				const char *format,...)
{
	va_list		args;
	json_t	   *message;
	json_t	   *inner;

	va_start(args, format);
	message = format_json(format, args);
	va_end(args);
	inner = json_pack("{so ss}", "date", utc_now("%Y-%m-%dT%H:%M:%S"),
					  "request-id", call->request_id);
	json_object_set_new(inner, "client-request-id",
						json_string(call->client_request_id != NULL ?
									call->client_request_id :
									call->request_id));
	sim_reply_json(&call->reply, status,
				   json_pack("{s{ss so so}}", "error", "code", code,
							 "message", message, "innerError", inner));
}

/* Connector, shape a: {"error": {"code", "message"}} (contract 4.0.5). */
void
sim_connector_error(SimCall *call, int status, const char *code,
					const char *format,...)
{
	va_list		args;
	json_t	   *message;

	va_start(args, format);
	message = format_json(format, args);
	va_end(args);
	sim_reply_json(&call->reply, status,
				   json_pack("{s{ss so}}", "error", "code", code,
							 "message", message));
}

/* Entra ID: {"error", "error_description", "error_codes"} (contract 2.1). */
void
sim_login_error(SimCall *call, int status, const char *error, int code,
				const char *format,...)
{
	va_list		args;
	json_t	   *message;
	json_t	   *when = utc_now("%Y-%m-%d %H:%M:%SZ");
	char	   *description;
	char		correlation_id[37];

	va_start(args, format);
	message = format_json(format, args);
	va_end(args);
	sim_uuid(correlation_id);
	description = sim_format("AADSTS%d: %s Trace ID: %s Correlation ID: %s"
							 " Timestamp: %s", code,
							 json_string_value(message), call->request_id,
							 correlation_id, json_string_value(when));
	sim_reply_json(&call->reply, status,
				   json_pack("{ss ss s[i] so ss ss}", "error", error,
							 "error_description", description,
							 "error_codes", code, "timestamp", when,
							 "trace_id", call->request_id,
							 "correlation_id", correlation_id));
	free(description);
	json_decref(message);
}

/* Administration: {"error": "text"}. */
void
sim_admin_error(SimReply *reply, int status, const char *format,...)
{
	va_list		args;
	json_t	   *message;

	va_start(args, format);
	message = format_json(format, args);
	va_end(args);
	sim_reply_json(reply, status, json_pack("{so}", "error", message));
}
