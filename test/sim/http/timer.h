/*
 * timer.h
 *	  Wakes suspended connections when their time has come.
 */
#ifndef SIM_TIMER_H
#define SIM_TIMER_H

#include <stdint.h>

struct MHD_Connection;

/* Start the thread; false if that failed. */
extern int	sim_timer_start(void);

/* Resume a suspended connection at a time of CLOCK_MONOTONIC. */
extern void sim_timer_add(struct MHD_Connection *connection, int64_t due_ns);

#endif							/* SIM_TIMER_H */
