/*
 * graph.h
 *	  Microsoft Graph: requests as bytes, replies as structs.
 *
 * Contract 3.  "graph_url" is the root with its version, without a slash at
 * its end, as in https://graph.microsoft.com/v1.0.  If it ends in /beta, the
 * calls of the preview are used (contract 3.1).
 */
#ifndef TP_GRAPH_H
#define TP_GRAPH_H

#include "lib/stringinfo.h"

#include "base/words.h"
#include "protocol/policy.h"

/* The most requests that one $batch may hold (contract 3.10). */
#define GRAPH_BATCH_MAX 20

/* Versions are short ("1.4.0"); what is longer is none. */
#define GRAPH_MAX_VERSION 100

/*
 * One request inside a $batch; op is OP_LOOKUP, OP_INSTALL, OP_UPGRADE,
 * OP_UNINSTALL, for users OP_CHAT, for teams OP_CHANNEL.
 */
typedef struct GraphItem
{
	Operation	op;
	const char *id;				/* of the user, team or chat */
	const char *installation_id;	/* not for OP_LOOKUP, OP_INSTALL and
									 * OP_CHANNEL */
	Scope		scope;			/* a channel is asked for by its team */
} GraphItem;

/* The answer to one item. */
typedef struct GraphReply
{
	int			status;			/* 0: the service left this item out */
	ServiceError error;			/* set if status is not 2xx */
	const char *retry_after;	/* the item's own header, or NULL */
	const char *installation_id;	/* OP_LOOKUP: NULL means not installed */
	const char *app_version;	/* OP_LOOKUP, NULL if unknown */
	const char *chat_id;		/* OP_CHAT, OP_CHANNEL */
	const char *correlation_id; /* of the batch, or NULL; for the caller */
	bool		malformed;		/* 2xx, but not of the documented shape */
} GraphReply;

/* What an answer of the catalog says of an app. */
typedef enum GraphCatalogResult
{
	GRAPH_CATALOG_FOUND,
	GRAPH_CATALOG_ABSENT,		/* no entry */
	GRAPH_CATALOG_AMBIGUOUS,	/* several, and not just one of the
								 * organisation's own */
	GRAPH_CATALOG_MALFORMED
} GraphCatalogResult;

/* Installations. */
extern char *graph_batch_url(const char *graph_url);
extern void graph_batch_request(StringInfo body, const char *graph_url,
								const char *teams_app_id,
								const GraphItem *items, int nitems);
extern bool graph_batch_reply(const char *body, size_t length,
							  const GraphItem *items, int nitems,
							  GraphReply *replies, const char **problem);
extern char *graph_chat_user(const char *chat_id, const char *client_id);

/* The catalog of apps. */
extern char *graph_catalog_url(const char *graph_url, const char *manifest_id);
extern GraphCatalogResult graph_catalog_reply(const char *body, size_t length,
											  char **teams_app_id);
extern char *graph_versions_url(const char *graph_url,
								const char *teams_app_id);
extern char *graph_versions_reply(const char *body, size_t length);

extern void graph_error(const char *body, size_t length, ServiceError *error);

#endif							/* TP_GRAPH_H */
