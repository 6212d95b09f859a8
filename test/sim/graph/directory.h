/*
 * directory.h
 *	  Users as the directory shows them.
 */
#ifndef SIM_DIRECTORY_H
#define SIM_DIRECTORY_H

#include "graph/graph.h"
#include "base/page.h"

/* The names in $select, or its usual ones; false if it was answered. */
extern bool sim_directory_select(SimCall *call, char *select, size_t size);
extern json_t *sim_directory_user(const SimUser *user, const char *select);

/* A number in a query option; false if it was answered. */
extern bool sim_directory_top(SimCall *call, int *top);

/* The page that $skiptoken (or another one) means; false if answered. */
extern bool sim_directory_page(SimCall *call, const char *option,
							   SimPage *page);

/* Add "@odata.nextLink": the same call, but for where it goes on. */
extern void sim_directory_next(const SimCall *call, json_t *answer,
							   uint64_t position);

#endif							/* SIM_DIRECTORY_H */
