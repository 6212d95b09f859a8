/*
 * value.h
 *	  Values of JSON as expressions of a template see them.
 *
 * A value is a JsonbValue: a scalar, or jbvBinary for an array or object.
 * NULL stands for what is not there (JavaScript's undefined).  Values are
 * palloc'd, and what they consist of may belong to something else: see
 * value_string() and value_from_jsonb().
 */
#ifndef TP_VALUE_H
#define TP_VALUE_H

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/* Making them */
extern JsonbValue *value_from_jsonb(Jsonb *jsonb);
extern JsonbValue *value_null(void);
extern JsonbValue *value_bool(bool boolean);
extern JsonbValue *value_string(const char *text, int length);
extern JsonbValue *value_number(double number);
extern JsonbValue *value_numeric(Numeric numeric);
extern JsonbValue *value_array(JsonbValue **elements, int count);
extern JsonbValue *value_object(JsonbValue **keys, JsonbValue **values,
								int count);
extern JsonbValue *value_copy(const JsonbValue *value);
extern int	value_members(const JsonbValue *object, JsonbValue ***keys,
						  JsonbValue ***values);
extern JsonbValue **value_elements(const JsonbValue *array);

/* Looking at them */
extern bool value_is_missing(const JsonbValue *value);
extern bool value_is_string(const JsonbValue *value);
extern bool value_is_number(const JsonbValue *value);
extern bool value_is_integer(const JsonbValue *value);
extern bool value_is_array(const JsonbValue *value);
extern bool value_is_object(const JsonbValue *value);
extern bool value_is_true(const JsonbValue *value);
extern bool value_equals(const JsonbValue *a, const JsonbValue *b);
extern int	value_compare(const JsonbValue *a, const JsonbValue *b);
extern double value_double(const JsonbValue *number);
extern int	value_count(const JsonbValue *container);
extern int	value_bytes(const JsonbValue *value);
extern JsonbValue *value_element(const JsonbValue *array, double index);
extern JsonbValue *value_property(const JsonbValue *object, const char *name);

/* Values as text, and lengths of text */
extern char *value_text(const JsonbValue *value);
extern void value_append_text(StringInfo out, const JsonbValue *value);
extern void value_append_json(StringInfo out, const JsonbValue *value);
extern const char *value_string_bytes(const JsonbValue *value, int *length);
extern int	value_string_units(const char *text, int length);
extern int	value_string_offset(const char *text, int length, int units);

#endif							/* TP_VALUE_H */
