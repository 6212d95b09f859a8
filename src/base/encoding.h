/*
 * encoding.h
 *	  Between the database's encoding and UTF-8, without errors.
 */
#ifndef TP_ENCODING_H
#define TP_ENCODING_H

/*
 * A text of the database as UTF-8: palloc'd, or the text itself.  What has no
 * UTF-8, as some byte of an SQL_ASCII database may, becomes a question mark,
 * and then *exact is set to false; else it is left as it is.
 */
extern const char *encoding_to_utf8(const char *text, bool *exact);

/* The same the other way round. */
extern const char *encoding_from_utf8(const char *utf8, bool *exact);

/* Can all of a text of the database be written as UTF-8? */
extern bool encoding_has_utf8(const char *text);

#endif							/* TP_ENCODING_H */
