/*
 * quota.h
 *	  The services' limits, as sliding windows (contract 5).
 */
#ifndef SIM_QUOTA_H
#define SIM_QUOTA_H

#include "tenant/tenant.h"

extern bool sim_quota_graph(SimCall *call, const char *team,
							double *retry_after);
extern bool sim_quota_connector(SimCall *call, SimChat *chat,
								double *retry_after);
extern void sim_quota_reset(void);

#endif							/* SIM_QUOTA_H */
