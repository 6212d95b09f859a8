/*
 * numbers.c
 *	  The functions and operators for numbers.
 *
 * They calculate in double precision (see value.c); numbers that are only
 * written are written with all digits of the numeric they are.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/numeric.h"

#include "template/functions.h"

/* Decimal places that formatNumber() gives a number at most. */
#define MAX_PLACES 20

/* ----------
 * Arithmetic
 * ----------
 */

/*
 * A result as a value; what is beyond double precision is a failure, since
 * JSON has no infinity.
 */
static JsonbValue *
finite_number(Call *call, double number)
{
	JsonbValue *value = value_number(number);

	return value != NULL ? value :
		eval_fail(call->evaluation, "The result is not a finite number.");
}

/* The sum of two values of which not both are numbers: their texts, joined. */
static JsonbValue *
join_texts(Call *call, const JsonbValue *a, const JsonbValue *b)
{
	StringInfoData text;

	if ((a == NULL && value_is_number(b)) || (b == NULL && value_is_number(a)))
		return eval_fail(call->evaluation,
						 "A number and null cannot be added.");
	initStringInfo(&text);
	if (a != NULL)
		value_append_text(&text, a);
	if (b != NULL)
		value_append_text(&text, b);
	return call_string(call, text.data, text.len);
}

/* add(...): the sum, or the texts joined as soon as one is a string. */
static JsonbValue *
number_add(Call *call)
{
	JsonbValue *sum = call->values[0];
	int			i;

	for (i = 1; i < call->count; i++)
	{
		JsonbValue *next = call->values[i];

		sum = value_is_number(sum) && value_is_number(next) ?
			finite_number(call, value_double(sum) + value_double(next)) :
			join_texts(call, sum, next);
		if (call->evaluation->error != NULL)
			return NULL;
	}
	return sum;
}

/* What an operation makes of all arguments, from left to right. */
static JsonbValue *
calculate(Call *call, double (*operation) (double, double))
{
	double		number = value_double(call->values[0]);
	int			i;

	for (i = 1; i < call->count; i++)
		number = operation(number, value_double(call->values[i]));
	return finite_number(call, number);
}

static double
subtract(double a, double b)
{
	return a - b;
}

/* sub(...) */
static JsonbValue *
number_sub(Call *call)
{
	return calculate(call, subtract);
}

static double
multiply(double a, double b)
{
	return a * b;
}

/* mul(...) */
static JsonbValue *
number_mul(Call *call)
{
	return calculate(call, multiply);
}

/* Division of integers rounds down. */
static double
divide(double a, double b)
{
	bool		integers = floor(a) == a && floor(b) == b;

	return integers ? floor(a / b) : a / b;
}

/* div(...) */
static JsonbValue *
number_div(Call *call)
{
	return calculate(call, divide);
}

/* exp(base, exponent) */
static JsonbValue *
number_exp(Call *call)
{
	return calculate(call, pow);
}

/* mod(a, b), of integers; the sign is that of a */
static JsonbValue *
number_mod(Call *call)
{
	if (value_double(call->values[1]) == 0)
		return eval_fail(call->evaluation, "%s is zero.",
						 call_argument_text(call, 1));
	return calculate(call, fmod);
}

/* ----------
 * Of one number
 * ----------
 */

/* abs(number) */
static JsonbValue *
number_abs(Call *call)
{
	return finite_number(call, fabs(value_double(call->values[0])));
}

/* ceiling(number) */
static JsonbValue *
number_ceiling(Call *call)
{
	return finite_number(call, ceil(value_double(call->values[0])));
}

/* floor(number) */
static JsonbValue *
number_floor(Call *call)
{
	return finite_number(call, floor(value_double(call->values[0])));
}

/* sqrt(number) */
static JsonbValue *
number_sqrt(Call *call)
{
	double		number = value_double(call->values[0]);

	if (number < 0)
		return eval_fail(call->evaluation, "%s is negative.",
						 call_argument_text(call, 0));
	return finite_number(call, sqrt(number));
}

/* round(number, places): what is just in the middle is rounded up. */
static JsonbValue *
number_round(Call *call)
{
	double		number = value_double(call->values[0]);
	double		places = 0;
	double		factor;

	if (call->count > 1)
		places = value_double(call->values[1]);
	if (floor(places) != places || places < 0 || places > 15)
		return eval_fail(call->evaluation,
						 "%s is not an integer between 0 and 15.",
						 call_argument_text(call, 1));
	factor = pow(10, places);
	return finite_number(call, floor(number * factor + 0.5) / factor);
}

/* ----------
 * Of many numbers
 * ----------
 */

/*
 * What an operation makes of all numbers among the arguments, which are
 * numbers or arrays of numbers, and how many there are.  Fails if one is none,
 * as evaluation->error tells.
 */
static double
fold_numbers(Call *call, double start, double (*operation) (double, double),
			 int *count)
{
	double		result = start;
	int			i;
	int			j;

	for (i = 0, *count = 0; i < call->count; i++)
	{
		JsonbValue *value = call->values[i];
		bool		is_array = value_is_array(value);
		int			numbers = is_array ? value_count(value) : 1;

		for (j = 0; j < numbers; j++, (*count)++)
		{
			JsonbValue *number = is_array ? value_element(value, j) : value;

			CHECK_FOR_INTERRUPTS();
			if (!value_is_number(number))
			{
				(void) eval_fail(call->evaluation, is_array ?
								 "%s has an element that is not a number." :
								 "%s is neither a number nor an array.",
								 call_argument_text(call, i));
				return 0;
			}
			result = operation(result, value_double(number));
		}
	}
	return result;
}

static double
sum_of(double a, double b)
{
	return a + b;
}

static double
smaller_of(double a, double b)
{
	return Min(a, b);
}

static double
greater_of(double a, double b)
{
	return Max(a, b);
}

/* What there is none of, if there are no numbers. */
static JsonbValue *
extreme_of(Call *call, double start, double (*operation) (double, double))
{
	int			count;
	double		result = fold_numbers(call, start, operation, &count);

	if (call->evaluation->error == NULL && count == 0)
		return eval_fail(call->evaluation, "%s is empty.",
						 call_argument_text(call, 0));
	return finite_number(call, result);
}

/* min(number or array, ...) */
static JsonbValue *
number_min(Call *call)
{
	return extreme_of(call, get_float8_infinity(), smaller_of);
}

/* max(number or array, ...) */
static JsonbValue *
number_max(Call *call)
{
	return extreme_of(call, -get_float8_infinity(), greater_of);
}

/* sum(array): 0 if it is empty. */
static JsonbValue *
number_sum(Call *call)
{
	int			count;

	return finite_number(call, fold_numbers(call, 0, sum_of, &count));
}

/* average(array) */
static JsonbValue *
number_average(Call *call)
{
	int			count;
	double		sum = fold_numbers(call, 0, sum_of, &count);

	if (call->evaluation->error == NULL && count == 0)
		return eval_fail(call->evaluation, "%s is empty.",
						 call_argument_text(call, 0));
	return finite_number(call, sum / Max(count, 1));
}

/* ----------
 * Conversions
 * ----------
 */

/* float(value): a number, or the one a string says; nothing of others. */
static JsonbValue *
number_float(Call *call)
{
	JsonbValue *value = call->values[0];
	char	   *text;
	char	   *end;
	double		number;

	if (value_is_number(value))
		return value;
	if (!value_is_string(value))
		return NULL;
	text = value_text(value);
	number = strtod(text, &end);
	/* strtod() also knows hexadecimal digits, "inf" and "nan" */
	if (end == text || end[strspn(end, " \t\r\n\f\v")] != '\0' ||
		text[strcspn(text, "xXnN")] != '\0' || !isfinite(number))
		return eval_fail(call->evaluation, "\"%s\" is not a number.", text);
	return value_number(number);
}

/* int(value): the same, without its fraction. */
static JsonbValue *
number_int(Call *call)
{
	JsonbValue *value = number_float(call);

	return value == NULL ? NULL : finite_number(call,
												trunc(value_double(value)));
}

/* ----------
 * Writing them in the way of a locale
 * ----------
 */

typedef struct NumberStyle
{
	const char *locale;			/* a language, or one in a region */
	const char *decimal;
	const char *thousands;
	int			group;			/* digits between separators, but for the
								 * first three */
} NumberStyle;

/* UTF-8 */
#define NO_BREAK_SPACE "\xC2\xA0"

/* A region stands before its language; all others are as English. */
static const NumberStyle styles[] = {
	{"ca", ",", ".", 3},
	{"cs", ",", NO_BREAK_SPACE, 3},
	{"de-CH", ",", "'", 3},
	{"de", ",", ".", 3},
	{"en-IN", ".", ",", 2},
	{"es-MX", ".", ",", 3},
	{"es", ",", ".", 3},
	{"fi", ",", NO_BREAK_SPACE, 3},
	{"fr", ",", NO_BREAK_SPACE, 3},
	{"hu", ",", NO_BREAK_SPACE, 3},
	{"it", ",", ".", 3},
	{"mk", ",", ".", 3},
	{"nl", ",", ".", 3},
	{"pl", ",", ".", 3},
	{"pt", ",", ".", 3},
	{"ru", ",", NO_BREAK_SPACE, 3},
	{"sv", ",", NO_BREAK_SPACE, 3},
	{"uk", ",", NO_BREAK_SPACE, 3},
};

static const NumberStyle english = {"en", ".", ",", 3};

/* A style with signs beyond ASCII is for databases in UTF-8 only. */
static const NumberStyle *
find_style(const char *locale)
{
	size_t		i;

	for (i = 0; i < lengthof(styles); i++)
	{
		const NumberStyle *style = &styles[i];
		size_t		length = strlen(style->locale);

		if (pg_strncasecmp(locale, style->locale, length) == 0 &&
			(locale[length] == '\0' || locale[length] == '-') &&
			(GetDatabaseEncoding() == PG_UTF8 ||
			 !IS_HIGHBIT_SET(style->thousands[0])))
			return style;
	}
	return &english;
}

/* Does a group of digits end before the last so many of an integer? */
static bool
group_ends(const NumberStyle *style, int left)
{
	return left >= 3 && (left - 3) % style->group == 0;
}

/*
 * A number as numeric_out() writes it, with the separators of a locale such as
 * "de" or "de-DE"; NULL is English.
 */
char *
number_with_separators(const char *number, const char *locale)
{
	const NumberStyle *style = locale == NULL ? &english : find_style(locale);
	const char *digits = number + (*number == '-');
	int			left = strcspn(digits, ".");
	StringInfoData out;

	initStringInfo(&out);
	appendBinaryStringInfo(&out, number, digits - number);
	while (left > 0)
	{
		appendStringInfoChar(&out, *digits++);
		if (group_ends(style, --left))
			appendStringInfoString(&out, style->thousands);
	}
	if (*digits == '.')
		appendStringInfo(&out, "%s%s", style->decimal, digits + 1);
	return out.data;
}

/* formatNumber(number, places, locale): rounded as numeric rounds. */
static JsonbValue *
number_format(Call *call)
{
	JsonbValue *number = call->values[0];
	JsonbValue *places = call->values[1];
	char	   *locale = NULL;
	Datum		rounded;
	char	   *text;

	if (!value_is_number(number))
		return eval_fail(call->evaluation, "%s is not a number.",
						 call_argument_text(call, 0));
	if (!value_is_integer(places) || value_double(places) < 0)
		return eval_fail(call->evaluation,
						 "%s is not a number of decimal places.",
						 call_argument_text(call, 1));
	if (call->count > 2 && value_is_string(call->values[2]))
		locale = value_text(call->values[2]);
	rounded = DirectFunctionCall2(numeric_round,
								  NumericGetDatum(number->val.numeric),
								  Int32GetDatum((int) Min(value_double(places),
														  MAX_PLACES)));
	text = DatumGetCString(DirectFunctionCall1(numeric_out, rounded));
	text = number_with_separators(text, locale);
	return call_string(call, text, strlen(text));
}

#define NUMBERS_OR_STRINGS {KIND_NUMBER | KIND_STRING, \
	KIND_NUMBER | KIND_STRING, KIND_NUMBER | KIND_STRING}

#define NUMBERS_OR_ARRAYS {KIND_NUMBER | KIND_ARRAY, \
	KIND_NUMBER | KIND_ARRAY, KIND_NUMBER | KIND_ARRAY}

const Function number_functions[] = {
	{"add", "+", 2, MANY_ARGUMENTS, NUMBERS_OR_STRINGS,
		KIND_NUMBER | KIND_STRING,
	CALL_EAGER, CHECK_NUMBER_OR_STRING, number_add},
	{"sub", "-", 2, MANY_ARGUMENTS, NUMBERS, KIND_NUMBER,
	CALL_EAGER, CHECK_NUMBER, number_sub},
	{"mul", "*", 2, MANY_ARGUMENTS, NUMBERS, KIND_NUMBER,
	CALL_EAGER, CHECK_NUMBER, number_mul},
	{"div", "/", 2, MANY_ARGUMENTS, NUMBERS, KIND_NUMBER,
	CALL_EAGER, CHECK_DIVISOR, number_div},
	{"exp", "^", 2, MANY_ARGUMENTS, NUMBERS, KIND_NUMBER,
	CALL_EAGER, CHECK_NUMBER, number_exp},
	{"mod", "%", 2, 2, NUMBERS, KIND_NUMBER,
	CALL_EAGER, CHECK_INTEGER, number_mod},
	{"abs", NULL, 1, 1, NUMBERS, KIND_NUMBER,
	CALL_EAGER, CHECK_NUMBER, number_abs},
	{"ceiling", NULL, 1, 1, NUMBERS, KIND_NUMBER,
	CALL_EAGER, CHECK_NUMBER, number_ceiling},
	{"floor", NULL, 1, 1, NUMBERS, KIND_NUMBER,
	CALL_EAGER, CHECK_NUMBER, number_floor},
	{"round", NULL, 1, 2, NUMBERS, KIND_NUMBER,
	CALL_EAGER, CHECK_NUMBER, number_round},
	{"sqrt", NULL, 1, 1, NUMBERS, KIND_NUMBER,
	CALL_EAGER, CHECK_NUMBER, number_sqrt},
	{"sum", NULL, 1, 1, ARRAYS, KIND_NUMBER,
	CALL_EAGER, CHECK_ARRAY, number_sum},
	{"average", NULL, 1, 1, ARRAYS, KIND_NUMBER,
	CALL_EAGER, CHECK_ARRAY, number_average},
	{"min", NULL, 1, MANY_ARGUMENTS, NUMBERS_OR_ARRAYS, KIND_NUMBER,
	CALL_EAGER, CHECK_PRESENT, number_min},
	{"max", NULL, 1, MANY_ARGUMENTS, NUMBERS_OR_ARRAYS, KIND_NUMBER,
	CALL_EAGER, CHECK_PRESENT, number_max},
	{"int", NULL, 1, 1, ANY, KIND_NUMBER,
	CALL_EAGER, CHECK_NOTHING, number_int},
	{"float", NULL, 1, 1, ANY, KIND_NUMBER,
	CALL_EAGER, CHECK_NOTHING, number_float},
	{"formatNumber", NULL, 2, 3, {KIND_NUMBER, KIND_NUMBER, KIND_STRING},
	KIND_STRING, CALL_EAGER, CHECK_NOTHING, number_format},
	{NULL, NULL, 0, 0, ANY, 0, CALL_EAGER, CHECK_NOTHING, NULL},
};
