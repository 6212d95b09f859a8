/*
 * connector.c
 *	  The Bot Connector: requests as bytes, replies as structs.
 *
 * The service has two envelopes for errors, one of which carries JSON inside
 * a string (contract 4.0.5).  Both end up as a code and a message here, so
 * that nothing above needs to know of them.
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "connector.h"
#include "json.h"
#include "trust.h"
#include "lib/stringinfo.h"

char *
connector_send_url(const char *service_url, const char *conversation_id)
{
	StringInfoData url;
	int			length = (int) strlen(service_url);

	while (length > 0 && service_url[length - 1] == '/')
		length--;

	initStringInfo(&url);
	appendBinaryStringInfo(&url, service_url, length);
	appendStringInfoString(&url, "/v3/conversations/");
	trust_append_escaped(&url, conversation_id);
	appendStringInfoString(&url, "/activities");
	return url.data;
}

char *
connector_send_reply(const char *body, size_t length)
{
	const JsonValue *doc = json_read(body, length, NULL);
	const char *id = json_string(json_member(doc, "id"));

	return id != NULL && trust_is_opaque_id(id) ? pstrdup(id) : NULL;
}

/*
 * The second envelope: {"errorCode": 209, "message": "{\"subCode\": ...}"}.
 * Without a subCode the number is the code.
 */
static void
read_blocked_envelope(const JsonValue *doc, ServiceError *error)
{
	const char *message = json_string(json_member(doc, "message"));
	const JsonValue *number = json_member(doc, "errorCode");
	const JsonValue *inner = NULL;
	const char *code;
	const char *details;

	if (message != NULL && message[strspn(message, " \t\r\n")] == '{')
		inner = json_read(message, strlen(message), NULL);

	code = json_string(json_member(inner, "subCode"));
	if (code == NULL && number != NULL && number->kind == JSON_KIND_NUMBER)
		code = number->text;
	details = json_string(json_member(inner, "details"));
	policy_set_error(error, code, details != NULL ? details : message);
}

void
connector_error(const char *body, size_t length, ServiceError *error)
{
	const JsonValue *doc = json_read(body, length, NULL);
	const JsonValue *envelope = json_member(doc, "error");

	if (envelope != NULL && envelope->kind == JSON_KIND_OBJECT)
		policy_set_error(error, json_string(json_member(envelope, "code")),
						 json_string(json_member(envelope, "message")));
	else
		read_blocked_envelope(doc, error);
}

/*
 * UTF-8 needs no decoding for this: every character has one byte that starts
 * it, and those outside the basic plane, which UTF-16 writes as two units,
 * start with 0xF0 or more.
 */
size_t
connector_activity_size(const char *activity)
{
	size_t		size = 0;

	for (; *activity != '\0'; activity++)
	{
		unsigned char c = (unsigned char) *activity;

		if (c >= 0xF0)
			size += 4;
		else if ((c & 0xC0) != 0x80)
			size += 2;
	}
	return size;
}
