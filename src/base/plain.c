/*
 * plain.c
 *	  What a formatted text reads like where nothing can be formatted.
 *
 * A notification has one line.  It shall say what whoever opens the message
 * will read, so markup is taken for markup exactly where a client does.
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/ascii.h"
#include "base/compat.h"
#include "base/inline.h"
#include "base/plain.h"

/* ----------
 * Lines of Markdown
 * ----------
 */

typedef struct Document
{
	StringInfoData out;
	StringInfoData paragraph;	/* as it was written, so far */
	char		fence;			/* of the code that this is, or 0 */
} Document;

static void
end_paragraph(Document *document)
{
	StringInfo	paragraph = &document->paragraph;

	if (paragraph->len > 0)
	{
		appendStringInfoChar(&document->out, ' ');
		inline_markdown(&document->out, paragraph->data, paragraph->len);
	}
	resetStringInfo(paragraph);
}

/* Is the line made of these characters, with so many of the first? */
static bool
is_made_of(const char *line, size_t length, const char *characters, int least)
{
	int			count = 0;

	for (size_t i = 0; i < length; i++)
	{
		if (strchr(characters, line[i]) == NULL)
			return false;
		if (line[i] == characters[0])
			count++;
	}
	return count >= least;
}

/* A rule, the underline of a heading, or what is below a table's. */
static bool
is_rule(const char *line, size_t length)
{
	return is_made_of(line, length, "- \t", 3) ||
		is_made_of(line, length, "* \t", 3) ||
		is_made_of(line, length, "_ \t", 3) ||
		is_made_of(line, length, "= \t", 3) ||
		(is_made_of(line, length, "-|: \t", 1) &&
		 memchr(line, '|', length) != NULL);
}

/* Three or more backticks or tildes: which of them, or 0. */
static char
fence_of(const char *line, size_t length)
{
	if (length >= 3 && (line[0] == '`' || line[0] == '~') &&
		line[1] == line[0] && line[2] == line[0] &&
		memchr(line + 3, '`', length - 3) == NULL)
		return line[0];
	return 0;
}

/*
 * How much of a line makes it a heading, an element of a list or a quotation;
 * 0 if nothing.  Numbers are read: they stay.
 */
static size_t
block_mark_length(const char *line, size_t length)
{
	size_t		mark = 0;

	if (length == 0)
		return 0;
	if (line[0] == '>')
		return 1;
	while (mark < length && line[mark] == '#')
		mark++;
	if (mark == 0 && strchr("-+*", line[0]) != NULL)
		mark = 1;
	if (mark == 0 || mark > 6)
		return 0;
	return mark == length || line[mark] == ' ' || line[mark] == '\t' ? mark : 0;
}

static bool
begins_with_number(const char *line, size_t length)
{
	size_t		digits = 0;

	while (digits < length && ascii_is_digit(line[digits]))
		digits++;
	return digits > 0 && digits < 10 && digits + 1 < length &&
		(line[digits] == '.' || line[digits] == ')') &&
		ascii_is_space(line[digits + 1]);
}

static void
take_line(Document *document, const char *line, size_t length)
{
	size_t		mark;
	bool		is_heading = false;

	while (length > 0 && (*line == ' ' || *line == '\t'))
		line++, length--;
	if (document->fence != 0 ?
		fence_of(line, length) == document->fence : fence_of(line, length) != 0)
	{
		end_paragraph(document);
		document->fence = document->fence == 0 ? *line : 0;
		return;
	}
	if (document->fence != 0)
	{
		appendStringInfoChar(&document->out, ' ');
		appendBinaryStringInfo(&document->out, line, length);
		return;
	}
	if (length == 0 || is_rule(line, length))
	{
		end_paragraph(document);
		return;
	}
	while ((mark = block_mark_length(line, length)) > 0)
	{
		end_paragraph(document);
		is_heading = is_heading || *line == '#';
		line += mark;
		length -= mark;
		while (length > 0 && (*line == ' ' || *line == '\t'))
			line++, length--;
	}
	if (begins_with_number(line, length))
		end_paragraph(document);
	appendBinaryStringInfo(&document->paragraph, line, length);
	appendStringInfoChar(&document->paragraph, '\n');
	if (is_heading)
		end_paragraph(document);
}

/* ----------
 * One line
 * ----------
 */

/* Nobody sees them: a hyphen for line ends, marks without width, controls. */
static bool
is_invisible(pg_wchar c)
{
	return c < ' ' || c == 0x7F || c == 0xAD || c == 0x200B || c == 0xFEFF;
}

static bool
is_blank(pg_wchar c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 ||
		(c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
		c == 0x202F || c == 0x3000;
}

/*
 * plain_line(): a text in UTF-8 as one line, palloc'd, cut to what is shown of
 * it.  NULL if there is nothing to see.
 */
char *
plain_line(const char *text)
{
	StringInfoData line;
	int			count = 0;
	int			cut = 0;		/* where it ends if it is too long */
	bool		blank = false;

	initStringInfo(&line);
	while (*text != '\0' && count <= PLAIN_MAX)
	{
		int			length = compat_utf8_char_length(text, (int) strnlen(text, 4));
		pg_wchar	code;

		if (length <= 0)
		{
			/* half of a character, where so much was enough */
			text++;
			continue;
		}
		code = utf8_to_unicode((const unsigned char *) text);
		if (is_blank(code))
			blank = line.len > 0;
		else if (!is_invisible(code))
		{
			if (blank)
				appendStringInfoChar(&line, ' ');
			appendBinaryStringInfo(&line, text, length);
			count += 1 + blank;
			blank = false;
			if (count <= PLAIN_MAX - 3)
				cut = line.len;
		}
		text += length;
	}
	if (count > PLAIN_MAX)
	{
		line.len = cut;
		appendStringInfoString(&line, "...");
	}
	return line.len > 0 ? line.data : NULL;
}

/*
 * plain_markdown(): what a text of Markdown, in UTF-8, reads like, as
 * plain_line() returns it.
 */
char *
plain_markdown(const char *text)
{
	Document	document = {0};

	initStringInfo(&document.out);
	initStringInfo(&document.paragraph);
	while (*text != '\0' && document.out.len < INLINE_ENOUGH)
	{
		size_t		length = strcspn(text, "\r\n");

		take_line(&document, text, length);
		text += length;
		if (*text == '\r' && text[1] == '\n')
			text++;
		if (*text != '\0')
			text++;
	}
	end_paragraph(&document);
	return plain_line(document.out.data);
}

/* plain_html(): the same of HTML. */
char *
plain_html(const char *text)
{
	StringInfoData out;

	initStringInfo(&out);
	inline_html(&out, text, strlen(text));
	return plain_line(out.data);
}
