/*
 * graph.h
 *	  What the parts of Microsoft Graph share.
 */
#ifndef SIM_GRAPH_H
#define SIM_GRAPH_H

#include "state.h"

/* Does the token have a role for the operation?  If not, it is answered. */
extern bool sim_graph_check_roles(SimCall *call);

/* May the caller touch this app?  The Self permissions are for its own. */
extern bool sim_graph_may_touch(const SimCall *call, const SimApp *app);
extern bool sim_graph_may_consent(const SimCall *call);

extern void sim_graph_bad_request(SimCall *call, const char *message,
								  const char *detail);

/* The query options that a call takes; false if it was answered. */
extern bool sim_graph_options(SimCall *call, const char *known);
extern bool sim_graph_words(SimCall *call, const char *option,
							const char *known);

/* What the path names, or NULL if the call was answered. */
extern SimUser *sim_graph_user(SimCall *call);
extern SimInstallation *sim_graph_installation(SimCall *call);

extern void sim_graph_look_up(SimCall *call);
extern void sim_graph_catalog(SimCall *call);

#endif							/* SIM_GRAPH_H */
