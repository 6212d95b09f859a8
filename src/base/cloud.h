/*
 * cloud.h
 *	  Where the services of Microsoft's clouds are (contract 10).
 */
#ifndef TP_CLOUD_H
#define TP_CLOUD_H

/*
 * What a token is for belongs to the cloud, not to the URL at which a service
 * is reached: that may be a gateway.
 */
typedef struct Cloud
{
	const char *name;
	const char *login_url;
	const char *graph_url;
	const char *connector_url;
	const char *graph_scope;
	const char *connector_scope;
	const char *multi_tenant;	/* tenant for tokens of multi-tenant bots */
	const char *web_host;		/* where people have Teams in their browser */
} Cloud;

extern const Cloud *cloud_find(const char *name);
extern bool cloud_has_host(const char *host);

/* Roots of services, as teams_configure() takes them. */
extern size_t cloud_root_length(const char *url);
extern const char *cloud_url_problem(const char *parameter, const char *url,
									 const char **hint);

#endif							/* TP_CLOUD_H */
