/*
 * inline.h
 *	  Markup within a paragraph.
 */
#ifndef TP_INLINE_H
#define TP_INLINE_H

#include "lib/stringinfo.h"

/* No notification shows more, whatever of it is markup and spaces. */
#define INLINE_ENOUGH 2000

extern void inline_markdown(StringInfo out, const char *text, size_t length);
extern void inline_html(StringInfo out, const char *text, size_t length);

#endif							/* TP_INLINE_H */
