/*
 * escape.c
 *	  What people have typed, as it reads in a formatted text.
 *
 * Nothing of it may format, link or mention.  A web address that was typed is
 * a link all the same, as in any chat, for clients find it in whatever is
 * shown: so a backslash in it would become part of where it leads.  What is
 * not at its place in an address is percent-encoded instead, which leads to
 * the same page and can mean nothing else, whether a client looks for markup
 * or for addresses first.
 *
 * What counts are characters of ASCII alone, which are the same in every
 * encoding of a server.
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "lib/stringinfo.h"

#include "base/ascii.h"
#include "base/escape.h"

/* What means something anywhere in Markdown, and where a line begins. */
#define SPECIAL "[]\\`*_{}~|"
#define SPECIAL_FIRST "-+=#"

/* What ends a sentence around an address rather than the address. */
#define TRAILING "*_~?!.,:;')]}|`\\"

/* Before the first character, and behind the last, there is none. */
static bool
is_within_word(const char *begin, const char *c)
{
	return c > begin && ascii_is_alnum(c[-1]) && ascii_is_alnum(c[1]);
}

/* ----------
 * Addresses
 * ----------
 */

static size_t
scheme_length(const char *text)
{
	static const char *const schemes[] = {"https://", "http://", "www."};

	for (int i = 0; i < (int) lengthof(schemes); i++)
		if (pg_strncasecmp(text, schemes[i], strlen(schemes[i])) == 0)
			return strlen(schemes[i]);
	return 0;
}

/*
 * The length of the web address that begins here, 0 if none does.  As clients
 * see it, all belongs to it up to a space, but for what ends the sentence.
 */
static size_t
web_address_length(const char *begin, const char *text)
{
	size_t		scheme = scheme_length(text);
	size_t		length = scheme;

	if (scheme == 0 || (text > begin && ascii_is_alnum(text[-1])) ||
		!(ascii_is_alnum(text[scheme]) || IS_HIGHBIT_SET(text[scheme])))
		return 0;
	while ((unsigned char) text[length] > ' ' && text[length] != '\x7f' &&
		   strchr("<>\"", text[length]) == NULL)
		length++;
	while (length > scheme && strchr(TRAILING, text[length - 1]) != NULL)
		length--;
	return length;
}

/* The same for a mail address: letters, digits and ._+- before the @. */
static size_t
mail_address_length(const char *begin, const char *text)
{
	size_t		name = 0;
	size_t		length;

	if (!ascii_is_alnum(*text) ||
		(text > begin && (ascii_is_alnum(text[-1]) || strchr("._+-", text[-1]) != NULL)))
		return 0;
	while (ascii_is_alnum(text[name]) ||
		   (text[name] != '\0' && strchr("._+-", text[name]) != NULL))
		name++;
	if (text[name] != '@')
		return 0;
	length = name + 1;
	while (ascii_is_alnum(text[length]) ||
		   (text[length] != '\0' && strchr("._-", text[length]) != NULL))
		length++;
	return ascii_is_alnum(text[name + 1]) &&
		memchr(text + name, '.', length - name) != NULL ? length : 0;
}

/* Would an ampersand here begin the name of a character? */
static bool
is_entity(const char *text)
{
	size_t		length = 1;

	while (ascii_is_alnum(text[length]) || text[length] == '#')
		length++;
	return length > 1 && (text[length] == ';' || text[length] == '\0');
}

/*
 * A character that means something.  Right behind an address a backslash would
 * be taken for a part of that, but not always what it is for.
 */
static void
append_special(StringInfo out, char c, bool behind_address)
{
	if (behind_address && strchr("*_~", c) != NULL)
		appendStringInfo(out, "&#%d;", c);
	else
		appendStringInfo(out, "\\%c", c);
}

/*
 * An underscore between letters is none of Markdown's.  From the first letter
 * beyond ASCII on it may be a sentence: a language that has no spaces goes on
 * right behind an address.
 */
static void
append_web_address(StringInfo out, const char *address, size_t length)
{
	bool		is_ascii = true;

	for (const char *c = address; c < address + length; c++)
	{
		if (IS_HIGHBIT_SET(*c))
			is_ascii = false;
		if (*c == '&' && is_entity(c))
			appendStringInfoString(out, "&amp;");
		else if (*c == '(' && !is_ascii && c[-1] == ']')
			appendStringInfoString(out, "\\(");
		else if (strchr(SPECIAL, *c) == NULL ||
				 (*c == '_' && is_within_word(address, c)))
			appendStringInfoChar(out, *c);
		else if (is_ascii || *c == '_')
			appendStringInfo(out, "%%%02X", (unsigned char) *c);
		else
			append_special(out, *c, true);
	}
}

/* The same; what else there may be at its beginning has been escaped. */
static void
append_mail_address(StringInfo out, const char *address, size_t length)
{
	for (const char *c = address; c < address + length; c++)
	{
		if (*c == '_' && !is_within_word(address, c))
			appendStringInfoChar(out, '\\');
		appendStringInfoChar(out, *c);
	}
}

/* ----------
 * Texts
 * ----------
 */

/* As the character is named in HTML, or NULL. */
static const char *
entity_of(char c)
{
	switch (c)
	{
		case '&':
			return "&amp;";
		case '<':
			return "&lt;";
		case '>':
			return "&gt;";
		default:
			return NULL;
	}
}

/*
 * What a line begins with: a space at most, since more would make code of it;
 * and no heading, list or underline.  Returns how much of the text that was.
 */
static size_t
append_line_start(StringInfo out, const char *text)
{
	size_t		spaces = strspn(text, " \t");
	size_t		digits = strspn(text + spaces, "0123456789");
	const char *mark = text + spaces + digits;

	if (spaces > 0)
		appendStringInfoChar(out, ' ');
	appendBinaryStringInfo(out, text + spaces, digits);
	if (*mark == '\0' ||
		strchr(digits > 0 ? ".)" : SPECIAL_FIRST, *mark) == NULL)
		return spaces + digits;
	appendStringInfo(out, "\\%c", *mark);
	return spaces + digits + 1;
}

/*
 * escape_markdown(): backslashes take from punctuation what it means in
 * Markdown.  A mention is of <at> and </at>, or of @{...}, so neither is left.
 * Some clients take the backslashes from brackets in the text of a link, so
 * there is one for the parenthesis, too.
 */
char *
escape_markdown(const char *text)
{
	StringInfoData out;
	const char *c = text;
	bool		behind_address = false; /* without a space */

	initStringInfo(&out);
	while (*c != '\0')
	{
		size_t		length;

		/* A carriage return alone ends a line, too. */
		if (c == text || c[-1] == '\n' || c[-1] == '\r')
		{
			c += append_line_start(&out, c);
			if (*c == '\0')
				break;
		}
		if ((length = web_address_length(text, c)) > 0)
		{
			append_web_address(&out, c, length);
			behind_address = true;
		}
		else if ((length = mail_address_length(text, c)) > 0)
			append_mail_address(&out, c, length);
		else
		{
			length = 1;
			behind_address = behind_address && !ascii_is_space(*c);
			if (entity_of(*c) != NULL)
				appendStringInfoString(&out, entity_of(*c));
			else if (strchr(SPECIAL, *c) != NULL)
				append_special(&out, *c, behind_address);
			else if (*c == '(' && c > text && c[-1] == ']')
				appendStringInfoString(&out, "\\(");
			else
				appendStringInfoChar(&out, *c);
		}
		c += length;
	}
	return out.data;
}

/* escape_html(): the same where HTML is expected, also within an attribute. */
char *
escape_html(const char *text)
{
	StringInfoData out;

	initStringInfo(&out);
	for (const char *c = text; *c != '\0'; c++)
	{
		if (entity_of(*c) != NULL)
			appendStringInfoString(&out, entity_of(*c));
		else if (*c == '"')
			appendStringInfoString(&out, "&quot;");
		else if (*c == '\'')
			appendStringInfoString(&out, "&#39;");
		else if (*c == '{')
			appendStringInfoString(&out, "&#123;");
		else
			appendStringInfoChar(&out, *c);
	}
	return out.data;
}
