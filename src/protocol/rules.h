/*
 * rules.h
 *	  What a message may have in it, whichever way it comes.
 */
#ifndef TP_RULES_H
#define TP_RULES_H

#include "base/words.h"

/*
 * Bytes of an activity that is looked at at all: 100 kB as UTF-16 have no more
 * in any encoding, since a character has at most four bytes, and at least two
 * there.
 */
#define RULES_MAX_STORED 204800

extern const char *rules_activity_problem(const char *activity,
										  bool *too_large);
extern const char *rules_json_problem(Datum activity);
extern const char *rules_user_id_problem(const char *user_id);
extern const char *rules_opaque_id_problem(const char *id);
extern const char *rules_target_problem(Scope scope, const char *target);

#endif							/* TP_RULES_H */
