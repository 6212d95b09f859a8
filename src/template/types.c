/*
 * types.c
 *	  The functions that tell what a value is.  What is not there, or cannot be
 *	  evaluated, is none of it.
 */
#include "postgres.h"

#include "template/functions.h"
#include "template/times.h"

/* isString(value) */
static JsonbValue *
type_is_string(Call *call)
{
	return value_bool(value_is_string(call->values[0]));
}

/* isInteger(value): a number without a fraction. */
static JsonbValue *
type_is_integer(Call *call)
{
	return value_bool(value_is_integer(call->values[0]));
}

/* isFloat(value): a number with a fraction. */
static JsonbValue *
type_is_float(Call *call)
{
	return value_bool(value_is_number(call->values[0]) &&
					  !value_is_integer(call->values[0]));
}

/* isBoolean(value) */
static JsonbValue *
type_is_boolean(Call *call)
{
	return value_bool(call->values[0] != NULL &&
					  call->values[0]->type == jbvBool);
}

/* isArray(value) */
static JsonbValue *
type_is_array(Call *call)
{
	return value_bool(value_is_array(call->values[0]));
}

/* isObject(value): or an array, which is an object in JavaScript. */
static JsonbValue *
type_is_object(Call *call)
{
	return value_bool(value_is_object(call->values[0]) ||
					  value_is_array(call->values[0]));
}

/* isDateTime(value): a string that the functions for times can read. */
static JsonbValue *
type_is_date_time(Call *call)
{
	Timestamp	time;

	return value_bool(value_is_string(call->values[0]) &&
					  time_read(value_text(call->values[0]), &time));
}

const Function type_functions[] = {
	{"isString", NULL, 1, 1, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_NOTHING, type_is_string},
	{"isInteger", NULL, 1, 1, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_NOTHING, type_is_integer},
	{"isFloat", NULL, 1, 1, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_NOTHING, type_is_float},
	{"isBoolean", NULL, 1, 1, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_NOTHING, type_is_boolean},
	{"isArray", NULL, 1, 1, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_NOTHING, type_is_array},
	{"isObject", NULL, 1, 1, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_NOTHING, type_is_object},
	{"isDateTime", NULL, 1, 1, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_NOTHING, type_is_date_time},
	{NULL, NULL, 0, 0, ANY, 0, CALL_EAGER, CHECK_NOTHING, NULL},
};
