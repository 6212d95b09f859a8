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

#include "base/cloud.h"
#include "base/json.h"
#include "base/trust.h"
#include "protocol/connector.h"
#include "lib/stringinfo.h"

/*
 * {service_url}/v3/conversations, palloc'd, where a thread in a channel begins
 * (contract 4.1).  The path of service_url is significant, a slash at its end
 * is not (4.0.1).
 */
char *
connector_thread_url(const char *service_url)
{
	StringInfoData url;

	initStringInfo(&url);
	appendBinaryStringInfo(&url, service_url,
						   (int) cloud_root_length(service_url));
	appendStringInfoString(&url, "/v3/conversations");
	return url.data;
}

/* The conversation's id has characters that stand for others in a URL. */
static void
append_send_url(StringInfo url, const char *service_url,
				const char *conversation_id)
{
	appendStringInfoString(url, connector_thread_url(service_url));
	appendStringInfoChar(url, '/');
	trust_append_escaped(url, conversation_id);
	appendStringInfoString(url, "/activities");
}

/*
 * {service_url}/v3/conversations/{conversation_id}/activities, palloc'd, where
 * a message is sent (contract 4.2).
 */
char *
connector_send_url(const char *service_url, const char *conversation_id)
{
	StringInfoData url;

	initStringInfo(&url);
	append_send_url(&url, service_url, conversation_id);
	return url.data;
}

/*
 * The URL of an activity that was sent, palloc'd, for what changes it
 * (contract 4.4 and 4.5).
 */
char *
connector_activity_url(const char *service_url, const char *conversation_id,
					   const char *activity_id)
{
	StringInfoData url;

	initStringInfo(&url);
	append_send_url(&url, service_url, conversation_id);
	appendStringInfoChar(&url, '/');
	trust_append_escaped(&url, activity_id);
	return url.data;
}

/*
 * The body that starts a thread in a channel with an activity, palloc'd.  Both
 * places for the tenant are filled in, as the documentation names one here and
 * the other there (contract 4.1).
 */
char *
connector_thread_request(const char *tenant_id, const char *channel_id,
						 const char *activity)
{
	StringInfoData body;

	initStringInfo(&body);
	appendStringInfoString(&body, "{\"isGroup\":true,\"tenantId\":");
	json_append_string(&body, tenant_id);
	appendStringInfoString(&body, ",\"channelData\":{\"channel\":{\"id\":");
	json_append_string(&body, channel_id);
	appendStringInfoString(&body, "},\"tenant\":{\"id\":");
	json_append_string(&body, tenant_id);
	appendStringInfo(&body, "}},\"activity\":%s}", activity);
	return body.data;
}

/* An id that a service gave, if it may be kept. */
static char *
read_id(const JsonValue *doc, const char *member)
{
	const char *id = json_string(json_member(doc, member));

	return id != NULL && trust_is_opaque_id(id) ? pstrdup(id) : NULL;
}

/*
 * May the body of a success be the service's own?  It is empty or a JSON
 * object (contract 4.1 to 4.5), not the page of a proxy.  Of one that was cut,
 * the beginning has to do.
 */
bool
connector_is_reply(const char *body, size_t length, bool is_cut)
{
	const char *start = body + strspn(body, " \t\r\n");
	const JsonValue *doc;

	if (start == body + length || (is_cut && *start == '{'))
		return true;
	doc = json_read(body, length, NULL);
	return doc != NULL && doc->kind == JSON_KIND_OBJECT;
}

/*
 * The id of the new activity from the reply to a 2xx, palloc'd, or NULL: a
 * missing id is success without a handle (4.2).
 */
char *
connector_send_reply(const char *body, size_t length)
{
	return read_id(json_read(body, length, NULL), "id");
}

/*
 * The ids of the new thread and of its first activity from the reply to that,
 * palloc'd, or NULL.
 */
void
connector_thread_reply(const char *body, size_t length,
					   char **conversation_id, char **activity_id)
{
	const JsonValue *doc = json_read(body, length, NULL);

	*conversation_id = read_id(doc, "id");
	*activity_id = read_id(doc, "activityId");
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

/*
 * Read either of the Connector's error envelopes, including the one that is
 * JSON inside a string (4.0.5); any bytes will do.
 */
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
 * The length of an image's base64, if a URL that has it begins here, with
 * *begin where it begins; else 0.  JSON may write a slash with a backslash.
 */
static size_t
image_length(const char *url, const char **begin)
{
	const char *c = url + strlen("data:image/");

	if (pg_strncasecmp(url, "data:image/", strlen("data:image/")) != 0)
		return 0;
	c += strspn(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789.+-;=");
	if (*c != ',' || pg_strncasecmp(c - strlen(";base64"), ";base64",
									strlen(";base64")) != 0)
		return 0;
	*begin = ++c;
	for (;;)
	{
		c += strspn(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					"0123456789+/=");
		if (c[0] != '\\' || c[1] != '/')
			return c - *begin;
		c += 2;
	}
}

/*
 * connector_images_size(): bytes of base64 in a text that are images, which
 * the service does not count (contract 17.3).
 */
size_t
connector_images_size(const char *text)
{
	size_t		size = 0;

	for (; (text = strpbrk(text, "dD")) != NULL; text++)
	{
		const char *begin;
		size_t		length = image_length(text, &begin);

		if (length > 0)
			text = begin + length - 1;
		size += length;
	}
	return size;
}

/*
 * The size of an activity as the service counts it: bytes of its UTF-16 form
 * (contract 8), but for those of images.  UTF-8 needs no decoding for this:
 * every character has one byte that starts it, and those outside the basic
 * plane, which UTF-16 writes as two units, start with 0xF0 or more.
 */
size_t
connector_activity_size(const char *activity)
{
	size_t		images = connector_images_size(activity);
	size_t		size = 0;

	for (; *activity != '\0'; activity++)
	{
		unsigned char c = (unsigned char) *activity;

		if (c >= 0xF0)
			size += 4;
		else if ((c & 0xC0) != 0x80)
			size += 2;
	}
	return size - 2 * images;
}

/*
 * The link that opens Teams at the message, palloc'd.  Teams takes the
 * parent's id for one in a thread, and for one in a chat the word that it is
 * one.
 */
char *
connector_message_link(const ConnectorLink *link)
{
	const char *thread = strstr(link->conversation_id, ";messageid=");
	StringInfoData url;

	initStringInfo(&url);
	appendStringInfo(&url, "https://%s/l/message/", cloud_find(link->cloud)->web_host);
	trust_append_escaped(&url, thread != NULL ?
						 pnstrdup(link->conversation_id,
								  thread - link->conversation_id) :
						 link->conversation_id);
	appendStringInfoChar(&url, '/');
	trust_append_escaped(&url, link->activity_id);
	appendStringInfoString(&url, "?tenantId=");
	trust_append_escaped(&url, link->tenant_id);
	if (link->team != NULL)
	{
		appendStringInfoString(&url, "&groupId=");
		trust_append_escaped(&url, link->team);
	}
	if (thread != NULL)
	{
		appendStringInfoString(&url, "&parentMessageId=");
		trust_append_escaped(&url, thread + strlen(";messageid="));
	}
	else
		appendStringInfoString(&url, "&context=%7B%22contextType%22%3A%22chat%22%7D");
	return url.data;
}
