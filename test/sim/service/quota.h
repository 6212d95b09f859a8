/*
 * quota.h
 *	  The services' limits, as sliding windows (contract 5).
 */
#ifndef SIM_QUOTA_H
#define SIM_QUOTA_H

#include "tenant/tenant.h"

/*
 * Count a call against the limits.  False if it is one too many; then
 * *retry_after says after how many seconds there will be room.  A team, if
 * the call is about one, has a limit of its own.
 */
extern bool sim_quota_graph(SimCall *call, const char *team,
							double *retry_after);

/*
 * All calls of a bot in a tenant; for chat != NULL those to the chat, too.
 * The threads of a channel share what is the channel's.
 */
extern bool sim_quota_connector(SimCall *call, SimChat *chat,
								double *retry_after);
extern void sim_quota_reset(void);

#endif							/* SIM_QUOTA_H */
