/*
 * expression_operators.c
 *	  The operators, which have names as functions too.
 */
#include "postgres.h"

#include <math.h>

#include "template/eval.h"

static bool
number_result(Evaluation *evaluation, double number, JsonbValue **result)
{
	*result = value_number(number);
	if (*result == NULL)
		return expression_fail(evaluation, "The result is not a finite number.");
	return true;
}

/* ----------
 * Logic
 * ----------
 */

static bool
condition(PARAMETERS)
{
	JsonbValue *value;
	bool		truth;

	truth = expression_evaluate(evaluation, call->arguments[0], false, &value) &&
		value_is_true(value);
	return expression_evaluate(evaluation, call->arguments[truth ? 1 : 2],
							   substitute, result);
}

/* An argument that cannot be evaluated is false. */
static bool
argument_is_true(Evaluation *evaluation, const Expression *call, int number)
{
	JsonbValue *value;

	return expression_evaluate(evaluation, call->arguments[number], false,
							   &value) && value_is_true(value);
}

static bool
and(PARAMETERS)
{
	bool		truth = true;
	int			i;

	for (i = 0; i < call->count && truth; i++)
		truth = argument_is_true(evaluation, call, i);
	*result = value_bool(truth);
	return true;
}

/*
 * If none is true, the result is the last argument, be it false or nothing;
 * of a comparison that fails, that is false.
 */
static bool
or(PARAMETERS)
{
	int			i;

	for (i = 0; i < call->count; i++)
	{
		if (expression_evaluate(evaluation, call->arguments[i], false, result) &&
			value_is_true(*result))
		{
			*result = value_bool(true);
			break;
		}
	}
	return true;
}

static bool
not(PARAMETERS)
{
	*result = value_bool(!argument_is_true(evaluation, call, 0));
	return true;
}

static bool
coalesce(PARAMETERS)
{
	int			i;

	for (i = 0; i < call->count && value_is_missing(*result); i++)
		*result = value_is_missing(arguments[i]) ? NULL : arguments[i];
	return true;
}

/* ----------
 * Comparisons
 * ----------
 */

static bool
equals(PARAMETERS)
{
	*result = value_bool(value_equals(arguments[0], arguments[1]));
	return true;
}

static bool
differs(PARAMETERS)
{
	*result = value_bool(!value_equals(arguments[0], arguments[1]));
	return true;
}

static bool
compare(Evaluation *evaluation, JsonbValue **arguments, int *order)
{
	JsonbValue *a = arguments[0];
	JsonbValue *b = arguments[1];

	if (value_is_number(a) && value_is_number(b))
	{
		double		difference = value_double(a) - value_double(b);

		*order = difference < 0 ? -1 : difference > 0;
		return true;
	}
	if (value_is_string(a) && value_is_string(b))
	{
		*order = memcmp(a->val.string.val, b->val.string.val,
						Min(a->val.string.len, b->val.string.len));
		if (*order == 0)
			*order = a->val.string.len - b->val.string.len;
		return true;
	}
	return expression_fail(evaluation, "%s and %s cannot be compared.",
						   value_text(a), value_text(b));
}

#define COMPARISON(name, operator) \
static bool \
name(PARAMETERS) \
{ \
	int			order = 0; \
\
	if (!compare(evaluation, arguments, &order)) \
		return false; \
	*result = value_bool(order operator 0); \
	return true; \
}

COMPARISON(less, <)
COMPARISON(less_or_equals, <=)
COMPARISON(greater, >)
COMPARISON(greater_or_equals, >=)

/* ----------
 * Arithmetic
 * ----------
 */

/* Also joins strings; a number with nothing is an error. */
static bool
add(PARAMETERS)
{
	JsonbValue *sum = arguments[0];
	int			i;

	for (i = 1; i < call->count; i++)
	{
		JsonbValue *next = arguments[i];
		char	   *text;

		if (value_is_number(sum) && value_is_number(next))
		{
			if (!number_result(evaluation,
							   value_double(sum) + value_double(next), &sum))
				return false;
			continue;
		}
		if ((sum == NULL && value_is_number(next)) ||
			(next == NULL && value_is_number(sum)))
			return expression_fail(evaluation,
								   "A number and null cannot be added.");
		text = psprintf("%s%s", sum == NULL ? "" : value_text(sum),
						next == NULL ? "" : value_text(next));
		expression_take_room(evaluation, strlen(text));
		sum = value_string(text, strlen(text));
	}
	*result = sum;
	return true;
}

/* Division of integers rounds down. */
static double
divide(double a, double b)
{
	bool		integers = floor(a) == a && floor(b) == b;

	return integers ? floor(a / b) : a / b;
}

static double
calculate(char operator, double a, double b)
{
	switch (operator)
	{
		case '-':
			return a - b;
		case '*':
			return a * b;
		case '/':
			return divide(a, b);
		case '^':
			return pow(a, b);
		default:
			return fmod(a, b);
	}
}

static bool
arithmetic(PARAMETERS)
{
	const char *printed = call->function->printed;
	char		operator = printed ? printed[0] : call->function->name[0];
	double		number = value_double(arguments[0]);
	int			i;

	for (i = 1; i < call->count; i++)
	{
		double		next = value_double(arguments[i]);

		if (operator == '%' && next == 0)
			return expression_fail(evaluation, "%s is zero.",
								   expression_text(call->arguments[i]));
		number = calculate(operator, number, next);
	}
	return number_result(evaluation, number, result);
}

#define ANY {KIND_ANY, KIND_ANY, KIND_ANY}
#define NUMBERS {KIND_NUMBER, KIND_NUMBER, KIND_NUMBER}
#define NUMBERS_OR_STRINGS \
	{KIND_NUMBER | KIND_STRING, KIND_NUMBER | KIND_STRING, \
	 KIND_NUMBER | KIND_STRING}

#define LOGIC(min, max, body) min, max, ANY, KIND_BOOLEAN, CALL_LAZY, \
	CHECK_NOTHING, body
#define COMPARE(check, body) 2, 2, ANY, KIND_BOOLEAN, CALL_COMPARISON, \
	check, body
#define CALCULATE(max, check) 2, max, NUMBERS, KIND_NUMBER, CALL_EAGER, \
	check, arithmetic
#define ADD 2, MANY_ARGUMENTS, NUMBERS_OR_STRINGS, \
	KIND_NUMBER | KIND_STRING, CALL_EAGER, CHECK_NUMBER_OR_STRING, add
#define COALESCE 1, MANY_ARGUMENTS, ANY, KIND_ANY, CALL_EAGER, \
	CHECK_NOTHING, coalesce

const Function operators[] = {
	{"if", NULL, 3, 3, ANY, KIND_ANY, CALL_LAZY, CHECK_NOTHING, condition},
	{"and", "&&", LOGIC(1, MANY_ARGUMENTS, and)},
	{"&&", NULL, LOGIC(1, MANY_ARGUMENTS, and)},
	{"or", "||", LOGIC(1, MANY_ARGUMENTS, or)},
	{"||", NULL, LOGIC(1, MANY_ARGUMENTS, or)},
	{"not", "!", LOGIC(1, 1, not)},
	{"!", NULL, LOGIC(1, 1, not)},
	{"coalesce", NULL, COALESCE},
	{"??", "coalesce", COALESCE},
	{"equals", "==", COMPARE(CHECK_NOTHING, equals)},
	{"==", NULL, COMPARE(CHECK_NOTHING, equals)},
	{"!=", NULL, COMPARE(CHECK_NOTHING, differs)},
	{"less", "<", COMPARE(CHECK_PRESENT, less)},
	{"<", NULL, COMPARE(CHECK_PRESENT, less)},
	{"lessOrEquals", "<=", COMPARE(CHECK_PRESENT, less_or_equals)},
	{"<=", NULL, COMPARE(CHECK_PRESENT, less_or_equals)},
	{"greater", ">", COMPARE(CHECK_PRESENT, greater)},
	{">", NULL, COMPARE(CHECK_PRESENT, greater)},
	{"greaterOrEquals", ">=", COMPARE(CHECK_PRESENT, greater_or_equals)},
	{">=", NULL, COMPARE(CHECK_PRESENT, greater_or_equals)},
	{"add", "+", ADD},
	{"+", NULL, ADD},
	{"sub", "-", CALCULATE(MANY_ARGUMENTS, CHECK_NUMBER)},
	{"-", NULL, CALCULATE(MANY_ARGUMENTS, CHECK_NUMBER)},
	{"mul", "*", CALCULATE(MANY_ARGUMENTS, CHECK_NUMBER)},
	{"*", NULL, CALCULATE(MANY_ARGUMENTS, CHECK_NUMBER)},
	{"div", "/", CALCULATE(MANY_ARGUMENTS, CHECK_DIVISOR)},
	{"/", NULL, CALCULATE(MANY_ARGUMENTS, CHECK_DIVISOR)},
	{"exp", "^", CALCULATE(MANY_ARGUMENTS, CHECK_NUMBER)},
	{"^", NULL, CALCULATE(MANY_ARGUMENTS, CHECK_NUMBER)},
	{"mod", "%", CALCULATE(2, CHECK_INTEGER)},
	{"%", NULL, CALCULATE(2, CHECK_INTEGER)},
};

const int	operator_count = lengthof(operators);
