/*
 * lines.h
 *	  Lines of text for a terminal.
 */
#ifndef SIM_LINES_H
#define SIM_LINES_H

#include "base/memory.h"

#include <stdbool.h>
#include <stdio.h>

/* What begins and ends bold text in a line; it takes no room. */
#define SIM_BOLD '\001'
#define SIM_PLAIN '\002'

extern size_t sim_width(const char *text);
extern void sim_wrap(SimList *lines, const char *text, size_t width);
extern void sim_pad(char **line, size_t width);
extern void sim_print_line(FILE *out, const char *line, bool styled);

#endif							/* SIM_LINES_H */
