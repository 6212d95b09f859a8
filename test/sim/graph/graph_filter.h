/*
 * graph_filter.h
 *	  The query options of OData that Graph's calls here take.
 */
#ifndef SIM_GRAPH_FILTER_H
#define SIM_GRAPH_FILTER_H

#include "base/sim.h"

#define SIM_FILTER_MAX_TERMS 4

/* "path eq 'value' and ..." */
typedef struct SimFilter
{
	int			nterms;
	char	   *paths[SIM_FILTER_MAX_TERMS];
	char	   *values[SIM_FILTER_MAX_TERMS];
	char	   *memory;
} SimFilter;

extern bool sim_filter_parse(SimFilter *filter, const char *text);
extern void sim_filter_free(SimFilter *filter);
extern bool sim_list_holds(const char *list, const char *word);
extern bool sim_options_known(const SimUri *uri, const char *known,
							  const char **culprit);

#endif							/* SIM_GRAPH_FILTER_H */
