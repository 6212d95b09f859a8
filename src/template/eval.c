/*
 * expression_eval.c
 *	  Evaluates expressions.
 *
 * A failure is no error of PostgreSQL's: it sets evaluation->error and returns
 * false, since a comparison makes it false, and a text leaves the expression
 * as it is written.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "template/eval.h"

/* What a value takes besides its length. */
#define VALUE_WORK 50

bool
expression_fail(Evaluation *evaluation, const char *format,...)
{
	StringInfoData error;
	va_list		arguments;
	int			needed;

	initStringInfo(&error);
	do
	{
		va_start(arguments, format);
		needed = appendStringInfoVA(&error, format, arguments);
		va_end(arguments);
		if (needed > 0)
			enlargeStringInfo(&error, needed);
	} while (needed > 0);
	evaluation->error = error.data;
	*evaluation->work -= error.len;
	return false;
}

void
expression_take_room(Evaluation *evaluation, int64 bytes)
{
	*evaluation->room -= bytes;
	if (*evaluation->room < 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("template becomes too large"),
				 errhint("Give it less data.")));
}

/*
 * What is looked at counts, too, as it takes time: a loop may look at a long
 * text again and again.
 */
static void
take_work(Evaluation *evaluation, const JsonbValue *value)
{
	*evaluation->work -= VALUE_WORK;
	if (value_is_string(value))
		*evaluation->work -= value->val.string.len;
	else if (value != NULL && value->type == jbvBinary)
		*evaluation->work -= value->val.binary.len;
	if (*evaluation->work < 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("template takes too long to fill in"),
				 errhint("Give it less data, or fewer loops over them.")));
}

/* ----------
 * Names
 * ----------
 */

/* What a name or index of a path finds in what has been found so far. */
static JsonbValue *
step(Evaluation *evaluation, JsonbValue *scope, const char *part)
{
	char	   *end;
	double		index = strtol(part, &end, 10);

	/* a name that is not there is looked for among all */
	take_work(evaluation, NULL);
	if (value_is_object(scope))
		*evaluation->work -= value_count(scope);
	if (value_is_array(scope))
		return end == part ? NULL : value_element(scope, index);
	return value_is_object(scope) ? value_property(scope, part) : NULL;
}

static JsonbValue *
variable(Evaluation *evaluation, const char *name)
{
	if (pg_strcasecmp(name, "$root") == 0)
		return evaluation->root;
	if (pg_strcasecmp(name, "$data") == 0)
		return evaluation->data;
	if (pg_strcasecmp(name, "$index") == 0 && evaluation->index >= 0)
		return value_number(evaluation->index);
	return NULL;
}

/* A path of names and indexes: the first part comes last. */
typedef struct Path
{
	char	  **parts;
	bool	   *is_index;
	int			count;
	const Expression *start;	/* what it starts from; NULL: from $data */
} Path;

static bool
path_index(Evaluation *evaluation, const Expression *index, bool substitute,
		   char **part)
{
	JsonbValue *value;

	if (!expression_evaluate(evaluation, index, substitute, &value))
		return false;
	if (!value_is_number(value) && !value_is_string(value))
		return expression_fail(evaluation,
							   "%s does not return an integer or a string.",
							   expression_text(index));
	*part = value_text(value);
	return true;
}

static int
path_length(const Expression *expression)
{
	int			length = 0;

	while (expression != NULL && (expression->type == EXPRESSION_PROPERTY ||
								  expression->type == EXPRESSION_ELEMENT))
	{
		length++;
		expression = expression->count > 0 ? expression->arguments[0] : NULL;
	}
	return length;
}

static bool
make_path(Evaluation *evaluation, const Expression *expression,
		  bool substitute, Path *path)
{
	int			length = path_length(expression);

	path->parts = palloc(length * sizeof(char *));
	path->is_index = palloc(length * sizeof(bool));
	path->count = 0;
	path->start = expression;
	while (path->count < length)
	{
		const Expression *e = path->start;

		path->is_index[path->count] = e->type == EXPRESSION_ELEMENT;
		if (e->type == EXPRESSION_PROPERTY)
			path->parts[path->count] = e->name;
		else if (!path_index(evaluation, e->arguments[1], substitute,
							 &path->parts[path->count]))
			return false;
		path->count++;
		path->start = e->count > 0 ? e->arguments[0] : NULL;
	}
	return true;
}

static char *
path_text(const Path *path)
{
	StringInfoData text;
	int			i;

	initStringInfo(&text);
	for (i = path->count - 1; i >= 0; i--)
	{
		const char *part = path->parts[i];
		bool		number = part[0] >= '0' && part[0] <= '9';

		if (!path->is_index[i])
			appendStringInfo(&text, "%s%s", i < path->count - 1 ? "." : "",
							 part);
		else
			appendStringInfo(&text, number ? "[%s]" : "['%s']", part);
	}
	return text.data;
}

static bool
evaluate_path(Evaluation *evaluation, const Expression *expression,
			  bool substitute, JsonbValue **value)
{
	Path		path;
	char	   *text;
	int			i;

	if (!make_path(evaluation, expression, substitute, &path))
		return false;
	i = path.count - 1;
	if (path.start != NULL)
	{
		if (!expression_evaluate(evaluation, path.start, substitute, value))
			return false;
	}
	else if (path.parts[i][0] == '$')
		*value = variable(evaluation, path.parts[i--]);
	else
		*value = evaluation->data;
	for (; i >= 0; i--)
		*value = step(evaluation, *value, path.parts[i]);

	if (*value == NULL && substitute)
	{
		text = psprintf("${%s}", path_text(&path));
		expression_take_room(evaluation, strlen(text));
		*value = value_string(text, strlen(text));
	}
	return true;
}

/* Unlike the last step of a path, this one fails if there is nothing. */
static bool
evaluate_element(Evaluation *evaluation, const Expression *expression,
				 bool substitute, JsonbValue **value)
{
	JsonbValue *instance;
	JsonbValue *index;

	if (!expression_evaluate(evaluation, expression->arguments[0], substitute,
							 &instance) ||
		!expression_evaluate(evaluation, expression->arguments[1], false,
							 &index))
		return false;
	*value = NULL;
	if (value_is_integer(index))
	{
		if (value_is_missing(instance))
			return true;
		if (!value_is_array(instance))
			return expression_fail(evaluation, "%s is not an array.",
								   expression_text(expression->arguments[0]));
		*value = value_element(instance, value_double(index));
		if (*value == NULL)
			return expression_fail(evaluation, "Index %s is out of range.",
								   value_text(index));
		return true;
	}
	if (!value_is_string(index))
		return expression_fail(evaluation,
							   "%s is neither an integer nor a string.",
							   expression_text(expression->arguments[1]));
	*value = step(evaluation, instance, value_text(index));
	return true;
}

/* ----------
 * Calls
 * ----------
 */

static bool
is_container(const JsonbValue *value)
{
	return value_is_string(value) ||
		(value != NULL && value->type == jbvBinary);
}

/* What is wrong with an argument, or NULL. */
static const char *
argument_problem(ArgumentCheck check, const JsonbValue *value, int position)
{
	switch (check)
	{
		case CHECK_NOTHING:
			return NULL;
		case CHECK_PRESENT:
			return value_is_missing(value) ? "is null" : NULL;
		case CHECK_DIVISOR:
			if (position > 0 && value_is_number(value) &&
				value_double(value) == 0)
				return "is zero";
			/* FALLTHROUGH */
		case CHECK_NUMBER:
			return value_is_number(value) ? NULL : "is not a number";
		case CHECK_INTEGER:
			return value_is_integer(value) ? NULL : "is not an integer";
		case CHECK_STRING:
			return value == NULL || value_is_string(value) ? NULL :
				"is not a string";
		case CHECK_NUMBER_OR_STRING:
			return value == NULL || value_is_string(value) ||
				value_is_number(value) ? NULL :
				"is neither a number nor a string";
		case CHECK_CONTAINER:
			return is_container(value) ? NULL :
				"is not a string, array or object";
		case CHECK_CONTAINER_OR_NULL:
			return value_is_missing(value) || is_container(value) ? NULL :
				"is not a string, array or object";
	}
	return NULL;
}

static bool
evaluate_arguments(Evaluation *evaluation, const Expression *call,
				   bool substitute, JsonbValue **values)
{
	const char *problem;
	int			i;

	for (i = 0; i < call->count; i++)
	{
		if (!expression_evaluate(evaluation, call->arguments[i], substitute,
								 &values[i]))
			return false;
		take_work(evaluation, values[i]);
		problem = argument_problem(call->function->check, values[i], i);
		if (problem != NULL)
			return expression_fail(evaluation, "%s %s.",
								   expression_text(call->arguments[i]),
								   problem);
	}
	return true;
}

static bool
evaluate_call(Evaluation *evaluation, const Expression *call, bool substitute,
			  JsonbValue **value)
{
	const Function *function = call->function;
	JsonbValue **values;

	if (function->style == CALL_LAZY)
		return function->body(evaluation, call, substitute, NULL, value);
	values = palloc(Max(call->count, 1) * sizeof(JsonbValue *));
	if (function->style == CALL_EAGER)
		return evaluate_arguments(evaluation, call, substitute, values) &&
			function->body(evaluation, call, substitute, values, value);
	if (!evaluate_arguments(evaluation, call, false, values))
	{
		*value = value_bool(false);
		return true;
	}
	if (function->body(evaluation, call, false, values, value))
		return true;
	*value = value_bool(false);
	return false;
}

bool
expression_evaluate(Evaluation *evaluation, const Expression *expression,
					bool substitute, JsonbValue **value)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	*value = NULL;
	switch (expression->type)
	{
		case EXPRESSION_CONSTANT:
			*value = expression->constant;
			return true;
		case EXPRESSION_PROPERTY:
			return evaluate_path(evaluation, expression, substitute, value);
		case EXPRESSION_ELEMENT:
			return evaluate_element(evaluation, expression, substitute, value);
		case EXPRESSION_CALL:
			return evaluate_call(evaluation, expression, substitute, value);
	}
	return false;
}
