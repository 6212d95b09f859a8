/*
 * fuzz.h
 *	  What the fuzz targets have in common.
 *
 * A target defines fuzz_one(), which reads some bytes with the modules of
 * src/ and requires of the result what the rest of the extension relies on.
 */
#ifndef TP_FUZZ_H
#define TP_FUZZ_H

#include "base/compat.h"
#include "protocol/policy.h"

extern void fuzz_one(const char *input, size_t length);

#define REQUIRE(condition) \
	do { \
		if (!(condition)) \
			fuzz_fail(#condition, __FILE__, __LINE__); \
	} while (0)

pg_noreturn extern void fuzz_fail(const char *condition, const char *file,
								  int line);

/* Free all that was palloc'd, as the reset of a memory context does. */
extern void fuzz_reset(void);

/* The input up to its first NUL as a string of exactly that size, palloc'd. */
extern char *fuzz_string(const char *input, size_t length);

/* Valid UTF-8 without control characters. */
extern void require_printable(const char *text);

/* What trust_clean_copy() promises, but for the validity of its input. */
extern void require_clean(const char *text, size_t limit);

/* An error as it goes into tables and logs. */
extern void require_error(const ServiceError *error);

/* An id of a service as it goes into tables and URLs. */
extern void require_id(const char *id);

/* Not a Retry-After that anyone has to fear; it may be NULL. */
extern void require_wait(const char *header);

#endif							/* TP_FUZZ_H */
