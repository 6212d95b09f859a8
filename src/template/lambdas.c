/*
 * lambdas.c
 *	  The functions that evaluate an expression for each element of an array or
 *	  member of an object: foreach(rows, row, row.title).
 *
 * Within that expression the iterator's name stands for the element; for a
 * member, for an object with "key" and "value".  What one evaluation takes is
 * freed before the next; only its result is kept, and takes room.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "template/functions.h"

/* One of these functions at work. */
typedef struct Lambda
{
	Call	   *call;
	Scope		scope;			/* what the iterator stands for */
	bool		condition;		/* see lambda_evaluate() */
	bool		is_object;
	int			count;			/* of elements or members */
	JsonbValue **keys;			/* of members */
	JsonbValue **values;		/* elements, or of members */
	MemoryContext scratch;		/* of one evaluation */
} Lambda;

/* ----------
 * Elements, one after another
 * ----------
 */

/*
 * Take the elements or members of the first argument.  False if it has none,
 * as it is no collection or cannot be evaluated: the call fails.
 */
static bool
lambda_begin(Lambda *lambda, Call *call, bool condition)
{
	Evaluation *evaluation = call->evaluation;
	JsonbValue *collection = call_evaluate(call, 0);

	if (evaluation->error != NULL)
		return false;
	eval_take_work(evaluation, value_bytes(collection));
	lambda->call = call;
	lambda->condition = condition;
	lambda->scope.name = call->expression->arguments[1]->name;
	lambda->scope.outer = evaluation->scope;
	lambda->is_object = value_is_object(collection);
	if (lambda->is_object)
		lambda->count = value_members(collection, &lambda->keys,
									  &lambda->values);
	else if (value_is_array(collection))
	{
		lambda->count = value_count(collection);
		lambda->values = value_elements(collection);
	}
	else
	{
		(void) eval_fail(evaluation, "%s is not an array or object.",
						 call_argument_text(call, 0));
		return false;
	}
	lambda->scratch = AllocSetContextCreate(CurrentMemoryContext,
											"a lambda of a template",
											ALLOCSET_SMALL_SIZES);
	return true;
}

/* An element, or an object that tells key and value of a member. */
static JsonbValue *
lambda_item(const Lambda *lambda, int i)
{
	JsonbValue *keys[] = {value_string("key", 3), value_string("value", 5)};
	JsonbValue *values[2];

	if (!lambda->is_object)
		return lambda->values[i];
	values[0] = lambda->keys[i];
	values[1] = lambda->values[i];
	return value_object(keys, values, 2);
}

/*
 * The value of the third argument for an element, in the current context; for
 * a condition, just whether it counts as true.  As everywhere, a condition
 * that fails is not true, and what is not there is no text.
 */
static JsonbValue *
lambda_evaluate(Lambda *lambda, int i)
{
	Call	   *call = lambda->call;
	Evaluation *evaluation = call->evaluation;
	MemoryContext caller = MemoryContextSwitchTo(lambda->scratch);
	JsonbValue *value;

	CHECK_FOR_INTERRUPTS();
	eval_take_work(evaluation, value_bytes(lambda->values[i]));
	lambda->scope.value = lambda_item(lambda, i);
	evaluation->scope = &lambda->scope;
	value = lambda->condition ? call_try(call, 2) : call_evaluate(call, 2);
	evaluation->scope = lambda->scope.outer;
	MemoryContextSwitchTo(caller);
	if (lambda->condition)
		value = value_bool(value_is_true(value));
	else if (evaluation->error != NULL)
		evaluation->error = pstrdup(evaluation->error);
	else
	{
		eval_take_room(evaluation, sizeof(JsonbValue) + value_bytes(value));
		value = value_copy(value);
	}
	MemoryContextReset(lambda->scratch);
	return value;
}

/* ----------
 * The functions
 * ----------
 */

/* foreach(collection, iterator, expression): an array of the values. */
static JsonbValue *
lambda_foreach(Call *call)
{
	Lambda		lambda = {0};
	JsonbValue **results;
	int			i;

	if (!lambda_begin(&lambda, call, false))
		return NULL;
	results = palloc((lambda.count + 1) * sizeof(JsonbValue *));
	for (i = 0; i < lambda.count; i++)
	{
		results[i] = lambda_evaluate(&lambda, i);
		if (call->evaluation->error != NULL)
			break;
	}
	MemoryContextDelete(lambda.scratch);
	return call->evaluation->error != NULL ? NULL :
		value_array(results, lambda.count);
}

/*
 * where(collection, iterator, condition): those elements for which it holds;
 * of an object, an object.
 */
static JsonbValue *
lambda_where(Call *call)
{
	Lambda		lambda = {0};
	int			kept = 0;
	int			i;

	if (!lambda_begin(&lambda, call, true))
		return NULL;
	for (i = 0; i < lambda.count; i++)
		if (value_is_true(lambda_evaluate(&lambda, i)))
		{
			eval_take_room(call->evaluation, value_bytes(lambda.values[i]));
			if (lambda.is_object)
				lambda.keys[kept] = lambda.keys[i];
			lambda.values[kept++] = lambda.values[i];
		}
	MemoryContextDelete(lambda.scratch);
	return lambda.is_object ?
		value_object(lambda.keys, lambda.values, kept) :
		value_array(lambda.values, kept);
}

/* Is there an element for which the condition is what is wanted? */
static JsonbValue *
find_condition(Call *call, bool wanted)
{
	Lambda		lambda = {0};
	bool		found = false;
	int			i;

	if (!lambda_begin(&lambda, call, true))
		return NULL;
	for (i = 0; i < lambda.count && !found; i++)
		found = value_is_true(lambda_evaluate(&lambda, i)) == wanted;
	MemoryContextDelete(lambda.scratch);
	return value_bool(found == wanted);
}

/* any(collection, iterator, condition): whether it holds for one at least. */
static JsonbValue *
lambda_any(Call *call)
{
	return find_condition(call, true);
}

/* all(collection, iterator, condition): whether it holds for each. */
static JsonbValue *
lambda_all(Call *call)
{
	return find_condition(call, false);
}

#define COLLECTION_FIRST {KIND_ARRAY | KIND_OBJECT, KIND_ANY, KIND_ANY}

const Function lambda_functions[] = {
	{"foreach", NULL, 3, 3, COLLECTION_FIRST, KIND_ARRAY,
	CALL_LAZY, CHECK_ITERATOR, lambda_foreach},
	{"select", NULL, 3, 3, COLLECTION_FIRST, KIND_ARRAY,
	CALL_LAZY, CHECK_ITERATOR, lambda_foreach},
	{"where", NULL, 3, 3, COLLECTION_FIRST, KIND_ARRAY | KIND_OBJECT,
	CALL_LAZY, CHECK_ITERATOR, lambda_where},
	{"any", NULL, 3, 3, COLLECTION_FIRST, KIND_BOOLEAN,
	CALL_LAZY, CHECK_ITERATOR, lambda_any},
	{"all", NULL, 3, 3, COLLECTION_FIRST, KIND_BOOLEAN,
	CALL_LAZY, CHECK_ITERATOR, lambda_all},
	{NULL, NULL, 0, 0, ANY, 0, CALL_EAGER, CHECK_NOTHING, NULL},
};
