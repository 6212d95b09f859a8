/*
 * outline.c
 *	  Makes JSON of any lines, so that no input is wasted on what is no JSON.
 *
 * A line that begins with more blanks than the one before is within that; "{"
 * and "[" at its end make it an object or array.  In an object a line is
 * "key=value".  What is no literal of JSON is a string.
 *
 *	{
 *	 type=AdaptiveCard
 *	 body=[
 *	  {
 *	   $data=${people}
 *	   text=${name}
 *
 * An empty line ends it.
 */
#include "server.h"

#include "miscadmin.h"
#include "utils/json.h"

#define MAX_DEPTH 64

static bool
is_number(const char *text)
{
	size_t		digits = strspn(text + (*text == '-'), "0123456789");
	const char *rest = text + (*text == '-') + digits;

	if (digits == 0 || digits > 200 ||
		(digits > 1 && text[*text == '-'] == '0'))
		return false;
	if (*rest == '.')
	{
		digits = strspn(rest + 1, "0123456789");
		if (digits == 0 || digits > 200)
			return false;
		rest += 1 + digits;
	}
	return *rest == '\0';
}

static void
append_scalar(StringInfo json, const char *text)
{
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ||
		strcmp(text, "null") == 0 || is_number(text))
		appendStringInfoString(json, text);
	else
		escape_json(json, text);
}

Jsonb *
outline_to_jsonb(char **input)
{
	StringInfoData json;
	char		closing[MAX_DEPTH];
	int			depth = 0;
	bool		is_first = true;

	initStringInfo(&json);
	while (**input != '\0')
	{
		char	   *line = next_line(input);
		int			blanks = strspn(line, " ");
		size_t		length;
		char	   *equals;

		if (line[0] == '\0')
			break;
		line += blanks;
		if (depth == 0 && json.len > 0)
			continue;
		while (depth > 0 && json.len > 0 && depth > Max(blanks, 1))
		{
			appendStringInfoChar(&json, closing[--depth]);
			is_first = false;
		}
		if (depth > 0 && !is_first)
			appendStringInfoChar(&json, ',');
		is_first = false;
		if (depth > 0 && closing[depth - 1] == '}')
		{
			equals = strchr(line, '=');
			if (equals != NULL)
				*equals = '\0';
			escape_json(&json, line);
			appendStringInfoChar(&json, ':');
			line = equals == NULL ? line + strlen(line) : equals + 1;
		}
		length = strlen(line);
		if (length == 1 && (*line == '{' || *line == '[') && depth < MAX_DEPTH)
		{
			appendStringInfoChar(&json, *line);
			closing[depth++] = *line == '{' ? '}' : ']';
			is_first = true;
		}
		else
			append_scalar(&json, line);
	}
	while (depth > 0)
		appendStringInfoChar(&json, closing[--depth]);
	if (json.len == 0)
		appendStringInfoString(&json, "\"\"");
	return jsonb_of(json.data);
}
