/*
 * graph.h
 *	  What the parts of Microsoft Graph share.
 */
#ifndef SIM_GRAPH_H
#define SIM_GRAPH_H

#include "tenant/tenant.h"

/* What the caller may do; the first one answers the call if it may not. */
extern bool sim_graph_check_roles(SimCall *call);
extern bool sim_graph_may_touch(const SimCall *call, const SimApp *app);
extern bool sim_graph_may_consent(const SimCall *call);
extern bool sim_graph_may_see_users(const SimCall *call);
extern bool sim_graph_may_see_all_of_users(const SimCall *call);

/* Query options; false if the call was answered. */
extern bool sim_graph_options(SimCall *call, const char *known);
extern bool sim_graph_words(SimCall *call, const char *option,
							const char *known);
extern void sim_graph_bad_request(SimCall *call, const char *message,
								  const char *detail);

/* What the path names; NULL if the call was answered. */
extern SimScope sim_graph_scope(const SimCall *call);
extern int	sim_graph_apps_segment(const SimCall *call);
extern SimTarget *sim_graph_target(SimCall *call);
extern SimInstallation *sim_graph_installation(SimCall *call);
extern json_t *sim_graph_context(const SimCall *call, const char *what);

/* The operations. */
extern void sim_graph_look_up(SimCall *call);
extern void sim_graph_catalog(SimCall *call);
extern void sim_graph_primary_channel(SimCall *call);
extern void sim_graph_install(SimCall *call);
extern void sim_graph_upgrade(SimCall *call);
extern void sim_graph_users(SimCall *call);
extern void sim_graph_delta(SimCall *call);
extern void sim_graph_group(SimCall *call);

#endif							/* SIM_GRAPH_H */
