/*
 * expression_internal.h
 *	  What the files expression_*.c share.
 */
#ifndef TP_EXPRESSION_INTERNAL_H
#define TP_EXPRESSION_INTERNAL_H

#include "template/expression.h"

/* What a value can be known to be before it is there; ANY may be anything. */
#define KIND_BOOLEAN	0x01
#define KIND_NUMBER		0x02
#define KIND_ANY		0x04
#define KIND_STRING		0x08
#define KIND_ARRAY		0x10

typedef enum ExpressionType
{
	EXPRESSION_CONSTANT,
	EXPRESSION_PROPERTY,		/* name, or instance.name */
	EXPRESSION_ELEMENT,			/* instance[index] */
	EXPRESSION_CALL				/* of a function or operator */
} ExpressionType;

typedef struct Function Function;

struct Expression
{
	ExpressionType type;
	const Function *function;
	JsonbValue *constant;
	char	   *name;
	Expression **arguments;		/* also instance and index */
	int			count;
};

/* How the arguments get their values. */
typedef enum CallStyle
{
	CALL_EAGER,					/* before the call; one that fails, fails it */
	CALL_COMPARISON,			/* so, but then the result is false, and
								 * nothing is substituted */
	CALL_LAZY					/* the function itself evaluates them */
} CallStyle;

/* What an argument's value must be, once it is there. */
typedef enum ArgumentCheck
{
	CHECK_NOTHING,
	CHECK_PRESENT,
	CHECK_NUMBER,
	CHECK_DIVISOR,				/* a number; from the second on, not zero */
	CHECK_INTEGER,
	CHECK_STRING,				/* or missing */
	CHECK_NUMBER_OR_STRING,		/* or missing */
	CHECK_CONTAINER,
	CHECK_CONTAINER_OR_NULL
} ArgumentCheck;


/* arguments: of an eager call or comparison, their values */
#define PARAMETERS Evaluation *evaluation, const Expression *call, \
	bool substitute, JsonbValue **arguments, JsonbValue **result

typedef bool FunctionBody(PARAMETERS);

#define MANY_ARGUMENTS PG_INT32_MAX

struct Function
{
	const char *name;
	const char *printed;		/* name in a printed expression, if another */
	int			min_arguments;
	int			max_arguments;
	int			kinds[3];		/* what arguments may be: the last kind stands
								 * for the rest */
	int			result;			/* kinds of the result */
	CallStyle	style;
	ArgumentCheck check;
	FunctionBody *body;
};

/* expression_parse.c: one expression, without ${} */
extern Expression *expression_parse(const char *text, int length);
extern Expression *expression_constant(JsonbValue *value);
extern Expression *expression_call(const char *name, Expression **arguments,
								   int count);

/* expression_eval.c; *value is NULL after a failure, or of a comparison false */
extern bool expression_evaluate(Evaluation *evaluation,
								const Expression *expression, bool substitute,
								JsonbValue **value);
extern bool expression_fail(Evaluation *evaluation, const char *format,...)
			pg_attribute_printf(2, 3);

/* expression_functions.c */
extern const Function *function_find(const char *name);
extern bool function_is_concat(const Expression *expression);
extern char *function_names(void);

/* expression_strings.c */
extern FunctionBody string_concat;
extern FunctionBody string_join;
extern FunctionBody string_length;
extern FunctionBody string_upper;
extern FunctionBody string_lower;
extern FunctionBody string_trim;
extern FunctionBody string_starts_with;
extern FunctionBody string_ends_with;
extern FunctionBody string_substring;
extern FunctionBody string_replace;

/* expression_operators.c */
extern const Function operators[];
extern const int operator_count;

/* expression_convert.c */
extern FunctionBody convert_to_string;
extern FunctionBody convert_to_int;
extern FunctionBody convert_to_float;
extern FunctionBody convert_to_bool;
extern FunctionBody convert_from_json;

/* expression_date.c */
extern FunctionBody format_date_time;

/* expression_number.c */
extern FunctionBody format_number;

/* A number with separators of thousands, in the way of a locale (or NULL). */
extern char *format_grouped(double number, int precision, const char *locale);

#endif							/* TP_EXPRESSION_INTERNAL_H */
