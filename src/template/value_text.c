/*
 * value_text.c
 *	  Values as text, as JavaScript writes them, and as JSON.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "template/value.h"

/* ----------
 * Numbers
 * ----------
 */

/*
 * The digits of a number without sign, point and zeros at the ends, and where
 * the point is: the number is 0.DIGITS times ten to the power of "point".
 */
static int
number_digits(double number, char *digits, int *point)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];
	const char *c;
	int			count = 0;
	bool		after_point = false;

	*point = 0;
	double_to_shortest_decimal_buf(fabs(number), text);
	for (c = text; *c != '\0' && *c != 'e'; c++)
	{
		if (*c == '.')
			after_point = true;
		else if (count > 0 || *c != '0')
		{
			digits[count++] = *c;
			*point += !after_point;
		}
		else if (after_point)
			(*point)--;
	}
	if (*c == 'e')
		*point += atoi(c + 1);
	while (count > 0 && digits[count - 1] == '0')
		count--;
	return count;
}

/* ECMAScript, Number::toString */
char *
value_number_text(double number)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];
	int			point;
	int			count = number_digits(number, digits, &point);
	StringInfoData text;

	initStringInfo(&text);
	if (count == 0)
		appendStringInfoChar(&text, '0');
	else if (number < 0)
		appendStringInfoChar(&text, '-');

	if (count > 0 && point >= count && point <= 21)
	{
		appendBinaryStringInfo(&text, digits, count);
		while (count++ < point)
			appendStringInfoChar(&text, '0');
	}
	else if (count > 0 && point > 0 && point <= 21)
		appendStringInfo(&text, "%.*s.%.*s", point, digits, count - point,
						 digits + point);
	else if (count > 0 && point <= 0 && point > -6)
	{
		appendStringInfoString(&text, "0.");
		while (point++ < 0)
			appendStringInfoChar(&text, '0');
		appendBinaryStringInfo(&text, digits, count);
	}
	else if (count > 0)
		appendStringInfo(&text, "%c%s%.*se%+d", digits[0],
						 count > 1 ? "." : "", count - 1, digits + 1,
						 point - 1);
	return text.data;
}

/* As a double would be shown, unless the number has more digits than fit. */
static void
append_number(StringInfo out, const JsonbValue *number)
{
	char	   *text = value_numeric_text(number);
	double		as_double = strtod(text, NULL);
	JsonbValue *rounded = value_number(as_double);
	char	   *end;

	if (rounded != NULL &&
		DatumGetBool(DirectFunctionCall2(numeric_eq,
										 NumericGetDatum(number->val.numeric),
										 NumericGetDatum(rounded->val.numeric))))
	{
		appendStringInfoString(out, value_number_text(as_double));
		return;
	}
	if (strchr(text, '.') != NULL)
	{
		end = text + strlen(text);
		while (end[-1] == '0')
			end--;
		if (end[-1] == '.')
			end--;
		*end = '\0';
	}
	appendStringInfoString(out, text);
}

/* ----------
 * Values
 * ----------
 */

void
value_append_text(StringInfo out, const JsonbValue *value)
{
	int			i;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (value == NULL)
		appendStringInfoString(out, "undefined");
	else if (value->type == jbvNull)
		appendStringInfoString(out, "null");
	else if (value->type == jbvBool)
		appendStringInfoString(out, value->val.boolean ? "true" : "false");
	else if (value->type == jbvNumeric)
		append_number(out, value);
	else if (value->type == jbvString)
		appendBinaryStringInfo(out, value->val.string.val,
							   value->val.string.len);
	else if (value_is_object(value))
		appendStringInfoString(out, "[object Object]");
	else
		for (i = 0; i < value_count(value); i++)
		{
			JsonbValue *element = value_element(value, i);

			if (i > 0)
				appendStringInfoChar(out, ',');
			if (!value_is_missing(element))
				value_append_text(out, element);
		}
}

char *
value_text(const JsonbValue *value)
{
	StringInfoData text;

	initStringInfo(&text);
	value_append_text(&text, value);
	return text.data;
}

static void
append_json_members(StringInfo out, const JsonbValue *container)
{
	JsonbIterator *iterator = JsonbIteratorInit(container->val.binary.data);
	JsonbIteratorToken token;
	JsonbValue	value;
	bool		first = true;

	(void) JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token != WJB_KEY && token != WJB_VALUE && token != WJB_ELEM)
			continue;
		if (token != WJB_VALUE && !first)
			appendStringInfoChar(out, ',');
		value_append_json(out, &value);
		if (token == WJB_KEY)
			appendStringInfoChar(out, ':');
		first = false;
	}
}

void
value_append_json(StringInfo out, const JsonbValue *value)
{
	check_stack_depth();
	if (value_is_string(value))
		escape_json(out, pnstrdup(value->val.string.val,
								  value->val.string.len));
	else if (value != NULL && value->type == jbvBinary)
	{
		bool		array = value_is_array(value);

		appendStringInfoChar(out, array ? '[' : '{');
		append_json_members(out, value);
		appendStringInfoChar(out, array ? ']' : '}');
	}
	else
		value_append_text(out, value == NULL ? value_null() : value);
}

/* ----------
 * Lengths
 * ----------
 */

/* Beyond the basic plane a character takes two units. */
static int
character_units(const char *character)
{
	return pg_mblen(character) > 3 ? 2 : 1;
}

int
value_string_units(const char *text, int length)
{
	const char *end = text + length;
	int			units = 0;

	for (; text < end; text += pg_mblen(text))
		units += character_units(text);
	return units;
}

int
value_string_offset(const char *text, int length, int units)
{
	const char *c = text;

	while (c < text + length && units > 0)
	{
		units -= character_units(c);
		c += pg_mblen(c);
	}
	return c - text;
}
