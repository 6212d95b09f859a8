/*
 * fuzz_words.c
 *	  What people have typed, escaped; and texts as notifications show them.
 */
#include "postgres_fe.h"

#include "base/ascii.h"
#include "base/compat.h"
#include "base/escape.h"
#include "base/plain.h"
#include "fuzz.h"

/* One line of no more characters than are shown, in UTF-8 if the text was. */
static void
require_line(const char *line, bool valid)
{
	int			count = 0;

	if (line == NULL)
		return;
	for (const char *c = line; *c != '\0'; c++)
	{
		REQUIRE((unsigned char) *c >= ' ' && *c != '\x7f');
		REQUIRE(*c != ' ' || (c > line && c[1] != ' ' && c[1] != '\0'));
		if (((unsigned char) *c & 0xC0) != 0x80)
			count++;
	}
	if (valid)
	{
		REQUIRE(count <= PLAIN_MAX);
		REQUIRE(compat_utf8_is_valid(line, (int) strlen(line)));
	}
}

/* Each character that could be markup is behind a backslash. */
static void
require_harmless(const char *escaped)
{
	for (const char *c = escaped; *c != '\0'; c++)
	{
		if (*c == '\\' && ascii_is_punct(c[1]))
			c++;
		else if (*c == '_')
			REQUIRE(c > escaped && ascii_is_alnum(c[-1]) && ascii_is_alnum(c[1]));
		else
			REQUIRE(strchr("[]\\`*{}~|<>", *c) == NULL);
	}
}

void
fuzz_one(const char *input, size_t length)
{
	char	   *text = fuzz_string(input, length);
	bool		valid = compat_utf8_is_valid(text, (int) strlen(text));
	char	   *markdown = escape_markdown(text);
	char	   *html = escape_html(text);

	require_harmless(markdown);
	REQUIRE(html[strcspn(html, "<>\"'{")] == '\0');
	require_line(plain_markdown(text), valid);
	require_line(plain_html(text), valid);
	require_line(plain_line(text), valid);
	require_line(plain_markdown(markdown), valid);

	/* HTML reads as it was typed. */
	if (plain_line(text) == NULL)
		REQUIRE(plain_html(html) == NULL);
	else if (strlen(text) < 500)
		REQUIRE(strcmp(plain_html(html), plain_line(text)) == 0);
}
