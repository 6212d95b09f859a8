/*
 * functions.h
 *	  The functions that expressions may call, by families.
 *
 * Each table stands at the end of the file that is named as it is, and ends
 * with a row that has no name.
 */
#ifndef TP_FUNCTIONS_H
#define TP_FUNCTIONS_H

#include "template/eval.h"

extern const Function logic_functions[];
extern const Function number_functions[];
extern const Function string_functions[];
extern const Function collection_functions[];
extern const Function lambda_functions[];
extern const Function order_functions[];
extern const Function object_functions[];
extern const Function type_functions[];
extern const Function date_functions[];

/* numbers.c, for string() too */
extern char *number_with_separators(const char *number, const char *locale);

/* functions.c */
extern void functions_bind(Expression *expression);

#endif							/* TP_FUNCTIONS_H */
