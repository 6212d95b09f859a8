/*
 * value.c
 *	  Values of JSON as expressions of a template see them.
 *
 * Numbers of the data are kept as the numeric they are, so that an id of
 * twenty digits survives; what is computed is computed in double precision,
 * as in JavaScript, since the time that takes is bounded.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/numeric.h"

#include "template/value.h"

/* ----------
 * Making them
 * ----------
 */

/* A value of that type, with nothing in it yet. */
static JsonbValue *
new_value(enum jbvType type)
{
	JsonbValue *value = palloc0(sizeof(JsonbValue));

	value->type = type;
	return value;
}

/* The value of a whole document, which must live as long. */
JsonbValue *
value_from_jsonb(Jsonb *jsonb)
{
	JsonbValue *value;

	if (JB_ROOT_IS_SCALAR(jsonb))
		return getIthJsonbValueFromContainer(&jsonb->root, 0);
	value = new_value(jbvBinary);
	value->val.binary.data = &jsonb->root;
	value->val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
	return value;
}

/* JSON's null, which is there, unlike NULL. */
JsonbValue *
value_null(void)
{
	return new_value(jbvNull);
}

/* JSON's true or false. */
JsonbValue *
value_bool(bool boolean)
{
	JsonbValue *value = new_value(jbvBool);

	value->val.boolean = boolean;
	return value;
}

/*
 * A string of bytes that are not copied: they must stay as they are for as
 * long as the value lives.
 */
JsonbValue *
value_string(const char *text, int length)
{
	JsonbValue *value = new_value(jbvString);

	value->val.string.val = unconstify(char *, text);
	value->val.string.len = length;
	return value;
}

/* A number that is a numeric already, which is not copied. */
JsonbValue *
value_numeric(Numeric numeric)
{
	JsonbValue *value = new_value(jbvNumeric);

	value->val.numeric = numeric;
	return value;
}

/*
 * A number by the shortest digits that mean it.  NULL if it is not finite:
 * JSON has no such numbers.
 */
JsonbValue *
value_number(double number)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];
	Datum		numeric;

	if (!isfinite(number))
		return NULL;
	double_to_shortest_decimal_buf(number, text);
	numeric = DirectFunctionCall3(numeric_in, CStringGetDatum(text),
								  ObjectIdGetDatum(InvalidOid),
								  Int32GetDatum(-1));
	return value_numeric(DatumGetNumeric(numeric));
}

/* An array with copies of the elements; those that are not there are null. */
JsonbValue *
value_array(JsonbValue **elements, int count)
{
	JsonbParseState *state = NULL;
	JsonbValue *array;
	int			i;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (i = 0; i < count; i++)
		pushJsonbValue(&state, WJB_ELEM,
					   elements[i] == NULL ? value_null() : elements[i]);
	array = pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return value_from_jsonb(JsonbValueToJsonb(array));
}

/*
 * An object with copies of the members.  The keys are strings; of two that are
 * the same, the last one counts.
 */
JsonbValue *
value_object(JsonbValue **keys, JsonbValue **values, int count)
{
	JsonbParseState *state = NULL;
	JsonbValue *object;
	int			i;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (i = 0; i < count; i++)
	{
		pushJsonbValue(&state, WJB_KEY, keys[i]);
		pushJsonbValue(&state, WJB_VALUE,
					   values[i] == NULL ? value_null() : values[i]);
	}
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return value_from_jsonb(JsonbValueToJsonb(object));
}

/* A copy with all that the value consists of, in the current context. */
JsonbValue *
value_copy(const JsonbValue *value)
{
	JsonbValue *copy;
	Datum		numeric;

	if (value == NULL)
		return NULL;
	copy = palloc(sizeof(JsonbValue));
	*copy = *value;
	if (value->type == jbvString)
		copy->val.string.val = pnstrdup(value->val.string.val,
										value->val.string.len);
	else if (value->type == jbvNumeric)
	{
		numeric = NumericGetDatum(value->val.numeric);
		copy->val.numeric = DatumGetNumeric(datumCopy(numeric, false, -1));
	}
	else if (value->type == jbvBinary)
	{
		copy->val.binary.data = palloc(value->val.binary.len);
		memcpy(copy->val.binary.data, value->val.binary.data,
			   value->val.binary.len);
	}
	return copy;
}

/* ----------
 * Looking at them
 * ----------
 */

/* Is it not there, or null? */
bool
value_is_missing(const JsonbValue *value)
{
	return value == NULL || value->type == jbvNull;
}

/* Is it a string?  False of nothing, as with all that follow. */
bool
value_is_string(const JsonbValue *value)
{
	return value != NULL && value->type == jbvString;
}

/* Is it a number? */
bool
value_is_number(const JsonbValue *value)
{
	return value != NULL && value->type == jbvNumeric;
}

/* Is it a number without a fraction, as far as double precision can tell? */
bool
value_is_integer(const JsonbValue *value)
{
	double		number;

	if (!value_is_number(value))
		return false;
	number = value_double(value);
	return isfinite(number) && floor(number) == number;
}

/* Is it an array?  One under construction (jbvArray) is none here. */
bool
value_is_array(const JsonbValue *value)
{
	return value != NULL && value->type == jbvBinary &&
		JsonContainerIsArray(value->val.binary.data);
}

/* Is it an object?  One under construction (jbvObject) is none here. */
bool
value_is_object(const JsonbValue *value)
{
	return value != NULL && value->type == jbvBinary &&
		JsonContainerIsObject(value->val.binary.data);
}

/* Does it count as true: is it anything but false, null and nothing? */
bool
value_is_true(const JsonbValue *value)
{
	if (value_is_missing(value))
		return false;
	return value->type != jbvBool || value->val.boolean;
}

static bool
numerics_equal(Numeric a, Numeric b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(a),
											NumericGetDatum(b)));
}

/* Null and nothing are equal; else values of different types are not. */
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
			return numerics_equal(a->val.numeric, b->val.numeric);
		case jbvString:
			return a->val.string.len == b->val.string.len &&
				memcmp(a->val.string.val, b->val.string.val,
					   a->val.string.len) == 0;
		default:
			return compareJsonbContainers(a->val.binary.data,
										  b->val.binary.data) == 0;
	}
}

/* In which order values of different types come: what is missing is last. */
static int
type_order(const JsonbValue *value)
{
	if (value_is_missing(value))
		return 4;
	switch (value->type)
	{
		case jbvNumeric:
			return 0;
		case jbvString:
			return 1;
		case jbvBool:
			return 2;
		default:
			return 3;
	}
}

/*
 * An order of all values, as memcmp() tells it: 0 just for those that are
 * equal as of value_equals().  Strings are in the order of their bytes,
 * whatever the database's collation is.
 */
int
value_compare(const JsonbValue *a, const JsonbValue *b)
{
	int			types = type_order(a) - type_order(b);
	int			order;

	if (types != 0 || value_is_missing(a))
		return types;
	switch (a->type)
	{
		case jbvNumeric:
			return DatumGetInt32(DirectFunctionCall2(numeric_cmp,
													 NumericGetDatum(a->val.numeric),
													 NumericGetDatum(b->val.numeric)));
		case jbvString:
			order = memcmp(a->val.string.val, b->val.string.val,
						   Min(a->val.string.len, b->val.string.len));
			return order != 0 ? order :
				a->val.string.len - b->val.string.len;
		case jbvBool:
			return a->val.boolean - b->val.boolean;
		default:
			return compareJsonbContainers(a->val.binary.data,
										  b->val.binary.data);
	}
}

/* A number in double precision; infinite if it is beyond that. */
double
value_double(const JsonbValue *number)
{
	Datum		numeric = NumericGetDatum(number->val.numeric);

	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  numeric));
}

/* How many elements or members an array or object has. */
int
value_count(const JsonbValue *container)
{
	return JsonContainerSize(container->val.binary.data);
}

/*
 * How many digits a number is written with.  They may be far more than the
 * bytes that it takes: 1e131000 is kept in a few.  The binary form of numeric
 * begins with the number of its digits to the base of 10000, the power of that
 * which the first one counts, the sign, and how many decimal places there are.
 */
static int
number_digits(const JsonbValue *number)
{
	Datum		numeric = NumericGetDatum(number->val.numeric);
	bytea	   *sent = DatumGetByteaPP(DirectFunctionCall1(numeric_send,
														   numeric));
	uint16		header[4];
	int			weight;

	memcpy(header, VARDATA_ANY(sent), sizeof(header));
	pfree(sent);
	weight = (int16) pg_ntoh16(header[1]);
	return 4 * Max(weight + 1, 0) + pg_ntoh16(header[3]);
}

/*
 * How many bytes it takes to look at all of a value or to write it, roughly; 0
 * for what is neither string, number, array nor object.
 */
int
value_bytes(const JsonbValue *value)
{
	if (value_is_string(value))
		return value->val.string.len;
	if (value_is_number(value))
		return number_digits(value);
	if (value != NULL && value->type == jbvBinary)
		return value->val.binary.len;
	return 0;
}

/* The element of that number, from 0; NULL if the array has none. */
JsonbValue *
value_element(const JsonbValue *array, double index)
{
	if (!(index >= 0 && index < value_count(array)))
		return NULL;
	return getIthJsonbValueFromContainer(array->val.binary.data,
										 (uint32) index);
}

/*
 * The member of that name, or else one whose name differs only in ASCII case,
 * for which all are looked at; NULL if there is none.
 */
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

/* All elements of an array, in one piece of memory. */
JsonbValue **
value_elements(const JsonbValue *array)
{
	int			count = value_count(array);
	JsonbValue **elements = palloc((count + 1) * sizeof(JsonbValue *));
	int			i;

	for (i = 0; i < count; i++)
		elements[i] = value_element(array, i);
	return elements;
}

/* All members of an object, and how many there are. */
int
value_members(const JsonbValue *object, JsonbValue ***keys,
			  JsonbValue ***values)
{
	JsonbIterator *iterator = JsonbIteratorInit(object->val.binary.data);
	JsonbIteratorToken token;
	JsonbValue *item = palloc(sizeof(JsonbValue));
	int			count = 0;

	*keys = palloc((value_count(object) + 1) * sizeof(JsonbValue *));
	*values = palloc((value_count(object) + 1) * sizeof(JsonbValue *));
	(void) JsonbIteratorNext(&iterator, item, true);
	while ((token = JsonbIteratorNext(&iterator, item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			(*keys)[count] = item;
		else if (token == WJB_VALUE)
			(*values)[count++] = item;
		item = palloc(sizeof(JsonbValue));
	}
	return count;
}

/* ----------
 * Values as text
 * ----------
 */

/*
 * All digits of a number, without the zeros at the end of its fraction: data
 * that come from a column of numeric(10,2) would have them in every text.
 */
static char *
number_text(const JsonbValue *number)
{
	Datum		numeric = NumericGetDatum(number->val.numeric);

	numeric = DirectFunctionCall1(numeric_trim_scale, numeric);
	return DatumGetCString(DirectFunctionCall1(numeric_out, numeric));
}

/*
 * The text that takes a value's place within another, which is the one of
 * JavaScript's toString(): arrays lose their brackets, and objects all that is
 * in them.
 */
void
value_append_text(StringInfo out, const JsonbValue *value)
{
	int			i;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (value == NULL)
		appendStringInfoString(out, "undefined");
	else if (value->type == jbvNull)
		appendStringInfoString(out, "null");
	else if (value->type == jbvBool)
		appendStringInfoString(out, value->val.boolean ? "true" : "false");
	else if (value->type == jbvNumeric)
		appendStringInfoString(out, number_text(value));
	else if (value->type == jbvString)
		appendBinaryStringInfo(out, value->val.string.val,
							   value->val.string.len);
	else if (value_is_object(value))
		appendStringInfoString(out, "[object Object]");
	else
		for (i = 0; i < value_count(value); i++)
		{
			JsonbValue *element = value_element(value, i);

			if (i > 0)
				appendStringInfoChar(out, ',');
			if (!value_is_missing(element))
				value_append_text(out, element);
		}
}

/* The same, as a string of its own. */
char *
value_text(const JsonbValue *value)
{
	StringInfoData text;

	if (value_is_string(value))
		return pnstrdup(value->val.string.val, value->val.string.len);
	if (value_is_number(value))
		return number_text(value);
	initStringInfo(&text);
	value_append_text(&text, value);
	return text.data;
}

/* The value as text, but arrays and objects as the JSON that they are. */
void
value_append_json(StringInfo out, const JsonbValue *value)
{
	if (value != NULL && value->type == jbvBinary)
		(void) JsonbToCString(out, value->val.binary.data,
							  value->val.binary.len);
	else
		value_append_text(out, value);
}

/* The bytes of a string, which are not copied; none of anything else. */
const char *
value_string_bytes(const JsonbValue *value, int *length)
{
	*length = value_is_string(value) ? value->val.string.len : 0;
	return *length > 0 ? value->val.string.val : "";
}

/* ----------
 * Lengths of text
 *
 * They are counted in units of UTF-16, as in all implementations of the
 * language.
 * ----------
 */

/* Beyond the basic plane a character takes two units. */
static int
character_units(const char *character)
{
	return pg_mblen(character) > 3 ? 2 : 1;
}

/* How many units so many bytes of text are. */
int
value_string_units(const char *text, int length)
{
	const char *end = text + length;
	int			units = 0;

	for (; text < end; text += pg_mblen(text))
		units += character_units(text);
	return units;
}

/*
 * The offset in bytes after so many units; behind a character of two, if it is
 * in the middle of that.
 */
int
value_string_offset(const char *text, int length, int units)
{
	const char *c = text;

	while (c < text + length && units > 0)
	{
		units -= character_units(c);
		c += pg_mblen(c);
	}
	return c - text;
}
