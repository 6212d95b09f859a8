/*
 * eval.c
 *	  Evaluates expressions.
 *
 * The functions are not known here: a bound call has its function's row, and
 * that says how the arguments get their values and what these must be.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "template/eval.h"

/* What it takes to look at a value, besides its length. */
#define VALUE_WORK 50

/* ----------
 * Failures and limits
 * ----------
 */

/*
 * Let the evaluation fail, for a reason that is a sentence.  Returns NULL, for
 * a function to return that.
 */
JsonbValue *
eval_fail(Evaluation *evaluation, const char *format,...)
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
	/* a loop may print the same long expression again and again */
	evaluation->work -= error.len;
	return NULL;
}

/* Does evaluation->error say that the last step has failed? */
static bool
has_failed(const Evaluation *evaluation)
{
	return evaluation->error != NULL;
}

/*
 * Take so many bytes for a result, of those that results may have together.
 * Raises an error if that is more than are left.
 */
void
eval_take_room(Evaluation *evaluation, int64 bytes)
{
	evaluation->room -= bytes;
	if (evaluation->room < 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("template becomes too large"),
				 errhint("Give it less data.")));
}

/*
 * What is looked at counts, too, as it takes time: a loop may look at a long
 * text again and again.  Raises an error if that is more than is left.
 */
void
eval_take_work(Evaluation *evaluation, int64 bytes)
{
	evaluation->work -= VALUE_WORK + bytes;
	if (evaluation->work < 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("template takes too long to fill in"),
				 errhint("Give it less data, or fewer loops over them.")));
}

/* ----------
 * Names
 * ----------
 */

/* What a name or index finds in a value; NULL if it is not there. */
static JsonbValue *
find_member(Evaluation *evaluation, JsonbValue *value, const char *part)
{
	char	   *end;
	double		index = strtol(part, &end, 10);

	/* a name that is not there is looked for among all */
	eval_take_work(evaluation, value_is_object(value) ? value_count(value) : 0);
	if (value_is_array(value))
		return end == part ? NULL : value_element(value, index);
	return value_is_object(value) ? value_property(value, part) : NULL;
}

/*
 * What a name stands for that begins a path.  Whatever an expression can name
 * is found here, and nowhere else.  The iterators of lambdas hide what is
 * around them.
 */
static JsonbValue *
look_up(Evaluation *evaluation, const char *name)
{
	const Scope *scope;

	for (scope = evaluation->scope; scope != NULL; scope = scope->outer)
	{
		eval_take_work(evaluation, 0);
		if (pg_strcasecmp(name, scope->name) == 0)
			return scope->value;
	}
	if (name[0] != '$')
		return find_member(evaluation, evaluation->data, name);
	if (pg_strcasecmp(name, "$root") == 0)
		return evaluation->root;
	if (pg_strcasecmp(name, "$data") == 0)
		return evaluation->data;
	if (pg_strcasecmp(name, "$index") == 0 && evaluation->index >= 0)
		return value_number(evaluation->index);
	return NULL;
}

/* The value of an index, as text; NULL after a failure. */
static char *
index_text(Evaluation *evaluation, const Expression *index, bool substitute)
{
	JsonbValue *value = eval_expression(evaluation, index, substitute);

	if (has_failed(evaluation))
		return NULL;
	eval_take_work(evaluation, value_bytes(value));
	if (value_is_number(value) || value_is_string(value))
		return value_text(value);
	(void) eval_fail(evaluation, "%s does not return an integer or a string.",
					 expression_text(index));
	return NULL;
}

/* What names and indexes lead to, one after another; NULL if it is nothing. */
static JsonbValue *
follow_path(Evaluation *evaluation, const Expression *path, bool substitute)
{
	const char *part = path->name;
	JsonbValue *from;

	check_stack_depth();
	if (path->type != EXPRESSION_PROPERTY && path->type != EXPRESSION_ELEMENT)
		return eval_expression(evaluation, path, substitute);
	if (path->count == 0)
		return look_up(evaluation, path->name);
	from = follow_path(evaluation, path->arguments[0], substitute);
	if (!has_failed(evaluation) && path->type == EXPRESSION_ELEMENT)
		part = index_text(evaluation, path->arguments[1], substitute);
	return has_failed(evaluation) ? NULL : find_member(evaluation, from, part);
}

/* A path that ends with a name finds something, or stays as it is written. */
static JsonbValue *
evaluate_property(Evaluation *evaluation, const Expression *property,
				  bool substitute)
{
	JsonbValue *value = follow_path(evaluation, property, substitute);
	char	   *text;

	if (value != NULL || has_failed(evaluation) || !substitute)
		return value;
	text = psprintf("${%s}", expression_text(property));
	eval_take_room(evaluation, strlen(text));
	return value_string(text, strlen(text));
}

/* A path that ends with an index fails unless there is such an element. */
static JsonbValue *
evaluate_element(Evaluation *evaluation, const Expression *expression,
				 bool substitute)
{
	JsonbValue *value;
	JsonbValue *index;

	value = eval_expression(evaluation, expression->arguments[0], substitute);
	if (has_failed(evaluation))
		return NULL;
	index = eval_expression(evaluation, expression->arguments[1], false);
	if (has_failed(evaluation))
		return NULL;
	eval_take_work(evaluation, value_bytes(index));
	if (value_is_string(index))
		return find_member(evaluation, value, value_text(index));
	if (!value_is_integer(index))
		return eval_fail(evaluation, "%s is neither an integer nor a string.",
						 expression_text(expression->arguments[1]));
	if (value_is_missing(value))
		return NULL;
	if (!value_is_array(value))
		return eval_fail(evaluation, "%s is not an array.",
						 expression_text(expression->arguments[0]));
	value = value_element(value, value_double(index));
	return value != NULL ? value :
		eval_fail(evaluation, "Index %s is out of range.", value_text(index));
}

/* ----------
 * Calls
 * ----------
 */

/* Is it something that has elements, members or characters? */
static bool
is_container(const JsonbValue *value)
{
	return value_is_string(value) || value_is_array(value) ||
		value_is_object(value);
}

/* What is wrong with an argument, to be said of it, or NULL. */
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
		case CHECK_FIRST_ARRAY:
			if (position > 0)
				return NULL;
			/* FALLTHROUGH */
		case CHECK_ARRAY:
			return value_is_array(value) ? NULL : "is not an array";
		case CHECK_FIRST_OBJECT:
			return position > 0 || value_is_object(value) ? NULL :
				"is not an object";
		case CHECK_ITERATOR:
			break;
	}
	return NULL;
}

/* The values of all arguments, checked; NULL after a failure. */
static JsonbValue **
evaluate_arguments(Call *call)
{
	Evaluation *evaluation = call->evaluation;
	const Expression *expression = call->expression;
	JsonbValue **values = palloc(Max(call->count, 1) * sizeof(JsonbValue *));
	const char *problem;
	int			i;

	for (i = 0; i < call->count; i++)
	{
		values[i] = eval_expression(evaluation, expression->arguments[i],
									call->substitute);
		if (has_failed(evaluation))
			return NULL;
		eval_take_work(evaluation, value_bytes(values[i]));
		problem = argument_problem(expression->function->check, values[i], i);
		if (problem != NULL)
		{
			(void) eval_fail(evaluation, "%s %s.", call_argument_text(call, i),
							 problem);
			return NULL;
		}
	}
	return values;
}

/*
 * A call of the function that is bound, once its arguments are known to do. A
 * comparison whose arguments fail is false, so that a condition on data that
 * are not there does not hold.
 */
static JsonbValue *
evaluate_call(Evaluation *evaluation, const Expression *expression,
			  bool substitute)
{
	const Function *function = expression->function;
	bool		comparison = function->style == CALL_COMPARISON;
	Call		call = {0};
	JsonbValue *result;

	call.evaluation = evaluation;
	call.expression = expression;
	call.substitute = substitute && !comparison;
	call.count = expression->count;
	if (function->style != CALL_LAZY)
	{
		call.values = evaluate_arguments(&call);
		if (call.values == NULL)
		{
			if (!comparison)
				return NULL;
			evaluation->error = NULL;
			return value_bool(false);
		}
	}
	result = function->body(&call);
	return has_failed(evaluation) ? NULL : result;
}

/*
 * The value of an expression, which must be bound; NULL if there is none, and
 * after a failure, which evaluation->error tells from that.  It must be NULL
 * before, and who goes on in spite of a failure sets it to NULL.  With
 * "substitute", names that are not there become text as they are written, such
 * as "${name}", for a reader to see what is missing.
 */
JsonbValue *
eval_expression(Evaluation *evaluation, const Expression *expression,
				bool substitute)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	switch (expression->type)
	{
		case EXPRESSION_CONSTANT:
			return expression->constant;
		case EXPRESSION_PROPERTY:
			return evaluate_property(evaluation, expression, substitute);
		case EXPRESSION_ELEMENT:
			return evaluate_element(evaluation, expression, substitute);
		case EXPRESSION_CALL:
			return evaluate_call(evaluation, expression, substitute);
	}
	return NULL;
}

/* ----------
 * For functions
 * ----------
 */

/* The value of an argument of a lazy function; if it fails, the call does. */
JsonbValue *
call_evaluate(Call *call, int argument)
{
	return eval_expression(call->evaluation,
						   call->expression->arguments[argument],
						   call->substitute);
}

/*
 * The same for an argument that may fail, and has no value then; nothing is
 * substituted in it.
 */
JsonbValue *
call_try(Call *call, int argument)
{
	JsonbValue *value = eval_expression(call->evaluation,
										call->expression->arguments[argument],
										false);

	call->evaluation->error = NULL;
	return value;
}

/*
 * A string that is a result, and counts as such.  Its bytes are not copied,
 * and must stay until the template is expanded.
 */
JsonbValue *
call_string(Call *call, const char *text, int length)
{
	eval_take_room(call->evaluation, length);
	return value_string(text, length);
}

/* An argument as it is written, for messages. */
char *
call_argument_text(Call *call, int argument)
{
	return expression_text(call->expression->arguments[argument]);
}
