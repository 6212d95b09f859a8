/*
 * template_expand.c
 *	  Expands a template with data, as npm's adaptivecards-templating does.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "template/prepare.h"

/*
 * What a template may become, in bytes: far more than Teams accepts, and
 * little enough that nested loops over much data end soon.
 */
#define MAX_EXPANDED_SIZE (8 * 1024 * 1024)

/* And what may be looked at for it, again and again; it takes about a second. */
#define MAX_WORK (100 * 1024 * 1024)

/* what a value takes besides its text, roughly */
#define VALUE_SIZE ((int64) sizeof(JsonbPair))

typedef struct Expansion
{
	Place		place;
	Evaluation	evaluation;
	int64		room;
	int64		work;
	MemoryContext scratch;
} Expansion;

/* ----------
 * Evaluating
 * ----------
 */

/*
 * A value that outlives the scratch context.  Most containers are parts of the
 * data, which lives long enough.
 */
static JsonbValue *
keep(const Expansion *expansion, const JsonbValue *value)
{
	const JsonbValue *root = expansion->evaluation.root;
	JsonbValue *kept;
	char	   *start;

	if (value == NULL)
		return NULL;
	kept = template_copy_value(value);
	if (value->type == jbvString)
		kept->val.string.val = pnstrdup(value->val.string.val,
										value->val.string.len);
	else if (value->type == jbvNumeric)
		kept->val.numeric = DatumGetNumeric(datumCopy(NumericGetDatum(value->val.numeric),
													  false, -1));
	else if (value->type == jbvBinary)
	{
		start = (char *) root->val.binary.data;
		if (root->type != jbvBinary ||
			(char *) value->val.binary.data < start ||
			(char *) value->val.binary.data >= start + root->val.binary.len)
		{
			kept->val.binary.data = palloc(value->val.binary.len);
			memcpy(kept->val.binary.data, value->val.binary.data,
				   value->val.binary.len);
		}
	}
	return kept;
}

static bool
evaluate(Expansion *expansion, const TemplateNode *node, bool substitute,
		 JsonbValue **value)
{
	MemoryContext caller = MemoryContextSwitchTo(expansion->scratch);
	Place	   *place = &expansion->place;
	bool		success;

	place->where.data = node->where;
	place->where.len = strlen(node->where);
	success = expression_evaluate_text(&expansion->evaluation, node->text,
									   substitute, value);
	MemoryContextSwitchTo(caller);
	if (success)
		*value = keep(expansion, *value);
	else
		expansion->evaluation.error = pstrdup(expansion->evaluation.error);
	MemoryContextReset(expansion->scratch);
	return success;
}

static JsonbValue *
evaluate_or_fail(Expansion *expansion, const TemplateNode *node)
{
	JsonbValue *value;

	if (!evaluate(expansion, node, true, &value))
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
static JsonbValue *expand(Expansion *expansion, const TemplateNode *node);

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
	expression_take_room(&expansion->evaluation, VALUE_SIZE);
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
	ElementList list = {NULL};
	int			i;

	for (i = 0; i < node->count; i++)
		append_expanded(expansion, &list, expand(expansion, node->children[i]));
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
		value = expand(expansion, node->children[i]);
		if (value == NULL)
			continue;
		expression_take_room(&expansion->evaluation,
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
	if (when->type == NODE_TEXT)
		return !evaluate(expansion, when, false, &value) ||
			value == NULL || value->type != jbvBool || !value->val.boolean;
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
	expression_take_room(&expansion->evaluation, VALUE_SIZE);
	if (!is_left_out(expansion, node->when))
		append_element(expansion, list, expand_members(expansion, node));
}

static JsonbValue *
expand_object(Expansion *expansion, const TemplateNode *node)
{
	Evaluation *evaluation = &expansion->evaluation;
	ElementList list = {NULL};
	JsonbValue *data = NULL;
	int			i;

	if (node->data != NULL)
		data = node->data->type == NODE_TEXT ?
			evaluate_or_fail(expansion, node->data) : node->data->literal;
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

	if (value_is_string(value))
		expression_take_room(&expansion->evaluation, value->val.string.len);
	else if (value != NULL && value->type == jbvBinary)
		expression_take_room(&expansion->evaluation, value->val.binary.len);
	return value;
}

static JsonbValue *
expand(Expansion *expansion, const TemplateNode *node)
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

static JsonbValue *
push(JsonbParseState **state, JsonbIteratorToken token, JsonbValue *value)
{
	JsonbPair  *pair;
	int			i;

	check_stack_depth();
	if (value->type == jbvArray)
	{
		pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
		for (i = 0; i < value->val.array.nElems; i++)
			push(state, WJB_ELEM, &value->val.array.elems[i]);
		return pushJsonbValue(state, WJB_END_ARRAY, NULL);
	}
	if (value->type == jbvObject)
	{
		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		for (i = 0; i < value->val.object.nPairs; i++)
		{
			pair = &value->val.object.pairs[i];
			pushJsonbValue(state, WJB_KEY, &pair->key);
			push(state, WJB_VALUE, &pair->value);
		}
		return pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	return pushJsonbValue(state, token, value);
}

static Jsonb *
value_jsonb(JsonbValue *value)
{
	JsonbParseState *state = NULL;

	if (value->type == jbvArray || value->type == jbvObject)
		value = push(&state, WJB_ELEM, value);
	return JsonbValueToJsonb(value);
}

Jsonb *
template_expand(Template *template, Jsonb *data)
{
	Expansion	expansion = {0};
	ErrorContextCallback callback;
	JsonbValue *value;

	template_enter(&expansion.place, template->name, &callback);
	expansion.scratch = AllocSetContextCreate(CurrentMemoryContext,
											  "expressions of a template",
											  ALLOCSET_SMALL_SIZES);
	expansion.room = MAX_EXPANDED_SIZE;
	expansion.evaluation.room = &expansion.room;
	expansion.work = MAX_WORK;
	expansion.evaluation.work = &expansion.work;
	expansion.evaluation.root = value_from_jsonb(data);
	expansion.evaluation.data = expansion.evaluation.root;
	expansion.evaluation.index = -1;
	value = expand(&expansion, template->root);
	MemoryContextDelete(expansion.scratch);
	template_leave(&callback);
	return value == NULL ? NULL : value_jsonb(value);
}
