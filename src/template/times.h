/*
 * times.h
 *	  Points in time: reading them, and writing them in formats of C#.
 */
#ifndef TP_TIMES_H
#define TP_TIMES_H

#include "utils/timestamp.h"

/* read_times.c */
extern bool time_read(const char *text, Timestamp *time);
extern bool time_is_sane(Timestamp time);

/* write_times.c */
extern char *time_write(Timestamp time, const char *format);

#endif							/* TP_TIMES_H */
