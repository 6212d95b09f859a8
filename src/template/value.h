/*
 * value.h
 *	  Values of JSON as expressions of a template see them.
 *
 * A value is a JsonbValue: a scalar, or jbvBinary for an array or object.
 * NULL stands for what is not there (JavaScript's undefined).  Where the
 * language of the reference implementation shows, as in how a number becomes
 * text, that is JavaScript's way.  All results are palloc'd.
 */
#ifndef TP_VALUE_H
#define TP_VALUE_H

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/* ----------
 * Making them
 * ----------
 */
extern JsonbValue *value_from_jsonb(Jsonb *jsonb);
extern JsonbValue *value_null(void);
extern JsonbValue *value_bool(bool boolean);
extern JsonbValue *value_string(const char *text, int length);
extern JsonbValue *value_array(JsonbValue **elements, int count);

/* NULL if the number is not finite: JSON has no such numbers. */
extern JsonbValue *value_number(double number);

/* ----------
 * Looking at them
 * ----------
 */
extern bool value_is_missing(const JsonbValue *value);	/* or null */
extern bool value_is_string(const JsonbValue *value);
extern bool value_is_number(const JsonbValue *value);
extern bool value_is_integer(const JsonbValue *value);
extern bool value_is_array(const JsonbValue *value);
extern bool value_is_object(const JsonbValue *value);

/* All but false, null and what is not there counts as true. */
extern bool value_is_true(const JsonbValue *value);

extern double value_double(const JsonbValue *number);
extern int	value_count(const JsonbValue *container);

/* NULL if the index is not within the array. */
extern JsonbValue *value_element(const JsonbValue *array, double index);

/* By exact name, or else by one that differs only in ASCII case. */
extern JsonbValue *value_property(const JsonbValue *object, const char *name);

/* The bytes of a string; none of anything else. */
extern const char *value_string_bytes(const JsonbValue *value, int *length);

extern bool value_equals(const JsonbValue *a, const JsonbValue *b);

/* ----------
 * As text
 * ----------
 */

/* As JavaScript's toString(): arrays without brackets, objects without much. */
extern void value_append_text(StringInfo out, const JsonbValue *value);
extern char *value_text(const JsonbValue *value);

/* As JSON without white space. */
extern void value_append_json(StringInfo out, const JsonbValue *value);

extern char *value_number_text(double number);

/* A number with all of its digits. */
extern char *value_numeric_text(const JsonbValue *number);

/* Strings are as long as they are in UTF-16, as in JavaScript. */
extern int	value_string_units(const char *text, int length);

/* Offset in bytes after so many units; a pair of surrogates is never split. */
extern int	value_string_offset(const char *text, int length, int units);

#endif							/* TP_VALUE_H */
