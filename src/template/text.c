/*
 * expression_text.c
 *	  Texts with expressions in them, and expressions as text.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "template/eval.h"

/* ----------
 * Texts with expressions in them
 * ----------
 */

/*
 * A text that is looked through for expressions.  Where there is none, the next
 * may begin one character on; so that this takes no longer than the text is,
 * what has been found out once is kept: where quotes are that can close a
 * string, and from where on there is no end of an expression.
 */
typedef struct Scan
{
	const char *text;
	const char *end;
	int		   *closing[2];		/* places of single and double quotes, in order */
	int			count[2];
	uint8	   *failed;			/* a bit for each place outside of strings */
} Scan;

/*
 * Quotes with an even number of backslashes before them: these escape each
 * other, wherever the string has begun.
 */
static void
find_closing(Scan *scan, int kind, char quote)
{
	int			space = 16;
	int			backslashes = 0;

	scan->closing[kind] = palloc(space * sizeof(int));
	for (const char *c = scan->text; c < scan->end; c++)
	{
		if (*c == quote && backslashes % 2 == 0)
		{
			CHECK_FOR_INTERRUPTS();
			if (scan->count[kind] == space)
				scan->closing[kind] = repalloc_huge(scan->closing[kind],
													(Size) (space *= 2) * sizeof(int));
			scan->closing[kind][scan->count[kind]++] = c - scan->text;
		}
		backslashes = *c == '\\' ? backslashes + 1 : 0;
	}
}

/* Behind the string that begins here, or NULL if it does not end. */
static const char *
skip_string(const Scan *scan, const char *c)
{
	int			kind = *c == '"';
	int			start = c - scan->text;
	int			low = 0;
	int			high = scan->count[kind];

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (scan->closing[kind][middle] > start)
			high = middle;
		else
			low = middle + 1;
	}
	return low < scan->count[kind] ?
		scan->text + scan->closing[kind][low] + 1 : NULL;
}

static bool
has_failed(const Scan *scan, const char *c)
{
	int			place = c - scan->text;

	return (scan->failed[place / 8] >> (place % 8)) & 1;
}

static void
note_failed(const Scan *scan, const char *c)
{
	int			place = c - scan->text;

	scan->failed[place / 8] |= 1 << (place % 8);
}

/*
 * Behind the "}" that ends the expression which begins here, just behind its
 * "${".  NULL if there is none: then it is text like any other.
 */
static const char *
expression_end(const Scan *scan, const char *start)
{
	const char *c = start;

	while (c != NULL && c < scan->end)
	{
		CHECK_FOR_INTERRUPTS();
		if (*c == '}')
			return c == start ? NULL : c + 1;
		if (strchr("\r\n{`", *c) != NULL || has_failed(scan, c))
			return NULL;

		/* If it ends, nobody comes here again. */
		note_failed(scan, c);
		if (*c == '\'' || *c == '"')
			c = skip_string(scan, c);
		else
			c++;
	}
	return NULL;
}

static Scan *
begin_scan(const char *text, int length)
{
	Scan	   *scan = palloc0(sizeof(Scan));

	scan->text = text;
	scan->end = text + length;
	scan->failed = palloc_extended(length / 8 + 1, MCXT_ALLOC_ZERO);
	find_closing(scan, 0, '\'');
	find_closing(scan, 1, '"');
	return scan;
}

static void
end_scan(Scan *scan)
{
	pfree(scan->closing[0]);
	pfree(scan->closing[1]);
	pfree(scan->failed);
	pfree(scan);
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
split_text(Parts *parts, const Scan *scan)
{
	const char *c = scan->text;
	const char *end = scan->end;
	const char *close;

	while (c < end)
	{
		CHECK_FOR_INTERRUPTS();
		if (c + 1 < end && c[0] == '$' && c[1] == '{' &&
			(close = expression_end(scan, c + 2)) != NULL)
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
	Scan	   *scan;

	if (!has_expression(text, length))
		return NULL;
	initStringInfo(&parts.pending);
	/* what is joined to this is a string, whatever it was */
	add_part(&parts, expression_constant(value_string("", 0)));
	scan = begin_scan(text, length);
	split_text(&parts, scan);
	end_scan(scan);
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
