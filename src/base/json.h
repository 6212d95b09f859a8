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

/* Reading. */
extern JsonValue *json_read(const char *text, size_t length,
							const char **error);
extern const JsonValue *json_member(const JsonValue *object, const char *name);
extern const JsonValue *json_member_nocase(const JsonValue *object,
										   const char *name);
extern const JsonValue *json_first(const JsonValue *array);
extern const char *json_string(const JsonValue *value);
extern bool json_number(const JsonValue *value, double *number);

/* Storing and writing. */
extern const char *json_storage_problem(const char *json);
extern void json_append_string(StringInfo out, const char *text);

#endif							/* TP_JSON_H */
