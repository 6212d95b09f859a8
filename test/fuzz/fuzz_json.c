/*
 * fuzz_json.c
 *	  The JSON reader, compared with that of jansson.
 *
 * json.c rewrites the escapes before PostgreSQL's parser sees them, which must
 * change neither what is accepted nor what it means.
 */
#include "postgres_fe.h"

#include <math.h>

/* Both have a function of that name; theirs is for building documents. */
#define json_string jansson_string
#include <jansson.h>
#undef json_string

#include "base/compat.h"
#include "fuzz.h"
#include "base/json.h"

/* The tree is what it promises to be; returns the number of values. */
static int
require_tree(const JsonValue *value, int depth)
{
	const JsonValue *child;
	int			count = 1;

	REQUIRE(depth <= JSON_MAX_DEPTH);
	REQUIRE((value->text == NULL) == (value->kind == JSON_KIND_NULL ||
									  value->kind == JSON_KIND_ARRAY ||
									  value->kind == JSON_KIND_OBJECT));
	if (value->text != NULL)
		REQUIRE(compat_utf8_is_valid(value->text, (int) strlen(value->text)));
	for (child = value->child; child != NULL; child = child->next)
	{
		REQUIRE((child->name != NULL) == (value->kind == JSON_KIND_OBJECT));
		if (child->name != NULL)
		{
			REQUIRE(compat_utf8_is_valid(child->name,
										 (int) strlen(child->name)));
			REQUIRE(json_member(value, child->name) != NULL);
			REQUIRE(json_member_nocase(value, child->name) != NULL);
		}
		count += require_tree(child, depth + 1);
	}
	return count;
}

static void
write_value(StringInfo out, const JsonValue *value)
{
	const JsonValue *child;

	switch (value->kind)
	{
		case JSON_KIND_NULL:
			appendStringInfoString(out, "null");
			break;
		case JSON_KIND_BOOL:
		case JSON_KIND_NUMBER:
			appendStringInfoString(out, value->text);
			break;
		case JSON_KIND_STRING:
			json_append_string(out, value->text);
			break;
		default:
			appendStringInfoChar(out, value->kind == JSON_KIND_ARRAY ? '[' : '{');
			for (child = value->child; child != NULL; child = child->next)
			{
				if (child->name != NULL)
				{
					json_append_string(out, child->name);
					appendStringInfoChar(out, ':');
				}
				write_value(out, child);
				if (child->next != NULL)
					appendStringInfoChar(out, ',');
			}
			appendStringInfoChar(out, value->kind == JSON_KIND_ARRAY ? ']' : '}');
			break;
	}
}

/* What was read and written is read again, and written the same. */
static void
require_round_trip(const JsonValue *value)
{
	StringInfoData first;
	StringInfoData second;
	const JsonValue *again;

	initStringInfo(&first);
	write_value(&first, value);
	again = json_read(first.data, first.len, NULL);
	REQUIRE(again != NULL);
	initStringInfo(&second);
	write_value(&second, again);
	REQUIRE(strcmp(first.data, second.data) == 0);
}

static void
require_same(const JsonValue *ours, const json_t *theirs)
{
	const JsonValue *child;
	size_t		i = 0;

	switch (ours->kind)
	{
		case JSON_KIND_NULL:
			REQUIRE(json_is_null(theirs));
			break;
		case JSON_KIND_BOOL:
			REQUIRE(json_is_boolean(theirs));
			REQUIRE(json_is_true(theirs) == (strcmp(ours->text, "true") == 0));
			break;
		case JSON_KIND_NUMBER:
			REQUIRE(json_is_number(theirs));
			break;
		case JSON_KIND_STRING:
			REQUIRE(json_is_string(theirs));
			REQUIRE(strcmp(json_string_value(theirs), ours->text) == 0);
			break;
		case JSON_KIND_ARRAY:
			REQUIRE(json_is_array(theirs));
			for (child = ours->child; child != NULL; child = child->next)
				require_same(child, json_array_get(theirs, i++));
			REQUIRE(json_array_size(theirs) == i);
			break;
		case JSON_KIND_OBJECT:
			REQUIRE(json_is_object(theirs));
			for (child = ours->child; child != NULL; child = child->next)
			{
				/* of members with the same name they keep the last */
				i++;
				REQUIRE(json_object_get(theirs, child->name) != NULL);
			}
			if (json_object_size(theirs) != i)
				break;
			for (child = ours->child; child != NULL; child = child->next)
				require_same(child, json_object_get(theirs, child->name));
			break;
	}
}

void
fuzz_one(const char *input, size_t length)
{
	const char *problem = NULL;
	const JsonValue *ours = json_read(input, length, &problem);
	json_error_t error;
	json_t	   *theirs = json_loadb(input, length, JSON_DECODE_ANY |
									JSON_DECODE_INT_AS_REAL, &error);
	double		number;

	REQUIRE((ours == NULL) == (problem != NULL));
	if (ours == NULL)
		/* what is too long or too deep, or has a zero byte, is our rule */
		REQUIRE(theirs == NULL || strstr(problem, "too ") != NULL ||
				strstr(problem, "zero byte") != NULL);
	else
	{
		/* they refuse a number that overflows, we leave that to the reader */
		REQUIRE(theirs != NULL ||
				json_error_code(&error) == json_error_numeric_overflow);
		REQUIRE(require_tree(ours, 0) <= JSON_MAX_VALUES);
		require_round_trip(ours);
		if (theirs != NULL)
			require_same(ours, theirs);
		if (json_number(ours, &number))
			REQUIRE(isfinite(number));
	}
	json_decref(theirs);
}
