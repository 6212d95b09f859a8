/*
 * expression_convert.c
 *	  Conversions: string(), int(), float(), bool(), json().
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/compat.h"
#include "base/json.h"
#include "template/eval.h"

/* Numbers with separators of thousands, and with all of their decimals. */
bool
convert_to_string(PARAMETERS)
{
	JsonbValue *value = arguments[0];
	StringInfoData text;
	const char *point;
	char	   *locale = NULL;
	double		number;

	if (value_is_string(value))
	{
		*result = value;
		return true;
	}
	initStringInfo(&text);
	if (value_is_number(value))
	{
		number = value_double(value);
		if (!isfinite(number))
			return expression_fail(evaluation, "%s is too large.",
								   expression_text(call->arguments[0]));
		if (call->count > 1 && value_is_string(arguments[1]))
			locale = value_text(arguments[1]);
		point = strchr(value_number_text(number), '.');
		appendStringInfoString(&text,
							   format_grouped(number, point == NULL ? 0 :
											  Min(strlen(point + 1), 20),
											  locale));
	}
	else if (!value_is_missing(value))
		value_append_json(&text, value);
	expression_take_room(evaluation, text.len);
	*result = value_string(text.data, text.len);
	return true;
}

static const char *
skip_digits(const char *c)
{
	while (*c >= '0' && *c <= '9')
		c++;
	return c;
}

/* The number at the beginning of a text, ignoring what follows. */
static bool
leading_number(const char *text, bool fraction, double *number)
{
	const char *start = text + strspn(text, " \t\r\n\f\v");
	const char *c = start;
	const char *digits;
	const char *exponent;

	if (*c == '-' || *c == '+')
		c++;
	digits = c;
	c = skip_digits(c);
	if (fraction)
	{
		if (*c == '.' && (c > digits || skip_digits(c + 1) > c + 1))
			c = skip_digits(c + 1);
		if (c > digits && (*c == 'e' || *c == 'E'))
		{
			exponent = c + 1 + (c[1] == '-' || c[1] == '+');
			if (skip_digits(exponent) > exponent)
				c = skip_digits(exponent);
		}
	}
	*number = strtod(pnstrdup(start, c - start), NULL);
	return c > digits;
}

static bool
convert_to_number(Evaluation *evaluation, const Expression *call,
				  JsonbValue *value, bool fraction, JsonbValue **result)
{
	double		number;

	if (value_is_string(value))
	{
		if (!leading_number(value_text(value), fraction, &number) ||
			!isfinite(number))
			return expression_fail(evaluation, "\"%s\" is not a number.",
								   value_text(value));
		*result = value_number(number);
	}
	else if (value_is_number(value))
		*result = fraction ? value : value_number(trunc(value_double(value)));
	return true;
}

bool
convert_to_int(PARAMETERS)
{
	return convert_to_number(evaluation, call, arguments[0], false, result);
}

bool
convert_to_float(PARAMETERS)
{
	return convert_to_number(evaluation, call, arguments[0], true, result);
}

static bool
says_false(const char *text)
{
	for (; *text != '\0'; text++)
		if (pg_strncasecmp(text, "false", 5) == 0)
			return true;
	return false;
}

/* A string that contains "false", in any case, is false. */
bool
convert_to_bool(PARAMETERS)
{
	JsonbValue *value = arguments[0];

	if (value_is_number(value))
		*result = value_bool(value_double(value) != 0);
	else if (value_is_string(value))
		*result = value_bool(!says_false(value_text(value)));
	else
		*result = value_bool(value_is_true(value));
	return true;
}

bool
convert_from_json(PARAMETERS)
{
	const char *problem = "";
	char	   *text;
	char	   *utf8;

	if (!value_is_string(arguments[0]))
		return expression_fail(evaluation, "%s is not a string.",
							   expression_text(call->arguments[0]));
	text = value_text(arguments[0]);
	expression_take_room(evaluation, strlen(text));
	utf8 = pg_server_to_any(text, strlen(text), PG_UTF8);
	if (json_read(utf8, strlen(utf8), &problem) == NULL)
		return expression_fail(evaluation, "%s is not JSON: %s.",
							   expression_text(call->arguments[0]), problem);
	*result = value_from_jsonb(DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
																  CStringGetDatum(text))));
	return true;
}
