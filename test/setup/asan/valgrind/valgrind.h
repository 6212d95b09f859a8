/*
 * valgrind/valgrind.h
 *	  In the place of valgrind's: nobody watches.  See memcheck.h.
 */
#ifndef ASAN_VALGRIND_H
#define ASAN_VALGRIND_H

#define RUNNING_ON_VALGRIND 0
#define VALGRIND_COUNT_ERRORS 0
#define VALGRIND_PRINTF(...) do {} while (0)

#endif							/* ASAN_VALGRIND_H */
