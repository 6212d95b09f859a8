/*
 * objects.c
 *	  The functions for objects, and for members by names that are computed.
 *
 * Nothing is changed in place: what a function sets is in its result only.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "template/functions.h"

/* The member that an argument names exactly; NULL if there is none. */
static JsonbValue *
exact_member(const JsonbValue *object, const JsonbValue *key)
{
	JsonbContainer *container = object->val.binary.data;
	JsonbValue	wanted = *key;

	return findJsonbValueFromContainer(container, JB_FOBJECT, &wanted);
}

/* An argument that must be a string; NULL if it is not, and the call fails. */
static JsonbValue *
key_argument(Call *call, int argument)
{
	JsonbValue *key = call->values[argument];

	return value_is_string(key) ? key :
		eval_fail(call->evaluation, "%s is not a string.",
				  call_argument_text(call, argument));
}

/* The object with another member, or without the one of that name. */
static JsonbValue *
change_member(Call *call, JsonbValue *key, JsonbValue *value, bool removed)
{
	JsonbValue **keys;
	JsonbValue **values;
	int			count = value_members(call->values[0], &keys, &values);
	int			kept = 0;
	int			i;

	eval_take_room(call->evaluation, value_bytes(call->values[0]) +
				   (int64) value_bytes(key) + value_bytes(value));
	/* both have space for one more */
	for (i = 0; i < count; i++)
		if (!value_equals(keys[i], key))
		{
			keys[kept] = keys[i];
			values[kept++] = values[i];
		}
	if (!removed)
	{
		keys[kept] = key;
		values[kept++] = value;
	}
	return value_object(keys, values, kept);
}

/*
 * getProperty(object, name), or getProperty(name) of the data: what is not
 * there is nothing.
 */
static JsonbValue *
object_get(Call *call)
{
	JsonbValue *object = call->count > 1 ? call->values[0] :
		call->evaluation->data;
	JsonbValue *key = key_argument(call, call->count - 1);

	if (key == NULL || !value_is_object(object))
		return NULL;
	eval_take_work(call->evaluation, value_count(object));
	return value_property(object, value_text(key));
}

/* setProperty(object, name, value) */
static JsonbValue *
object_set(Call *call)
{
	JsonbValue *key = key_argument(call, 1);

	return key == NULL ? NULL :
		change_member(call, key, call->values[2], false);
}

/* addProperty(object, name, value): fails if there is one already. */
static JsonbValue *
object_add(Call *call)
{
	JsonbValue *key = key_argument(call, 1);

	if (key == NULL)
		return NULL;
	if (exact_member(call->values[0], key) != NULL)
		return eval_fail(call->evaluation, "%s has a member \"%s\" already.",
						 call_argument_text(call, 0), value_text(key));
	return change_member(call, key, call->values[2], false);
}

/* removeProperty(object, name): one that is not there is no failure. */
static JsonbValue *
object_remove(Call *call)
{
	JsonbValue *key = key_argument(call, 1);

	return key == NULL ? NULL : change_member(call, key, NULL, true);
}

/* ----------
 * Several objects
 * ----------
 */

/* The members of the objects that have been merged so far. */
typedef struct Members
{
	JsonbValue **keys;
	JsonbValue **values;
	int			count;
	int			space;
} Members;

/* Add all members of one more object; false if it is none. */
static bool
add_members(Call *call, Members *members, const JsonbValue *object)
{
	JsonbValue **keys;
	JsonbValue **values;
	int			count;

	CHECK_FOR_INTERRUPTS();
	if (!value_is_object(object))
		return false;
	eval_take_room(call->evaluation, sizeof(JsonbValue) + value_bytes(object));
	count = value_members(object, &keys, &values);
	if (members->count + count > members->space)
	{
		members->space = 2 * (members->count + count);
		members->keys = repalloc(members->keys,
								 members->space * sizeof(JsonbValue *));
		members->values = repalloc(members->values,
								   members->space * sizeof(JsonbValue *));
	}
	memcpy(members->keys + members->count, keys, count * sizeof(JsonbValue *));
	memcpy(members->values + members->count, values,
		   count * sizeof(JsonbValue *));
	members->count += count;
	return true;
}

/* merge(object or array of objects, ...): of members alike, the last one. */
static JsonbValue *
object_merge(Call *call)
{
	Members		members = {palloc(sizeof(JsonbValue *)),
	palloc(sizeof(JsonbValue *)), 0, 1};
	bool		done = true;
	int			i;
	int			j;

	for (i = 0; i < call->count && done; i++)
	{
		JsonbValue *value = call->values[i];

		if (!value_is_array(value))
			done = add_members(call, &members, value);
		else
			for (j = 0; j < value_count(value) && done; j++)
				done = add_members(call, &members, value_element(value, j));
	}
	if (!done)
		return eval_fail(call->evaluation,
						 "%s is neither an object nor an array of objects.",
						 call_argument_text(call, i - 1));
	return value_object(members.keys, members.values, members.count);
}

#define OBJECT_AND_NAME {KIND_OBJECT, KIND_STRING, KIND_ANY}

const Function object_functions[] = {
	{"getProperty", NULL, 1, 2, {KIND_OBJECT | KIND_STRING, KIND_STRING,
	KIND_STRING}, KIND_ANY, CALL_EAGER, CHECK_NOTHING, object_get},
	{"setProperty", NULL, 3, 3, OBJECT_AND_NAME, KIND_OBJECT,
	CALL_EAGER, CHECK_FIRST_OBJECT, object_set},
	{"addProperty", NULL, 3, 3, OBJECT_AND_NAME, KIND_OBJECT,
	CALL_EAGER, CHECK_FIRST_OBJECT, object_add},
	{"removeProperty", NULL, 2, 2, OBJECT_AND_NAME, KIND_OBJECT,
	CALL_EAGER, CHECK_FIRST_OBJECT, object_remove},
	{"merge", NULL, 1, MANY_ARGUMENTS, ANY, KIND_OBJECT,
	CALL_EAGER, CHECK_NOTHING, object_merge},
	{NULL, NULL, 0, 0, ANY, 0, CALL_EAGER, CHECK_NOTHING, NULL},
};
