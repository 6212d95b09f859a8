/*
 * expression_strings.c
 *	  The functions for strings.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "utils/formatting.h"

#include "template/eval.h"

static JsonbValue *
new_string(Evaluation *evaluation, const char *text, int length)
{
	expression_take_room(evaluation, length);
	return value_string(text, length);
}

static void
append_plain(StringInfo out, const JsonbValue *value)
{
	if (value != NULL && value->type == jbvBinary)
		value_append_json(out, value);
	else if (!value_is_missing(value))
		value_append_text(out, value);
}

static JsonbValue *
join_arrays(JsonbValue *a, JsonbValue *b)
{
	int			count = value_count(a) + value_count(b);
	JsonbValue **elements = palloc(Max(count, 1) * sizeof(JsonbValue *));
	int			i;

	for (i = 0; i < value_count(a); i++)
		elements[i] = value_element(a, i);
	for (; i < count; i++)
		elements[i] = value_element(b, i - value_count(a));
	return value_array(elements, count);
}

bool
string_concat(PARAMETERS)
{
	JsonbValue *sum = arguments[0];
	int			i;

	for (i = 1; i < call->count; i++)
	{
		JsonbValue *next = arguments[i];
		StringInfoData text;

		if (value_is_missing(sum) && value_is_missing(next))
			sum = NULL;
		else if (value_is_missing(sum) && value_is_array(next))
			sum = next;
		else if (value_is_array(sum) && value_is_array(next))
		{
			expression_take_room(evaluation, sum->val.binary.len +
								 next->val.binary.len);
			sum = join_arrays(sum, next);
		}
		else if (!value_is_missing(next) || !value_is_array(sum))
		{
			initStringInfo(&text);
			append_plain(&text, sum);
			append_plain(&text, next);
			sum = new_string(evaluation, text.data, text.len);
		}
	}
	*result = sum;
	return true;
}

bool
string_length(PARAMETERS)
{
	int			bytes;
	const char *text = value_string_bytes(arguments[0], &bytes);

	*result = value_number(value_string_units(text, bytes));
	return true;
}

static char *
separator(const Expression *call, JsonbValue **arguments, int number)
{
	if (number >= call->count || arguments[number] == NULL)
		return ",";
	return value_text(arguments[number]);
}

bool
string_join(PARAMETERS)
{
	StringInfoData text;
	int			count;
	int			i;

	if (!value_is_array(arguments[0]))
		return expression_fail(evaluation, "%s is not an array.",
							   expression_text(call->arguments[0]));
	count = value_count(arguments[0]);
	initStringInfo(&text);
	for (i = 0; i < count; i++)
	{
		JsonbValue *element = value_element(arguments[0], i);
		int			start = text.len;
		bool		last = i == count - 1 && call->count == 3;

		CHECK_FOR_INTERRUPTS();
		if (i > 0)
			appendStringInfoString(&text, separator(call, arguments,
													last ? 2 : 1));
		if (!value_is_missing(element))
			value_append_text(&text, element);
		expression_take_room(evaluation, text.len - start);
	}
	*result = value_string(text.data, text.len);
	return true;
}

/* All of Unicode, whatever the database's own collation knows. */
static Oid
case_collation(void)
{
	List	   *name = list_make2(makeString("pg_catalog"),
								  makeString("und-x-icu"));
	Oid			collation = get_collation_oid(name, true);

	return OidIsValid(collation) ? collation : DEFAULT_COLLATION_OID;
}

bool
string_upper(PARAMETERS)
{
	int			bytes;
	const char *text = value_string_bytes(arguments[0], &bytes);
	char	   *upper = str_toupper(text, bytes, case_collation());

	*result = new_string(evaluation, upper, strlen(upper));
	return true;
}

bool
string_lower(PARAMETERS)
{
	int			bytes;
	const char *text = value_string_bytes(arguments[0], &bytes);
	char	   *lower = str_tolower(text, bytes, case_collation());

	*result = new_string(evaluation, lower, strlen(lower));
	return true;
}

bool
string_trim(PARAMETERS)
{
	int			bytes;
	const char *text = value_string_bytes(arguments[0], &bytes);

	while (bytes > 0 && strchr(" \t\r\n\f\v", text[bytes - 1]) != NULL)
		bytes--;
	while (bytes > 0 && strchr(" \t\r\n\f\v", *text) != NULL)
	{
		text++;
		bytes--;
	}
	*result = new_string(evaluation, text, bytes);
	return true;
}

bool
string_starts_with(PARAMETERS)
{
	int			bytes;
	int			wanted_bytes;
	const char *text = value_string_bytes(arguments[0], &bytes);
	const char *wanted = value_string_bytes(arguments[1], &wanted_bytes);

	*result = value_bool(wanted_bytes <= bytes &&
						 memcmp(text, wanted, wanted_bytes) == 0);
	return true;
}

bool
string_ends_with(PARAMETERS)
{
	int			bytes;
	int			wanted_bytes;
	const char *text = value_string_bytes(arguments[0], &bytes);
	const char *wanted = value_string_bytes(arguments[1], &wanted_bytes);

	*result = value_bool(wanted_bytes <= bytes &&
						 memcmp(text + bytes - wanted_bytes, wanted,
								wanted_bytes) == 0);
	return true;
}

/* Is it an integer from zero on, and up to a limit? */
static bool
check_position(Evaluation *evaluation, const Expression *argument,
			   const JsonbValue *value, int limit)
{
	if (!value_is_integer(value))
		return expression_fail(evaluation, "%s is not an integer.",
							   expression_text(argument));
	if (value_double(value) < 0 || value_double(value) > limit)
		return expression_fail(evaluation, "%s is out of range.",
							   expression_text(argument));
	return true;
}

bool
string_substring(PARAMETERS)
{
	int			bytes;
	const char *text = value_string_bytes(arguments[0], &bytes);
	int			units = value_string_units(text, bytes);
	int			start;
	int			end = units;
	int			offset;

	if (arguments[0] != NULL && !value_is_string(arguments[0]))
		return expression_fail(evaluation, "%s is not a string.",
							   expression_text(call->arguments[0]));
	if (arguments[0] == NULL)
	{
		*result = value_string("", 0);
		return true;
	}
	if (!check_position(evaluation, call->arguments[1], arguments[1], units))
		return false;
	start = value_double(arguments[1]);
	if (call->count > 2)
	{
		if (!check_position(evaluation, call->arguments[2], arguments[2],
							units - start))
			return false;
		end = start + value_double(arguments[2]);
	}
	offset = value_string_offset(text, bytes, start);
	*result = new_string(evaluation, text + offset,
						 value_string_offset(text, bytes, end) - offset);
	return true;
}

bool
string_replace(PARAMETERS)
{
	int			bytes;
	int			old_bytes;
	int			new_bytes;
	const char *text = value_string_bytes(arguments[0], &bytes);
	const char *old = value_string_bytes(arguments[1], &old_bytes);
	const char *new = value_string_bytes(arguments[2], &new_bytes);
	const char *end = text + bytes;
	StringInfoData out;

	if (old_bytes == 0)
		return expression_fail(evaluation, "There is nothing to replace: %s is empty.",
							   expression_text(call->arguments[1]));
	initStringInfo(&out);
	while (text < end)
	{
		CHECK_FOR_INTERRUPTS();
		if (end - text >= old_bytes && memcmp(text, old, old_bytes) == 0)
		{
			expression_take_room(evaluation, new_bytes);
			appendBinaryStringInfo(&out, new, new_bytes);
			text += old_bytes;
		}
		else
			appendStringInfoChar(&out, *text++);
	}
	*result = new_string(evaluation, out.data, out.len);
	return true;
}
