/*
 * json.h
 *	  Reads JSON that comes from outside, and writes JSON strings.
 *
 * The parser is PostgreSQL's own (common/jsonapi).  What it reads becomes a
 * small tree, allocated in the current memory context and freed with it.  No
 * function here raises an error on bad input, and all accessors accept NULL
 * and values of any kind, so that a chain of them over an unexpected document
 * yields NULL.
 */
#ifndef TP_JSON_H
#define TP_JSON_H

#include "lib/stringinfo.h"

/* Documents nested deeper, or with more values, are refused. */
#define JSON_MAX_DEPTH	32
#define JSON_MAX_VALUES 50000

typedef enum JsonKind
{
	JSON_KIND_NULL,
	JSON_KIND_BOOL,
	JSON_KIND_NUMBER,
	JSON_KIND_STRING,
	JSON_KIND_ARRAY,
	JSON_KIND_OBJECT
} JsonKind;

typedef struct JsonValue
{
	JsonKind	kind;
	const char *name;			/* member name inside an object, else NULL */
	const char *text;			/* string: unescaped UTF-8; number, bool: as
								 * written */
	struct JsonValue *child;	/* first member or element */
	struct JsonValue *next;		/* next member or element of the parent */
} JsonValue;

/*
 * Parse "length" bytes of UTF-8.  Returns NULL for anything that is not one
 * well-formed document within the limits above, and then sets *error (if
 * given) to a static message.
 */
extern JsonValue *json_read(const char *text, size_t length,
							const char **error);

/* The member of that name (the first, if repeated), or NULL. */
extern const JsonValue *json_member(const JsonValue *object, const char *name);

/* As json_member, ignoring ASCII case: for header names and innerError. */
extern const JsonValue *json_member_nocase(const JsonValue *object,
										   const char *name);

/* First element of an array, or NULL; go on with ->next. */
extern const JsonValue *json_first(const JsonValue *array);

/* The string's text, or NULL if the value is not a string. */
extern const char *json_string(const JsonValue *value);

/*
 * A number, also one written as a string ("3599"): some token endpoints do
 * that (contract 2.5).  False if it is neither or not finite.
 */
extern bool json_number(const JsonValue *value, double *number);

/*
 * What is wrong with well-formed JSON that jsonb may not take, and whoever
 * reads it may not: a sentence for errdetail, or NULL.
 */
extern const char *json_storage_problem(const char *json);

/* Append text (UTF-8) as a JSON string, with its quotes. */
extern void json_append_string(StringInfo out, const char *text);

#endif							/* TP_JSON_H */
