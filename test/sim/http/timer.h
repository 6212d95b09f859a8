/*
 * timer.h
 *	  Wakes suspended connections when their time has come.
 */
#ifndef SIM_TIMER_H
#define SIM_TIMER_H

#include <stdint.h>

struct MHD_Connection;

extern int	sim_timer_start(void);
extern void sim_timer_add(struct MHD_Connection *connection, int64_t due_ns);

#endif							/* SIM_TIMER_H */
