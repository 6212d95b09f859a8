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
 * The largest activity that the service takes, see connector_activity_size(),
 * and the size that it recommends to stay below (contract 17.3).
 */
#define CONNECTOR_MAX_ACTIVITY_SIZE (100 * 1024)
#define CONNECTOR_GOOD_ACTIVITY_SIZE (80 * 1024)

/* What a link to a message is made of (contract 10 for the clouds). */
typedef struct ConnectorLink
{
	const char *cloud;
	const char *tenant_id;
	const char *team;			/* of a channel, or NULL */
	const char *conversation_id;
	const char *activity_id;
} ConnectorLink;

/* Where to, and what. */
extern char *connector_send_url(const char *service_url,
								const char *conversation_id);
extern char *connector_thread_url(const char *service_url);
extern char *connector_activity_url(const char *service_url,
									const char *conversation_id,
									const char *activity_id);
extern char *connector_thread_request(const char *tenant_id,
									  const char *channel_id,
									  const char *activity);
extern size_t connector_images_size(const char *text);
extern size_t connector_activity_size(const char *activity);

/* What comes back. */
extern bool connector_is_reply(const char *body, size_t length, bool is_cut);
extern char *connector_send_reply(const char *body, size_t length);
extern void connector_thread_reply(const char *body, size_t length,
								   char **conversation_id,
								   char **activity_id);
extern void connector_error(const char *body, size_t length,
							ServiceError *error);

extern char *connector_message_link(const ConnectorLink *link);

#endif							/* TP_CONNECTOR_H */
