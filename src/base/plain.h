/*
 * plain.h
 *	  What a formatted text reads like where nothing can be formatted.
 */
#ifndef TP_PLAIN_H
#define TP_PLAIN_H

/* Characters that a notification shows. */
#define PLAIN_MAX 150

extern char *plain_markdown(const char *text);
extern char *plain_html(const char *text);
extern char *plain_line(const char *text);

#endif							/* TP_PLAIN_H */
