/*
 * line.h
 *	  The line to each host: is it there, and if not, when to try it again.
 */
#ifndef TP_LINE_H
#define TP_LINE_H

#include "utils/timestamp.h"

#include "http/http.h"

extern void line_open(MemoryContext context);

/* May a request start now? */
extern bool line_is_free(const char *url);
extern bool line_reserve(const char *url);
extern void line_give_up(void);
extern void line_start(const HttpRequest *request);

/* What is known of hosts. */
extern bool line_has_room(void);
extern const char *line_problem(const char *url);
extern const char *line_hint(const char *url);
extern TimestampTz line_not_before(const char *url);
extern TimestampTz line_next(void);
extern void line_try_again(void);

#endif							/* TP_LINE_H */
