/*
 * functions.c
 *	  Binds the calls of an expression to the functions that they name.
 *
 * It is done once for each template, so that a mistake shows when the template
 * is stored, and not with some of the data.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/formatting.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "template/functions.h"

static const Function *const families[] = {
	logic_functions,
	number_functions,
	string_functions,
	collection_functions,
	lambda_functions,
	order_functions,
	object_functions,
	type_functions,
	date_functions,
};

/* By its name, or the symbol of an operator; NULL if there is none. */
static const Function *
function_by_name(const char *name)
{
	const Function *function;
	size_t		i;

	for (i = 0; i < lengthof(families); i++)
		for (function = families[i]; function->name != NULL; function++)
			if (strcmp(function->name, name) == 0 ||
				(function->symbol != NULL &&
				 strcmp(function->symbol, name) == 0))
				return function;
	return NULL;
}

/* Words for functions that people know from elsewhere. */
static const char *const synonyms[][2] = {
	{"avg", "average"}, {"ceil", "ceiling"}, {"dateAdd", "addToTime"},
	{"dateDiff", "dateTimeDiff"}, {"distinct", "unique"},
	{"encodeURIComponent", "uriComponent"}, {"every", "all"},
	{"filter", "where"}, {"formatDate", "formatDateTime"},
	{"includes", "contains"}, {"initcap", "titleCase"}, {"iif", "if"},
	{"isNull", "empty"}, {"len", "length"}, {"lower", "toLower"},
	{"lowercase", "toLower"}, {"map", "foreach"}, {"now", "utcNow"},
	{"orderBy", "sortBy"}, {"pow", "exp"}, {"size", "count"},
	{"slice", "subArray"}, {"some", "any"}, {"sort", "sortBy"},
	{"stringify", "jsonStringify"}, {"substr", "substring"},
	{"toDate", "formatDateTime"}, {"today", "utcNow"}, {"toString", "string"},
	{"upper", "toUpper"}, {"uppercase", "toUpper"},
};

/* More letters than this are another word. */
#define MAX_DISTANCE 3

/* How many letters two names differ in, but for their case; or many. */
static int
name_distance(const char *a, const char *b, int limit)
{
	char	   *left = asc_tolower(a, strlen(a));
	char	   *right = asc_tolower(b, strlen(b));

	return varstr_levenshtein_less_equal(left, strlen(left),
										 right, strlen(right),
										 1, 1, 1, limit, true);
}

/*
 * The function that is likely to be meant by a name; NULL if there is none.
 * No more than half of its letters are others.
 */
static const char *
nearest_function(const char *name)
{
	const char *nearest = NULL;
	int			limit = Min(MAX_DISTANCE, (int) strlen(name) / 2) + 1;
	const Function *function;
	size_t		i;

	/* the time that it takes grows with its square */
	if (strlen(name) >= NAMEDATALEN)
		return NULL;
	for (i = 0; i < lengthof(synonyms); i++)
		if (pg_strcasecmp(synonyms[i][0], name) == 0)
			return synonyms[i][1];
	for (i = 0; i < lengthof(families); i++)
		for (function = families[i]; function->name != NULL; function++)
		{
			int			distance;

			if (!isalpha((unsigned char) function->name[0]))
				continue;
			distance = name_distance(name, function->name, limit);
			if (distance < limit)
			{
				limit = distance;
				nearest = function->name;
			}
		}
	return nearest;
}

pg_noreturn static void fail_unknown(const char *name);

/* Raise an error for a name that no function has. */
static void
fail_unknown(const char *name)
{
	const char *nearest = nearest_function(name);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION),
			 errmsg("unknown function in an expression: %s()", name),
			 nearest == NULL ?
			 errhint("docs/reference/template.md lists those that there are.") :
			 errhint("Perhaps you meant %s().", nearest)));
}

/* What is known of the value of an expression before it is evaluated. */
static int
known_kinds(const Expression *expression)
{
	if (expression->type == EXPRESSION_CALL)
		return expression->function->result;
	if (expression->type != EXPRESSION_CONSTANT ||
		value_is_missing(expression->constant))
		return KIND_ANY;
	if (value_is_string(expression->constant))
		return KIND_STRING;
	return value_is_number(expression->constant) ? KIND_NUMBER : KIND_BOOLEAN;
}

/* Raise an error if the function does not take so many arguments. */
static void
check_count(const Expression *call)
{
	const Function *function = call->function;
	int			min = function->min_arguments;
	int			max = function->max_arguments;

	if (call->count < min || call->count > max)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("wrong number of arguments for %s: \"%s\"",
						call->name, expression_text(call)),
				 min == max ? errdetail("It takes %d.", min) :
				 max == MANY_ARGUMENTS ?
				 errdetail("It takes %d or more.", min) :
				 errdetail("It takes between %d and %d.", min, max)));
}

/*
 * Raise an error if an argument cannot become what the function takes: it is
 * a constant, or the result of a function, of another kind.
 */
static void
check_kinds(const Expression *call)
{
	const int  *kinds = call->function->kinds;
	int			last = (int) lengthof(call->function->kinds) - 1;
	int			i;

	for (i = 0; i < call->count; i++)
		if ((kinds[Min(i, last)] & known_kinds(call->arguments[i])) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("wrong argument for %s: \"%s\"", call->name,
							expression_text(call)),
					 errdetail("Argument %d, %s, is of the wrong type.", i + 1,
							   expression_text(call->arguments[i]))));
}

/*
 * Raise an error if the iterator of a lambda, which stands for an element in
 * the third argument, is no name.
 */
static void
check_iterator(const Expression *call)
{
	const Expression *iterator = call->arguments[1];

	if (iterator->type != EXPRESSION_PROPERTY || iterator->count > 0)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("wrong argument for %s: \"%s\"", call->name,
						expression_text(call)),
				 errdetail("Argument 2, %s, is not a name.",
						   expression_text(iterator)),
				 errhint("Write %s(rows, row, row.title), for example.",
						 call->name)));
}

/*
 * Give each call in an expression its function, in place.  Raises an error if
 * there is no such function, or if it cannot take the arguments, as far as
 * these are known without data.
 */
void
functions_bind(Expression *expression)
{
	int			i;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	for (i = 0; i < expression->count; i++)
		functions_bind(expression->arguments[i]);
	if (expression->type != EXPRESSION_CALL)
		return;

	expression->function = function_by_name(expression->name);
	if (expression->function == NULL)
		fail_unknown(expression->name);
	check_count(expression);
	check_kinds(expression);
	if (expression->function->check == CHECK_ITERATOR)
		check_iterator(expression);
}
