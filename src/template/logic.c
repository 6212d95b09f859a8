/*
 * logic.c
 *	  The functions and operators that decide: conditions, comparisons, and
 *	  whether something is there.
 */
#include "postgres.h"

#include "template/functions.h"

/* ----------
 * Conditions
 *
 * An argument that cannot be evaluated is false.  What is not needed is not
 * evaluated.
 * ----------
 */

/* if(condition, then, else): only one of the two is evaluated. */
static JsonbValue *
logic_if(Call *call)
{
	bool		truth = value_is_true(call_try(call, 0));

	return call_evaluate(call, truth ? 1 : 2);
}

/* and(...): whether all count as true. */
static JsonbValue *
logic_and(Call *call)
{
	int			i;

	for (i = 0; i < call->count; i++)
		if (!value_is_true(call_try(call, i)))
			return value_bool(false);
	return value_bool(true);
}

/* or(...): whether one counts as true. */
static JsonbValue *
logic_or(Call *call)
{
	int			i;

	for (i = 0; i < call->count; i++)
		if (value_is_true(call_try(call, i)))
			return value_bool(true);
	return value_bool(false);
}

/* not(value) */
static JsonbValue *
logic_not(Call *call)
{
	return value_bool(!value_is_true(call_try(call, 0)));
}

/* bool(value): what counts as true, but for zero and the word "false". */
static JsonbValue *
logic_bool(Call *call)
{
	JsonbValue *value = call->values[0];

	if (value_is_number(value))
		return value_bool(value_double(value) != 0);
	if (value_is_string(value))
		return value_bool(pg_strcasecmp(value_text(value), "false") != 0);
	return value_bool(value_is_true(value));
}

/* ----------
 * Whether something is there
 * ----------
 */

/* coalesce(...): the first that is there; nothing if none is. */
static JsonbValue *
logic_coalesce(Call *call)
{
	int			i;

	for (i = 0; i < call->count; i++)
		if (!value_is_missing(call->values[i]))
			return call->values[i];
	return NULL;
}

/* exists(value): null does not exist. */
static JsonbValue *
logic_exists(Call *call)
{
	return value_bool(!value_is_missing(call->values[0]));
}

/* ----------
 * Comparisons
 * ----------
 */

/* equals(a, b), of any type; what fails to have a value equals nothing. */
static JsonbValue *
logic_equals(Call *call)
{
	return value_bool(value_equals(call->values[0], call->values[1]));
}

/* a != b, which has no name as a function */
static JsonbValue *
logic_differs(Call *call)
{
	return value_bool(!value_equals(call->values[0], call->values[1]));
}

/*
 * The order of two numbers or two strings, as memcmp() tells it.  Strings are
 * in the order of their bytes, whatever the database's collation is.
 */
static int
compare_values(Call *call)
{
	JsonbValue *a = call->values[0];
	JsonbValue *b = call->values[1];
	int			a_bytes;
	int			b_bytes;
	const char *a_text = value_string_bytes(a, &a_bytes);
	const char *b_text = value_string_bytes(b, &b_bytes);
	int			order;

	if (value_is_number(a) && value_is_number(b))
	{
		double		difference = value_double(a) - value_double(b);

		return difference < 0 ? -1 : difference > 0;
	}
	if (value_is_string(a) && value_is_string(b))
	{
		order = memcmp(a_text, b_text, Min(a_bytes, b_bytes));
		return order != 0 ? order : a_bytes - b_bytes;
	}
	(void) eval_fail(call->evaluation, "%s and %s cannot be compared.",
					 value_text(a), value_text(b));
	return 0;
}

/* less(a, b) */
static JsonbValue *
logic_less(Call *call)
{
	return value_bool(compare_values(call) < 0);
}

/* lessOrEquals(a, b) */
static JsonbValue *
logic_less_or_equals(Call *call)
{
	return value_bool(compare_values(call) <= 0);
}

/* greater(a, b) */
static JsonbValue *
logic_greater(Call *call)
{
	return value_bool(compare_values(call) > 0);
}

/* greaterOrEquals(a, b) */
static JsonbValue *
logic_greater_or_equals(Call *call)
{
	return value_bool(compare_values(call) >= 0);
}

const Function logic_functions[] = {
	{"if", NULL, 3, 3, ANY, KIND_ANY,
	CALL_LAZY, CHECK_NOTHING, logic_if},
	{"and", "&&", 1, MANY_ARGUMENTS, ANY, KIND_BOOLEAN,
	CALL_LAZY, CHECK_NOTHING, logic_and},
	{"or", "||", 1, MANY_ARGUMENTS, ANY, KIND_BOOLEAN,
	CALL_LAZY, CHECK_NOTHING, logic_or},
	{"not", "!", 1, 1, ANY, KIND_BOOLEAN,
	CALL_LAZY, CHECK_NOTHING, logic_not},
	{"bool", NULL, 1, 1, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_NOTHING, logic_bool},
	{"coalesce", "??", 1, MANY_ARGUMENTS, ANY, KIND_ANY,
	CALL_EAGER, CHECK_NOTHING, logic_coalesce},
	{"exists", NULL, 1, 1, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_NOTHING, logic_exists},
	{"equals", "==", 2, 2, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_NOTHING, logic_equals},
	{"!=", NULL, 2, 2, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_NOTHING, logic_differs},
	{"less", "<", 2, 2, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_PRESENT, logic_less},
	{"lessOrEquals", "<=", 2, 2, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_PRESENT, logic_less_or_equals},
	{"greater", ">", 2, 2, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_PRESENT, logic_greater},
	{"greaterOrEquals", ">=", 2, 2, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_PRESENT, logic_greater_or_equals},
	{NULL, NULL, 0, 0, ANY, 0, CALL_EAGER, CHECK_NOTHING, NULL},
};
