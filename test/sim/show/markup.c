/*
 * markup.c
 *	  Texts of messages as Teams shows them.
 *
 * Not all of Markdown and HTML, but what is said with them: what is bold,
 * whom a mention names, what a link says, and what was escaped.
 */
#include "show/markup.h"
#include "base/memory.h"
#include "show/lines.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct Reader
{
	const char *at;
	char	   *out;
	bool		markdown;
	bool		bold;
	bool		italic;
} Reader;

static void
turn(Reader *reader, bool bold)
{
	if (reader->bold == bold)
		return;
	*reader->out++ = bold ? SIM_BOLD : SIM_PLAIN;
	reader->bold = bold;
}

/* &lt; and its like. */
static bool
read_entity(Reader *reader)
{
	static const struct
	{
		const char *name;
		char		meaning;
	}			entities[] = {
		{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'},
		{"&#39;", '\''}, {"&nbsp;", ' '}
	};

	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
	{
		size_t		length = strlen(entities[i].name);

		if (strncmp(reader->at, entities[i].name, length) != 0)
			continue;
		*reader->out++ = entities[i].meaning;
		reader->at += length;
		return true;
	}
	return false;
}

static bool
is_tag(const char *at, const char *name)
{
	size_t		length = strlen(name);

	return strncmp(at, name, length) == 0 &&
		strchr(" />", at[length]) != NULL && at[length] != '\0';
}

/* A tag is not shown, but may begin a line or make what follows bold. */
static bool
read_tag(Reader *reader)
{
	const char *end = strchr(reader->at, '>');
	const char *name = reader->at + 1;
	bool		closing = *name == '/';

	if (end == NULL || strchr("/abcdefghijklmnopqrstuvwxyz", *name) == NULL)
		return false;
	if (closing)
		name++;
	if (is_tag(name, "b") || is_tag(name, "strong"))
		turn(reader, !closing);
	else if (is_tag(name, "br") ||
			 (closing && (is_tag(name, "p") || is_tag(name, "li") ||
						  is_tag(name, "div"))))
		*reader->out++ = '\n';
	reader->at = end + 1;
	return true;
}

/* [what it says](where it leads) */
static bool
read_link(Reader *reader)
{
	const char *middle = strstr(reader->at, "](");
	const char *end = middle != NULL ? strchr(middle, ')') : NULL;

	if (end == NULL || memchr(reader->at, '\n', (size_t) (end - reader->at)))
		return false;
	memcpy(reader->out, reader->at + 1, (size_t) (middle - reader->at - 1));
	reader->out += middle - reader->at - 1;
	reader->at = end + 1;
	return true;
}

static bool
read_markdown(Reader *reader)
{
	const char *at = reader->at;

	if (*at == '\\' && at[1] != '\0' &&
		strchr("\\`*_{}[]()#+-.!~>|<&", at[1]) != NULL)
	{
		*reader->out++ = at[1];
		reader->at += 2;
		return true;
	}
	if (strncmp(at, "**", 2) == 0)
	{
		turn(reader, !reader->bold);
		reader->at += 2;
		return true;
	}
	/* Italics, unless it is a sign of multiplication. */
	if (*at == '*' && (reader->italic ||
					   (at[1] != ' ' && strchr(at + 1, '*') != NULL)))
	{
		reader->italic = !reader->italic;
		reader->at++;
		return true;
	}
	return *at == '[' && read_link(reader);
}

/*
 * A text as it is read by people, to be freed; its bold parts are marked.
 * The format is that of the activity, or NULL.
 */
char *
sim_read_markup(const char *text, const char *format)
{
	bool		plain = format != NULL && strcmp(format, "plain") == 0;
	/* No mark is longer than what it stands for. */
	char	   *result = sim_alloc(strlen(text) + 2);
	Reader		reader = {.at = text,.out = result,
	.markdown = format == NULL || strcmp(format, "markdown") == 0};

	while (*reader.at != '\0')
	{
		if (!plain &&
			((*reader.at == '&' && read_entity(&reader)) ||
			 (*reader.at == '<' && read_tag(&reader)) ||
			 (reader.markdown && read_markdown(&reader))))
			continue;
		*reader.out++ = *reader.at++;
	}
	turn(&reader, false);
	return result;
}
