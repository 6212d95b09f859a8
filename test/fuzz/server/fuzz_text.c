/*
 * fuzz_text.c
 *	  Texts of anybody within messages: escaped, summarised, as mentions.
 *
 * A text that is escaped reads as it was, so its summary is that of the plain
 * text; and it mentions nobody and is no markup.
 */
#include "server.h"

#include "utils/builtins.h"

/* A pair of characters that has not come up yet is news, too. */
static uint8 pairs[64 * 64]
			__attribute__((section("__libfuzzer_extra_counters")));

static void
count_pairs(const char *text)
{
	for (; text[0] != '\0' && text[1] != '\0'; text++)
		pairs[(text[0] & 63) * 64 + (text[1] & 63)] = 1;
}

static char *
query(const char *query, const char *text)
{
	return query_value(query, 1, &text);
}

static char *
text_call(const char *signature, const char *string, const char *format)
{
	Datum		arguments[2] = {CStringGetTextDatum(string),
		CStringGetTextDatum(format)};
	Datum		value = call(signature, 2, arguments);

	return value == (Datum) 0 ? NULL : TextDatumGetCString(value);
}

static char *
escape(const char *text, const char *format)
{
	return text_call("teams_escape(text,text)", text, format);
}

static char *
summary(const char *text, const char *format)
{
	return text_call("teams_summary(text,text)", text, format);
}

static void
require_same(const char *a, const char *b)
{
	REQUIRE((a == NULL) == (b == NULL));
	if (a != NULL && strcmp(a, b) != 0)
	{
		fprintf(stderr, "\"%s\"\n\"%s\"\n", a, b);
		REQUIRE(!"they are the same");
	}
}

static void
require_summary(const char *text)
{
	if (text == NULL)
		return;
	REQUIRE(text[0] != '\0' && strlen(text) <= 150 * 4);
	REQUIRE(strpbrk(text, "\n\r\t") == NULL);
}

void
fuzz_text(char *input)
{
	char	   *markdown = escape(input, "markdown");
	char	   *html = escape(input, "html");
	char	   *plain = summary(input, "plain");

	count_pairs(input);
	REQUIRE(strstr(markdown, "@{") == NULL && strstr(html, "@{") == NULL);
	REQUIRE(strpbrk(html, "<>\"'") == NULL);
	REQUIRE(strpbrk(markdown, "<>") == NULL);
	require_summary(plain);
	require_summary(summary(input, "markdown"));
	require_summary(summary(input, "html"));
	require_same(plain, summary(html, "html"));
	/* Within a link braces are escaped in another way, and stay so. */
	if (strstr(input, "://") == NULL)
		require_same(plain, summary(markdown, "markdown"));

	/* What is escaped can be sent, whoever else is mentioned. */
	if (plain != NULL)
	{
		query("SELECT teams_text('@{a@contoso.com} ' || teams_escape($1),"
			  " mentions => '{\"a@contoso.com\": \"A\"}')", input);
		query("SELECT teams_text(teams_escape($1, 'html'), 'html')", input);
		query("SELECT teams_text('@{a@contoso.com}', 'html',"
			  " jsonb_build_object('a@contoso.com', $1))", input);
	}
	require_jsonb(jsonb_of(query("SELECT teams_text('x ' || $1)", input)));
}
