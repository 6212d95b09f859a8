/*
 * json.c
 *	  Reads JSON that comes from outside, and writes JSON strings.
 *
 * The grammar is left to PostgreSQL's own parser (common/jsonapi); its
 * semantic actions build the tree.  That parser may raise errors in the
 * backend where it guards the stack, and up to 15 also where it converts
 * \uXXXX escapes to the server's encoding.  A worker that reads what a
 * stranger sent cannot afford either, so one pass over a copy of the text
 * removes the occasions before the parser sees it: nesting is limited, and
 * the escapes of all but ASCII are replaced by their UTF-8, which is never
 * longer.
 *
 * Since 16 the parser refuses a document with an escape that the server's
 * encoding does not have, without an error, and converts the others to it: so
 * the escapes have to be replaced there as well, or the tree would not be
 * UTF-8 in every database, which it is to be.
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <math.h>

#include "base/compat.h"
#include "base/json.h"
#include "lib/stringinfo.h"

/* Replies are far smaller (contract 11.11); lengths must fit an int. */
#define MAX_LENGTH (64 * 1024 * 1024)

/* JSON that is kept: digits of a number, or its exponent; and nesting. */
#define MAX_NUMBER 1000
#define MAX_STORED_DEPTH 200

/* What the semantic actions share. */
typedef struct Builder
{
	JsonValue  *root;
	JsonValue **next[JSON_MAX_DEPTH + 1];	/* by depth: where to link */
	int			depth;
	int			nvalues;
	bool		full;			/* over a limit: build no more */
	char	   *name;			/* of the member that comes next, or NULL */
} Builder;

/* The value of four hexadecimal digits, or -1. */
static int
hex4(const char *digits, const char *end)
{
	int			value = 0;
	int			i;

	if (end - digits < 4)
		return -1;
	for (i = 0; i < 4; i++)
	{
		char		c = digits[i];

		if (c >= '0' && c <= '9')
			value = value * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return value;
}

/*
 * The code point of the escape at "in", which starts with \u, and the length
 * of the escape, that of a surrogate pair being 12.  Returns 0 for what the
 * parser shall see as it is: ASCII, which it decodes alike everywhere and
 * which may stand for a quote or a NUL, and anything malformed.
 */
static pg_wchar
decode_escape(const char *in, const char *end, int *length)
{
	int			high = hex4(in + 2, end);
	int			low;

	*length = 6;
	if (high < 0x80)
		return 0;
	if (high < 0xD800 || high > 0xDFFF)
		return (pg_wchar) high;

	/* RFC 8259 section 7: a pair, high surrogate first */
	if (high > 0xDBFF || end - in < 12 || in[6] != '\\' || in[7] != 'u')
		return 0;
	low = hex4(in + 8, end);
	if (low < 0xDC00 || low > 0xDFFF)
		return 0;
	*length = 12;
	return 0x10000 + (((pg_wchar) high - 0xD800) << 10) + (low - 0xDC00);
}

/* Of a code point beyond ASCII. */
static int
utf8_length(pg_wchar c)
{
	return c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

/*
 * Copy a document for the parser, with its escapes decoded; NULL if nested
 * too deeply.  Inside and outside of strings are told apart just as the
 * parser does, up to the point where it will refuse the document.
 */
static char *
decode_document(const char *in, size_t length, size_t *decoded_length)
{
	const char *end = in + length;
	char	   *copy = palloc(length + 1);
	char	   *out = copy;
	bool		in_string = false;
	int			depth = 0;

	while (in < end)
	{
		if (in_string && *in == '\\' && end - in >= 2)
		{
			int			skip;
			pg_wchar	c = in[1] == 'u' ? decode_escape(in, end, &skip) : 0;

			if (c != 0)
			{
				unicode_to_utf8(c, (unsigned char *) out);
				out += utf8_length(c);
				in += skip;
			}
			else
			{
				*out++ = *in++;
				*out++ = *in++;
			}
			continue;
		}
		if (*in == '"')
			in_string = !in_string;
		else if (!in_string && (*in == '{' || *in == '['))
		{
			if (++depth > JSON_MAX_DEPTH)
			{
				pfree(copy);
				return NULL;
			}
		}
		else if (!in_string && (*in == '}' || *in == ']'))
			depth--;
		*out++ = *in++;
	}
	*out = '\0';
	*decoded_length = out - copy;
	return copy;
}

/* Link a new value into the tree; NULL once there are too many. */
static JsonValue *
add_value(Builder *builder, JsonKind kind, const char *text)
{
	JsonValue  *value;

	if (builder->full || builder->nvalues >= JSON_MAX_VALUES)
	{
		builder->full = true;
		return NULL;
	}
	builder->nvalues++;

	value = palloc0(sizeof(JsonValue));
	value->kind = kind;
	value->name = builder->name;
	value->text = text;
	builder->name = NULL;

	*builder->next[builder->depth] = value;
	builder->next[builder->depth] = &value->next;
	return value;
}

/* Add an object or array, and let what comes next go into it. */
static bool
open_value(Builder *builder, JsonKind kind)
{
	JsonValue  *value = add_value(builder, kind, NULL);

	if (value == NULL)
		return false;
	if (builder->depth >= JSON_MAX_DEPTH)
	{
		/*
		 * decode_document() has seen to it, but an array bound wants its own
		 * guard
		 */
		builder->full = true;
		return false;
	}
	builder->next[++builder->depth] = &value->child;
	return true;
}

/* The beginning of an object, and of an array. */
static JSON_ACTION_RESULT
on_object_start(void *state)
{
	if (!open_value(state, JSON_KIND_OBJECT))
		JSON_ACTION_RETURN(JSON_SEM_ACTION_FAILED);
	JSON_ACTION_RETURN(JSON_SUCCESS);
}

static JSON_ACTION_RESULT
on_array_start(void *state)
{
	if (!open_value(state, JSON_KIND_ARRAY))
		JSON_ACTION_RETURN(JSON_SEM_ACTION_FAILED);
	JSON_ACTION_RETURN(JSON_SUCCESS);
}

/* The end of an object or of an array. */
static JSON_ACTION_RESULT
on_end(void *state)
{
	Builder    *builder = state;

	if (!builder->full)
		builder->depth--;
	JSON_ACTION_RETURN(JSON_SUCCESS);
}

/* The name of a member, which the parser has palloc'd; its value follows. */
static JSON_ACTION_RESULT
on_member(void *state, char *name, bool isnull pg_attribute_unused())
{
	Builder    *builder = state;

	if (builder->full)
		pfree(name);
	else
		builder->name = name;
	JSON_ACTION_RETURN(JSON_SUCCESS);
}

/*
 * A value that is neither object nor array.  The parser has palloc'd its text,
 * which is the tree's from now on.
 */
static JSON_ACTION_RESULT
on_scalar(void *state, char *token, JsonTokenType type)
{
	JsonKind	kind;

	switch (type)
	{
		case JSON_TOKEN_STRING:
			kind = JSON_KIND_STRING;
			break;
		case JSON_TOKEN_NUMBER:
			kind = JSON_KIND_NUMBER;
			break;
		case JSON_TOKEN_TRUE:
		case JSON_TOKEN_FALSE:
			kind = JSON_KIND_BOOL;
			break;
		default:
			kind = JSON_KIND_NULL;
			break;
	}

	if (add_value(state, kind, kind == JSON_KIND_NULL ? NULL : token) == NULL)
	{
		pfree(token);
		JSON_ACTION_RETURN(JSON_SEM_ACTION_FAILED);
	}
	JSON_ACTION_RETURN(JSON_SUCCESS);
}

/* Run the parser over a prepared document. */
static bool
parse(char *document, size_t length, Builder *builder)
{
	JsonSemAction actions = {0};
	JsonLexContext *lex = compat_json_lexer(document, length);
	JsonParseErrorType result;

	memset(builder, 0, sizeof(Builder));
	builder->next[0] = &builder->root;

	actions.semstate = builder;
	actions.object_start = on_object_start;
	actions.object_end = on_end;
	actions.array_start = on_array_start;
	actions.array_end = on_end;
	actions.object_field_start = on_member;
	actions.scalar = on_scalar;

	result = pg_parse_json(lex, &actions);
	compat_json_lexer_free(lex);
	return result == JSON_SUCCESS;
}

/* What makes a text unfit for the parser, or NULL. */
static const char *
find_obstacle(const char *text, size_t length)
{
	if (text == NULL || length == 0)
		return "JSON document is empty";
	if (length > MAX_LENGTH)
		return "JSON document is too long";
	if (memchr(text, '\0', length) != NULL)
		return "JSON document contains a zero byte";
	if (!compat_utf8_is_valid(text, (int) length))
		return "JSON document is not valid UTF-8";
	return NULL;
}

/*
 * json_read(): parse "length" bytes of UTF-8, into a tree in the current
 * memory context.
 *
 * Returns NULL for anything that is not one well-formed document within the
 * limits of json.h, and then sets *error (if given) to a static message.
 * Never raises an error but for want of memory.
 */
JsonValue *
json_read(const char *text, size_t length, const char **error)
{
	const char *problem = find_obstacle(text, length);
	Builder		builder = {0};

	if (problem == NULL)
	{
		size_t		decoded_length;
		char	   *document = decode_document(text, length, &decoded_length);

		if (document == NULL)
			problem = "JSON document is nested too deeply";
		else
		{
			bool		valid = parse(document, decoded_length, &builder);

			if (builder.full)
				problem = "JSON document has too many values";
			else if (!valid)
				problem = "JSON document is malformed";
			pfree(document);
		}
	}

	if (problem != NULL && error != NULL)
		*error = problem;
	return problem == NULL ? builder.root : NULL;
}

/* json_member(): the member of that name (the first, if repeated), or NULL. */
const JsonValue *
json_member(const JsonValue *object, const char *name)
{
	const JsonValue *member;

	if (object == NULL || object->kind != JSON_KIND_OBJECT)
		return NULL;
	for (member = object->child; member != NULL; member = member->next)
	{
		if (strcmp(member->name, name) == 0)
			return member;
	}
	return NULL;
}

/*
 * json_member_nocase(): as json_member(), but case of ASCII does not count:
 * for names of headers and innerError.
 */
const JsonValue *
json_member_nocase(const JsonValue *object, const char *name)
{
	const JsonValue *member;

	if (object == NULL || object->kind != JSON_KIND_OBJECT)
		return NULL;
	for (member = object->child; member != NULL; member = member->next)
	{
		if (pg_strcasecmp(member->name, name) == 0)
			return member;
	}
	return NULL;
}

/* json_first(): the first element of an array, or NULL; go on with ->next. */
const JsonValue *
json_first(const JsonValue *array)
{
	if (array == NULL || array->kind != JSON_KIND_ARRAY)
		return NULL;
	return array->child;
}

/* json_string(): the string's text, or NULL if the value is not a string. */
const char *
json_string(const JsonValue *value)
{
	if (value == NULL || value->kind != JSON_KIND_STRING)
		return NULL;
	return value->text;
}

/*
 * json_number(): a number, also one written as a string ("3599"), as some
 * token endpoints do (contract 2.5).  False if it is neither or not finite.
 */
bool
json_number(const JsonValue *value, double *number)
{
	double		result;

	if (value == NULL ||
		(value->kind != JSON_KIND_NUMBER && value->kind != JSON_KIND_STRING))
		return false;

	/* strtod alone would take spaces, hexadecimals, "inf" and "nan", too */
	if (!IsValidJsonNumber(value->text, (int) strlen(value->text)))
		return false;
	result = strtod(value->text, NULL);
	if (!isfinite(result))
		return false;
	*number = result;
	return true;
}

/* ----------
 * JSON that is kept
 * ----------
 */

/*
 * What a string's escape sequence has that no text can; else *length is set.
 */
static const char *
escape_problem(const char *escape, const char *end, int *length)
{
	int			unit;

	*length = 2;
	if (escape[1] != 'u')
		return NULL;
	unit = hex4(escape + 2, end);
	if (unit == 0)
		return "It has the character \\u0000, which no text can hold.";
	if (decode_escape(escape, end, length) == 0 &&
		unit >= 0xD800 && unit <= 0xDFFF)
		return "It has half of a character, from \\ud800 to \\udfff.";
	return NULL;
}

/* The length of a number that begins here; 0: it is out of any range. */
static int
number_length(const char *number)
{
	int			length = strspn(number, "-+.0123456789");
	long		exponent = 0;

	if (number[length] == 'e' || number[length] == 'E')
	{
		exponent = labs(strtol(number + length + 1, NULL, 10));
		length += 1 + strspn(number + length + 1, "-+0123456789");
	}
	return length > MAX_NUMBER || exponent > MAX_NUMBER ? 0 : length;
}

/*
 * json_storage_problem(): what is wrong with well-formed JSON that jsonb may
 * not take, and whoever reads it may not: a sentence for errdetail, or NULL.
 * The text is UTF-8.
 */
const char *
json_storage_problem(const char *json)
{
	const char *end = json + strlen(json);
	bool		in_string = false;
	int			depth = 0;

	while (json < end)
	{
		int			length = 1;
		const char *problem = NULL;

		if (in_string && *json == '\\')
			problem = escape_problem(json, end, &length);
		else if (*json == '"')
			in_string = !in_string;
		else if (in_string)
			length = strcspn(json, "\\\"");
		else if (*json == '{' || *json == '[')
			problem = ++depth > MAX_STORED_DEPTH ? "It is nested too deeply." : NULL;
		else if (*json == '}' || *json == ']')
			depth--;
		else if (*json == '-' || (*json >= '0' && *json <= '9'))
		{
			length = number_length(json);
			problem = length == 0 ? "It has a number that is out of range." : NULL;
		}
		if (problem != NULL)
			return problem;
		json += length;
	}
	return NULL;
}

/*
 * json_append_string(): append a text in UTF-8 as a JSON string, with its
 * quotes.  PostgreSQL's escape_json() is in the server alone.
 */
void
json_append_string(StringInfo out, const char *text)
{
	const char *p;

	appendStringInfoChar(out, '"');
	for (p = text; *p != '\0'; p++)
	{
		switch (*p)
		{
			case '"':
			case '\\':
				appendStringInfoChar(out, '\\');
				appendStringInfoChar(out, *p);
				break;
			case '\n':
				appendStringInfoString(out, "\\n");
				break;
			case '\r':
				appendStringInfoString(out, "\\r");
				break;
			case '\t':
				appendStringInfoString(out, "\\t");
				break;
			default:
				if ((unsigned char) *p < 0x20)
					appendStringInfo(out, "\\u%04x", (unsigned char) *p);
				else
					appendStringInfoChar(out, *p);
				break;
		}
	}
	appendStringInfoChar(out, '"');
}
