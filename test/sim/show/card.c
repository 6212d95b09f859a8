/*
 * card.c
 *	  Adaptive Cards as text.
 *
 * What a person reads in a card, in the order in which it stands there, in a
 * box of a given width.  Colours, sizes and pictures are left out, and an
 * element that is not known is named.
 */
#include "show/card.h"
#include "show/lines.h"
#include "show/markup.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Columns that are so narrow say nothing. */
#define LEAST_WIDTH 6
#define GAP 2

static void draw_items(SimList *lines, const json_t *items, size_t width);

static const char *
string_of(const json_t *element, const char *name)
{
	const char *text = json_string_value(json_object_get(element, name));

	return text != NULL ? text : "";
}

static bool
is_hidden(const json_t *element)
{
	return json_is_false(json_object_get(element, "isVisible"));
}

/* A text with its markup, all of it bold or not. */
static char *
read_text(const char *text, bool bold)
{
	char	   *read = sim_read_markup(text, NULL);
	char	   *result = bold ?
		sim_format("%c%s%c", SIM_BOLD, read, SIM_PLAIN) : sim_strdup(read);

	free(read);
	return result;
}

static bool
is_bold(const json_t *element)
{
	return strcasecmp(string_of(element, "weight"), "bolder") == 0 ||
		strcasecmp(string_of(element, "style"), "heading") == 0;
}

static void
draw_text(SimList *lines, const json_t *element, size_t width)
{
	char	   *text = read_text(string_of(element, "text"),
								 is_bold(element));

	sim_wrap(lines, text, width);
	free(text);
}

static void
draw_rich_text(SimList *lines, const json_t *element, size_t width)
{
	char	   *all = sim_strdup("");
	const json_t *run;
	size_t		i;

	json_array_foreach(json_object_get(element, "inlines"), i, run)
	{
		const char *text = json_is_string(run) ? json_string_value(run) :
			string_of(run, "text");
		bool		bold = json_is_object(run) && is_bold(run);
		char	   *more = sim_format(bold ? "%s\001%s\002" : "%s%s", all,
									  text);

		free(all);
		all = more;
	}
	sim_wrap(lines, all, width);
	free(all);
}

/* The values stand below each other, beside their titles. */
static void
draw_facts(SimList *lines, const json_t *element, size_t width)
{
	const json_t *facts = json_object_get(element, "facts");
	const json_t *fact;
	size_t		title_width = 0;
	size_t		i;

	json_array_foreach(facts, i, fact)
	{
		size_t		used = sim_width(string_of(fact, "title"));

		title_width = used > title_width ? used : title_width;
	}
	title_width = title_width > width / 2 ? width / 2 : title_width;
	json_array_foreach(facts, i, fact)
	{
		SimList		titles = {0};
		SimList		values = {0};
		char	   *title = read_text(string_of(fact, "title"), true);
		char	   *value = read_text(string_of(fact, "value"), false);

		sim_wrap(&titles, title, title_width > 0 ? title_width : 1);
		sim_wrap(&values, value, width - title_width - GAP);
		for (size_t j = 0; j < titles.used || j < values.used; j++)
		{
			char	   *line = sim_strdup(j < titles.used ?
										  titles.items[j] : "");

			sim_pad(&line, title_width + GAP);
			sim_list_add(lines, sim_format("%s%s", line, j < values.used ?
										   (char *) values.items[j] : ""));
			free(line);
		}
		free(title);
		free(value);
		sim_list_clear(&titles, free);
		sim_list_clear(&values, free);
	}
}

static size_t
widest(const SimList *lines)
{
	size_t		result = 1;

	for (size_t i = 0; i < lines->used; i++)
	{
		size_t		used = sim_width(lines->items[i]);

		result = used > result ? used : result;
	}
	return result;
}

/* Put columns side by side; each is an array of lines of its width. */
static void
join_columns(SimList *lines, SimList *columns, const size_t *widths,
			 size_t count)
{
	size_t		height = 0;

	for (size_t i = 0; i < count; i++)
		height = columns[i].used > height ? columns[i].used : height;
	for (size_t row = 0; row < height; row++)
	{
		char	   *line = sim_strdup("");
		size_t		end = 0;

		for (size_t i = 0; i < count; i++)
		{
			char	   *more;

			sim_pad(&line, end);
			more = sim_format("%s%s", line, row < columns[i].used ?
							  (char *) columns[i].items[row] : "");
			free(line);
			line = more;
			end += widths[i] + GAP;
		}
		sim_list_add(lines, line);
	}
}

static void
draw_column(SimList *lines, const json_t *column, size_t width)
{
	draw_items(lines, json_object_get(column, "items"),
			   width > LEAST_WIDTH ? width : LEAST_WIDTH);
}

/*
 * Columns, each an object with "items".  Those whose width is "auto" take what
 * they need, the others share what is left.  Each is drawn once: there may be
 * columns in it.
 */
static void
draw_columns(SimList *lines, const json_t *columns, size_t width)
{
	size_t		count = json_array_size(columns);
	size_t		gaps = count > 0 ? (count - 1) * GAP : 0;
	size_t		left = width > gaps ? width - gaps : 0;
	size_t	   *widths = sim_alloc(count * sizeof(size_t));
	SimList    *drawn = sim_alloc(count * sizeof(SimList));
	size_t		sharing = 0;

	for (size_t i = 0; i < count; i++)
	{
		const json_t *column = json_array_get(columns, i);

		if (strcmp(string_of(column, "width"), "auto") != 0)
		{
			sharing++;
			continue;
		}
		draw_column(&drawn[i], column, left);
		widths[i] = widest(&drawn[i]);
		left -= widths[i] < left ? widths[i] : left;
	}
	for (size_t i = 0; i < count; i++)
	{
		if (widths[i] != 0)
			continue;
		widths[i] = left / sharing > LEAST_WIDTH ? left / sharing :
			LEAST_WIDTH;
		draw_column(&drawn[i], json_array_get(columns, i), widths[i]);
	}
	join_columns(lines, drawn, widths, count);
	for (size_t i = 0; i < count; i++)
		sim_list_clear(&drawn[i], free);
	free(drawn);
	free(widths);
}

static void
draw_table(SimList *lines, const json_t *element, size_t width)
{
	const json_t *row;
	size_t		i;

	json_array_foreach(json_object_get(element, "rows"), i, row)
	{
		draw_columns(lines, json_object_get(row, "cells"), width);
	}
}

/* What can be pressed: [ one ] [ after ] [ the other ] */
static void
draw_actions(SimList *lines, const json_t *actions, size_t width)
{
	char	   *all = sim_strdup("");
	const json_t *action;
	size_t		i;

	json_array_foreach(actions, i, action)
	{
		char	   *more = sim_format("%s%s[%s]", all, i > 0 ? "  " : "",
									  string_of(action, "title"));

		free(all);
		all = more;
	}
	if (*all != '\0')
		sim_wrap(lines, all, width);
	free(all);
}

/* An element that is not drawn, by what it would show. */
static void
draw_name(SimList *lines, const json_t *element, size_t width)
{
	static const char *const names[] = {"altText", "label", "placeholder",
	"title"};
	const char *type = string_of(element, "type");
	const char *name = "";
	char	   *text;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && *name == '\0';
		 i++)
		name = string_of(element, names[i]);
	text = sim_format("(%s%s%s)", type, *name != '\0' ? ": " : "", name);
	sim_wrap(lines, text, width);
	free(text);
}

static void
draw_element(SimList *lines, const json_t *element, size_t width)
{
	static const struct
	{
		const char *type;
		void		(*draw) (SimList *lines, const json_t *element,
							 size_t width);
		const char *part;		/* what of the element is drawn, or NULL */
	}			types[] = {
		{"TextBlock", draw_text, NULL},
		{"RichTextBlock", draw_rich_text, NULL},
		{"FactSet", draw_facts, NULL},
		{"Container", draw_items, "items"},
		{"ColumnSet", draw_columns, "columns"},
		{"Table", draw_table, NULL},
		{"ActionSet", draw_actions, "actions"},
		{"ImageSet", draw_items, "images"}
	};
	const char *type = string_of(element, "type");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		if (strcmp(type, types[i].type) != 0)
			continue;
		types[i].draw(lines, types[i].part != NULL ?
					  json_object_get(element, types[i].part) : element,
					  width);
		return;
	}
	draw_name(lines, element, width);
}

static void
draw_items(SimList *lines, const json_t *items, size_t width)
{
	const json_t *element;
	size_t		i;

	json_array_foreach(items, i, element)
	{
		if (!is_hidden(element))
			draw_element(lines, element, width);
	}
}

static void
add_border(SimList *lines, const char *left, const char *right, size_t width)
{
	char	   *line = sim_alloc(strlen("─") * width + 1);
	size_t		i;

	for (i = 0; i < width; i++)
		memcpy(line + i * strlen("─"), "─", strlen("─"));
	sim_list_add(lines, sim_format("%s%s%s", left, line, right));
	free(line);
}

/* Add the lines of a card: its body and its actions, in a box. */
void
sim_draw_card(SimList *lines, const json_t *card, size_t width)
{
	SimList		inside = {0};
	size_t		inner = width - 4;
	const json_t *actions = json_object_get(card, "actions");

	draw_items(&inside, json_object_get(card, "body"), inner);
	if (json_array_size(actions) > 0)
	{
		sim_list_add(&inside, sim_strdup(""));
		draw_actions(&inside, actions, inner);
	}
	add_border(lines, "╭", "╮", inner + 2);
	for (size_t i = 0; i < inside.used; i++)
	{
		char	   *line = sim_strdup(inside.items[i]);

		sim_pad(&line, inner);
		sim_list_add(lines, sim_format("│ %s │", line));
		free(line);
	}
	add_border(lines, "╰", "╯", inner + 2);
	sim_list_clear(&inside, free);
}
