/*
 * graph.h
 *	  What the parts of Microsoft Graph share.
 */
#ifndef SIM_GRAPH_H
#define SIM_GRAPH_H

#include "tenant/tenant.h"

/* Does the token have a role for the operation?  If not, it is answered. */
extern bool sim_graph_check_roles(SimCall *call);

/* May the caller touch this app?  The Self permissions are for its own. */
extern bool sim_graph_may_touch(const SimCall *call, const SimApp *app);
extern bool sim_graph_may_consent(const SimCall *call);

/* May it see more of users than their ids, or more than names? */
extern bool sim_graph_may_see_users(const SimCall *call);
extern bool sim_graph_may_see_all_of_users(const SimCall *call);

extern void sim_graph_bad_request(SimCall *call, const char *message,
								  const char *detail);

/* The query options that a call takes; false if it was answered. */
extern bool sim_graph_options(SimCall *call, const char *known);
extern bool sim_graph_words(SimCall *call, const char *option,
							const char *known);

/* What the installation is for, by the path. */
extern SimScope sim_graph_scope(const SimCall *call);

/* The segment that is "installedApps"; its id and verb follow. */
extern int	sim_graph_apps_segment(const SimCall *call);

/* What the path names, or NULL if the call was answered. */
extern SimTarget *sim_graph_target(SimCall *call);
extern SimInstallation *sim_graph_installation(SimCall *call);

/* The end of an answer's "@odata.context". */
extern json_t *sim_graph_context(const SimCall *call, const char *what);

extern void sim_graph_look_up(SimCall *call);
extern void sim_graph_catalog(SimCall *call);
extern void sim_graph_primary_channel(SimCall *call);
extern void sim_graph_install(SimCall *call);
extern void sim_graph_upgrade(SimCall *call);
extern void sim_graph_users(SimCall *call);
extern void sim_graph_delta(SimCall *call);
extern void sim_graph_group(SimCall *call);

#endif							/* SIM_GRAPH_H */
