/*
 * collections.c
 *	  The functions for arrays and objects; to some of them a string is a
 *	  collection, too.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"

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

/* ----------
 * Places
 * ----------
 */

/* Where an array has the element; the last one, or the first.  -1: nowhere. */
static int
find_element(const JsonbValue *array, const JsonbValue *wanted, bool last)
{
	int			found = -1;
	int			i;

	for (i = 0; i < value_count(array) && (last || found < 0); i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (value_equals(value_element(array, i), wanted))
			found = i;
	}
	return found;
}

/* Where a text has the part, in units of UTF-16, likewise. */
static int
find_part(Call *call, const char *text, const char *part, bool last)
{
	const char *found = strstr(text, part);
	const char *next;

	if (found == NULL)
		return -1;
	if (last && part[0] == '\0')
		return value_string_units(text, strlen(text)) - 1;
	while (last && (next = strstr(found + pg_mblen(found), part)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		eval_take_work(call->evaluation, strlen(part));
		found = next;
	}
	return value_string_units(text, found - text);
}

/* Of an array or string; a string that is missing is empty. */
static JsonbValue *
find_place(Call *call, bool last)
{
	JsonbValue *value = call->values[0];
	JsonbValue *wanted = call->values[1];

	if (value_is_array(value))
		return value_number(find_element(value, wanted, last));
	if (!value_is_missing(value) && !value_is_string(value))
		return eval_fail(call->evaluation, "%s is not a string or array.",
						 call_argument_text(call, 0));
	if (wanted != NULL && !value_is_string(wanted))
		return eval_fail(call->evaluation, "%s is not a string.",
						 call_argument_text(call, 1));
	return value_number(find_part(call,
								  value == NULL ? "" : value_text(value),
								  wanted == NULL ? "" : value_text(wanted),
								  last));
}

/* indexOf(array or string, element or part): from 0; -1 if it is nowhere. */
static JsonbValue *
collection_index_of(Call *call)
{
	return find_place(call, false);
}

/* lastIndexOf(array or string, element or part) */
static JsonbValue *
collection_last_index_of(Call *call)
{
	return find_place(call, true);
}

/* ----------
 * Parts of arrays
 * ----------
 */

/* The elements from one on, up to but without another one. */
static JsonbValue *
slice_array(Call *call, int start, int end)
{
	JsonbValue **elements = value_elements(call->values[0]);
	JsonbValue *slice = value_array(elements + start, Max(end - start, 0));

	eval_take_room(call->evaluation, value_bytes(slice));
	return slice;
}

/* An argument that must be an integer, within limits; false if it is not. */
static bool
place_argument(Call *call, int argument, int limit, int *place)
{
	JsonbValue *value = call->values[argument];

	if (!value_is_integer(value))
	{
		(void) eval_fail(call->evaluation, "%s is not an integer.",
						 call_argument_text(call, argument));
		return false;
	}
	*place = Max(Min(value_double(value), limit), 0);
	return true;
}

/* skip(array, count): without so many at the beginning. */
static JsonbValue *
collection_skip(Call *call)
{
	int			count = value_count(call->values[0]);
	int			start;

	if (!place_argument(call, 1, count, &start))
		return NULL;
	return slice_array(call, start, count);
}

/* take(array or string, count): so many at the beginning. */
static JsonbValue *
collection_take(Call *call)
{
	int			bytes;
	const char *text = value_string_bytes(call->values[0], &bytes);
	int			end;

	if (value_is_string(call->values[0]))
	{
		if (!place_argument(call, 1, bytes, &end))
			return NULL;
		return call_string(call, text, value_string_offset(text, bytes, end));
	}
	if (!value_is_array(call->values[0]))
		return eval_fail(call->evaluation, "%s is not an array or string.",
						 call_argument_text(call, 0));
	if (!place_argument(call, 1, value_count(call->values[0]), &end))
		return NULL;
	return slice_array(call, 0, end);
}

/* subArray(array, start, end), or to the end; fails beyond the array. */
static JsonbValue *
collection_sub_array(Call *call)
{
	int			count = value_count(call->values[0]);
	int			places[3] = {0, 0, count};
	int			i;

	for (i = 1; i < call->count; i++)
	{
		if (!place_argument(call, i, count, &places[i]))
			return NULL;
		if (value_double(call->values[i]) != places[i])
			return eval_fail(call->evaluation, "%s is out of range.",
							 call_argument_text(call, i));
	}
	return slice_array(call, places[1], places[2]);
}

/* The characters of a string, the last one first. */
static JsonbValue *
reverse_string(Call *call)
{
	int			bytes;
	const char *text = value_string_bytes(call->values[0], &bytes);
	char	   *reversed = palloc(bytes + 1);
	char	   *to = reversed + bytes;
	int			length;

	for (; to > reversed; text += length)
	{
		length = pg_mblen(text);
		to -= length;
		memcpy(to, text, length);
	}
	return call_string(call, reversed, bytes);
}

/* reverse(array or string) */
static JsonbValue *
collection_reverse(Call *call)
{
	JsonbValue *array = call->values[0];
	JsonbValue **elements;
	int			count;
	int			i;

	if (value_is_string(array))
		return reverse_string(call);
	if (!value_is_array(array))
		return eval_fail(call->evaluation, "%s is not a string or array.",
						 call_argument_text(call, 0));
	eval_take_room(call->evaluation, value_bytes(array));
	count = value_count(array);
	elements = palloc((count + 1) * sizeof(JsonbValue *));
	for (i = 0; i < count; i++)
		elements[i] = value_element(array, count - 1 - i);
	return value_array(elements, count);
}

/* ----------
 * Arrays that are made
 * ----------
 */

/* range(start, count): so many integers, one after another. */
static JsonbValue *
collection_range(Call *call)
{
	double		start = value_double(call->values[0]);
	double		count = value_double(call->values[1]);
	JsonbValue **elements;
	int			i;

	if (count <= 0)
		return eval_fail(call->evaluation, "%s is not positive.",
						 call_argument_text(call, 1));
	eval_take_room(call->evaluation,
				   sizeof(JsonbValue) * (int64) Min(count, PG_INT32_MAX));
	elements = palloc(count * sizeof(JsonbValue *));
	for (i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		elements[i] = value_number(start + i);
	}
	return value_array(elements, count);
}

/* The elements of an array, and those of its arrays, so many levels deep. */
static List *
append_flat(Call *call, List *elements, const JsonbValue *array, double depth)
{
	int			i;

	check_stack_depth();
	for (i = 0; i < value_count(array); i++)
	{
		JsonbValue *element = value_element(array, i);

		CHECK_FOR_INTERRUPTS();
		if (value_is_array(element) && depth >= 1)
		{
			elements = append_flat(call, elements, element, depth - 1);
			continue;
		}
		eval_take_room(call->evaluation,
					   sizeof(JsonbValue) + value_bytes(element));
		elements = lappend(elements, element);
	}
	return elements;
}

/* The array of a list of values. */
static JsonbValue *
list_array(const List *list)
{
	JsonbValue **elements = palloc((list_length(list) + 1) *
								   sizeof(JsonbValue *));
	int			count = 0;
	ListCell   *cell;

	foreach(cell, list)
		elements[count++] = lfirst(cell);
	return value_array(elements, count);
}

/* flatten(array, depth): with the elements of arrays in it, as deep. */
static JsonbValue *
collection_flatten(Call *call)
{
	double		depth = 100;

	if (call->count > 1)
		depth = value_is_number(call->values[1]) ?
			Max(value_double(call->values[1]), 1) : 1;
	return list_array(append_flat(call, NIL, call->values[0], depth));
}

/* indicesAndValues(array or object): an object for each, that tells both. */
static JsonbValue *
collection_indices_and_values(Call *call)
{
	JsonbValue *collection = call->values[0];
	JsonbValue *names[] = {value_string("index", 5), value_string("value", 5)};
	JsonbValue *pair[2];
	JsonbValue **keys = NULL;
	JsonbValue **values;
	int			count;
	int			i;

	if (value_is_object(collection))
		count = value_members(collection, &keys, &values);
	else if (value_is_array(collection))
	{
		count = value_count(collection);
		values = value_elements(collection);
	}
	else
		return eval_fail(call->evaluation, "%s is not an array or object.",
						 call_argument_text(call, 0));
	for (i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		pair[0] = keys == NULL ? value_number(i) : keys[i];
		pair[1] = values[i];
		values[i] = value_object(names, pair, 2);
		eval_take_room(call->evaluation, value_bytes(values[i]));
	}
	return value_array(values, count);
}

const Function collection_functions[] = {
	{"createArray", NULL, 0, MANY_ARGUMENTS, ANY, KIND_ARRAY,
	CALL_EAGER, CHECK_NOTHING, collection_create_array},
	{"count", NULL, 1, 1, {KIND_STRING | KIND_ARRAY | KIND_OBJECT, KIND_ANY,
	KIND_ANY}, KIND_NUMBER, CALL_EAGER, CHECK_CONTAINER, collection_count},
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
	{"indexOf", NULL, 2, 2, {KIND_STRING | KIND_ARRAY, KIND_ANY, KIND_ANY},
	KIND_NUMBER, CALL_EAGER, CHECK_NOTHING, collection_index_of},
	{"lastIndexOf", NULL, 2, 2, {KIND_STRING | KIND_ARRAY, KIND_ANY, KIND_ANY},
	KIND_NUMBER, CALL_EAGER, CHECK_NOTHING, collection_last_index_of},
	{"skip", NULL, 2, 2, {KIND_ARRAY, KIND_NUMBER, KIND_NUMBER}, KIND_ARRAY,
	CALL_EAGER, CHECK_FIRST_ARRAY, collection_skip},
	{"take", NULL, 2, 2, {KIND_STRING | KIND_ARRAY, KIND_NUMBER, KIND_NUMBER},
	KIND_STRING | KIND_ARRAY, CALL_EAGER, CHECK_NOTHING, collection_take},
	{"subArray", NULL, 2, 3, {KIND_ARRAY, KIND_NUMBER, KIND_NUMBER},
	KIND_ARRAY, CALL_EAGER, CHECK_FIRST_ARRAY, collection_sub_array},
	{"reverse", NULL, 1, 1, {KIND_STRING | KIND_ARRAY, KIND_ANY, KIND_ANY},
	KIND_STRING | KIND_ARRAY, CALL_EAGER, CHECK_NOTHING, collection_reverse},
	{"range", NULL, 2, 2, NUMBERS, KIND_ARRAY,
	CALL_EAGER, CHECK_INTEGER, collection_range},
	{"flatten", NULL, 1, 2, {KIND_ARRAY, KIND_NUMBER, KIND_NUMBER}, KIND_ARRAY,
	CALL_EAGER, CHECK_FIRST_ARRAY, collection_flatten},
	{"indicesAndValues", NULL, 1, 1, {KIND_ARRAY | KIND_OBJECT, KIND_ANY,
	KIND_ANY}, KIND_ARRAY, CALL_EAGER, CHECK_NOTHING,
	collection_indices_and_values},
	{NULL, NULL, 0, 0, ANY, 0, CALL_EAGER, CHECK_NOTHING, NULL},
};
