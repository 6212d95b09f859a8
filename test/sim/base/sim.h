/*
 * sim.h
 *	  What all parts of the simulator share: settings, calls and replies.
 */
#ifndef SIM_H
#define SIM_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/uri.h"

typedef enum SimService
{
	SIM_LOGIN,
	SIM_GRAPH,
	SIM_CONNECTOR,
	SIM_ELSEWHERE,				/* a path that belongs to none of them */
	SIM_SERVICES				/* how many there are */
} SimService;

typedef enum SimOperation
{
	SIM_TOKEN,
	SIM_BATCH,
	SIM_LOOKUP,
	SIM_INSTALL,
	SIM_UPGRADE,
	SIM_UNINSTALL,
	SIM_CHAT,
	SIM_CATALOG,
	SIM_PRIMARY_CHANNEL,
	SIM_USERS,
	SIM_DELTA,
	SIM_GROUP,
	SIM_SEND,
	SIM_CREATE,
	SIM_EDIT,
	SIM_DELETE,
	SIM_MEMBERS,
	SIM_CHANNELS,
	SIM_OTHER,
	SIM_OPERATIONS				/* how many there are */
} SimOperation;

extern const char *const sim_service_names[SIM_SERVICES];
extern const char *const sim_operation_names[SIM_OPERATIONS];

/* What can be changed while the simulator runs (POST /settings). */
typedef struct SimSettings
{
	double		latency_ms;
	bool		enforce_quotas;
	double		token_lifetime; /* seconds */
	int			chat_404_polls;
	bool		strict_conversations;
	bool		forget_messages;
	int			delta_page_size;
} SimSettings;

extern SimSettings sim_settings;

/* Held while anything of the state is read or changed. */
extern pthread_mutex_t sim_lock;

typedef enum SimWire
{
	SIM_WIRE_NORMAL,
	SIM_WIRE_CLOSE				/* reset the connection, no answer */
} SimWire;

/* An answer, also one inside a batch. */
typedef struct SimReply
{
	int			status;
	json_t	   *headers;		/* name: value, or NULL */
	json_t	   *json;			/* the body, if it is JSON */
	char	   *text;			/* the body, if it is not */
	const char *content_type;	/* of text, or NULL */
	double		delay_ms;
	SimWire		wire;
	ssize_t		truncate;		/* cut after that many bytes; -1: do not */
} SimReply;

/* A request, also one inside a batch. */
typedef struct SimCall
{
	SimService	service;
	SimOperation operation;
	const char *method;
	SimUri		uri;
	const char *origin;			/* "http://host:port", by the Host header */
	const char *authorization;	/* header values, or NULL */
	const char *content_type;
	const char *client_request_id;
	const char *consistency_level;
	const char *body;
	size_t		length;
	bool		oversized;		/* the body was too large to be kept */
	bool		overlapped;		/* another send to the chat was under way */
	bool		in_batch;
	int64_t		received_at_ns;
	const char *request_id;		/* what the service calls this request */
	struct SimToken *token;		/* set once it was checked */
	SimReply	reply;
} SimCall;

extern int64_t sim_now_ns(void);
extern int64_t sim_monotonic_ns(void);

#endif							/* SIM_H */
