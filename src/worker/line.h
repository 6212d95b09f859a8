/*
 * line.h
 *	  The line to each host: is it there, and if not, when to try it again.
 */
#ifndef TP_LINE_H
#define TP_LINE_H

#include "utils/timestamp.h"

#include "http/http.h"

/* All lines are good; what is known of them is kept in the context. */
extern void line_open(MemoryContext context);

/*
 * May a request to that URL start now?  Always, unless its host cannot be
 * reached: then one at a time may, as a trial, ever more rarely.
 */
extern bool line_is_free(const char *url);

/* The same; a trial is then the caller's, until it starts or gives up. */
extern bool line_reserve(const char *url);
extern void line_give_up(void);

/* http_start(), and the line is judged by what becomes of the request. */
extern void line_start(const HttpRequest *request);

/*
 * Can more hosts be remembered that cannot be reached?  If not, each request to
 * another one finds out for itself.
 */
extern bool line_has_room(void);

/* Why the URL's host cannot be reached, or NULL. */
extern const char *line_problem(const char *url);

/* When the URL's host may be tried again; 0: at any time. */
extern TimestampTz line_not_before(const char *url);

/* When the first of those that cannot be reached may be tried again, or 0. */
extern TimestampTz line_next(void);

/* Do not wait any longer for what has failed. */
extern void line_try_again(void);

#endif							/* TP_LINE_H */
