/*
 * expression.c
 *	  The tree of an expression: its nodes, and the text of which it was made.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "template/expression.h"

/* ----------
 * Making one
 * ----------
 */

/* An expression of that type, without arguments; the name is not copied. */
Expression *
expression_new(ExpressionType type, const char *name)
{
	Expression *expression = palloc0(sizeof(Expression));

	expression->type = type;
	expression->name = name;
	return expression;
}

/* An expression that has always this value, which is not copied. */
Expression *
expression_constant(JsonbValue *value)
{
	Expression *expression = expression_new(EXPRESSION_CONSTANT, NULL);

	expression->constant = value;
	return expression;
}

/* Give an expression one argument more; returns the expression. */
Expression *
expression_add(Expression *expression, Expression *argument)
{
	int			count = expression->count;

	/* there is space for the next power of two */
	if (count == 0)
		expression->arguments = palloc(2 * sizeof(Expression *));
	else if (count > 1 && (count & (count - 1)) == 0)
		expression->arguments = repalloc(expression->arguments,
										 2 * count * sizeof(Expression *));
	expression->arguments[expression->count++] = argument;
	return expression;
}

/* A call with two arguments, as which all binary operators are kept. */
Expression *
expression_call_of_two(const char *name, Expression *left, Expression *right)
{
	Expression *call = expression_new(EXPRESSION_CALL, name);

	expression_add(call, left);
	return expression_add(call, right);
}

/* ----------
 * As text
 * ----------
 */

static void append_expression(StringInfo out, const Expression *expression);

/* A string gets the quotes and backslashes with which it can be read again. */
static void
append_constant(StringInfo out, const JsonbValue *constant)
{
	char	   *c;

	if (!value_is_string(constant))
	{
		value_append_text(out, constant);
		return;
	}
	appendStringInfoChar(out, '\'');
	for (c = value_text(constant); *c != '\0'; c++)
	{
		if (*c == '\'' || *c == '\\')
			appendStringInfoChar(out, '\\');
		appendStringInfoChar(out, *c);
	}
	appendStringInfoChar(out, '\'');
}

/* Operators stand between what they operate on, in parentheses. */
static void
append_call(StringInfo out, const Expression *call)
{
	bool		is_word = isalpha((unsigned char) call->name[0]);
	bool		infix = call->count >= 2 && !is_word;
	int			i;

	appendStringInfo(out, "%s(", infix ? "" : call->name);
	for (i = 0; i < call->count; i++)
	{
		if (i > 0 && infix)
			appendStringInfo(out, " %s ", call->name);
		else if (i > 0)
			appendStringInfoString(out, ", ");
		append_expression(out, call->arguments[i]);
	}
	appendStringInfoChar(out, ')');
}

/* The text of an expression behind what is there. */
static void
append_expression(StringInfo out, const Expression *expression)
{
	check_stack_depth();
	switch (expression->type)
	{
		case EXPRESSION_CONSTANT:
			append_constant(out, expression->constant);
			break;
		case EXPRESSION_PROPERTY:
			if (expression->count > 0)
			{
				append_expression(out, expression->arguments[0]);
				appendStringInfoChar(out, '.');
			}
			appendStringInfoString(out, expression->name);
			break;
		case EXPRESSION_ELEMENT:
			append_expression(out, expression->arguments[0]);
			appendStringInfoChar(out, '[');
			append_expression(out, expression->arguments[1]);
			appendStringInfoChar(out, ']');
			break;
		case EXPRESSION_CALL:
			append_call(out, expression);
			break;
	}
}

/* The text of which an expression was made, but for spaces and parentheses. */
char *
expression_text(const Expression *expression)
{
	StringInfoData text;

	initStringInfo(&text);
	append_expression(&text, expression);
	return text.data;
}
