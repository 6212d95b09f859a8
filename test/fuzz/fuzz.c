/*
 * fuzz.c
 *	  What the fuzz targets have in common.
 *
 * palloc() of frontend code is malloc(), and what the modules leave to their
 * memory context would pile up over millions of runs.  So this file has a
 * palloc() of its own that remembers what it gave, and frees it after each
 * run.  Each piece still comes from malloc(), which lets AddressSanitizer see
 * every byte too many; in the server it would see only whole blocks.
 */
#include "postgres_fe.h"

#include "base/compat.h"
#include "fuzz.h"
#include "base/trust.h"

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

static void **pieces = NULL;
static size_t piece_count = 0;
static size_t piece_capacity = 0;

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	fuzz_one((const char *) data, size);
	fuzz_reset();
	return 0;
}

void
fuzz_fail(const char *condition, const char *file, int line)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
	abort();
}

/* ---------------------------------------------------------------------------
 * Memory
 * ---------------------------------------------------------------------------
 */

static void *
remember(void *piece)
{
	REQUIRE(piece != NULL);
	if (piece_count == piece_capacity)
	{
		piece_capacity = Max(1024, piece_capacity * 2);
		pieces = realloc(pieces, piece_capacity * sizeof(void *));
		REQUIRE(pieces != NULL);
	}
	pieces[piece_count++] = piece;
	return piece;
}

/* What is freed was mostly given a short time ago. */
static void
forget(void *piece)
{
	size_t		i = piece_count;

	while (i > 0 && pieces[i - 1] != piece)
		i--;
	REQUIRE(i > 0);
	pieces[i - 1] = pieces[--piece_count];
}

void
fuzz_reset(void)
{
	while (piece_count > 0)
		free(pieces[--piece_count]);
}

void *
palloc(Size size)
{
	return remember(malloc(Max(size, 1)));
}

void *
palloc0(Size size)
{
	return remember(calloc(1, Max(size, 1)));
}

void *
palloc_extended(Size size, int flags)
{
	return (flags & MCXT_ALLOC_ZERO) ? palloc0(size) : palloc(size);
}

void *
repalloc(void *pointer, Size size)
{
	forget(pointer);
	return remember(realloc(pointer, Max(size, 1)));
}

void
pfree(void *pointer)
{
	forget(pointer);
	free(pointer);
}

char *
pstrdup(const char *in)
{
	return remember(strdup(in));
}

char *
pnstrdup(const char *in, Size size)
{
	return remember(strndup(in, size));
}

/*
 * What 13's pg_log_error() takes; else it would bring another palloc() along.
 */
void *
pg_malloc_extended(size_t size, int flags)
{
	return (flags & MCXT_ALLOC_ZERO) ? calloc(1, size) : malloc(size);
}

/* ---------------------------------------------------------------------------
 * Properties
 * ---------------------------------------------------------------------------
 */

char *
fuzz_string(const char *input, size_t length)
{
	return pnstrdup(input, length);
}

static void
require_no_control(const char *text)
{
	const unsigned char *p;

	for (p = (const unsigned char *) text; *p != '\0'; p++)
	{
		REQUIRE(*p >= 0x20 && *p != 0x7F);
		REQUIRE(!(p[0] == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F));
	}
}

void
require_printable(const char *text)
{
	REQUIRE(compat_utf8_is_valid(text, (int) strlen(text)));
	require_no_control(text);
}

/* Neither the start of a JWT, nor anything after "Bearer". */
static void
require_no_token(const char *text)
{
	const char *p;

	REQUIRE(strstr(text, "eyJ") == NULL);
	for (p = text; *p != '\0'; p++)
	{
		const char *rest = p + 6;

		if (pg_strncasecmp(p, "bearer ", 7) != 0)
			continue;
		rest += strspn(rest, " ");
		REQUIRE(!(*rest >= '0' && *rest <= '9'));
		REQUIRE(!(*rest >= 'A' && *rest <= 'Z'));
		REQUIRE(!(*rest >= 'a' && *rest <= 'z'));
		REQUIRE(*rest == '\0' || strchr("-._~+/=", *rest) == NULL);
	}
}

void
require_clean(const char *text, size_t limit)
{
	REQUIRE(strlen(text) <= limit);
	require_no_control(text);
	require_no_token(text);
}

void
require_error(const ServiceError *error)
{
	require_clean(error->code, SERVICE_ERROR_MAX_CODE);
	require_clean(error->message, SERVICE_ERROR_MAX_MESSAGE);
	require_printable(error->code);
	require_printable(error->message);
}

void
require_id(const char *id)
{
	StringInfoData escaped;

	REQUIRE(id[0] != '\0' && strlen(id) <= TRUST_MAX_ID);
	REQUIRE(strcmp(id, ".") != 0 && strcmp(id, "..") != 0);
	require_printable(id);

	/* one segment of a path, whatever is in it */
	initStringInfo(&escaped);
	trust_append_escaped(&escaped, id);
	REQUIRE((size_t) escaped.len >= strlen(id));
	REQUIRE(strspn(escaped.data, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789-._~%") ==
			(size_t) escaped.len);
}

void
require_wait(const char *header)
{
	static const double clocks[] = {0, 1795461600, 4102444800};
	static const double caps[] = {1, 3600, 86400};
	int			i;
	int			j;

	for (i = 0; i < (int) lengthof(clocks); i++)
	{
		for (j = 0; j < (int) lengthof(caps); j++)
		{
			double		wait = policy_retry_after(header, clocks[i], caps[j]);

			REQUIRE(wait == -1 || (wait > 0 && wait <= caps[j]));
		}
	}
}
