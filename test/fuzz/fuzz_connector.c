/*
 * fuzz_connector.c
 *	  Replies of the Bot Connector, and the size of what is sent to it.
 */
#include "postgres_fe.h"

#include "compat.h"
#include "connector.h"
#include "fuzz.h"

/* The bytes of UTF-16, by decoding. */
static size_t
utf16_size(const char *text)
{
	const unsigned char *p = (const unsigned char *) text;
	size_t		size = 0;

	while (*p != '\0')
	{
		size += utf8_to_unicode(p) > 0xFFFF ? 4 : 2;
		p += pg_utf_mblen(p);
	}
	return size;
}

void
fuzz_one(const char *input, size_t length)
{
	char	   *id = connector_send_reply(input, length);
	char	   *text = fuzz_string(input, length);
	ServiceError error;

	if (id != NULL)
		require_id(id);

	connector_error(input, length, &error);
	require_error(&error);

	if (compat_utf8_is_valid(text, (int) strlen(text)))
		REQUIRE(connector_activity_size(text) == utf16_size(text));
}
