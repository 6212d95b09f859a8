/*
 * server.h
 *	  Fuzz targets that run within a server, since what they test needs one:
 *	  templates, texts, activities and triggers.
 *
 * A target is a function that calls the extension as SQL does, with arguments
 * made of some bytes, and requires of the result what the documentation
 * promises.  It runs in a subtransaction, which is rolled back.
 */
#ifndef TP_FUZZ_SERVER_H
#define TP_FUZZ_SERVER_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

typedef void Target(char *input);

extern Target fuzz_template;
extern Target fuzz_expression;
extern Target fuzz_text;
extern Target fuzz_activity;
extern Target fuzz_notify;

#define REQUIRE(condition) \
	do { \
		if (!(condition)) \
			require_failed(#condition, __FILE__, __LINE__); \
	} while (0)

extern void require_failed(const char *condition, const char *file, int line)
			pg_attribute_noreturn();

/* The next line of the input, without its end; an empty one at the end. */
extern char *next_line(char **input);

/* Any lines at all as JSON: see outline.c. */
extern Jsonb *outline_to_jsonb(char **input);

/* The value of the query, a text of one row; NULL if it is null. */
extern char *query_value(const char *query, int count, const char **arguments);

extern Datum call(const char *signature, int count, const Datum *arguments);

extern Jsonb *jsonb_of(const char *json);

/* It is the same after it has been text, and that is UTF-8. */
extern void require_jsonb(Jsonb *jsonb);

#endif							/* TP_FUZZ_SERVER_H */
