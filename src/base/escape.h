/*
 * escape.h
 *	  What people have typed, as it reads in a formatted text.
 */
#ifndef TP_ESCAPE_H
#define TP_ESCAPE_H

extern char *escape_markdown(const char *text);
extern char *escape_html(const char *text);

#endif							/* TP_ESCAPE_H */
