/*
 * statement.h
 *	  Prepared statements on the extension's tables, their results and their
 *	  parameters.
 */
#ifndef TP_STATEMENT_H
#define TP_STATEMENT_H

#include "executor/spi.h"
#include "fmgr.h"

#include "base/words.h"

/*
 * A statement, prepared when first run and kept.  "@" in its text stands for
 * the extension's schema.
 */
typedef struct Statement
{
	const char *text;
	int			nargs;
	Oid			args[17];
	SPIPlanPtr	plan;
} Statement;

/* The types of its parameters, after its text in an initializer. */
#define STATEMENT_ARGS(...) \
	.nargs = lengthof(((const Oid[]) {__VA_ARGS__})), .args = {__VA_ARGS__}
#define STATEMENT_NO_ARGS .nargs = 0
extern void statement_attach(Oid schema);
extern void statement_attach_function(FunctionCallInfo fcinfo);
extern Portal statement_open_cursor(const char *query);
extern void statement_forget_plans(void);

/* Free the result of the last statement, if it is still there. */
extern void statement_free_result(void);
extern uint64 statement_run(Statement *statement, Datum *values,
							const char *nulls);
extern uint64 statement_run_latest(Statement *statement, Datum *values,
								   const char *nulls);
extern uint64 statement_run_active(Statement *statement, Datum *values,
								   const char *nulls);
extern Oid	statement_schema(void);
extern Oid	statement_relation(const char *name);
extern char *result_text(uint64 row, int column, MemoryContext context);
extern char *result_exact_text(uint64 row, int column, MemoryContext context,
							   bool *exact);
extern Size result_size(uint64 row, int column);
extern int64 *result_ids(uint64 count, MemoryContext context);
extern int64 result_int8(uint64 row, int column);
extern int	result_int4(uint64 row, int column);
extern bool result_bool(uint64 row, int column);
extern int	result_word(uint64 row, int column, const WordList *list);
extern TimestampTz result_timestamp(uint64 row, int column);	/* 0: null */
extern Datum parameter_text(const char *text);
extern void parameter_set_text(Datum *value, char *null, const char *text);
extern void parameter_set_word(Datum *value, char *null,
							   const WordList *list, int number);
extern void parameter_set_int8(Datum *value, char *null, int64 number);
extern Datum parameter_text_array(const char *const *texts, int count);
extern Datum parameter_array(const Datum *values, int count, Oid type,
							 char *null);
extern Datum result_array(uint64 count, int column, Oid type, char *null);
extern Datum parameter_word_array(const int *values, int count,
								  const WordList *list);
extern Datum parameter_int8_array(const int64 *numbers, int count);
extern Datum parameter_bool_array(const bool *values, int count);
extern Datum parameter_timestamp_array(const TimestampTz *times, int count);

#endif							/* TP_STATEMENT_H */
