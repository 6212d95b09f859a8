/*
 * fuzz_connector.c
 *	  Replies of the Bot Connector, and the size of what is sent to it.
 */
#include "postgres_fe.h"

#include "base/compat.h"
#include "protocol/connector.h"
#include "fuzz.h"

/* How many bytes UTF-8 takes for a character. */
static int
utf8_size(pg_wchar character)
{
	return character > 0xFFFF ? 4 : character > 0x7FF ? 3 :
		character > 0x7F ? 2 : 1;
}

/* The bytes of UTF-16, by decoding. */
static size_t
utf16_size(const char *text)
{
	const unsigned char *p = (const unsigned char *) text;
	size_t		size = 0;

	while (*p != '\0')
	{
		pg_wchar	character = utf8_to_unicode(p);

		size += character > 0xFFFF ? 4 : 2;
		p += utf8_size(character);
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
		REQUIRE(connector_activity_size(text) +
				2 * connector_images_size(text) == utf16_size(text));
}
