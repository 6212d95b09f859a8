/*
 * page.c
 *	  Opaque texts that say where to go on.
 *
 * They are encoded so that no client is led to make its own.  Their alphabet
 * has "=", which a client must percent-encode as any other value.
 */
#include "base/page.h"
#include "base/memory.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of a digit of base64, or -1. */
static int
digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* Decode what sim_page_write() made; NULL if it is something else. */
static char *
decode(const char *text)
{
	char	   *result = sim_alloc(strlen(text) + 1);
	char	   *to = result;
	unsigned	bits = 0;
	int			nbits = 0;

	for (; *text != '\0' && *text != '='; text++)
	{
		if (digit(*text) < 0)
		{
			free(result);
			return NULL;
		}
		bits = bits << 6 | (unsigned) digit(*text);
		nbits += 6;
		if (nbits >= 8)
		{
			nbits -= 8;
			*to++ = (char) (bits >> nbits & 0xff);
		}
	}
	return result;
}

/*
 * The text by which a client is to ask for that page; to be freed by the
 * caller.
 */
char *
sim_page_write(const SimPage *page)
{
	char	   *plain = sim_format("p %" PRIu64 " %" PRIu64 " %" PRIu64
								   " %" PRIu64 " %s", page->generation,
								   page->since, page->until, page->position,
								   page->select);
	char	   *text = sim_base64(plain);

	for (char *p = text; *p != '\0'; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
	free(plain);
	return text;
}

/* False if the text is none of ours. */
bool
sim_page_read(SimPage *page, const char *text)
{
	char	   *plain = decode(text);
	bool		fine;

	memset(page, 0, sizeof(*page));
	fine = plain != NULL &&
		sscanf(plain, "p %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			   " %255[A-Za-z,]", &page->generation, &page->since,
			   &page->until, &page->position, page->select) >= 4;
	free(plain);
	return fine;
}
