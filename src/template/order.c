/*
 * order.c
 *	  The functions for arrays that put elements in an order, or tell which are
 *	  the same: for both they are sorted, so that it takes little more time for
 *	  many of them.
 *
 * Numbers come in their own order, then strings in that of their bytes, then
 * the rest, and what is null or missing last.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "template/functions.h"

/* An element, and where it comes from. */
typedef struct SortItem
{
	JsonbValue *element;
	JsonbValue *key;			/* what it is sorted by */
	int			position;		/* in all arrays, one after another */
	int			array;			/* in which argument */
} SortItem;

/* Of items that are alike, the first one stays the first. */
static int
compare_items(const void *a, const void *b, void *evaluation)
{
	const SortItem *left = a;
	const SortItem *right = b;
	int			order;

	CHECK_FOR_INTERRUPTS();
	eval_take_work(evaluation, Min(value_bytes(left->key),
								   value_bytes(right->key)));
	order = value_compare(left->key, right->key);
	return order != 0 ? order : left->position - right->position;
}

static int
compare_positions(const void *a, const void *b)
{
	return ((const SortItem *) a)->position - ((const SortItem *) b)->position;
}

/* The elements of all arguments, which are arrays, and how many these are. */
static SortItem *
take_items(Call *call, int arrays, int *count)
{
	SortItem   *items;
	int			i;
	int			j;

	for (i = 0, *count = 0; i < arrays; i++)
		*count += value_count(call->values[i]);
	items = palloc((*count + 1) * sizeof(SortItem));
	for (i = 0, *count = 0; i < arrays; i++)
		for (j = 0; j < value_count(call->values[i]); j++)
		{
			SortItem   *item = &items[*count];

			CHECK_FOR_INTERRUPTS();
			item->element = value_element(call->values[i], j);
			item->key = item->element;
			item->position = (*count)++;
			item->array = i;
		}
	return items;
}

/* An array of the elements of so many items, which take room. */
static JsonbValue *
items_array(Call *call, const SortItem *items, int count)
{
	JsonbValue **elements = palloc((count + 1) * sizeof(JsonbValue *));
	int			i;

	for (i = 0; i < count; i++)
	{
		elements[i] = items[i].element;
		eval_take_room(call->evaluation, sizeof(JsonbValue) +
					   value_bytes(elements[i]));
	}
	return value_array(elements, count);
}

/* ----------
 * Sorting
 * ----------
 */

/* The items of the array, in order: by a property, if there is an argument. */
static SortItem *
sort_items(Call *call, int *count)
{
	SortItem   *items = take_items(call, 1, count);
	const char *name = call->count > 1 && value_is_string(call->values[1]) ?
		value_text(call->values[1]) : NULL;
	int			i;

	for (i = 0; i < *count && name != NULL; i++)
	{
		eval_take_work(call->evaluation, value_bytes(items[i].element));
		items[i].key = value_is_object(items[i].element) ?
			value_property(items[i].element, name) : NULL;
	}
	qsort_arg(items, *count, sizeof(SortItem), compare_items,
			  call->evaluation);
	return items;
}

/* sortBy(array, property) */
static JsonbValue *
order_ascending(Call *call)
{
	int			count;
	SortItem   *items = sort_items(call, &count);

	return items_array(call, items, count);
}

/* sortByDescending(array, property): just the other way round. */
static JsonbValue *
order_descending(Call *call)
{
	int			count;
	SortItem   *items = sort_items(call, &count);
	int			i;

	for (i = 0; i < count / 2; i++)
	{
		SortItem	item = items[i];

		items[i] = items[count - 1 - i];
		items[count - 1 - i] = item;
	}
	return items_array(call, items, count);
}

/* ----------
 * Sets
 * ----------
 */

/*
 * The elements that are in so many of the arrays at least, each once and where
 * it is for the first time.
 */
static JsonbValue *
common_elements(Call *call, int arrays)
{
	int			count;
	SortItem   *items = take_items(call, call->count, &count);
	int			kept = 0;
	int			start;
	int			i;

	qsort_arg(items, count, sizeof(SortItem), compare_items,
			  call->evaluation);
	for (start = 0; start < count; start = i)
	{
		int			found = 1;

		/* they are in the order of their arrays */
		for (i = start + 1; i < count &&
			 value_compare(items[start].key, items[i].key) == 0; i++)
		{
			eval_take_work(call->evaluation, value_bytes(items[i].key));
			found += items[i].array != items[i - 1].array;
		}
		if (found >= arrays)
			items[kept++] = items[start];
	}
	qsort(items, kept, sizeof(SortItem), compare_positions);
	return items_array(call, items, kept);
}

/* unique(array): each element once. */
static JsonbValue *
order_unique(Call *call)
{
	return common_elements(call, 1);
}

/* union(array, ...): all elements, each once. */
static JsonbValue *
order_union(Call *call)
{
	return common_elements(call, 1);
}

/* intersection(array, ...): the elements that are in all of them. */
static JsonbValue *
order_intersection(Call *call)
{
	return common_elements(call, call->count);
}

const Function order_functions[] = {
	{"sortBy", NULL, 1, 2, {KIND_ARRAY, KIND_STRING, KIND_STRING}, KIND_ARRAY,
	CALL_EAGER, CHECK_FIRST_ARRAY, order_ascending},
	{"sortByDescending", NULL, 1, 2, {KIND_ARRAY, KIND_STRING, KIND_STRING},
	KIND_ARRAY, CALL_EAGER, CHECK_FIRST_ARRAY, order_descending},
	{"unique", NULL, 1, 1, ARRAYS, KIND_ARRAY,
	CALL_EAGER, CHECK_ARRAY, order_unique},
	{"union", NULL, 1, MANY_ARGUMENTS, ARRAYS, KIND_ARRAY,
	CALL_EAGER, CHECK_ARRAY, order_union},
	{"intersection", NULL, 1, MANY_ARGUMENTS, ARRAYS, KIND_ARRAY,
	CALL_EAGER, CHECK_ARRAY, order_intersection},
	{NULL, NULL, 0, 0, ANY, 0, CALL_EAGER, CHECK_NOTHING, NULL},
};
