/*
 * connector_check.h
 *	  What makes an activity acceptable.
 */
#ifndef SIM_CONNECTOR_CHECK_H
#define SIM_CONNECTOR_CHECK_H

#include "base/sim.h"

extern const char *sim_activity_problem(const json_t *activity,
										const char **message);
extern size_t sim_activity_size(const char *text, size_t length,
								const json_t *activity);

#define SIM_MAX_ACTIVITY_SIZE (100 * 1024)

#endif							/* SIM_CONNECTOR_CHECK_H */
