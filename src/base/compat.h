/*
 * compat.h
 *	  Everything that depends on a version.
 *
 * The modules are written for the newest PostgreSQL; this file emulates what
 * older ones lack, so that no PG_VERSION_NUM appears in a function elsewhere.
 * It also serves code built with FRONTEND defined: what exists in the server
 * only stands inside #ifndef FRONTEND.
 */
#ifndef TP_COMPAT_H
#define TP_COMPAT_H

/* ---------------------------------------------------------------------------
 * JSON and encodings (common/jsonapi, common/wchar); also FRONTEND
 * ---------------------------------------------------------------------------
 */
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"

/* 18 marks a function that does not return in front of it. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/*
 * Since 16 a semantic action returns whether to go on.  Before, it returned
 * nothing and could not stop the parser.
 */
#if PG_VERSION_NUM >= 160000
#define JSON_ACTION_RESULT JsonParseErrorType
#define JSON_ACTION_RETURN(result) return (result)
#else
#define JSON_ACTION_RESULT void
#define JSON_ACTION_RETURN(result) return
#endif

/* A lexer of UTF-8 that unescapes strings; 17 changed the arguments. */
static inline JsonLexContext *
compat_json_lexer(char *json, size_t length)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, json, length, PG_UTF8, true);
#else
	return makeJsonLexContextCstringLen(json, (int) length, PG_UTF8, true);
#endif
}

/* 17 introduced freeJsonLexContext. */
static inline void
compat_json_lexer_free(JsonLexContext *lex)
{
#if PG_VERSION_NUM >= 170000
	freeJsonLexContext(lex);
#else
	pfree(lex->strval->data);
	pfree(lex->strval);
	pfree(lex);
#endif
}

/* Is all of it valid UTF-8?  14 introduced pg_encoding_verifymbstr. */
static inline bool
compat_utf8_is_valid(const char *text, int length)
{
#if PG_VERSION_NUM >= 140000
	return pg_encoding_verifymbstr(PG_UTF8, text, length) == length;
#else
	while (length > 0)
	{
		int			step = pg_encoding_verifymb(PG_UTF8, text, length);

		if (step <= 0)
			return false;
		text += step;
		length -= step;
	}
	return true;
#endif
}

/* The length of the character that begins here, or -1.  The same. */
static inline int
compat_utf8_char_length(const char *text, int length)
{
#if PG_VERSION_NUM >= 140000
	return pg_encoding_verifymbchar(PG_UTF8, text, length);
#else
	return pg_encoding_verifymb(PG_UTF8, text, length);
#endif
}

#ifndef FRONTEND
/* ---------------------------------------------------------------------------
 * The server
 * ---------------------------------------------------------------------------
 */
#include "fmgr.h"

/*
 * The library is built with hidden symbols, so that its names cannot clash
 * with those of other extensions; 16 made PGDLLEXPORT the exception from that.
 */
#if PG_VERSION_NUM < 160000 && defined(__GNUC__) && !defined(WIN32)
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

/* And 16 made PG_FUNCTION_INFO_V1 export the function itself. */
#define SQL_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

/*
 * Convert as much as can be, to a string with its end, and return how many
 * bytes of the text that were.  14 can stop at what cannot be converted;
 * before, it is one character at a time, since a function could only raise an
 * error.
 */
static inline int
compat_convert(Oid conversion, int from, int to, const char *text, int length,
			   char *out, int room)
{
#if PG_VERSION_NUM >= 140000
	return pg_do_encoding_conversion_buf(conversion, from, to,
										 (unsigned char *) text, length,
										 (unsigned char *) out, room, true);
#else
	MemoryContext context = CurrentMemoryContext;
	volatile int done = Min(pg_encoding_mblen(from, text), length);

	PG_TRY();
	{
		OidFunctionCall5(conversion, Int32GetDatum(from), Int32GetDatum(to),
						 CStringGetDatum(text), CStringGetDatum(out),
						 Int32GetDatum(done));
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		done = 0;
	}
	PG_END_TRY();
	(void) room;
	return done;
#endif
}

/* 16 tells more of what is wrong with a time. */
#if PG_VERSION_NUM >= 160000
#define compat_decode_datetime(fields, types, count, kind, tm, fraction, zone) \
	DecodeDateTime((fields), (types), (count), (kind), (tm), (fraction), \
				   (zone), &(DateTimeErrorExtra) {0})
#else
#define compat_decode_datetime(fields, types, count, kind, tm, fraction, zone) \
	DecodeDateTime((fields), (types), (count), (kind), (tm), (fraction), (zone))
#endif

/* 15 reserves a parameter prefix, before that one could only warn. */
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* 16 has what a check hook gives to an assign hook in a context of its own. */
#if PG_VERSION_NUM < 160000
#define guc_malloc(elevel, size) malloc(size)
#endif

/* Since 15 shared memory may be requested only from a hook. */
#if PG_VERSION_NUM >= 150000
#define compat_install_shmem_request(previous, hook) \
	do { \
		(previous) = shmem_request_hook; \
		shmem_request_hook = (hook); \
	} while (0)
#else
typedef void (*shmem_request_hook_type) (void);
#define compat_install_shmem_request(previous, hook) \
	do { \
		(previous) = NULL; \
		(hook) (); \
	} while (0)
#endif

/* 14 told the utility hook whether it may scribble on the tree. */
#if PG_VERSION_NUM >= 140000
#define COMPAT_UTILITY_HOOK_PARAMETERS \
	PlannedStmt *pstmt, const char *queryString, bool readOnlyTree, \
	ProcessUtilityContext context, ParamListInfo params, \
	QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc
#define COMPAT_UTILITY_HOOK_ARGUMENTS \
	pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc
#else
#define COMPAT_UTILITY_HOOK_PARAMETERS \
	PlannedStmt *pstmt, const char *queryString, \
	ProcessUtilityContext context, ParamListInfo params, \
	QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc
#define COMPAT_UTILITY_HOOK_ARGUMENTS \
	pstmt, queryString, context, params, queryEnv, dest, qc
#endif

/* 17 lets a resource owner have the set, and named wait events. */
#if PG_VERSION_NUM >= 170000
#define compat_create_wait_set(context, nevents) \
	CreateWaitEventSet(NULL, (nevents))
#define compat_wait_event() \
	({ static uint32 event = 0; \
	   if (event == 0) \
		   event = WaitEventExtensionNew("TeamsProactive"); \
	   event; })
#else
#define compat_create_wait_set(context, nevents) \
	CreateWaitEventSet((context), (nevents))
#define compat_wait_event() PG_WAIT_EXTENSION
#endif

/* 14 gave the predefined roles the names that they have. */
#if PG_VERSION_NUM < 140000
#define ROLE_PG_READ_ALL_STATS DEFAULT_ROLE_READ_ALL_STATS
#endif

/* 17 ends transactions that last too long; a worker's are not the user's. */
#if PG_VERSION_NUM >= 170000
#define COMPAT_TRANSACTION_TIMEOUT {"transaction_timeout", "0"},
#else
#define COMPAT_TRANSACTION_TIMEOUT
#endif

/* 16 renamed the check of an object's owner. */
#if PG_VERSION_NUM >= 160000
#define compat_owns_database(database, role) \
	object_ownercheck(DatabaseRelationId, (database), (role))
#else
#define compat_owns_database(database, role) \
	pg_database_ownercheck((database), (role))
#endif

/* 14 introduced the role whose one member is the database's owner. */
#if PG_VERSION_NUM >= 140000
#define compat_is_database_owner_role(role) ((role) == ROLE_PG_DATABASE_OWNER)
#else
#define compat_is_database_owner_role(role) false
#endif

/*
 * A database whose DROP DATABASE was interrupted; what minor releases of 2023
 * write, and the ones before do not know.
 */
#ifdef DATCONNLIMIT_INVALID_DB
#define COMPAT_DATCONNLIMIT_INVALID DATCONNLIMIT_INVALID_DB
#else
#define COMPAT_DATCONNLIMIT_INVALID (-2)
#endif

/* Uniform in [0, 1); 15 has a generator of its own, seeded per process. */
#if PG_VERSION_NUM >= 150000
#include "common/pg_prng.h"
#define compat_random_uniform() pg_prng_double(&pg_global_prng_state)
#else
#define compat_random_uniform() (random() / (MAX_RANDOM_VALUE + 1.0))
#endif

/* libcurl 7.85 named protocols by strings. */
#ifdef LIBCURL_VERSION_NUM
#if LIBCURL_VERSION_NUM >= 0x075500
#define compat_curl_restrict_protocols(easy) \
	curl_easy_setopt((easy), CURLOPT_PROTOCOLS_STR, "http,https")
#else
#define compat_curl_restrict_protocols(easy) \
	curl_easy_setopt((easy), CURLOPT_PROTOCOLS, \
					 (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS))
#endif

/*
 * 7.80 tells when there is a connection; before, a request without a body that
 * could not be sent counts as one that was.
 */
#if LIBCURL_VERSION_NUM >= 0x075000
#define COMPAT_CURL_TELLS_CONNECTED true
#define compat_curl_on_connected(easy, callback, context) \
	(curl_easy_setopt((easy), CURLOPT_PREREQDATA, (context)) == CURLE_OK ? \
	 curl_easy_setopt((easy), CURLOPT_PREREQFUNCTION, (callback)) : \
	 CURLE_OUT_OF_MEMORY)
#else
#define COMPAT_CURL_TELLS_CONNECTED false
#define compat_curl_on_connected(easy, callback, context) \
	((void) (callback), CURLE_OK)
#endif

/*
 * 8.16 can be told to use no connection again that is there now; older ones
 * look at each before they do, and do not know the option.  The library may be
 * newer than its header.
 */
#if LIBCURL_VERSION_NUM < 0x081000
#define CURLMOPT_NETWORK_CHANGED ((CURLMoption) (CURLOPTTYPE_LONG + 17))
#define CURLMNWC_CLEAR_CONNS (1L << 1)
#endif
#define compat_curl_forget_connections(multi) \
	((void) curl_multi_setopt((multi), CURLMOPT_NETWORK_CHANGED, \
							  (long) CURLMNWC_CLEAR_CONNS))

/*
 * 7.87 can leave a resolver's thread alone; before, a transfer that ended
 * while a name was looked up would wait for that.
 */
#if LIBCURL_VERSION_NUM >= 0x075700
#define compat_curl_quick_exit(easy) \
	curl_easy_setopt((easy), CURLOPT_QUICK_EXIT, 1L)
#else
#define compat_curl_quick_exit(easy) CURLE_OK
#endif
#endif
#endif							/* FRONTEND */

#endif							/* TP_COMPAT_H */
