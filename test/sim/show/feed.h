/*
 * feed.h
 *	  What people see in Teams, as it happens.
 */
#ifndef SIM_FEED_H
#define SIM_FEED_H

#include <stdbool.h>

extern bool sim_feed_open(const char *path, bool styled);

#endif							/* SIM_FEED_H */
