/*
 * uri.h
 *	  The request target, taken apart as RFC 3986 has it.
 */
#ifndef SIM_URI_H
#define SIM_URI_H

#include <stdbool.h>

#define SIM_URI_MAX_SEGMENTS 32
#define SIM_URI_MAX_PARAMETERS 16

typedef struct SimUri
{
	int			nsegments;
	char	   *segments[SIM_URI_MAX_SEGMENTS]; /* percent-decoded */
	int			nparameters;
	char	   *names[SIM_URI_MAX_PARAMETERS];	/* of the query, decoded */
	char	   *values[SIM_URI_MAX_PARAMETERS];
	char	   *memory;			/* what the above point into */
} SimUri;

extern bool sim_uri_parse(SimUri *uri, const char *raw, const char **problem);
extern void sim_uri_free(SimUri *uri);
extern const char *sim_uri_parameter(const SimUri *uri, const char *name);
extern bool sim_uri_matches(const SimUri *uri, int first, const char *pattern);

#endif							/* SIM_URI_H */
