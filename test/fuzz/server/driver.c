/*
 * driver.c
 *	  Runs libFuzzer within a session of PostgreSQL in single-user mode.
 *
 * The library is loaded first, so that the counters of coverage in the
 * extension, which is compiled for it, find libFuzzer here.  An error is a
 * result like any other, as long as it is one that a user could have caused.
 */
#include "server.h"

#include <signal.h>
#include <time.h>

#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(fuzz);
extern PGDLLEXPORT Datum fuzz(PG_FUNCTION_ARGS);

extern int	LLVMFuzzerRunDriver(int *argc, char ***argv,
								int (*callback) (const uint8 *data, size_t size));

/*
 * What one input may take of the processor, in seconds: one, and under the
 * sanitizers about five times as long.
 */
#define MAX_SECONDS 5

static const struct
{
	const char *name;
	Target	   *run;
}			targets[] = {
	{"template", fuzz_template},
	{"expression", fuzz_expression},
	{"text", fuzz_text},
	{"activity", fuzz_activity},
	{"notify", fuzz_notify},
};

static Target *current_target;

/* Inputs that were no error: without any, nothing has been tested. */
static int64 succeeded = 0;

void
require_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
	abort();
}

char *
next_line(char **input)
{
	char	   *line = *input;

	*input += strcspn(line, "\n");
	if (**input != '\0')
		*(*input)++ = '\0';
	return line;
}

/* The statement is prepared once for each place that has one. */
char *
query_value(const char *query, int count, const char **arguments)
{
	static struct
	{
		const char *query;
		SPIPlanPtr	plan;
	}			plans[64];
	Oid			types[8];
	Datum		values[8];
	char		nulls[8];
	int			i;

	for (i = 0; i < count; i++)
	{
		types[i] = TEXTOID;
		nulls[i] = arguments[i] == NULL ? 'n' : ' ';
		values[i] = arguments[i] == NULL ? (Datum) 0 :
			CStringGetTextDatum(arguments[i]);
	}
	for (i = 0; plans[i].query != NULL && plans[i].query != query; i++)
		;
	if (plans[i].query == NULL)
	{
		plans[i].plan = SPI_prepare(query, count, types);
		if (plans[i].plan == NULL)
			elog(PANIC, "could not prepare: %s", query);
		SPI_keepplan(plans[i].plan);
		plans[i].query = query;
	}
	SPI_execute_plan(plans[i].plan, values, nulls, false, 0);
	if (SPI_processed == 0 || SPI_tuptable == NULL)
		return NULL;
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/*
 * A function of the extension in the current memory context; (Datum) 0 for
 * null.  It is looked up once for each place that has its signature.
 */
Datum
call(const char *signature, int count, const Datum *arguments)
{
	static struct
	{
		const char *signature;
		FmgrInfo	function;
	}			functions[16];
	LOCAL_FCINFO(fcinfo, 4);
	Datum		value;
	int			i;

	for (i = 0; functions[i].signature != NULL &&
		 functions[i].signature != signature; i++)
		;
	if (functions[i].signature == NULL)
	{
		fmgr_info_cxt(DatumGetObjectId(DirectFunctionCall1(regprocedurein,
														   CStringGetDatum(signature))),
					  &functions[i].function, TopMemoryContext);
		functions[i].signature = signature;
	}
	InitFunctionCallInfoData(*fcinfo, &functions[i].function, count,
							 DEFAULT_COLLATION_OID, NULL, NULL);
	for (int argument = 0; argument < count; argument++)
	{
		fcinfo->args[argument].value = arguments[argument];
		fcinfo->args[argument].isnull = arguments[argument] == (Datum) 0;
	}
	value = FunctionCallInvoke(fcinfo);
	return fcinfo->isnull ? (Datum) 0 : value;
}

Jsonb *
jsonb_of(const char *json)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}

void
require_jsonb(Jsonb *jsonb)
{
	char	   *text = JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
	Jsonb	   *again = jsonb_of(text);

	REQUIRE(pg_verify_mbstr(PG_UTF8, text, strlen(text), true));
	REQUIRE(compareJsonbContainers(&jsonb->root, &again->root) == 0);
	REQUIRE(strcmp(text, JsonbToCString(NULL, &again->root, 0)) == 0);
}

/* What is cut is cut between characters. */
static void
require_text(const char *text)
{
	REQUIRE(text == NULL ||
			pg_verify_mbstr(PG_UTF8, text, strlen(text), true));
}

/* Classes of errors that are the caller's: data, names, rights, limits. */
static void
require_users_error(const ErrorData *error)
{
	static const char *const classes[] = {
		"0A", "21", "22", "23", "3F", "42", "54", "55"
	};
	const char *state = unpack_sql_state(error->sqlerrcode);

	require_text(error->message);
	require_text(error->detail);
	require_text(error->hint);
	require_text(error->context);
	for (int i = 0; i < (int) lengthof(classes); i++)
		if (strncmp(state, classes[i], 2) == 0)
			return;
	fprintf(stderr, "%s: %s (%s:%d)\n", state, error->message,
			error->filename, error->lineno);
	REQUIRE(!"the error is a user's");
}

/*
 * Much of the extension is PL/pgSQL, of which libFuzzer sees nothing.  So what
 * it says is news to it as well: what stands before the first quote, and about
 * how long it is.
 */
static uint8 sayings[4096]
			__attribute__((section("__libfuzzer_extra_counters")));

static void
count_saying(const char *text)
{
	uint32		hash = hash_bytes((const unsigned char *) text,
								  strcspn(text, "\"0123456789"));

	sayings[(hash + strlen(text) / 8) % lengthof(sayings)] = 1;
}

static double
processor_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/*
 * One input.  With blocks as small as may be, what is larger than 128 bytes
 * has one of its own, and AddressSanitizer sees where it ends.
 */
static int
run_one(const uint8 *data, size_t size)
{
	static MemoryContext context = NULL;
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext caller = CurrentMemoryContext;
	double		start = processor_seconds();
	char	   *input;

	if (memchr(data, '\0', size) != NULL ||
		!pg_verify_mbstr(PG_UTF8, (const char *) data, size, true))
		return 0;
	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "fuzz",
										0, 1024, 1024);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	input = pnstrdup((const char *) data, size);
	PG_TRY();
	{
		SPI_connect();
		MemoryContextSwitchTo(context);
		current_target(input);
		SPI_finish();
		succeeded++;
		count_saying("succeeded");
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		if (getenv("FUZZ_ERRORS") != NULL)
			fprintf(stderr, "%s\n", error->message);
		require_users_error(error);
		count_saying(error->message);
		if (error->detail != NULL)
			count_saying(error->detail);
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	MemoryContextReset(context);
	REQUIRE(processor_seconds() - start < MAX_SECONDS);
	return 0;
}

static void
print_statistics(void)
{
	fprintf(stderr, "stat::succeeded: " INT64_FORMAT "\n", succeeded);
}

/*
 * fuzz(target text, arguments text[]): fuzzes the target with these arguments
 * of libFuzzer, and ends the session.
 */
Datum
fuzz(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Datum	   *elements;
	int			count;
	char	  **arguments;

	for (int i = 0; i < (int) lengthof(targets); i++)
		if (strcmp(targets[i].name, name) == 0)
			current_target = targets[i].run;
	if (current_target == NULL)
		elog(ERROR, "no such target: %s", name);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, &count);
	arguments = palloc0((count + 2) * sizeof(char *));
	arguments[0] = name;
	for (int i = 0; i < count; i++)
		arguments[i + 1] = TextDatumGetCString(elements[i]);
	count++;
	/* libFuzzer has a clock and handlers of its own, unless somebody has. */
	signal(SIGALRM, SIG_DFL);
	atexit(print_statistics);
	LLVMFuzzerRunDriver(&count, &arguments, run_one);
	exit(0);
}
