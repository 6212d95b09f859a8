/*
 * expression_functions.c
 *	  The functions for collections, and the list of all functions.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "template/eval.h"

/* ----------
 * Collections
 * ----------
 */

static bool
count(PARAMETERS)
{
	if (value_is_string(arguments[0]))
		return string_length(evaluation, call, substitute, arguments, result);
	*result = value_number(value_count(arguments[0]));
	return true;
}

static bool
empty(PARAMETERS)
{
	JsonbValue *value = arguments[0];

	*result = value_bool(value_is_missing(value) ||
						 (value_is_string(value) ? value->val.string.len == 0 :
						  value_count(value) == 0));
	return true;
}

static bool
exists(PARAMETERS)
{
	*result = value_bool(true);
	return true;
}

/* Of an array, or a character of a string; nothing, if there is none. */
static bool
first(PARAMETERS)
{
	int			bytes;
	const char *text = value_string_bytes(arguments[0], &bytes);

	if (bytes > 0)
		*result = value_string(text, pg_mblen(text));
	else if (value_is_array(arguments[0]))
		*result = value_element(arguments[0], 0);
	return true;
}

static bool
last(PARAMETERS)
{
	int			bytes;
	const char *text = value_string_bytes(arguments[0], &bytes);
	const char *end = text + bytes;

	if (bytes > 0)
	{
		while (text + pg_mblen(text) < end)
			text += pg_mblen(text);
		*result = value_string(text, end - text);
	}
	else if (value_is_array(arguments[0]))
		*result = value_element(arguments[0], value_count(arguments[0]) - 1);
	return true;
}

static bool
array_contains(const JsonbValue *array, const JsonbValue *wanted)
{
	int			i;

	for (i = 0; i < value_count(array); i++)
		if (value_equals(value_element(array, i), wanted))
			return true;
	return false;
}

/* False, if it cannot be told. */
static bool
contains(PARAMETERS)
{
	JsonbValue *container;
	JsonbValue *wanted;
	bool		found = false;

	if (expression_evaluate(evaluation, call->arguments[0], substitute,
							&container) &&
		expression_evaluate(evaluation, call->arguments[1], substitute,
							&wanted))
	{
		if (value_is_string(container) && value_is_string(wanted))
			found = strstr(value_text(container), value_text(wanted)) != NULL;
		else if (value_is_array(container))
			found = array_contains(container, wanted);
		else if (value_is_object(container) && value_is_string(wanted))
			found = value_property(container, value_text(wanted)) != NULL;
	}
	*result = value_bool(found);
	return true;
}

static bool
create_array(PARAMETERS)
{
	*result = value_array(arguments, call->count);
	expression_take_room(evaluation, (*result)->val.binary.len);
	return true;
}

#define STRINGS {KIND_STRING, KIND_STRING, KIND_STRING}
#define ANY {KIND_ANY, KIND_ANY, KIND_ANY}

static const Function functions[] = {
	{"concat", NULL, 1, MANY_ARGUMENTS, ANY, KIND_STRING | KIND_ARRAY,
	CALL_EAGER, CHECK_NOTHING, string_concat},
	{"&", "concat", 1, MANY_ARGUMENTS, ANY, KIND_STRING | KIND_ARRAY,
	CALL_EAGER, CHECK_NOTHING, string_concat},
	{"length", NULL, 1, 1, STRINGS, KIND_NUMBER,
	CALL_EAGER, CHECK_STRING, string_length},
	{"toUpper", NULL, 1, 2, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_STRING, string_upper},
	{"toLower", NULL, 1, 2, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_STRING, string_lower},
	{"trim", NULL, 1, 1, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_STRING, string_trim},
	{"startsWith", NULL, 2, 2, STRINGS, KIND_BOOLEAN,
	CALL_EAGER, CHECK_STRING, string_starts_with},
	{"endsWith", NULL, 2, 2, STRINGS, KIND_BOOLEAN,
	CALL_EAGER, CHECK_STRING, string_ends_with},
	{"substring", NULL, 2, 3, {KIND_STRING, KIND_NUMBER, KIND_NUMBER},
	KIND_STRING, CALL_EAGER, CHECK_NOTHING, string_substring},
	{"replace", NULL, 3, 3, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_STRING, string_replace},
	{"join", NULL, 2, 3, {KIND_ARRAY, KIND_STRING, KIND_STRING},
	KIND_STRING, CALL_EAGER, CHECK_NOTHING, string_join},
	{"count", NULL, 1, 1, {KIND_STRING | KIND_ARRAY, KIND_ANY, KIND_ANY},
	KIND_NUMBER, CALL_EAGER, CHECK_CONTAINER, count},
	{"empty", NULL, 1, 1, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_CONTAINER_OR_NULL, empty},
	{"exists", NULL, 1, 1, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_PRESENT, exists},
	{"first", NULL, 1, 1, ANY, KIND_ANY, CALL_EAGER, CHECK_NOTHING, first},
	{"last", NULL, 1, 1, ANY, KIND_ANY, CALL_EAGER, CHECK_NOTHING, last},
	{"contains", NULL, 2, 2, ANY, KIND_BOOLEAN,
	CALL_LAZY, CHECK_NOTHING, contains},
	{"createArray", NULL, 0, MANY_ARGUMENTS, ANY, KIND_ARRAY,
	CALL_EAGER, CHECK_NOTHING, create_array},
	{"string", NULL, 1, 2, {KIND_ANY, KIND_STRING, KIND_STRING}, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, convert_to_string},
	{"int", NULL, 1, 1, ANY, KIND_NUMBER,
	CALL_EAGER, CHECK_NOTHING, convert_to_int},
	{"float", NULL, 1, 1, ANY, KIND_NUMBER,
	CALL_EAGER, CHECK_NOTHING, convert_to_float},
	{"bool", NULL, 1, 1, ANY, KIND_BOOLEAN,
	CALL_COMPARISON, CHECK_NOTHING, convert_to_bool},
	{"json", NULL, 1, 1, STRINGS, KIND_ANY,
	CALL_EAGER, CHECK_NOTHING, convert_from_json},
	{"formatNumber", NULL, 2, 3, {KIND_NUMBER, KIND_NUMBER, KIND_STRING},
	KIND_STRING, CALL_EAGER, CHECK_NOTHING, format_number},
	{"formatDateTime", NULL, 1, 3, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, format_date_time},
};

/* ----------
 * Finding them
 * ----------
 */

const Function *
function_find(const char *name)
{
	int			i;

	for (i = 0; i < lengthof(functions); i++)
		if (strcmp(functions[i].name, name) == 0)
			return &functions[i];
	for (i = 0; i < operator_count; i++)
		if (strcmp(operators[i].name, name) == 0)
			return &operators[i];
	return NULL;
}

bool
function_is_concat(const Expression *expression)
{
	return expression->type == EXPRESSION_CALL &&
		expression->function->body == string_concat;
}

static void
append_name(StringInfo names, const char *name)
{
	if (isalpha((unsigned char) name[0]))
		appendStringInfo(names, "%s%s", names->len > 0 ? ", " : "", name);
}

char *
function_names(void)
{
	StringInfoData names;
	int			i;

	initStringInfo(&names);
	for (i = 0; i < operator_count; i++)
		append_name(&names, operators[i].name);
	for (i = 0; i < lengthof(functions); i++)
		append_name(&names, functions[i].name);
	return names.data;
}
