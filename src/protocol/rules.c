/*
 * rules.c
 *	  What a message may have in it, whichever way it comes.
 *
 * The functions, the triggers on the outbox and what makes messages of
 * broadcasts judge by the same rules, so that nothing gets in that whoever
 * reads it later cannot bear: it would not be the one who wrote it that has
 * to.
 *
 * All take texts in the database's encoding, and return what is wrong as a
 * sentence for errdetail, palloc'd or static; NULL if nothing is.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "utils/builtins.h"

#include "base/encoding.h"
#include "base/json.h"
#include "base/trust.h"
#include "protocol/connector.h"
#include "protocol/rules.h"

StaticAssertDecl(RULES_MAX_STORED >= 2 * CONNECTOR_MAX_ACTIVITY_SIZE,
				 "rules.h says how they go together");

#define NO_UTF8 "It has bytes that cannot be written as UTF-8, in which messages are sent."

/* The text as UTF-8; NULL if it has none. */
static const char *
as_utf8(const char *text)
{
	bool		exact = true;
	const char *utf8 = encoding_to_utf8(text, &exact);

	return exact ? utf8 : NULL;
}

#define STORED_TOO_LARGE \
	psprintf("It has more than %d bytes; Teams accepts %d as UTF-16, without images.", \
			 RULES_MAX_STORED, CONNECTOR_MAX_ACTIVITY_SIZE)

/*
 * Would the service take the activity (contract 8), and whoever reads it here?
 * *size says whether its size is what is wrong, or soon will be.
 */
const char *
rules_activity_problem(const char *activity, RulesSize *size)
{
	const char *utf8 = as_utf8(activity);
	size_t		bytes;

	*size = RULES_SIZE_GOOD;
	if (utf8 == NULL)
		return NO_UTF8;
	bytes = connector_activity_size(utf8);
	if (bytes > CONNECTOR_MAX_ACTIVITY_SIZE)
	{
		*size = RULES_SIZE_TOO_LARGE;
		return psprintf("Its activity has %zu bytes as UTF-16%s; Teams accepts %d.",
						bytes, connector_images_size(utf8) > 0 ?
						" without its images" : "",
						CONNECTOR_MAX_ACTIVITY_SIZE);
	}
	if (strlen(activity) + VARHDRSZ > RULES_MAX_STORED)
	{
		*size = RULES_SIZE_TOO_LARGE;
		return STORED_TOO_LARGE;
	}
	if (bytes > CONNECTOR_GOOD_ACTIVITY_SIZE)
		*size = RULES_SIZE_LARGE;
	return json_storage_problem(utf8);
}

/* The same for a datum of type json, of which no more is read than needed. */
const char *
rules_json_problem(Datum activity)
{
	RulesSize	size;

	if (toast_raw_datum_size(activity) > RULES_MAX_STORED)
		return STORED_TOO_LARGE;
	return rules_activity_problem(TextDatumGetCString(activity), &size);
}

/* Can it be the id of a person: an object id, or a user principal name? */
const char *
rules_user_id_problem(const char *user_id)
{
	const char *utf8 = as_utf8(user_id);

	return utf8 == NULL ? NO_UTF8 : trust_user_id_problem(utf8);
}

/* Can it be an id that only the service understands, as that of a chat? */
const char *
rules_opaque_id_problem(const char *id)
{
	const char *utf8 = as_utf8(id);

	if (utf8 == NULL)
		return NO_UTF8;
	if (strlen(utf8) > TRUST_MAX_ID)
		return psprintf("It is longer than %d bytes.", TRUST_MAX_ID);
	return trust_is_opaque_id(utf8) ? NULL : "It has characters that no id has.";
}

/* Can it be a target of a row with that scope, as targets are stored? */
const char *
rules_target_problem(Scope scope, const char *target)
{
	const char *utf8 = as_utf8(target);

	if (utf8 == NULL)
		return NO_UTF8;
	if (strlen(utf8) > trust_longest_target(scope))
		return psprintf("It is longer than %zu bytes.",
						trust_longest_target(scope));
	if (!trust_is_target(scope, utf8))
		return "It is not an id as it is stored: not empty, without slashes, backslashes and control characters, and for users and teams in lower case.";
	return NULL;
}
