/*
 * strings.c
 *	  The functions for strings.
 *
 * A string that is missing counts as an empty one.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#include "base/compat.h"
#include "base/json.h"
#include "template/functions.h"

#define WHITE_SPACE " \t\r\n\f\v"

/* ----------
 * From and to other values
 * ----------
 */

/* string(value, locale): a number has separators only if there is a locale. */
static JsonbValue *
string_from_value(Call *call)
{
	JsonbValue *value = call->values[0];
	StringInfoData text;
	char	   *locale;

	if (value_is_string(value))
		return value;
	initStringInfo(&text);
	if (value_is_number(value) && call->count > 1 &&
		value_is_string(call->values[1]))
	{
		locale = value_text(call->values[1]);
		appendStringInfoString(&text,
							   number_with_separators(value_text(value),
													  locale));
	}
	else if (!value_is_missing(value))
		value_append_json(&text, value);
	return call_string(call, text.data, text.len);
}

/* jsonStringify(value): the JSON that it is; nothing of what is not there. */
static JsonbValue *
string_json(Call *call)
{
	StringInfoData text;

	if (call->values[0] == NULL)
		return NULL;
	initStringInfo(&text);
	if (value_is_string(call->values[0]))
		json_append_string(&text, value_text(call->values[0]));
	else
		value_append_json(&text, call->values[0]);
	return call_string(call, text.data, text.len);
}

/* addOrdinal(number): 1st, 2nd, 3rd, 4th. */
static JsonbValue *
string_ordinal(Call *call)
{
	static const char *const endings[] = {"th", "st", "nd", "rd"};
	double		number = value_double(call->values[0]);
	int			ones = fmod(number, 10);
	bool		is_teen = fmod(number, 100) >= 11 && fmod(number, 100) <= 13;
	char	   *text;

	if (number <= 0)
		return call_string(call, value_text(call->values[0]),
						   strlen(value_text(call->values[0])));
	text = psprintf("%s%s", value_text(call->values[0]),
					is_teen || ones > 3 ? "th" : endings[ones]);
	return call_string(call, text, strlen(text));
}

/* json(): what a string says, which is read once to see that it is JSON. */
static JsonbValue *
string_to_json(Call *call)
{
	const char *problem = "";
	char	   *text;
	char	   *utf8;
	Datum		jsonb;

	if (!value_is_string(call->values[0]))
		return eval_fail(call->evaluation, "%s is not a string.",
						 call_argument_text(call, 0));
	text = value_text(call->values[0]);
	eval_take_room(call->evaluation, strlen(text));
	utf8 = pg_server_to_any(text, strlen(text), PG_UTF8);
	if (json_read(utf8, strlen(utf8), &problem) == NULL)
		return eval_fail(call->evaluation, "%s is not JSON: %s.",
						 call_argument_text(call, 0), problem);
	jsonb = DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
	return value_from_jsonb(DatumGetJsonbP(jsonb));
}

/* The argument as a string of C; what is missing is empty. */
static char *
string_argument(Call *call, int argument)
{
	int			bytes;
	const char *text = value_string_bytes(call->values[argument], &bytes);

	return pnstrdup(text, bytes);
}

/* ----------
 * Joining
 * ----------
 */

/* The array of all elements of two arrays. */
static JsonbValue *
join_arrays(Call *call, const JsonbValue *a, const JsonbValue *b)
{
	int			count = value_count(a) + value_count(b);
	JsonbValue **elements = palloc(Max(count, 1) * sizeof(JsonbValue *));
	int			i;

	eval_take_room(call->evaluation, value_bytes(a) + (int64) value_bytes(b));
	for (i = 0; i < value_count(a); i++)
		elements[i] = value_element(a, i);
	for (; i < count; i++)
		elements[i] = value_element(b, i - value_count(a));
	return value_array(elements, count);
}

/*
 * concat(...): arrays become one array.  What is missing is left out, and an
 * array with anything else becomes text.
 */
static JsonbValue *
string_concat(Call *call)
{
	JsonbValue *sum = call->values[0];
	int			i;

	for (i = 1; i < call->count; i++)
	{
		JsonbValue *next = call->values[i];
		StringInfoData text;

		if (value_is_missing(next) &&
			(value_is_missing(sum) || value_is_array(sum)))
			continue;
		if (value_is_missing(sum) && value_is_array(next))
			sum = next;
		else if (value_is_array(sum) && value_is_array(next))
			sum = join_arrays(call, sum, next);
		else
		{
			initStringInfo(&text);
			if (!value_is_missing(sum))
				value_append_json(&text, sum);
			if (!value_is_missing(next))
				value_append_json(&text, next);
			sum = call_string(call, text.data, text.len);
		}
	}
	return sum;
}

/* ----------
 * Letters
 * ----------
 */

/* All of Unicode, whatever the database's own collation knows. */
static Oid
case_collation(void)
{
	List	   *name = list_make2(makeString("pg_catalog"),
								  makeString("und-x-icu"));
	Oid			collation = get_collation_oid(name, true);

	return OidIsValid(collation) ? collation : DEFAULT_COLLATION_OID;
}

/* toUpper(string, locale), of which the locale is ignored */
static JsonbValue *
string_upper(Call *call)
{
	int			bytes;
	const char *text = value_string_bytes(call->values[0], &bytes);
	char	   *upper = str_toupper(text, bytes, case_collation());

	return call_string(call, upper, strlen(upper));
}

/* toLower(string, locale), likewise */
static JsonbValue *
string_lower(Call *call)
{
	int			bytes;
	const char *text = value_string_bytes(call->values[0], &bytes);
	char	   *lower = str_tolower(text, bytes, case_collation());

	return call_string(call, lower, strlen(lower));
}

/*
 * A string with all letters lower, but for the first one, or the first ones of
 * words: these begin with a letter, digit or underscore, and end with white
 * space.
 */
static JsonbValue *
capitalize(Call *call, bool words)
{
	int			bytes;
	const char *text = value_string_bytes(call->values[0], &bytes);
	char	   *lower = str_tolower(text, bytes, case_collation());
	char	   *c = lower;
	bool		inside = false;
	StringInfoData out;

	initStringInfo(&out);
	for (; *c != '\0'; c += pg_mblen(c))
	{
		bool		begins = !inside &&
			(!words || IS_HIGHBIT_SET(*c) || *c == '_' ||
			 isalnum((unsigned char) *c));

		CHECK_FOR_INTERRUPTS();
		if (begins)
			appendStringInfoString(&out, str_toupper(c, pg_mblen(c),
													 case_collation()));
		else
			appendBinaryStringInfo(&out, c, pg_mblen(c));
		inside = (inside || begins) &&
			(!words || strchr(WHITE_SPACE, *c) == NULL);
	}
	return call_string(call, out.data, out.len);
}

/* sentenceCase(string, locale): "Hello world". */
static JsonbValue *
string_sentence_case(Call *call)
{
	return capitalize(call, false);
}

/* titleCase(string, locale): "Hello World". */
static JsonbValue *
string_title_case(Call *call)
{
	return capitalize(call, true);
}

/* ----------
 * Parts
 * ----------
 */

/* length(string), in units of UTF-16 */
static JsonbValue *
string_length(Call *call)
{
	int			bytes;
	const char *text = value_string_bytes(call->values[0], &bytes);

	return value_number(value_string_units(text, bytes));
}

/* trim(string): without the white space at both ends. */
static JsonbValue *
string_trim(Call *call)
{
	int			bytes;
	const char *text = value_string_bytes(call->values[0], &bytes);

	while (bytes > 0 && strchr(WHITE_SPACE, text[bytes - 1]) != NULL)
		bytes--;
	while (bytes > 0 && strchr(WHITE_SPACE, *text) != NULL)
	{
		text++;
		bytes--;
	}
	return call_string(call, text, bytes);
}

/* startsWith(string, beginning) */
static JsonbValue *
string_starts_with(Call *call)
{
	int			bytes;
	int			wanted_bytes;
	const char *text = value_string_bytes(call->values[0], &bytes);
	const char *wanted = value_string_bytes(call->values[1], &wanted_bytes);

	return value_bool(wanted_bytes <= bytes &&
					  memcmp(text, wanted, wanted_bytes) == 0);
}

/* endsWith(string, end) */
static JsonbValue *
string_ends_with(Call *call)
{
	int			bytes;
	int			wanted_bytes;
	const char *text = value_string_bytes(call->values[0], &bytes);
	const char *wanted = value_string_bytes(call->values[1], &wanted_bytes);

	return value_bool(wanted_bytes <= bytes &&
					  memcmp(text + bytes - wanted_bytes, wanted,
							 wanted_bytes) == 0);
}

/* An argument that must be an integer from 0 to a limit; -1 if it is not. */
static int
position_argument(Call *call, int argument, int limit)
{
	JsonbValue *value = call->values[argument];

	if (!value_is_integer(value))
		(void) eval_fail(call->evaluation, "%s is not an integer.",
						 call_argument_text(call, argument));
	else if (value_double(value) < 0 || value_double(value) > limit)
		(void) eval_fail(call->evaluation, "%s is out of range.",
						 call_argument_text(call, argument));
	else
		return value_double(value);
	return -1;
}

/* substring(string, start, length), or to the end */
static JsonbValue *
string_substring(Call *call)
{
	int			bytes;
	const char *text = value_string_bytes(call->values[0], &bytes);
	int			units = value_string_units(text, bytes);
	int			start;
	int			length;
	int			offset;
	int			end;

	if (call->values[0] == NULL)
		return value_string("", 0);
	if (!value_is_string(call->values[0]))
		return eval_fail(call->evaluation, "%s is not a string.",
						 call_argument_text(call, 0));
	start = position_argument(call, 1, units);
	if (start < 0)
		return NULL;
	length = call->count > 2 ? position_argument(call, 2, units - start) :
		units - start;
	if (length < 0)
		return NULL;
	offset = value_string_offset(text, bytes, start);
	end = value_string_offset(text, bytes, start + length);
	return call_string(call, text + offset, end - offset);
}

/*
 * replace(string, old, new): by strstr(), whose time does not grow with the
 * length of what it looks for.
 */
static JsonbValue *
string_replace(Call *call)
{
	const char *text = string_argument(call, 0);
	const char *old = string_argument(call, 1);
	const char *new = string_argument(call, 2);
	const char *found;
	StringInfoData out;

	if (old[0] == '\0')
		return eval_fail(call->evaluation,
						 "There is nothing to replace: %s is empty.",
						 call_argument_text(call, 1));
	initStringInfo(&out);
	for (; (found = strstr(text, old)) != NULL; text = found + strlen(old))
	{
		CHECK_FOR_INTERRUPTS();
		appendBinaryStringInfo(&out, text, found - text);
		/* before it is there, since it may become far too much */
		eval_take_room(call->evaluation, strlen(new));
		appendStringInfoString(&out, new);
	}
	appendStringInfoString(&out, text);
	return call_string(call, out.data, out.len);
}

/* ----------
 * Pieces
 * ----------
 */

/* split(string, separator): without one, into characters. */
static JsonbValue *
string_split(Call *call)
{
	const char *text = string_argument(call, 0);
	const char *separator = call->count > 1 ? string_argument(call, 1) : "";
	JsonbValue **pieces;
	List	   *list = NIL;
	ListCell   *cell;
	int			count = 0;

	for (; *text != '\0' || separator[0] != '\0';)
	{
		const char *end = separator[0] == '\0' ? text + pg_mblen(text) :
			strstr(text, separator);
		int			length = end == NULL ? (int) strlen(text) : end - text;

		CHECK_FOR_INTERRUPTS();
		eval_take_room(call->evaluation, sizeof(JsonbValue) + length);
		list = lappend(list, value_string(text, length));
		if (end == NULL)
			break;
		text = end + strlen(separator);
	}
	pieces = palloc((list_length(list) + 1) * sizeof(JsonbValue *));
	foreach(cell, list)
		pieces[count++] = lfirst(cell);
	return value_array(pieces, count);
}

/* countWord(string): as many as white space separates; of nothing, one. */
static JsonbValue *
string_count_words(Call *call)
{
	const char *text = string_argument(call, 0);
	int			words = 0;

	for (text += strspn(text, WHITE_SPACE); *text != '\0'; words++)
	{
		CHECK_FOR_INTERRUPTS();
		text += strcspn(text, WHITE_SPACE);
		text += strspn(text, WHITE_SPACE);
	}
	return value_number(Max(words, 1));
}

/* uriComponent(string): as a part of an address, in UTF-8. */
static JsonbValue *
string_uri_component(Call *call)
{
	const char *text = string_argument(call, 0);
	const char *c = pg_server_to_any(text, strlen(text), PG_UTF8);
	StringInfoData out;

	initStringInfo(&out);
	for (; *c != '\0'; c++)
		if (isascii((unsigned char) *c) &&
			(isalnum((unsigned char) *c) || strchr("-_.!~*'()", *c) != NULL))
			appendStringInfoChar(&out, *c);
		else
			appendStringInfo(&out, "%%%02X", (unsigned char) *c);
	return call_string(call, out.data, out.len);
}

const Function string_functions[] = {
	{"concat", "&", 1, MANY_ARGUMENTS, ANY, KIND_STRING | KIND_ARRAY,
	CALL_EAGER, CHECK_NOTHING, string_concat},
	{"length", NULL, 1, 1, STRINGS, KIND_NUMBER,
	CALL_EAGER, CHECK_STRING, string_length},
	{"toUpper", NULL, 1, 2, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_STRING, string_upper},
	{"toLower", NULL, 1, 2, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_STRING, string_lower},
	{"trim", NULL, 1, 1, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_STRING, string_trim},
	{"startsWith", NULL, 2, 2, STRINGS, KIND_BOOLEAN,
	CALL_EAGER, CHECK_STRING, string_starts_with},
	{"endsWith", NULL, 2, 2, STRINGS, KIND_BOOLEAN,
	CALL_EAGER, CHECK_STRING, string_ends_with},
	{"substring", NULL, 2, 3, {KIND_STRING, KIND_NUMBER, KIND_NUMBER},
	KIND_STRING, CALL_EAGER, CHECK_NOTHING, string_substring},
	{"replace", NULL, 3, 3, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_STRING, string_replace},
	{"string", NULL, 1, 2, {KIND_ANY, KIND_STRING, KIND_STRING}, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, string_from_value},
	{"split", NULL, 1, 2, STRINGS, KIND_ARRAY,
	CALL_EAGER, CHECK_STRING, string_split},
	{"countWord", NULL, 1, 1, STRINGS, KIND_NUMBER,
	CALL_EAGER, CHECK_STRING, string_count_words},
	{"sentenceCase", NULL, 1, 2, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_STRING, string_sentence_case},
	{"titleCase", NULL, 1, 2, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_STRING, string_title_case},
	{"addOrdinal", NULL, 1, 1, NUMBERS, KIND_STRING,
	CALL_EAGER, CHECK_INTEGER, string_ordinal},
	{"uriComponent", NULL, 1, 1, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_STRING, string_uri_component},
	{"jsonStringify", NULL, 1, 1, ANY, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, string_json},
	{"json", NULL, 1, 1, STRINGS, KIND_ANY,
	CALL_EAGER, CHECK_NOTHING, string_to_json},
	{NULL, NULL, 0, 0, ANY, 0, CALL_EAGER, CHECK_NOTHING, NULL},
};
