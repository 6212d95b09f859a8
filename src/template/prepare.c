/*
 * prepare.c
 *	  Reads a template, and parses each expression in it once.
 *
 * A string may be long and full of what only looks like an expression, so that
 * looking for the expressions takes care to be linear: see TextScan.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "template/functions.h"
#include "template/prepare.h"

#define WHITE_SPACE " \t\r\n"

/* Bytes of a place that are kept: each text has one, and names may be long. */
#define MAX_WHERE 200

/* ----------
 * Errors
 * ----------
 */

/* Callback of the error context: says where in which template we are. */
static void
add_template_context(void *argument)
{
	TemplatePlace *place = argument;
	const char *name = place->template_name == NULL ? "a template" :
		psprintf("template \"%s\"", place->template_name);

	if (place->where[0] != '\0')
		errcontext("%s of %s", place->where, name);
	else
		errcontext("%s", name);
}

/*
 * Have errors tell the template and the place in it, which is the whole of it
 * at first; the caller sets place->where.  The name, or NULL, is not copied.
 */
void
template_enter(TemplatePlace *place, const char *template_name)
{
	place->template_name = template_name;
	place->where = "";
	place->callback.callback = add_template_context;
	place->callback.arg = place;
	place->callback.previous = error_context_stack;
	error_context_stack = &place->callback;
}

/* No more.  After an error, whoever catches it does this. */
void
template_leave(TemplatePlace *place)
{
	error_context_stack = place->callback.previous;
}

/* ----------
 * Where the expressions of a text are
 * ----------
 */

/*
 * A text that is looked through for expressions.  Where there is none, the
 * next may begin one character on; so that this takes no longer than the text
 * is, what has been found out once is kept: where quotes are that can close a
 * string, and from where on there is no end of an expression.
 */
typedef struct TextScan
{
	const char *text;
	const char *end;
	int		   *closing[2];		/* places of single and double quotes */
	int			count[2];
	uint8	   *failed;			/* a bit for each place outside of strings */
} TextScan;

/*
 * Quotes with an even number of backslashes before them: these escape each
 * other, wherever the string has begun.
 */
static void
find_closing_quotes(TextScan *scan, int kind, char quote)
{
	int			space = 16;
	int			backslashes = 0;
	const char *c;

	scan->closing[kind] = palloc(space * sizeof(int));
	for (c = scan->text; c < scan->end; c++)
	{
		if (*c == quote && backslashes % 2 == 0)
		{
			CHECK_FOR_INTERRUPTS();
			if (scan->count[kind] == space)
			{
				space *= 2;
				scan->closing[kind] = repalloc_huge(scan->closing[kind],
													space * sizeof(int));
			}
			scan->closing[kind][scan->count[kind]++] = c - scan->text;
		}
		backslashes = *c == '\\' ? backslashes + 1 : 0;
	}
}

/* Behind the string that begins here, or NULL if it does not end. */
static const char *
skip_string(const TextScan *scan, const char *c)
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

/* Is it known that no expression that gets here has an end? */
static bool
has_no_end(const TextScan *scan, const char *c)
{
	int			place = c - scan->text;

	return (scan->failed[place / 8] >> (place % 8)) & 1;
}

/* Remember that, unless the expression that got here ends. */
static void
mark_no_end(const TextScan *scan, const char *c)
{
	int			place = c - scan->text;

	scan->failed[place / 8] |= 1 << (place % 8);
}

/*
 * Behind the "}" that ends the expression which begins here, just behind its
 * "${".  NULL if there is none: then it is text like any other.
 */
static const char *
expression_end(const TextScan *scan, const char *start)
{
	const char *c = start;

	while (c != NULL && c < scan->end)
	{
		CHECK_FOR_INTERRUPTS();
		if (*c == '}')
			return c == start ? NULL : c + 1;
		if (strchr("\r\n{`", *c) != NULL || has_no_end(scan, c))
			return NULL;

		/* if it ends, nobody comes here again */
		mark_no_end(scan, c);
		if (*c == '\'' || *c == '"')
			c = skip_string(scan, c);
		else
			c++;
	}
	return NULL;
}

/* Look through a text for what is kept; palloc'd, until end_scan(). */
static TextScan *
begin_scan(const char *text, int length)
{
	TextScan   *scan = palloc0(sizeof(TextScan));

	scan->text = text;
	scan->end = text + length;
	scan->failed = palloc_extended(length / 8 + 1, MCXT_ALLOC_ZERO);
	find_closing_quotes(scan, 0, '\'');
	find_closing_quotes(scan, 1, '"');
	return scan;
}

static void
end_scan(TextScan *scan)
{
	pfree(scan->closing[0]);
	pfree(scan->closing[1]);
	pfree(scan->failed);
	pfree(scan);
}

/* ----------
 * Texts
 * ----------
 */

/* A node of that type, with a copy of the literal, if it is one. */
static TemplateNode *
new_node(TemplateNodeType type, const JsonbValue *literal)
{
	TemplateNode *node = palloc0(sizeof(TemplateNode));

	node->type = type;
	if (literal != NULL)
		node->literal = copy_json_value(literal);
	return node;
}

/* One more part of a text. */
static void
add_part(TemplateNode *node, Expression *part)
{
	/* at each power of two, of which the first is four */
	if (node->parts == NULL)
		node->parts = palloc(4 * sizeof(Expression *));
	else if (node->count >= 4 && (node->count & (node->count - 1)) == 0)
		node->parts = repalloc(node->parts,
							   2 * (Size) node->count * sizeof(Expression *));
	node->parts[node->count++] = part;
}

/* The text since the last expression, if there is any; it is empty then. */
static void
add_pending_text(TemplateNode *node, StringInfo pending)
{
	if (pending->len > 0)
		add_part(node, expression_constant(value_string(pnstrdup(pending->data,
																 pending->len),
														pending->len)));
	resetStringInfo(pending);
}

/* What stands between "${" and "}" */
static Expression *
read_expression(const char *start, const char *end)
{
	Expression *expression;

	while (start < end && strchr(WHITE_SPACE, *start) != NULL)
		start++;
	while (end > start && strchr(WHITE_SPACE, end[-1]) != NULL)
		end--;
	/* in other places an expression is marked by this sign */
	if (start < end && *start == '=')
		start++;
	if (start == end)
		return expression_constant(value_string("", 0));
	expression = expression_parse(start, end - start);
	functions_bind(expression);
	return expression;
}

/*
 * Split a text into what stands between its expressions, and these.  A
 * backslash hides the sign that would begin one.
 */
static void
read_parts(TemplateNode *node, const TextScan *scan)
{
	const char *c = scan->text;
	const char *end = scan->end;
	const char *close;
	StringInfoData pending;

	initStringInfo(&pending);
	while (c < end)
	{
		CHECK_FOR_INTERRUPTS();
		if (c + 1 < end && c[0] == '$' && c[1] == '{' &&
			(close = expression_end(scan, c + 2)) != NULL)
		{
			add_pending_text(node, &pending);
			add_part(node, read_expression(c + 2, close - 1));
			c = close;
			continue;
		}
		if (*c == '\\' && c + 1 < end && (c[1] == '`' || c[1] == '$'))
			c++;
		appendStringInfoChar(&pending, *c++);
	}
	add_pending_text(node, &pending);
	pfree(pending.data);
}

/* Tells most texts, which have none, from the others without a scan. */
static bool
may_have_expression(const char *text, int length)
{
	int			i;

	for (i = 0; i + 1 < length; i++)
		if (text[i] == '$' && text[i + 1] == '{')
			return true;
	return false;
}

/* A constant that is the whole string is text, as in the reference. */
static TemplateNode *
prepare_string(const char *where, const JsonbValue *string)
{
	const char *text = string->val.string.val;
	int			length = string->val.string.len;
	TemplateNode *node;
	TextScan   *scan;

	if (!may_have_expression(text, length))
		return new_node(NODE_LITERAL, string);
	node = new_node(NODE_TEXT, string);
	node->where = pnstrdup(where, pg_mbcliplen(where, strlen(where),
											   MAX_WHERE));
	scan = begin_scan(text, length);
	read_parts(node, scan);
	end_scan(scan);
	if (node->count == 1 && node->parts[0]->type != EXPRESSION_CONSTANT)
		node->type = NODE_EXPRESSION;
	return node;
}

/* ----------
 * Templates
 * ----------
 */

/* Where we are, with the path in a buffer that grows and shrinks with it. */
typedef struct Preparation
{
	TemplatePlace place;
	StringInfoData path;
} Preparation;

static TemplateNode *prepare_node(Preparation *preparation, JsonbValue *value);

/* Go back from a part of the template; its own place had that length. */
static void
leave_part(Preparation *preparation, int length)
{
	preparation->path.len = length;
	preparation->path.data[length] = '\0';
}

/* What is literal in $data is data, and not looked into. */
static TemplateNode *
prepare_data(Preparation *preparation, JsonbValue *value)
{
	if (value->type == jbvString)
		return prepare_string(preparation->path.data, value);
	return new_node(NODE_LITERAL, value);
}

static bool
key_is(const JsonbValue *key, const char *name)
{
	return key->val.string.len == (int) strlen(name) &&
		memcmp(key->val.string.val, name, key->val.string.len) == 0;
}

/* Members of objects that are no part of what they become. */
static bool
is_reserved(const JsonbValue *key)
{
	return key_is(key, "$root") || key_is(key, "$index") ||
		key_is(key, "$host") || key_is(key, "$_acTemplateVersion");
}

/*
 * A member of an object: either one that becomes one, or one that says what
 * becomes of the object.
 */
static void
prepare_member(Preparation *preparation, TemplateNode *object,
			   const JsonbValue *key, JsonbValue *value)
{
	int			start = preparation->path.len;

	appendStringInfo(&preparation->path, "%s%.*s", start > 0 ? "." : "",
					 key->val.string.len, key->val.string.val);
	preparation->place.where = preparation->path.data;
	if (key_is(key, "$data"))
		object->data = prepare_data(preparation, value);
	else if (key_is(key, "$when"))
		object->when = prepare_data(preparation, value);
	else if (!is_reserved(key))
	{
		object->keys[object->count] = *key;
		object->children[object->count++] = prepare_node(preparation, value);
	}
	leave_part(preparation, start);
}

static TemplateNode *
prepare_object(Preparation *preparation, JsonbValue *value)
{
	TemplateNode *node = new_node(NODE_OBJECT, NULL);
	JsonbIterator *iterator = JsonbIteratorInit(value->val.binary.data);
	JsonbIteratorToken token;
	JsonbValue	item;
	JsonbValue	key = {0};

	node->keys = palloc((value_count(value) + 1) * sizeof(JsonbValue));
	node->children = palloc((value_count(value) + 1) * sizeof(TemplateNode *));
	(void) JsonbIteratorNext(&iterator, &item, true);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = item;
		else if (token == WJB_VALUE)
			prepare_member(preparation, node, &key, &item);
	}
	return node;
}

static TemplateNode *
prepare_array(Preparation *preparation, JsonbValue *value)
{
	TemplateNode *node = new_node(NODE_ARRAY, NULL);
	int			start = preparation->path.len;

	node->children = palloc((value_count(value) + 1) * sizeof(TemplateNode *));
	while (node->count < value_count(value))
	{
		appendStringInfo(&preparation->path, "[%d]", node->count);
		preparation->place.where = preparation->path.data;
		node->children[node->count] =
			prepare_node(preparation, value_element(value, node->count));
		node->count++;
		leave_part(preparation, start);
	}
	return node;
}

static TemplateNode *
prepare_node(Preparation *preparation, JsonbValue *value)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (value_is_object(value))
		return prepare_object(preparation, value);
	if (value_is_array(value))
		return prepare_array(preparation, value);
	return prepare_data(preparation, value);
}

/*
 * Read a template.  The body and the name, which errors tell and which may be
 * NULL, are not copied, and must live as long as the result; that is palloc'd
 * in many pieces, and goes with its memory context.
 *
 * An expression that cannot be understood, or that calls what is not there, is
 * an error that tells where it is.
 */
Template *
template_prepare(Jsonb *body, const char *name)
{
	Template   *template = palloc(sizeof(Template));
	Preparation preparation;

	template_enter(&preparation.place, name);
	initStringInfo(&preparation.path);
	preparation.place.where = preparation.path.data;
	template->name = name;
	template->root = prepare_node(&preparation, value_from_jsonb(body));
	template_leave(&preparation.place);
	pfree(preparation.path.data);
	return template;
}
