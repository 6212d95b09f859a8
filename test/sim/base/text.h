/*
 * text.h
 *	  Ids, as the services write and compare them.
 */
#ifndef SIM_TEXT_H
#define SIM_TEXT_H

#include <stdbool.h>

/* An id is the key of a table in lower case, in a buffer of this size. */
#define SIM_MAX_KEY 512

extern const char *sim_fold(const char *id, char *key);
extern char *sim_folded_copy(const char *id);
extern bool sim_is_guid(const char *text);
extern char *sim_base64(const char *text);

#endif							/* SIM_TEXT_H */
