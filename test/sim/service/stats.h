/*
 * stats.h
 *	  Counters of what came and what was answered.
 */
#ifndef SIM_STATS_H
#define SIM_STATS_H

#include "base/sim.h"

extern void sim_stats_request(SimService service, int status);
extern void sim_stats_item(const SimCall *call);

/* These may be called from any thread that holds sim_lock. */
extern void sim_stats_connection(bool opened);
extern void sim_stats_under_way(int change);
extern void sim_stats_overlap(int open_sends);
extern void sim_stats_install(void);

extern json_t *sim_stats_json(void);
extern void sim_stats_reset(void);

#endif							/* SIM_STATS_H */
