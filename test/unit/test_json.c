/*
 * test_json.c
 *	  What the JSON reader takes, refuses and yields.
 */
#include "postgres_fe.h"

#include "base/json.h"
#include "tap.h"

static JsonValue *
read_text(const char *text)
{
	return json_read(text, strlen(text), NULL);
}

typedef struct Refusal
{
	const char *text;
	size_t		length;			/* 0: up to the end */
	const char *error;
} Refusal;

#define MALFORMED "JSON document is malformed"

static const Refusal refusals[] = {
	{"", 0, "JSON document is empty"},
	{" ", 0, MALFORMED},
	{"{", 0, MALFORMED},
	{"}", 0, MALFORMED},
	{"]]]][[[[", 0, MALFORMED},
	{"[}", 0, MALFORMED},
	{"{\"a\":1,}", 0, MALFORMED},
	{"{\"a\" 1}", 0, MALFORMED},
	{"{a:1}", 0, MALFORMED},
	{"[1,]", 0, MALFORMED},
	{"[1] [2]", 0, MALFORMED},
	{"01", 0, MALFORMED},
	{"+1", 0, MALFORMED},
	{"nan", 0, MALFORMED},
	{"truex", 0, MALFORMED},
	{"\"open", 0, MALFORMED},
	{"\"\\", 0, MALFORMED},
	{"\"\\x\"", 0, MALFORMED},
	{"\"\\u12\"", 0, MALFORMED},
	{"\"\\u12", 0, MALFORMED},
	{"\"\\u00zz\"", 0, MALFORMED},
	{"\"\\u0000\"", 0, MALFORMED},
	{"\"\\ud83d\"", 0, MALFORMED},
	{"\"\\ud83dx\"", 0, MALFORMED},
	{"\"\\ude00\"", 0, MALFORMED},
	{"\"\\ud83d\\u0041\"", 0, MALFORMED},
	{"\"a\nb\"", 0, MALFORMED},
	{"<html><body>502</body></html>", 0, MALFORMED},
	{"\"a\0b\"", 5, "JSON document contains a zero byte"},
	{"\"\xff\"", 0, "JSON document is not valid UTF-8"},
	{"\"\xc3", 0, "JSON document is not valid UTF-8"},
	{"\"\xed\xa0\x80\"", 0, "JSON document is not valid UTF-8"},
	{"\"\xc0\x80\"", 0, "JSON document is not valid UTF-8"},
};

static void
test_refusals(void)
{
	int			i;

	for (i = 0; i < (int) lengthof(refusals); i++)
	{
		const Refusal *r = &refusals[i];
		size_t		length = r->length > 0 ? r->length : strlen(r->text);
		const char *error = NULL;

		ok(json_read(r->text, length, &error) == NULL, "is refused");
		is_str(error, r->error, r->text);
	}
	ok(json_read(NULL, 0, NULL) == NULL, "no text and no place for the error");
}

typedef struct Decoding
{
	const char *json;
	const char *text;
} Decoding;

static const Decoding decodings[] = {
	{"\"\"", ""},
	{"\"plain\"", "plain"},
	{" \"spaces around\" \n", "spaces around"},
	{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
	{"\"\\u0041\\u0022\\u005c\\u002f\"", "A\"\\/"},
	{"\"\\u007f\\u0080\\u07ff\"", "\x7f\xc2\x80\xdf\xbf"},
	{"\"\\u0800\\uFFFF\"", "\xe0\xa0\x80\xef\xbf\xbf"},
	{"\"\\u20AC\"", "\xe2\x82\xac"},
	{"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
	{"\"\\uDBFF\\uDFFF\"", "\xf4\x8f\xbf\xbf"},
	{"\"\\\\u20ac\"", "\\u20ac"},
	{"\"\\\\\\u20ac\"", "\\\xe2\x82\xac"},
	{"\"{[\\\"{[\"", "{[\"{["},
	{"\"gr\xc3\xbc\xc3\x9f\"", "gr\xc3\xbc\xc3\x9f"},
};

static void
test_decodings(void)
{
	int			i;

	for (i = 0; i < (int) lengthof(decodings); i++)
		is_str(json_string(read_text(decodings[i].json)), decodings[i].text,
			   decodings[i].json);
}

static void
test_tree(void)
{
	const char *text = "{\"a\":[1,\"two\",true,null,{\"b\":[]}],\"\":0,"
		"\"a\":\"again\",\"Retry-After\":7,\"caf\\u00e9\":false}";
	const JsonValue *doc = read_text(text);
	const JsonValue *v = json_first(json_member(doc, "a"));

	is_int(doc->kind, JSON_KIND_OBJECT, "object");
	ok(v != NULL && v->name == NULL, "an element has no name");
	is_str(v->text, "1", "number as written");
	v = v->next;
	is_str(json_string(v), "two", "string");
	v = v->next;
	is_int(v->kind, JSON_KIND_BOOL, "bool");
	is_str(v->text, "true", "bool as written");
	ok(json_string(v) == NULL, "a bool is no string");
	v = v->next;
	is_int(v->kind, JSON_KIND_NULL, "null");
	ok(v->text == NULL, "null has no text");
	v = v->next;
	is_int(json_member(v, "b")->kind, JSON_KIND_ARRAY, "array in object");
	ok(json_first(json_member(v, "b")) == NULL, "empty array");
	ok(v->next == NULL, "end of array");

	is_str(json_member(doc, "")->text, "0", "empty name");
	is_int(json_member(doc, "a")->kind, JSON_KIND_ARRAY, "first of a name");
	ok(json_member(doc, "retry-after") == NULL, "names differ in case");
	is_str(json_member_nocase(doc, "retry-AFTER")->text, "7", "or do not");
	is_str(json_member(doc, "caf\xc3\xa9")->text, "false", "name unescaped");
}

/* A chain of accessors over anything unexpected yields NULL. */
static void
test_accessors(void)
{
	static const char *const docs[] = {"1", "\"x\"", "null", "[]", "{}"};
	double		number;
	int			i;

	for (i = 0; i < (int) lengthof(docs); i++)
	{
		const JsonValue *doc = read_text(docs[i]);
		const JsonValue *none = json_member(json_member(doc, "a"), "b");

		ok(none == NULL, docs[i]);
		ok(json_member_nocase(doc, "a") == NULL, "member_nocase");
		ok(json_first(doc) == NULL, "first");
	}
	ok(json_string(NULL) == NULL, "string of nothing");
	ok(json_first(NULL) == NULL, "first of nothing");
	ok(!json_number(NULL, &number), "number of nothing");
}

typedef struct Number
{
	const char *json;
	bool		valid;
	double		value;
} Number;

static const Number numbers[] = {
	{"0", true, 0},
	{"-12.5e1", true, -125},
	{"3599", true, 3599},
	{"\"3599\"", true, 3599},
	{"\"2.128\"", true, 2.128},
	{"1e999", false, 0},
	{"\"\"", false, 0},
	{"\" 1\"", false, 0},
	{"\"1 \"", false, 0},
	{"\"0x10\"", false, 0},
	{"\"inf\"", false, 0},
	{"\"nan\"", false, 0},
	{"\"+1\"", false, 0},
	{"true", false, 0},
	{"[1]", false, 0},
	{"null", false, 0},
};

static void
test_numbers(void)
{
	int			i;

	for (i = 0; i < (int) lengthof(numbers); i++)
	{
		double		value = 0;

		is_int(json_number(read_text(numbers[i].json), &value),
			   numbers[i].valid, numbers[i].json);
		is_num(value, numbers[i].value, "its value");
	}
}

/* A document of "depth" arrays, or with "values" of them side by side. */
static char *
nested(int depth, char open, char close)
{
	StringInfoData s;
	int			i;

	initStringInfo(&s);
	for (i = 0; i < depth; i++)
		appendStringInfoString(&s, open == '{' ? "{\"a\":" : "[");
	appendStringInfoChar(&s, '0');
	for (i = 0; i < depth; i++)
		appendStringInfoChar(&s, close);
	return s.data;
}

static char *
repeated(int values, const char *element)
{
	StringInfoData s;
	int			i;

	initStringInfo(&s);
	appendStringInfoChar(&s, '[');
	for (i = 0; i < values; i++)
		appendStringInfo(&s, "%s%s", i > 0 ? "," : "", element);
	appendStringInfoChar(&s, ']');
	return s.data;
}

static void
test_limits(void)
{
	const char *error = NULL;
	char	   *text;
	char	   *big;

	ok(read_text(nested(JSON_MAX_DEPTH, '[', ']')) != NULL, "deepest arrays");
	ok(read_text(nested(JSON_MAX_DEPTH, '{', '}')) != NULL, "deepest objects");

	text = nested(JSON_MAX_DEPTH + 1, '[', ']');
	ok(json_read(text, strlen(text), &error) == NULL, "too deep");
	is_str(error, "JSON document is nested too deeply", "and why");
	ok(read_text(nested(1000000, '{', '}')) == NULL, "far too deep");

	ok(read_text(repeated(JSON_MAX_VALUES - 1, "1")) != NULL, "most values");
	text = repeated(JSON_MAX_VALUES, "\"x\"");
	ok(json_read(text, strlen(text), &error) == NULL, "one value too many");
	is_str(error, "JSON document has too many values", "and why");
	ok(read_text(repeated(JSON_MAX_VALUES, "{\"a\":[1]}")) == NULL,
	   "too many, nested");

	big = palloc(64 * 1024 * 1024 + 1);
	memset(big, ' ', 64 * 1024 * 1024 + 1);
	ok(json_read(big, 64 * 1024 * 1024 + 1, &error) == NULL, "too long");
	is_str(error, "JSON document is too long", "and why");
	pfree(big);
}

static void
test_writing(void)
{
	StringInfoData out;
	char		every[256];
	int			i;

	initStringInfo(&out);
	json_append_string(&out, "a\"b\\c\n\r\t\x01\x1f/\x7f\xc3\xa9");
	is_str(out.data, "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f/\x7f\xc3\xa9\"",
		   "escapes");

	for (i = 1; i < 128; i++)
		every[i - 1] = (char) i;
	every[127] = '\0';
	resetStringInfo(&out);
	json_append_string(&out, every);
	is_str(json_string(read_text(out.data)), every, "and back again");
}

static void
test_storage(void)
{
	static const struct
	{
		const char *json;
		bool		fits;
	}			cases[] = {
		{"{\"a\":\"\\u0000\"}", false},
		{"{\"\\u0000\":1}", false},
		{"\"\\ud83d\"", false},
		{"\"\\ud83d\\u0041\"", false},
		{"\"\\ude00\"", false},
		{"\"\\ud83d\\ude00\"", true},
		{"\"\\\\u0000\\\"\\\\\"", true},
		{"[1e1001]", false},
		{"[1E-1001]", false},
		{"[1e1000,-0.5e+10,12.25]", true},
		{"\"1e999999 [[[ {{{\"", true},
	};
	char		deep[402];
	size_t		i;

	for (i = 0; i < lengthof(cases); i++)
		ok((json_storage_problem(cases[i].json) == NULL) == cases[i].fits,
		   cases[i].json);
	memset(deep, '[', 200);
	memset(deep + 200, ']', 200);
	deep[400] = '\0';
	ok(json_storage_problem(deep) == NULL, "nested as deeply as may be");
	memset(deep, '[', 201);
	ok(json_storage_problem(deep) != NULL, "nested too deeply");
}

int
main(void)
{
	test_refusals();
	test_decodings();
	test_tree();
	test_accessors();
	test_numbers();
	test_limits();
	test_writing();
	test_storage();
	return done();
}
