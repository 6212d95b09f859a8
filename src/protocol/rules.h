/*
 * rules.h
 *	  What a message may have in it, whichever way it comes.
 *
 * All take texts in the database's encoding, and return what is wrong as a
 * sentence for errdetail, palloc'd or static; NULL if nothing is.
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

/*
 * Would the service take the activity (contract 8), and whoever reads it here?
 * *too_large is set if that is what is wrong.
 */
extern const char *rules_activity_problem(const char *activity, bool *too_large);

/* The same for a datum of type json, of which no more is read than needed. */
extern const char *rules_json_problem(Datum activity);

/* Can it be the id of a person? */
extern const char *rules_user_id_problem(const char *user_id);

/* Can it be an id that only the service understands? */
extern const char *rules_opaque_id_problem(const char *id);

/* Can it be a target of a row with that scope, as targets are stored? */
extern const char *rules_target_problem(Scope scope, const char *target);

#endif							/* TP_RULES_H */
