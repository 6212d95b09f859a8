/*
 * http.h
 *	  The HTTP servers: requests in, answers out.
 */
#ifndef SIM_HTTP_H
#define SIM_HTTP_H

#include "base/sim.h"

struct MHD_Connection;

/* A request as it came, whole or (for "begin") only its head. */
typedef struct SimRequest
{
	struct SimServer *server;
	struct MHD_Connection *connection;
	char	   *target;			/* path and query, not decoded */
	char	   *method;
	char	   *body;
	size_t		length;
	size_t		size;
	bool		oversized;
	bool		begun;
	bool		handled;
	int64_t		received_at_ns;
	char	   *chat_id;		/* of a send, while it is under way */
	uint64_t	chat_epoch;
	bool		overlapped;
	SimReply	reply;
} SimRequest;

/* One listening port; all callbacks run in its only thread. */
typedef struct SimServer
{
	const char *name;
	size_t		max_body;
	void		(*begin) (SimRequest *request); /* the head is there */
	void		(*handle) (SimRequest *request);	/* it is whole */
	void		(*answer) (SimRequest *request);	/* the answer leaves now */
	void		(*end) (SimRequest *request);	/* it is over, either way */
	void		(*connected) (bool opened);
	const char *tls_cert;		/* PEM text, or NULL */
	const char *tls_key;
	uint16_t	port;			/* 0: any; then what was chosen */
	struct MHD_Daemon *daemon;
} SimServer;

extern bool sim_http_start(SimServer *server);
extern const char *sim_http_header(const SimRequest *request,
								   const char *name);

#endif							/* SIM_HTTP_H */
