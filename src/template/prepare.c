/*
 * template_prepare.c
 *	  Reads a template, and parses each expression in it once.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "template/prepare.h"

/* Bytes of a place that are kept: each text has one, and names may be long. */
#define MAX_WHERE 200

/* ----------
 * Errors
 * ----------
 */

static void
add_context(void *argument)
{
	Place	   *place = argument;
	const char *name = place->template_name == NULL ? "a template" :
		psprintf("template \"%s\"", place->template_name);

	if (place->where.len > 0)
		errcontext("%s of %s", place->where.data, name);
	else
		errcontext("%s", name);
}

void
template_enter(Place *place, const char *template_name,
			   ErrorContextCallback *callback)
{
	place->template_name = template_name;
	initStringInfo(&place->where);
	callback->callback = add_context;
	callback->arg = place;
	callback->previous = error_context_stack;
	error_context_stack = callback;
}

void
template_leave(ErrorContextCallback *callback)
{
	error_context_stack = callback->previous;
}

/* ----------
 * Preparing
 * ----------
 */

static TemplateNode *prepare(Place *place, JsonbValue *value);

static TemplateNode *
new_node(TemplateNodeType type)
{
	TemplateNode	   *node = palloc0(sizeof(TemplateNode));

	node->type = type;
	return node;
}

JsonbValue *
template_copy_value(const JsonbValue *value)
{
	JsonbValue *copy = palloc(sizeof(JsonbValue));

	*copy = *value;
	return copy;
}

static TemplateNode *
prepare_scalar(Place *place, JsonbValue *value)
{
	TemplateNode	   *node = new_node(NODE_LITERAL);

	if (value->type == jbvString)
		node->text = expression_parse_text(value->val.string.val,
										   value->val.string.len);
	if (node->text != NULL)
	{
		node->type = NODE_TEXT;
		node->where = pnstrdup(place->where.data,
							   pg_mbcliplen(place->where.data,
											place->where.len, MAX_WHERE));
	}
	node->literal = template_copy_value(value);
	return node;
}

/* What is literal in $data is data, and not looked into. */
static TemplateNode *
prepare_data(Place *place, JsonbValue *value)
{
	TemplateNode	   *node;

	if (value->type == jbvString)
		return prepare_scalar(place, value);
	node = new_node(NODE_LITERAL);
	node->literal = template_copy_value(value);
	return node;
}

static bool
key_is(const JsonbValue *key, const char *name)
{
	return key->val.string.len == strlen(name) &&
		memcmp(key->val.string.val, name, key->val.string.len) == 0;
}

/* Members of objects that are no part of what they become. */
static bool
is_reserved(const JsonbValue *key)
{
	return key_is(key, "$root") || key_is(key, "$index") ||
		key_is(key, "$host") || key_is(key, "$_acTemplateVersion");
}

static void
prepare_member(Place *place, TemplateNode *object, JsonbValue *key, JsonbValue *value)
{
	if (key_is(key, "$data"))
		object->data = prepare_data(place, value);
	else if (key_is(key, "$when"))
		object->when = prepare_data(place, value);
	else if (!is_reserved(key))
	{
		object->keys[object->count] = *key;
		object->children[object->count++] = prepare(place, value);
	}
}

static TemplateNode *
prepare_object(Place *place, JsonbValue *value)
{
	TemplateNode	   *node = new_node(NODE_OBJECT);
	int			start = place->where.len;
	JsonbIterator *iterator = JsonbIteratorInit(value->val.binary.data);
	JsonbIteratorToken token;
	JsonbValue	item;
	JsonbValue	key;

	node->keys = palloc((value_count(value) + 1) * sizeof(JsonbValue));
	node->children = palloc((value_count(value) + 1) * sizeof(TemplateNode *));
	(void) JsonbIteratorNext(&iterator, &item, true);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = item;
		else if (token == WJB_VALUE)
		{
			appendStringInfo(&place->where, "%s%.*s", start > 0 ? "." : "",
							 key.val.string.len, key.val.string.val);
			prepare_member(place, node, &key, &item);
			place->where.len = start;
			place->where.data[start] = '\0';
		}
	}
	return node;
}

static TemplateNode *
prepare_array(Place *place, JsonbValue *value)
{
	TemplateNode	   *node = new_node(NODE_ARRAY);
	int			start = place->where.len;

	node->children = palloc((value_count(value) + 1) * sizeof(TemplateNode *));
	while (node->count < value_count(value))
	{
		appendStringInfo(&place->where, "[%d]", node->count);
		node->children[node->count] =
			prepare(place, value_element(value, node->count));
		node->count++;
		place->where.len = start;
		place->where.data[start] = '\0';
	}
	return node;
}

static TemplateNode *
prepare(Place *place, JsonbValue *value)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (value_is_object(value))
		return prepare_object(place, value);
	if (value_is_array(value))
		return prepare_array(place, value);
	return prepare_scalar(place, value);
}

Template *
template_prepare(Jsonb *body, const char *name)
{
	Template   *template = palloc(sizeof(Template));
	ErrorContextCallback callback;
	Place		place;

	template_enter(&place, name, &callback);
	template->name = name;
	template->root = prepare(&place, value_from_jsonb(body));
	template_leave(&callback);
	return template;
}
