/*
 * rules.h
 *	  What a message may have in it, whichever way it comes.
 */
#ifndef TP_RULES_H
#define TP_RULES_H

#include "base/words.h"

/*
 * Bytes of an activity that is looked at at all, with its images: the worker
 * holds as many as are on the wire.  Without images, 100 kB as UTF-16 have no
 * more than 200 in any encoding, since a character has at most four bytes, and
 * at least two there.
 */
#define RULES_MAX_STORED (1024 * 1024)

/* Of an activity, as the service counts it. */
typedef enum RulesSize
{
	RULES_SIZE_GOOD,
	RULES_SIZE_LARGE,			/* more than is recommended */
	RULES_SIZE_TOO_LARGE
} RulesSize;

extern const char *rules_activity_problem(const char *activity,
										  RulesSize *size);
extern const char *rules_json_problem(Datum activity);
extern const char *rules_user_id_problem(const char *user_id);
extern const char *rules_opaque_id_problem(const char *id);
extern const char *rules_target_problem(Scope scope, const char *target);

#endif							/* TP_RULES_H */
