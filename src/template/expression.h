/*
 * expression.h
 *	  The expressions in a template: Adaptive Expressions, as far as the
 *	  Adaptive Card Templating language takes them.
 *
 * What they mean is what npm's adaptive-expressions makes of them, including
 * its surprises; test/templates compares the two.
 */
#ifndef TP_EXPRESSION_H
#define TP_EXPRESSION_H

#include "lib/stringinfo.h"

#include "template/value.h"

typedef struct Expression Expression;

/*
 * What an expression sees, and what became of it.  NULL is what is not there.
 * "room" is how many bytes texts may still take; it is an error to need more.
 */
typedef struct Evaluation
{
	JsonbValue *root;			/* $root */
	JsonbValue *data;			/* $data, and names without a prefix */
	int			index;			/* $index, or -1 */
	int64	   *work;			/* bytes that may still be looked at */
	int64	   *room;
	char	   *error;			/* a sentence, after a failure */
} Evaluation;

/*
 * A text with expressions in it, such as "Hello ${name}".  Returns NULL if it
 * has none, and raises an error if one of them cannot be understood.
 */
extern Expression *expression_parse_text(const char *text, int length);

/*
 * The value of a whole text.  An expression that is the whole text keeps its
 * type; otherwise the result is a string, in which stays as it is written
 * whatever has no value.  With "substitute", names that are not there become
 * "${name}".  False if there is no value, with evaluation->error set.
 */
extern bool expression_evaluate_text(Evaluation *evaluation,
									 const Expression *text, bool substitute,
									 JsonbValue **value);

/* Raise an error unless so many bytes are left, and take them. */
extern void expression_take_room(Evaluation *evaluation, int64 bytes);

/* How it would be written. */
extern char *expression_text(const Expression *expression);

#endif							/* TP_EXPRESSION_H */
