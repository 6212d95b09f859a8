/*
 * directory.h
 *	  Users as the directory shows them.
 */
#ifndef SIM_DIRECTORY_H
#define SIM_DIRECTORY_H

#include "graph/graph.h"
#include "base/page.h"

extern bool sim_directory_select(SimCall *call, char *select, size_t size);
extern json_t *sim_directory_user(const SimUser *user, const char *select);
extern bool sim_directory_top(SimCall *call, int *top);
extern bool sim_directory_page(SimCall *call, const char *option,
							   SimPage *page);
extern void sim_directory_next(const SimCall *call, json_t *answer,
							   uint64_t position);

#endif							/* SIM_DIRECTORY_H */
