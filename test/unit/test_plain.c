/*
 * test_plain.c
 *	  What people have typed reads as they typed it, and what is formatted
 *	  reads without its markup.
 */
#include "postgres_fe.h"

#include "tap.h"
#include "base/ascii.h"
#include "base/escape.h"
#include "base/plain.h"

static void
reads(char *(*plain) (const char *), const char *text, const char *expected)
{
	is_str(plain(text), expected, text);
}

static void
test_markdown(void)
{
	static const char *const cases[][2] = {
		{"Result: 2 * 3 = 6", "Result: 2 * 3 = 6"},
		{"2 * 3 * 4", "2 * 3 * 4"},
		{"*2* and **3** and ***4***", "2 and 3 and 4"},
		{"**a *b* c**", "a b c"},
		{"a*b*c", "abc"},
		{"5 ** 2", "5 ** 2"},
		{"**open", "**open"},
		{"*.txt and *.log", "*.txt and *.log"},
		{"select * from t where a = '*'", "select * from t where a = '*'"},
		{"snake_case_name and __init__", "snake_case_name and init"},
		{"_it_ and _it", "it and _it"},
		{"~~gone~~ but ~5 min, ~/bin", "gone but ~5 min, ~/bin"},
		{"`a * b` and ``c ` d``", "a * b and c ` d"},
		{"one ` alone", "one ` alone"},
		{"[the log](https://ci.test/(a)/214) is red", "the log is red"},
		{"[a **b** c](<x y> \"title\")!", "a b c!"},
		{"![a chart](data:image/png;base64,AAAA) of it", "a chart of it"},
		{"a[0] and b[1] (or so), [x]: y", "a[0] and b[1] (or so), [x]: y"},
		{"[ ] open [x] done", "[ ] open [x] done"},
		{"# Heading #1\nand *more*", "Heading #1 and more"},
		{"#hashtag", "#hashtag"},
		{"- one\n- two\n  + three", "one two three"},
		{"1. one\n2) two", "1. one 2) two"},
		{"> said\n> so", "said so"},
		{"Title\n=====\n\nText\n\n---\nMore", "Title Text More"},
		{"| a | b |\n|---|---|\n| 1 | 2 |", "| a | b | | 1 | 2 |"},
		{"```sql\nSELECT * FROM t\n```\nends", "SELECT * FROM t ends"},
		{"a\rb\r\nc", "a b c"},
		{"Hello&nbsp;World &#169; &#x20AC; &hellip; &amp;lt; &unknown; & a",
			"Hello World \302\251 \342\202\254 \342\200\246 &lt; &unknown; & a"},
		{"&#0; &#xD800; &#1234567890; &;", "&#0; &#xD800; &#1234567890; &;"},
		{"a<br>b<br/>c <b>d</b> <at>Ada</at> 2 < 3 > 1", "a b c d Ada 2 < 3 > 1"},
		{"see <https://x.test/a_b> or <ada@contoso.com>",
			"see https://x.test/a_b or ada@contoso.com"},
		{"\\*not\\* \\_this\\_ C:\\temp", "*not* _this_ C:\\temp"},
		{"<!-- hidden --> shown", "shown"},
		{"\303\244*b*\303\244 \342\200\234*c*\342\200\235",
			"\303\244b\303\244 \342\200\234c\342\200\235"},
		{"a\302\240\302\255b\342\200\213c", "a bc"},
		{" \n\t ", NULL},
		{"***", NULL},
		{"", NULL},
	};

	for (int i = 0; i < (int) lengthof(cases); i++)
		reads(plain_markdown, cases[i][0], cases[i][1]);
}

static void
test_html(void)
{
	reads(plain_html, "Hello&nbsp;World", "Hello World");
	reads(plain_html, "<p>a</p><p>b</p>", "a b");
	reads(plain_html, "a <b title='>'>b</b> 1 < 2 *c*", "a b 1 < 2 *c*");
	reads(plain_html, "<img src=\"data:image/png;base64,AAAA\" alt=\"Load &amp; more\">", "Load & more");
	reads(plain_html, "<img src=\"x\">", NULL);
	reads(plain_html, "<unclosed", "<unclosed");
	reads(plain_html, "&copy &copy;", "&copy \302\251");
	reads(plain_line, " a  *b*\n<c> ", "a *b* <c>");
}

static void
test_length(void)
{
	char		text[100001];
	char	   *line;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	line = plain_markdown(text);
	ok(strlen(line) == PLAIN_MAX && strcmp(line + PLAIN_MAX - 5, "xx...") == 0,
	   "what is long is cut");
	memcpy(text, "**", 2);
	memcpy(text + sizeof(text) - 3, "**", 2);
	ok(plain_markdown(text)[0] == 'x', "markup ends far behind");
	text[PLAIN_MAX] = '\0';
	memset(text, 'y', PLAIN_MAX);
	ok(strlen(plain_markdown(text)) == PLAIN_MAX &&
	   plain_markdown(text)[PLAIN_MAX - 1] == 'y', "what fits is not");

	/* What would take time if it were looked for again and again. */
	for (int i = 0; i < 8; i++)
	{
		static const char *const parts[] = {
			"[a](", "[a](<", "`", "<a ", "<a =\"", "*a_", "[", "&#"
		};
		size_t		length = strlen(parts[i]);

		for (size_t k = 0; k + length < sizeof(text); k += length)
			memcpy(text + k, parts[i], length + 1);
		(void) plain_markdown(text);
		(void) plain_html(text);
		(void) escape_markdown(text);
		ok(true, parts[i]);
	}
}

static void
escapes(const char *text, const char *expected)
{
	is_str(escape_markdown(text), expected, text);
}

static void
test_escape(void)
{
	escapes("a *b* _c_ [d](e)", "a \\*b\\* \\_c\\_ \\[d\\]\\(e)");
	escapes("a\r# b\r\n- c\n 1. d", "a\r\\# b\r\n\\- c\n 1\\. d");
	escapes("    a\n\t# b", " a\n \\# b");
	escapes("https://x.test/a_b_c", "https://x.test/a_b_c");
	escapes("see https://x.test/a_b, (www.x.test/c_d).", "see https://x.test/a_b, (www.x.test/c_d).");
	escapes("https://x.test/~ada/_layouts/a*b", "https://x.test/%7Eada/%5Flayouts/a%2Ab");
	escapes("https://x.test/?a=1&b=2&lt;&c", "https://x.test/?a=1&b=2&amp;lt;&amp;c");
	escapes("https://x/](http://evil)", "https://x/%5D(http://evil)");
	escapes("https://x.test/**bold** and", "https://x.test/%2A%2Abold&#42;&#42; and");
	escapes("https://x/<at>a</at>", "https://x/&lt;at&gt;a&lt;/at&gt;");
	escapes("https://x/@{ada@contoso.com}", "https://x/@%7Bada@contoso.com\\}");
	escapes("https://x/a|b`c\\d", "https://x/a%7Cb%60c%5Cd");
	escapes("https://x/\"[a](b)", "https://x/\"\\[a\\]\\(b)");
	escapes("https://x/\303\244_b*c d", "https://x/\303\244%5Fb&#42;c d");
	escapes("**https://x.test** *b*", "\\*\\*https://x.test&#42;&#42; \\*b\\*");
	escapes("https://**x", "https://\\*\\*x");
	escapes("nohttps://x/*a*", "nohttps://x/\\*a\\*");
	escapes("HTTP://X/a_b", "HTTP://X/a_b");
	escapes("ada_l@contoso.com", "ada_l@contoso.com");
	escapes("_ada_@contoso.com", "\\_ada\\_@contoso.com");
	escapes("a_b@c", "a\\_b@c");
}

/* The next of a sequence that is always the same. */
static unsigned int
next_random(void)
{
	static unsigned int state = 7;

	state = state * 1103515245 + 12345;
	return state >> 16;
}

/* Without the spaces at its ends, and with one between words. */
static char *
squeezed(const char *text)
{
	char	   *copy = pstrdup(text);
	char	   *out = copy;

	for (; *text != '\0'; text++)
		if (!ascii_is_space(*text))
			*out++ = *text;
		else if (out > copy && out[-1] != ' ')
			*out++ = ' ';
	while (out > copy && out[-1] == ' ')
		out--;
	*out = '\0';
	return copy;
}

/* Is each character that means something behind a backslash? */
static bool
is_harmless(const char *escaped)
{
	for (const char *c = escaped; *c != '\0'; c++)
	{
		if (*c == '\\' && ascii_is_punct(c[1]))
			c++;
		else if (*c == '_')
		{
			if (c == escaped || !ascii_is_alnum(c[-1]) || !ascii_is_alnum(c[1]))
				return false;
		}
		else if (strchr("[]\\`*{}~|<>", *c) != NULL)
			return false;
		else if ((c == escaped || c[-1] == '\n' || c[-1] == '\r') &&
				 strchr("-+=#", *c) != NULL)
			return false;
	}
	return true;
}

/*
 * Whatever it is made of: nothing is left that could be markup, and without
 * web addresses it reads as it was.
 */
static void
test_any(void)
{
	static const char *const parts[] = {
		"https://x", "www.x", "http://", "/", "a", "b1", "_", "*", "**", "~",
		"[", "]", "(", ")", "](http://evil)", "<", ">", "<at>", "&", "&lt;", "&#42;", ";",
		"|", "`", "\\", "@{", "}", "@x.test", "\"", "'", " ", "\n", "\r", "#",
		"-", "1.", "=", "+", ":", ".", "!", "\303\244", "\343\200\202"
	};
	int			harmful = 0;
	int			changed = 0;

	for (int i = 0; i < 200000; i++)
	{
		char		text[200] = "";
		const char *escaped;
		bool		has_address = false;

		for (int k = next_random() % 12; k >= 0; k--)
			strcat(text, parts[next_random() % lengthof(parts)]);
		escaped = escape_markdown(text);
		if (!is_harmless(escaped) && harmful++ < 5)
			is_str(escaped, "", text);
		has_address = strchr(escaped, '%') != NULL;
		if (!has_address)
		{
			const char *plain = plain_markdown(escaped);
			const char *expected = squeezed(text);

			if (strcmp(plain == NULL ? "" : plain, expected) != 0 &&
				changed++ < 5)
				is_str(plain, expected, text);
		}
	}
	ok(harmful == 0, "nothing that was typed is markup");
	ok(changed == 0, "and without addresses it reads as it was typed");
}

int
main(void)
{
	test_markdown();
	test_html();
	test_length();
	test_escape();
	test_any();
	return done();
}
