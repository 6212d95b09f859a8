/*
 * expression_text.c
 *	  Texts with expressions in them, and expressions as text.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "expression_internal.h"

/* ----------
 * Texts with expressions in them
 * ----------
 */

/* Behind the string that begins here, or NULL if it does not end. */
static const char *
skip_string(const char *c, const char *end)
{
	char		quote = *c++;

	for (; c < end && *c != quote; c++)
		if (*c == '\\' && c + 1 < end && (c[1] == quote || c[1] == '\\'))
			c++;
	return c < end ? c + 1 : NULL;
}

/*
 * Behind the "}" that ends the expression which begins here, just behind its
 * "${".  NULL if there is none: then it is text like any other.
 */
static const char *
expression_end(const char *start, const char *end)
{
	const char *c = start;

	while (c != NULL && c < end)
	{
		if (*c == '}')
			return c == start ? NULL : c + 1;
		if (strchr("\r\n{`", *c) != NULL)
			return NULL;
		if (*c == '\'' || *c == '"')
			c = skip_string(c, end);
		else
			c++;
	}
	return NULL;
}

static Expression *
parse_within(const char *start, const char *end)
{
	while (start < end && strchr(" \t\r\n", *start) != NULL)
		start++;
	while (end > start && strchr(" \t\r\n", end[-1]) != NULL)
		end--;
	/* in other places an expression is marked by this sign */
	if (start < end && *start == '=')
		start++;
	if (start == end)
		return expression_constant(value_string("", 0));
	return expression_parse(start, end - start);
}

typedef struct Parts
{
	Expression **parts;
	int			count;
	int			space;
	StringInfoData pending;		/* text since the last expression */
} Parts;

static void
add_part(Parts *parts, Expression *part)
{
	if (parts->count == parts->space)
	{
		parts->space *= 2;
		parts->parts = repalloc(parts->parts,
								parts->space * sizeof(Expression *));
	}
	parts->parts[parts->count++] = part;
}

static void
add_pending_text(Parts *parts)
{
	if (parts->pending.len > 0)
		add_part(parts, expression_constant(value_string(parts->pending.data,
														 parts->pending.len)));
	resetStringInfo(&parts->pending);
}

static void
split_text(Parts *parts, const char *c, const char *end)
{
	const char *close;

	while (c < end)
	{
		if (c + 1 < end && c[0] == '$' && c[1] == '{' &&
			(close = expression_end(c + 2, end)) != NULL)
		{
			add_pending_text(parts);
			add_part(parts, parse_within(c + 2, close - 1));
			c = close;
			continue;
		}
		if (*c == '\\' && c + 1 < end && (c[1] == '`' || c[1] == '$'))
			c++;
		appendStringInfoChar(&parts->pending, *c++);
	}
	add_pending_text(parts);
}

static bool
has_expression(const char *text, int length)
{
	int			i;

	for (i = 0; i + 1 < length; i++)
		if (text[i] == '$' && text[i + 1] == '{')
			return true;
	return false;
}

Expression *
expression_parse_text(const char *text, int length)
{
	Parts		parts = {palloc(4 * sizeof(Expression *)), 0, 4};

	if (!has_expression(text, length))
		return NULL;
	initStringInfo(&parts.pending);
	/* what is joined to this is a string, whatever it was */
	add_part(&parts, expression_constant(value_string("", 0)));
	split_text(&parts, text, text + length);
	if (parts.count == 2 && parts.parts[1]->type != EXPRESSION_CONSTANT)
		return parts.parts[1];
	return expression_call("concat", parts.parts, parts.count);
}

/*
 * The parts of a text, each on its own: one that fails or has no value is left
 * as it is written, for a reader to see what is missing.
 */
static JsonbValue *
evaluate_parts(Evaluation *evaluation, const Expression *text)
{
	StringInfoData result;
	JsonbValue *value;
	int			i;

	initStringInfo(&result);
	for (i = 0; i < text->count; i++)
	{
		const Expression *part = text->arguments[i];
		int			start = result.len;

		if (expression_evaluate(evaluation, part, true, &value) &&
			!value_is_missing(value))
			value_append_text(&result, value);
		else
			appendStringInfo(&result, "${%s}", expression_text(part));
		expression_take_room(evaluation, result.len - start);
	}
	return value_string(result.data, result.len);
}

bool
expression_evaluate_text(Evaluation *evaluation, const Expression *text,
						 bool substitute, JsonbValue **value)
{
	if (substitute && function_is_concat(text))
	{
		*value = evaluate_parts(evaluation, text);
		return true;
	}
	return expression_evaluate(evaluation, text, substitute, value);
}

/* ----------
 * Expressions as text
 * ----------
 */

static void append_expression(StringInfo out, const Expression *expression);

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

static void
append_call(StringInfo out, const Expression *call)
{
	const char *name = call->function->printed != NULL ?
		call->function->printed : call->function->name;
	bool		infix = call->count >= 2 && !isalpha((unsigned char) name[0]);
	int			i;

	appendStringInfo(out, "%s(", infix ? "" : name);
	for (i = 0; i < call->count; i++)
	{
		if (i > 0 && infix)
			appendStringInfo(out, " %s ", name);
		else if (i > 0)
			appendStringInfoString(out, ", ");
		append_expression(out, call->arguments[i]);
	}
	appendStringInfoChar(out, ')');
}

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

char *
expression_text(const Expression *expression)
{
	StringInfoData text;

	initStringInfo(&text);
	append_expression(&text, expression);
	return text.data;
}
