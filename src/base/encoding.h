/*
 * encoding.h
 *	  Between the database's encoding and UTF-8, without errors.
 */
#ifndef TP_ENCODING_H
#define TP_ENCODING_H

extern const char *encoding_to_utf8(const char *text, bool *exact);
extern const char *encoding_from_utf8(const char *utf8, bool *exact);
extern bool encoding_has_utf8(const char *text);

#endif							/* TP_ENCODING_H */
