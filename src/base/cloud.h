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
} Cloud;

/* The cloud of that name; the public one if there is none. */
extern const Cloud *cloud_find(const char *name);

/* Is the host one of Microsoft's, of whatever cloud?  Case does not count. */
extern bool cloud_has_host(const char *host);

extern size_t cloud_root_length(const char *url);

/*
 * What is wrong with a URL that is to be the root of a service, as a parameter
 * of teams_configure(), or NULL: more or less than the root, which would be
 * seen only by what a service makes of it.  A sentence; *advice is another one,
 * palloc'd, with what to write in its place.  The rest of the URL is checked
 * elsewhere.
 */
extern const char *cloud_url_problem(const char *parameter, const char *url,
									 char **advice);

#endif							/* TP_CLOUD_H */
