/*
 * eval.h
 *	  Evaluates expressions, and says what a function of theirs is.
 *
 * A failure is no error of PostgreSQL's: it leaves a sentence in
 * evaluation->error, since a comparison that fails is false, and within a text
 * an expression that fails stays as it is written.
 */
#ifndef TP_EVAL_H
#define TP_EVAL_H

#include "template/expression.h"

/* What the iterator of a lambda stands for, within it. */
typedef struct Scope
{
	const char *name;
	JsonbValue *value;
	const struct Scope *outer;	/* of the lambda around this one, or NULL */
} Scope;

/* What expressions see, and what is left of what they may use. */
typedef struct Evaluation
{
	const Scope *scope;			/* the innermost lambda's, or NULL */
	JsonbValue *root;			/* $root */
	JsonbValue *data;			/* $data, and names without a prefix */
	int			index;			/* $index, or -1 */
	int64		work;			/* bytes that may still be looked at */
	int64		room;			/* bytes that results may still take */
	char	   *error;			/* after a failure: a sentence; else NULL */
} Evaluation;

/* One call of a function, as the function sees it. */
typedef struct Call
{
	Evaluation *evaluation;
	const Expression *expression;
	bool		substitute;		/* whether names that are not there become
								 * text: see eval_expression() */
	JsonbValue **values;		/* of the arguments, unless it is CALL_LAZY */
	int			count;			/* of arguments */
} Call;

/* Returns the result; it counts only if eval_fail() was not called. */
typedef JsonbValue *FunctionBody(Call *call);

/* What a value can be known to be before it is there; or what it may be. */
#define KIND_BOOLEAN	0x01
#define KIND_NUMBER		0x02
#define KIND_STRING		0x04
#define KIND_ARRAY		0x08
#define KIND_OBJECT		0x10
#define KIND_ANY		0xFF

/* How the arguments get their values. */
typedef enum CallStyle
{
	CALL_EAGER,					/* before the call; one that fails, fails it */
	CALL_COMPARISON,			/* so, but then the result is false, and
								 * nothing is substituted */
	CALL_LAZY					/* by the function itself, with call_evaluate()
								 * and call_try() */
} CallStyle;

/* What each argument's value must be, unless the function is CALL_LAZY. */
typedef enum ArgumentCheck
{
	CHECK_NOTHING,
	CHECK_PRESENT,
	CHECK_NUMBER,
	CHECK_DIVISOR,				/* a number; from the second on, not zero */
	CHECK_INTEGER,
	CHECK_STRING,				/* or missing */
	CHECK_NUMBER_OR_STRING,		/* or missing */
	CHECK_CONTAINER,			/* a string, array or object */
	CHECK_CONTAINER_OR_NULL,
	CHECK_ARRAY,
	CHECK_FIRST_ARRAY,			/* the others may be anything */
	CHECK_FIRST_OBJECT,
	CHECK_ITERATOR				/* of a CALL_LAZY: argument 2 is a name, found
								 * out when the call is bound */
} ArgumentCheck;

#define MANY_ARGUMENTS PG_INT32_MAX

/*
 * A row of a family's table (functions.h).  With min_arguments and
 * max_arguments alike, the function takes just so many.
 */
typedef struct Function
{
	const char *name;
	const char *symbol;			/* as an operator, or NULL */
	int			min_arguments;
	int			max_arguments;
	int			kinds[3];		/* what arguments may be: the last one stands
								 * for the rest */
	int			result;			/* kinds of the result */
	CallStyle	style;
	ArgumentCheck check;
	FunctionBody *body;
} Function;

/* For members "kinds". */
#define ANY {KIND_ANY, KIND_ANY, KIND_ANY}
#define NUMBERS {KIND_NUMBER, KIND_NUMBER, KIND_NUMBER}
#define STRINGS {KIND_STRING, KIND_STRING, KIND_STRING}
#define ARRAYS {KIND_ARRAY, KIND_ARRAY, KIND_ARRAY}

extern JsonbValue *eval_expression(Evaluation *evaluation,
								   const Expression *expression,
								   bool substitute);
extern JsonbValue *eval_fail(Evaluation *evaluation, const char *format,...)
			pg_attribute_printf(2, 3);
extern void eval_take_room(Evaluation *evaluation, int64 bytes);
extern void eval_take_work(Evaluation *evaluation, int64 bytes);

/* For functions */
extern JsonbValue *call_evaluate(Call *call, int argument);
extern JsonbValue *call_try(Call *call, int argument);
extern JsonbValue *call_string(Call *call, const char *text, int length);
extern char *call_argument_text(Call *call, int argument);

#endif							/* TP_EVAL_H */
