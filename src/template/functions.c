/*
 * functions.c
 *	  Binds the calls of an expression to the functions that they name.
 *
 * It is done once for each template, so that a mistake shows when the template
 * is stored, and not with some of the data.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "template/functions.h"

static const Function *const families[] = {
	logic_functions,
	number_functions,
	string_functions,
	collection_functions,
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

/* The names of all functions, for a hint; an operator may have none. */
static char *
list_functions(void)
{
	const Function *function;
	StringInfoData names;
	size_t		i;

	initStringInfo(&names);
	for (i = 0; i < lengthof(families); i++)
		for (function = families[i]; function->name != NULL; function++)
			if (isalpha((unsigned char) function->name[0]))
				appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
								 function->name);
	return names.data;
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
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("unknown function in an expression: %s()",
						expression->name),
				 errhint("Known are %s.", list_functions())));
	check_count(expression);
	check_kinds(expression);
}
