/*
 * expand.c
 *	  Expands a template with data, as npm's adaptivecards-templating does.
 *
 * Whoever writes a template or its data may not let this take all time or
 * memory there is: what is looked at is counted, and what becomes of it, too.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "template/eval.h"
#include "template/prepare.h"

/*
 * What a template may become, in bytes: far more than Teams accepts, and
 * little enough that nested loops over much data end soon.
 */
#define MAX_EXPANDED_SIZE (8 * 1024 * 1024)

/* And what may be looked at for it, again and again: for about a second. */
#define MAX_WORK (100 * 1024 * 1024)

/* What a value takes besides its text, roughly. */
#define VALUE_SIZE ((int64) sizeof(JsonbPair))

/*
 * Expressions are evaluated in a scratch context that is reset after each of
 * the template's strings; a string's value is copied out of it.
 */
typedef struct Expansion
{
	TemplatePlace place;
	Evaluation	evaluation;
	MemoryContext scratch;
} Expansion;

/* ----------
 * Evaluating
 * ----------
 */

/* Is it a part of the data, and not made by an expression? */
static bool
is_in_data(const Expansion *expansion, const JsonbContainer *container)
{
	const JsonbValue *root = expansion->evaluation.root;
	const char *start;

	if (root->type != jbvBinary)
		return false;
	start = (const char *) root->val.binary.data;
	return (const char *) container >= start &&
		(const char *) container < start + root->val.binary.len;
}

/* A value that outlives the scratch context, in the current one. */
static JsonbValue *
copy_from_scratch(const Expansion *expansion, const JsonbValue *value)
{
	if (value != NULL && value->type == jbvBinary &&
		is_in_data(expansion, value->val.binary.data))
		return copy_json_value(value);
	return value_copy(value);
}

/*
 * The parts of a text, each on its own: one that fails or has no value is left
 * as it is written, for a reader to see what is missing.
 */
static JsonbValue *
evaluate_parts(Evaluation *evaluation, const TemplateNode *text)
{
	StringInfoData result;
	int			i;

	initStringInfo(&result);
	for (i = 0; i < text->count; i++)
	{
		const Expression *part = text->parts[i];
		int			start = result.len;
		JsonbValue *value = eval_expression(evaluation, part, true);

		if (evaluation->error == NULL && !value_is_missing(value))
			value_append_text(&result, value);
		else
			appendStringInfo(&result, "${%s}", expression_text(part));
		evaluation->error = NULL;
		eval_take_room(evaluation, result.len - start);
	}
	return value_string(result.data, result.len);
}

/*
 * The value of a string with expressions; NULL if there is none, and after a
 * failure, which leaves evaluation.error.
 */
static JsonbValue *
evaluate_string(Expansion *expansion, const TemplateNode *node,
				bool substitute)
{
	Evaluation *evaluation = &expansion->evaluation;
	MemoryContext caller = MemoryContextSwitchTo(expansion->scratch);
	JsonbValue *value;

	expansion->place.where = node->where;
	evaluation->error = NULL;
	value = node->type == NODE_TEXT ? evaluate_parts(evaluation, node) :
		eval_expression(evaluation, node->parts[0], substitute);
	MemoryContextSwitchTo(caller);
	value = copy_from_scratch(expansion, value);
	if (evaluation->error != NULL)
		evaluation->error = pstrdup(evaluation->error);
	MemoryContextReset(expansion->scratch);
	return value;
}

/*
 * The same for a string that must have been evaluated: a failure is an error.
 */
static JsonbValue *
evaluate_or_fail(Expansion *expansion, const TemplateNode *node)
{
	JsonbValue *value = evaluate_string(expansion, node, true);

	if (expansion->evaluation.error != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expression cannot be evaluated: \"%s\"",
						value_text(node->literal)),
				 errdetail("%s", expansion->evaluation.error)));
	return value;
}

/* ----------
 * Expanding
 * ----------
 */

/*
 * A node becomes a value; one made here is a jbvArray or jbvObject.  NULL is
 * left out of an object, and null of an array.
 */
static JsonbValue *expand_node(Expansion *expansion, const TemplateNode *node);

/* An array under construction. */
typedef struct ElementList
{
	JsonbValue *elements;
	int			count;
	int			space;
} ElementList;

static void
append_element(Expansion *expansion, ElementList *list,
			   const JsonbValue *element)
{
	eval_take_room(&expansion->evaluation, VALUE_SIZE);
	if (list->elements == NULL)
	{
		list->space = 8;
		list->elements = palloc(list->space * sizeof(JsonbValue));
	}
	else if (list->count == list->space)
	{
		list->space *= 2;
		list->elements = repalloc(list->elements,
								  list->space * sizeof(JsonbValue));
	}
	list->elements[list->count++] = element == NULL ? *value_null() : *element;
}

static JsonbValue *
list_value(const ElementList *list)
{
	JsonbValue *value = palloc0(sizeof(JsonbValue));

	value->type = jbvArray;
	value->val.array.elems = list->elements;
	value->val.array.nElems = list->count;
	return value;
}

/* The elements of an array that is an element become elements themselves. */
static void
append_expanded(Expansion *expansion, ElementList *list,
				const JsonbValue *value)
{
	int			i;

	if (value != NULL && value->type == jbvNull)
		return;
	if (value != NULL && value->type == jbvArray)
		for (i = 0; i < value->val.array.nElems; i++)
			append_element(expansion, list, &value->val.array.elems[i]);
	else if (value_is_array(value))
		for (i = 0; i < value_count(value); i++)
			append_element(expansion, list, value_element(value, i));
	else
		append_element(expansion, list, value);
}

static JsonbValue *
expand_elements(Expansion *expansion, const TemplateNode *node)
{
	ElementList list = {.elements = NULL};
	int			i;

	for (i = 0; i < node->count; i++)
		append_expanded(expansion, &list,
						expand_node(expansion, node->children[i]));
	return list_value(&list);
}

/* Its keys are unique and in jsonb's order, since those of the node are. */
static JsonbValue *
expand_members(Expansion *expansion, const TemplateNode *node)
{
	JsonbValue *object = palloc0(sizeof(JsonbValue));
	JsonbPair  *pair;
	JsonbValue *value;
	int			i;

	object->type = jbvObject;
	object->val.object.pairs = palloc((node->count + 1) * sizeof(JsonbPair));
	for (i = 0; i < node->count; i++)
	{
		value = expand_node(expansion, node->children[i]);
		if (value == NULL)
			continue;
		eval_take_room(&expansion->evaluation,
					   VALUE_SIZE + node->keys[i].val.string.len);
		pair = &object->val.object.pairs[object->val.object.nPairs++];
		pair->key = node->keys[i];
		pair->value = *value;
	}
	return object;
}

/*
 * An expression must be true, and not merely count as true.  With anything
 * else that counts as true the object is left out, says the reference: it
 * wants an expression.
 */
static bool
is_left_out(Expansion *expansion, const TemplateNode *when)
{
	JsonbValue *value;

	if (when == NULL)
		return false;
	if (when->type != NODE_LITERAL)
	{
		value = evaluate_string(expansion, when, false);
		return value == NULL || value->type != jbvBool || !value->val.boolean;
	}
	value = when->literal;
	if (value->type == jbvString)
		return value->val.string.len > 0;
	if (value->type == jbvNumeric)
		return value_double(value) != 0;
	return value_is_true(value);
}

static void
expand_bound(Expansion *expansion, const TemplateNode *node, ElementList *list)
{
	eval_take_room(&expansion->evaluation, VALUE_SIZE);
	if (!is_left_out(expansion, node->when))
		append_element(expansion, list, expand_members(expansion, node));
}

static JsonbValue *
expand_object(Expansion *expansion, const TemplateNode *node)
{
	Evaluation *evaluation = &expansion->evaluation;
	ElementList list = {.elements = NULL};
	JsonbValue *data = NULL;
	int			i;

	if (node->data != NULL)
		data = node->data->type == NODE_LITERAL ? node->data->literal :
			evaluate_or_fail(expansion, node->data);
	if (value_is_array(data))
		for (i = 0; i < value_count(data); i++)
		{
			evaluation->data = value_element(data, i);
			evaluation->index = i;
			expand_bound(expansion, node, &list);
		}
	else
	{
		if (data != NULL)
			evaluation->data = data;
		expand_bound(expansion, node, &list);
	}
	if (list.count == 0)
		return value_null();
	return list.count == 1 ? &list.elements[0] : list_value(&list);
}

static JsonbValue *
expand_scalar(Expansion *expansion, const TemplateNode *node)
{
	JsonbValue *value = node->type == NODE_LITERAL ? node->literal :
		evaluate_or_fail(expansion, node);

	eval_take_room(&expansion->evaluation, value_bytes(value));
	return value;
}

static JsonbValue *
expand_node(Expansion *expansion, const TemplateNode *node)
{
	JsonbValue *data = expansion->evaluation.data;
	int			index = expansion->evaluation.index;
	JsonbValue *value;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (node->type == NODE_ARRAY)
		value = expand_elements(expansion, node);
	else if (node->type == NODE_OBJECT)
		value = expand_object(expansion, node);
	else
		value = expand_scalar(expansion, node);
	expansion->evaluation.data = data;
	expansion->evaluation.index = index;
	return value;
}

/* ----------
 * The result
 * ----------
 */

/* Push a value that is part of another one, with all that is in it. */
static JsonbValue *
push_value(JsonbParseState **state, JsonbIteratorToken token,
		   JsonbValue *value)
{
	JsonbPair  *pair;
	int			i;

	check_stack_depth();
	if (value->type == jbvArray)
	{
		pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
		for (i = 0; i < value->val.array.nElems; i++)
			push_value(state, WJB_ELEM, &value->val.array.elems[i]);
		return pushJsonbValue(state, WJB_END_ARRAY, NULL);
	}
	if (value->type == jbvObject)
	{
		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		for (i = 0; i < value->val.object.nPairs; i++)
		{
			pair = &value->val.object.pairs[i];
			pushJsonbValue(state, WJB_KEY, &pair->key);
			push_value(state, WJB_VALUE, &pair->value);
		}
		return pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	return pushJsonbValue(state, token, value);
}

/* JsonbValueToJsonb() alone does not know containers within containers. */
static Jsonb *
value_to_jsonb(JsonbValue *value)
{
	JsonbParseState *state = NULL;

	if (value->type == jbvArray || value->type == jbvObject)
		value = push_value(&state, WJB_ELEM, value);
	return JsonbValueToJsonb(value);
}

/*
 * What a template becomes with the data, palloc'd; NULL if nothing is left of
 * it.  Raises an error if a string fails that is one expression, and if the
 * template becomes too large or takes too long.
 */
Jsonb *
template_expand(Template *template, Jsonb *data)
{
	Expansion	expansion = {0};
	Evaluation *evaluation = &expansion.evaluation;
	JsonbValue *value;

	template_enter(&expansion.place, template->name);
	expansion.scratch = AllocSetContextCreate(CurrentMemoryContext,
											  "expressions of a template",
											  ALLOCSET_SMALL_SIZES);
	evaluation->root = value_from_jsonb(data);
	evaluation->data = evaluation->root;
	evaluation->index = -1;
	evaluation->work = MAX_WORK;
	evaluation->room = MAX_EXPANDED_SIZE;
	value = expand_node(&expansion, template->root);
	MemoryContextDelete(expansion.scratch);
	template_leave(&expansion.place);
	return value == NULL ? NULL : value_to_jsonb(value);
}
