/*
 * collections.c
 *	  The functions for arrays and objects; to some of them a string is a
 *	  collection, too.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "template/functions.h"

/* createArray(...), which is what an array in brackets calls, too */
static JsonbValue *
collection_create_array(Call *call)
{
	JsonbValue *array = value_array(call->values, call->count);

	eval_take_room(call->evaluation, value_bytes(array));
	return array;
}

/* count(value): elements, members, or units of a string. */
static JsonbValue *
collection_count(Call *call)
{
	int			bytes;
	const char *text = value_string_bytes(call->values[0], &bytes);

	return value_number(value_is_string(call->values[0]) ?
						value_string_units(text, bytes) :
						value_count(call->values[0]));
}

/* empty(value): null, no characters, no elements or no members. */
static JsonbValue *
collection_empty(Call *call)
{
	JsonbValue *value = call->values[0];

	if (value_is_missing(value))
		return value_bool(true);
	return value_bool(value_is_string(value) ? value_bytes(value) == 0 :
					  value_count(value) == 0);
}

/*
 * first(array or string): an element, or a character; nothing if there is
 * none.
 */
static JsonbValue *
collection_first(Call *call)
{
	int			bytes;
	const char *text = value_string_bytes(call->values[0], &bytes);

	if (bytes > 0)
		return value_string(text, pg_mblen(text));
	return value_is_array(call->values[0]) ?
		value_element(call->values[0], 0) : NULL;
}

/* last(array or string), likewise */
static JsonbValue *
collection_last(Call *call)
{
	int			bytes;
	const char *text = value_string_bytes(call->values[0], &bytes);
	const char *end = text + bytes;

	if (bytes > 0)
	{
		while (text + pg_mblen(text) < end)
			text += pg_mblen(text);
		return value_string(text, end - text);
	}
	return value_is_array(call->values[0]) ?
		value_element(call->values[0], value_count(call->values[0]) - 1) :
		NULL;
}

/* Does one of the elements equal the value? */
static bool
array_contains(const JsonbValue *array, const JsonbValue *wanted)
{
	int			i;

	for (i = 0; i < value_count(array); i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (value_equals(value_element(array, i), wanted))
			return true;
	}
	return false;
}

/*
 * contains(value, wanted): whether an array has the element, an object a
 * member of that name, or a string the part; of others, false.
 */
static JsonbValue *
collection_contains(Call *call)
{
	JsonbValue *value = call->values[0];
	JsonbValue *wanted = call->values[1];

	if (value_is_array(value))
		return value_bool(array_contains(value, wanted));
	if (!value_is_string(wanted))
		return value_bool(false);
	if (value_is_object(value))
		return value_bool(value_property(value, value_text(wanted)) != NULL);
	return value_bool(value_is_string(value) &&
					  strstr(value_text(value), value_text(wanted)) != NULL);
}

/* What stands before an element: a separator that is missing is a comma. */
static const char *
separator_text(Call *call, int argument)
{
	if (argument >= call->count || call->values[argument] == NULL)
		return ",";
	return value_text(call->values[argument]);
}

/* join(array, separator, last separator) */
static JsonbValue *
collection_join(Call *call)
{
	JsonbValue *array = call->values[0];
	const char *separator = separator_text(call, 1);
	const char *last = call->count == 3 ? separator_text(call, 2) : separator;
	StringInfoData text;
	int			i;

	if (!value_is_array(array))
		return eval_fail(call->evaluation, "%s is not an array.",
						 call_argument_text(call, 0));
	initStringInfo(&text);
	for (i = 0; i < value_count(array); i++)
	{
		JsonbValue *element = value_element(array, i);
		int			start = text.len;

		CHECK_FOR_INTERRUPTS();
		if (i > 0)
			appendStringInfoString(&text, i == value_count(array) - 1 ?
								   last : separator);
		if (!value_is_missing(element))
			value_append_text(&text, element);
		eval_take_room(call->evaluation, text.len - start);
	}
	return value_string(text.data, text.len);
}

const Function collection_functions[] = {
	{"createArray", NULL, 0, MANY_ARGUMENTS, ANY, KIND_ARRAY,
	CALL_EAGER, CHECK_NOTHING, collection_create_array},
	{"count", NULL, 1, 1, {KIND_STRING | KIND_ARRAY, KIND_ANY, KIND_ANY},
	KIND_NUMBER, CALL_EAGER, CHECK_CONTAINER, collection_count},
	{"empty", NULL, 1, 1, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_CONTAINER_OR_NULL, collection_empty},
	{"first", NULL, 1, 1, ANY, KIND_ANY,
	CALL_EAGER, CHECK_NOTHING, collection_first},
	{"last", NULL, 1, 1, ANY, KIND_ANY,
	CALL_EAGER, CHECK_NOTHING, collection_last},
	{"contains", NULL, 2, 2, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_NOTHING, collection_contains},
	{"join", NULL, 2, 3, {KIND_ARRAY, KIND_STRING, KIND_STRING}, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, collection_join},
	{NULL, NULL, 0, 0, ANY, 0, CALL_EAGER, CHECK_NOTHING, NULL},
};
