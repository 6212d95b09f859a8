/*
 * text.c
 *	  Ids, as the services write and compare them.
 */
#include "base/text.h"
#include "base/memory.h"

#include <ctype.h>
#include <string.h>

/*
 * The key of an id, which is in lower case: written to "key", which has room
 * for SIM_MAX_KEY bytes, and returned.  Too long ids are nobody's: "".
 */
const char *
sim_fold(const char *id, char *key)
{
	size_t		i;

	for (i = 0; i < SIM_MAX_KEY - 1 && id[i] != '\0'; i++)
		key[i] = (char) tolower((unsigned char) id[i]);
	key[id[i] == '\0' ? i : 0] = '\0';
	return key;
}

/* An id in lower case, to be freed. */
char *
sim_folded_copy(const char *id)
{
	char		key[SIM_MAX_KEY];

	return sim_strdup(sim_fold(id, key));
}

/* Is it a GUID as the services write it: 36 characters with hyphens? */
bool
sim_is_guid(const char *text)
{
	for (int i = 0; i < 36; i++)
	{
		if (i == 8 || i == 13 || i == 18 || i == 23 ?
			text[i] != '-' : !isxdigit((unsigned char) text[i]))
			return false;
	}
	return text[36] == '\0';
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	"abcdefghijklmnopqrstuvwxyz0123456789+/";

/* The text in base64, to be freed. */
char *
sim_base64(const char *text)
{
	size_t		length = strlen(text);
	char	   *result = sim_alloc(4 * ((length + 2) / 3) + 1);
	char	   *to = result;

	for (size_t i = 0; i < length; i += 3)
	{
		unsigned	bits = (unsigned char) text[i] << 16;

		if (i + 1 < length)
			bits |= (unsigned char) text[i + 1] << 8;
		if (i + 2 < length)
			bits |= (unsigned char) text[i + 2];
		*to++ = base64[bits >> 18];
		*to++ = base64[bits >> 12 & 63];
		*to++ = i + 1 < length ? base64[bits >> 6 & 63] : '=';
		*to++ = i + 2 < length ? base64[bits & 63] : '=';
	}
	return result;
}
