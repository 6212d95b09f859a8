/*
 * quota.h
 *	  The services' limits, as sliding windows (contract 5).
 */
#ifndef SIM_QUOTA_H
#define SIM_QUOTA_H

#include "state.h"

/*
 * Count a call against the limits.  False if it is one too many; then
 * *retry_after says after how many seconds there will be room.
 */
extern bool sim_quota_graph(SimCall *call, double *retry_after);

/* All calls of a bot in a tenant; for chat != NULL those to the chat, too. */
extern bool sim_quota_connector(SimCall *call, SimChat *chat,
								double *retry_after);
extern void sim_quota_reset(void);

#endif							/* SIM_QUOTA_H */
