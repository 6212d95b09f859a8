/*
 * connector.h
 *	  The Bot Connector: requests as bytes, replies as structs.
 *
 * Contract 4.  The body of a send is the activity as it is in the outbox.
 */
#ifndef TP_CONNECTOR_H
#define TP_CONNECTOR_H

#include "lib/stringinfo.h"
#include "protocol/policy.h"

/*
 * {service_url}/v3/conversations/{conversation_id}/activities, palloc'd.  The
 * path of service_url is significant, a slash at its end is not (4.0.1).
 */
extern char *connector_send_url(const char *service_url,
								const char *conversation_id);

/*
 * The same, without "activities", for a new thread in a channel (4.1); and
 * with the activity at its end, for what changes it (4.4, 4.5).
 */
extern char *connector_thread_url(const char *service_url);
extern char *connector_activity_url(const char *service_url,
									const char *conversation_id,
									const char *activity_id);

/* The body that starts a thread with an activity (4.1), palloc'd. */
extern char *connector_thread_request(const char *tenant_id,
									  const char *channel_id,
									  const char *activity);

/*
 * The ids of the new thread and of its first activity from the reply to that,
 * palloc'd, or NULL.
 */
extern void connector_thread_reply(const char *body, size_t length,
								   char **conversation_id,
								   char **activity_id);

/*
 * May the body of a success be the service's own?  It is empty or a JSON object
 * (contract 4.1 to 4.5), not the page of a proxy.  Of one that was cut, the
 * beginning has to do.
 */
extern bool connector_is_reply(const char *body, size_t length, bool is_cut);

/*
 * The id of the new activity from the reply to a 2xx, palloc'd, or NULL: a
 * missing id is success without a handle (4.2).
 */
extern char *connector_send_reply(const char *body, size_t length);

/*
 * Read either of the Connector's error envelopes, including the one that is
 * JSON inside a string (4.0.5); any bytes will do.
 */
extern void connector_error(const char *body, size_t length,
							ServiceError *error);

/* What a link to a message is made of (contract 10 for the clouds). */
typedef struct ConnectorLink
{
	const char *cloud;
	const char *tenant_id;
	const char *team;			/* of a channel, or NULL */
	const char *conversation_id;
	const char *activity_id;
} ConnectorLink;

/* The link that opens Teams at the message, palloc'd. */
extern char *connector_message_link(const ConnectorLink *link);

/*
 * The size of an activity as the service counts it: bytes of its UTF-16 form
 * (section 8).  The argument is UTF-8.
 */
extern size_t connector_activity_size(const char *activity);

#define CONNECTOR_MAX_ACTIVITY_SIZE (100 * 1024)

#endif							/* TP_CONNECTOR_H */
