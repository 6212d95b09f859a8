/*
 * value.c
 *	  Values of JSON as expressions of a template see them.
 *
 * Numbers of the data are kept as the numeric they are, so that an id of
 * twenty digits survives; what is computed is computed in double precision,
 * as in JavaScript.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "template/value.h"

/* ----------
 * Making them
 * ----------
 */

static JsonbValue *
new_value(enum jbvType type)
{
	JsonbValue *value = palloc0(sizeof(JsonbValue));

	value->type = type;
	return value;
}

static JsonbValue *
binary_value(JsonbContainer *container, int length)
{
	JsonbValue *value = new_value(jbvBinary);

	value->val.binary.data = container;
	value->val.binary.len = length;
	return value;
}

JsonbValue *
value_from_jsonb(Jsonb *jsonb)
{
	if (JB_ROOT_IS_SCALAR(jsonb))
		return getIthJsonbValueFromContainer(&jsonb->root, 0);
	return binary_value(&jsonb->root, VARSIZE(jsonb) - VARHDRSZ);
}

JsonbValue *
value_null(void)
{
	return new_value(jbvNull);
}

JsonbValue *
value_bool(bool boolean)
{
	JsonbValue *value = new_value(jbvBool);

	value->val.boolean = boolean;
	return value;
}

JsonbValue *
value_string(const char *text, int length)
{
	JsonbValue *value = new_value(jbvString);

	value->val.string.val = pnstrdup(text, length);
	value->val.string.len = length;
	return value;
}

static Numeric
numeric_from_text(const char *text)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in,
											   CStringGetDatum(text),
											   ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

JsonbValue *
value_number(double number)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];
	JsonbValue *value;

	if (!isfinite(number))
		return NULL;
	double_to_shortest_decimal_buf(number, text);
	value = new_value(jbvNumeric);
	value->val.numeric = numeric_from_text(text);
	return value;
}

JsonbValue *
value_array(JsonbValue **elements, int count)
{
	JsonbParseState *state = NULL;
	int			i;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (i = 0; i < count; i++)
		pushJsonbValue(&state, WJB_ELEM,
					   elements[i] == NULL ? value_null() : elements[i]);
	return value_from_jsonb(JsonbValueToJsonb(pushJsonbValue(&state,
															 WJB_END_ARRAY,
															 NULL)));
}

/* ----------
 * Looking at them
 * ----------
 */

bool
value_is_missing(const JsonbValue *value)
{
	return value == NULL || value->type == jbvNull;
}

bool
value_is_string(const JsonbValue *value)
{
	return value != NULL && value->type == jbvString;
}

bool
value_is_number(const JsonbValue *value)
{
	return value != NULL && value->type == jbvNumeric;
}

bool
value_is_integer(const JsonbValue *value)
{
	double		number;

	if (!value_is_number(value))
		return false;
	number = value_double(value);
	return isfinite(number) && floor(number) == number;
}

bool
value_is_array(const JsonbValue *value)
{
	return value != NULL && value->type == jbvBinary &&
		JsonContainerIsArray(value->val.binary.data);
}

bool
value_is_object(const JsonbValue *value)
{
	return value != NULL && value->type == jbvBinary &&
		JsonContainerIsObject(value->val.binary.data);
}

bool
value_is_true(const JsonbValue *value)
{
	if (value_is_missing(value))
		return false;
	return value->type != jbvBool || value->val.boolean;
}

char *
value_numeric_text(const JsonbValue *number)
{
	Datum		numeric = NumericGetDatum(number->val.numeric);

	return DatumGetCString(DirectFunctionCall1(numeric_out, numeric));
}

double
value_double(const JsonbValue *number)
{
	return strtod(value_numeric_text(number), NULL);
}

int
value_count(const JsonbValue *container)
{
	return JsonContainerSize(container->val.binary.data);
}

JsonbValue *
value_element(const JsonbValue *array, double index)
{
	if (!(index >= 0 && index < value_count(array)))
		return NULL;
	return getIthJsonbValueFromContainer(array->val.binary.data,
										 (uint32) index);
}

JsonbValue *
value_property(const JsonbValue *object, const char *name)
{
	JsonbContainer *container = object->val.binary.data;
	int			length = strlen(name);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue *value;

	value = getKeyJsonValueFromContainer(container, name, length, NULL);
	if (value != NULL)
		return value;

	iterator = JsonbIteratorInit(container);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
		if (token == WJB_KEY && key.val.string.len == length &&
			pg_strncasecmp(key.val.string.val, name, length) == 0)
			return getKeyJsonValueFromContainer(container, key.val.string.val,
												length, NULL);
	return NULL;
}

const char *
value_string_bytes(const JsonbValue *value, int *length)
{
	*length = value_is_string(value) ? value->val.string.len : 0;
	return *length > 0 ? value->val.string.val : "";
}

/* The reference takes numbers for equal that are less than 2^-52 apart. */
static bool
numbers_equal(const JsonbValue *a, const JsonbValue *b)
{
	if (DatumGetBool(DirectFunctionCall2(numeric_eq,
										 NumericGetDatum(a->val.numeric),
										 NumericGetDatum(b->val.numeric))))
		return true;
	return fabs(value_double(a) - value_double(b)) < 2.220446049250313e-16;
}

bool
value_equals(const JsonbValue *a, const JsonbValue *b)
{
	if (value_is_missing(a) || value_is_missing(b))
		return value_is_missing(a) && value_is_missing(b);
	if (a->type != b->type)
		return false;
	switch (a->type)
	{
		case jbvBool:
			return a->val.boolean == b->val.boolean;
		case jbvNumeric:
			return numbers_equal(a, b);
		case jbvString:
			return a->val.string.len == b->val.string.len &&
				memcmp(a->val.string.val, b->val.string.val,
					   a->val.string.len) == 0;
		default:
			return compareJsonbContainers(a->val.binary.data,
										  b->val.binary.data) == 0;
	}
}
