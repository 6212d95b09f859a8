/*
 * expression.h
 *	  The tree of an expression, and its text.
 *
 * The language is Adaptive Expressions, as far as Adaptive Card Templating
 * uses it.
 */
#ifndef TP_EXPRESSION_H
#define TP_EXPRESSION_H

#include "template/value.h"

typedef enum ExpressionType
{
	EXPRESSION_CONSTANT,
	EXPRESSION_PROPERTY,		/* name, or instance.name */
	EXPRESSION_ELEMENT,			/* instance[index] */
	EXPRESSION_CALL				/* of a function or operator */
} ExpressionType;

typedef struct Expression
{
	ExpressionType type;
	JsonbValue *constant;
	const char *name;			/* of a property; of a function or operator, as
								 * it was written */
	const struct Function *function;	/* of a call, once it is bound */
	struct Expression **arguments;	/* of a call; or instance and index */
	int			count;
} Expression;

extern Expression *expression_new(ExpressionType type, const char *name);
extern Expression *expression_constant(JsonbValue *value);
extern Expression *expression_add(Expression *expression,
								  Expression *argument);
extern Expression *expression_call_of_two(const char *name, Expression *left,
										  Expression *right);
extern char *expression_text(const Expression *expression);

/* parse.c */
extern Expression *expression_parse(const char *text, int length);

#endif							/* TP_EXPRESSION_H */
