/*
 * lines.c
 *	  Lines of text for a terminal.
 *
 * Widths are columns of the screen, as wcwidth() has them in the locale that
 * the program set.  A line is a string without a newline, in a SimList that
 * owns it.
 */
#include "show/lines.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* The bytes of the first character of a text that is not empty; at least 1. */
static size_t
character(const char *text, size_t *width)
{
	mbstate_t	state = {0};
	wchar_t		wide;
	size_t		length = mbrtowc(&wide, text, strlen(text), &state);
	int			columns;

	*width = 1;
	if (*text == SIM_BOLD || *text == SIM_PLAIN)
		*width = 0;
	if (length == (size_t) -1 || length == (size_t) -2 || length < 2)
		return 1;
	columns = wcwidth(wide);
	*width = columns < 0 ? 1 : (size_t) columns;
	return length;
}

/* How many columns a line takes. */
size_t
sim_width(const char *text)
{
	size_t		result = 0;
	size_t		width;

	while (*text != '\0')
	{
		text += character(text, &width);
		result += width;
	}
	return result;
}

/* The bytes of the text that fit into a line, up to a space if possible. */
static size_t
fitting(const char *text, size_t length, size_t width)
{
	size_t		used = 0;
	size_t		columns = 0;
	size_t		space = 0;
	size_t		more;

	while (used < length)
	{
		size_t		bytes = character(text + used, &more);

		if (columns + more > width && columns > 0)
			return space > 0 && text[used] != ' ' ? space : used;
		if (text[used] == ' ')
			space = used;
		columns += more;
		used += bytes;
	}
	return length;
}

static char *
copy_bytes(const char *text, size_t length)
{
	char	   *copy = sim_alloc(length + 1);

	memcpy(copy, text, length);

	/* Nothing but our own marks may control the terminal. */
	for (size_t i = 0; i < length; i++)
	{
		if ((unsigned char) copy[i] < ' ' && copy[i] != SIM_BOLD &&
			copy[i] != SIM_PLAIN)
			copy[i] = ' ';
	}
	return copy;
}

/*
 * Add the lines of a text, none wider than "width".  What is bold at the end
 * of one is so at the beginning of the next.
 */
void
sim_wrap(SimList *lines, const char *text, size_t width)
{
	bool		bold = false;

	do
	{
		size_t		length = strcspn(text, "\n");

		do
		{
			size_t		bytes = fitting(text, length, width);
			char	   *copy = copy_bytes(text, bytes);
			const char *last_bold = strrchr(copy, SIM_BOLD);
			const char *last_plain = strrchr(copy, SIM_PLAIN);
			bool		ends_bold = last_bold == NULL && last_plain == NULL ?
				bold : last_bold != NULL &&
				(last_plain == NULL || last_bold > last_plain);

			sim_list_add(lines, sim_format("%s%s%s", bold ? "\001" : "", copy,
										   ends_bold ? "\002" : ""));
			free(copy);
			bold = ends_bold;
			text += bytes;
			length -= bytes;
			while (length > 0 && *text == ' ')
			{
				text++;
				length--;
			}
		} while (length > 0);
	} while (*text++ == '\n');
}

/* Fill a line with spaces up to a width. */
void
sim_pad(char **line, size_t width)
{
	size_t		used = sim_width(*line);
	char	   *padded;

	if (used >= width)
		return;
	padded = sim_format("%s%*s", *line, (int) (width - used), "");
	free(*line);
	*line = padded;
}

/* Write a line; bold text is so on a terminal, if it is styled. */
void
sim_print_line(FILE *out, const char *line, bool styled)
{
	for (; *line != '\0'; line++)
	{
		if (*line != SIM_BOLD && *line != SIM_PLAIN)
			fputc(*line, out);
		else if (styled)
			fputs(*line == SIM_BOLD ? "\033[1m" : "\033[0m", out);
	}
	fputc('\n', out);
}
