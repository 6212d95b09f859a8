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
	Oid			args[15];
	SPIPlanPtr	plan;
} Statement;

/* Say where the tables are: in the schema of the function that is running. */
extern void statement_attach(Oid schema);
extern void statement_attach_function(FunctionCallInfo fcinfo);

/*
 * A cursor for a query of a user's, with the rights of the current user; it
 * must only read.  SPI must be connected.
 */
extern Portal statement_open_cursor(const char *query);

/* Prepare all statements anew when they are run next. */
extern void statement_forget_plans(void);

/* Free the result of the last statement, if it is still there. */
extern void statement_free_result(void);

/*
 * Run a statement; nulls may be NULL.  Returns the number of rows.  The second
 * is for reading what has been committed by now, also in a transaction that
 * goes by an older snapshot; the third reads what a STABLE function would see
 * that is called in the same place.
 */
extern uint64 statement_run(Statement *statement, Datum *values,
						  const char *nulls);
extern uint64 statement_run_latest(Statement *statement, Datum *values,
								 const char *nulls);
extern uint64 statement_run_active(Statement *statement, Datum *values,
								 const char *nulls);

extern Oid	statement_schema(void);

/* The oid of a table or sequence of the extension; InvalidOid: not there. */
extern Oid	statement_relation(const char *name);

/*
 * A column of a row of the last result.  Text comes as UTF-8 in the given
 * memory context, NULL for null; numbers of nulls are 0.  What has no UTF-8 is
 * a question mark, and *exact false, which is not set otherwise.
 */
extern char *result_text(uint64 row, int column, MemoryContext context);
extern char *result_exact_text(uint64 row, int column, MemoryContext context,
							   bool *exact);

/* The bytes of a text or json, which are not read for that; 0 for null. */
extern Size result_size(uint64 row, int column);

/* The first column of so many rows, palloc'd in the context. */
extern int64 *result_ids(uint64 count, MemoryContext context);
extern int64 result_int8(uint64 row, int column);
extern int	result_int4(uint64 row, int column);
extern bool result_bool(uint64 row, int column);
extern int	result_word(uint64 row, int column, const WordList *list);
extern TimestampTz result_timestamp(uint64 row, int column);	/* 0: null */

/*
 * Parameters from what the services say.  Text is UTF-8; what the database's
 * encoding does not have becomes question marks.
 */
extern Datum parameter_text(const char *text);

/* One that may be null, in the caller's encoding: NULL or 0 is. */
extern void parameter_set_text(Datum *value, char *null, const char *text);
extern void parameter_set_word(Datum *value, char *null,
							   const WordList *list, int number);
extern void parameter_set_int8(Datum *value, char *null, int64 number);

extern Datum parameter_text_array(const char *const *texts, int count);
/* Of texts or jsonb, where 0 is null; if all are, 'n' goes to *null. */
extern Datum parameter_array(const Datum *values, int count, Oid type,
							 char *null);
/* The same of a column of the last result, with so many rows: a copy. */
extern Datum result_array(uint64 count, int column, Oid type, char *null);
extern Datum parameter_word_array(const int *values, int count,
								  const WordList *list);
extern Datum parameter_int8_array(const int64 *numbers, int count);
extern Datum parameter_bool_array(const bool *values, int count);
extern Datum parameter_timestamp_array(const TimestampTz *times, int count);

#endif							/* TP_STATEMENT_H */
