/*
 * write_times.c
 *	  Points in time as text, in UTC and in English.
 *
 * to_char() writes them; what is here turns a format of C#, which the language
 * has, into one of to_char().
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "template/times.h"

/* to_char() takes some fifty times as much memory as a format is long. */
#define MAX_FORMAT 200

/* ----------
 * Formats
 * ----------
 */

/* What to_char() has for so many of a letter; the last one for more. */
typedef struct FormatLetter
{
	char		letter;
	const char *patterns[8];
} FormatLetter;

static const FormatLetter format_letters[] = {
	{'d', {"FMDD", "DD", "Dy", "FMDay"}},
	{'f', {"FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "FF6\"0\""}},
	{'F', {"FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "FF6\"0\""}},
	{'h', {"FMHH12", "HH12"}},
	{'H', {"FMHH24", "HH24"}},
	{'K', {"\"Z\""}},
	{'m', {"FMMI", "MI"}},
	{'M', {"FMMM", "MM", "Mon", "FMMonth"}},
	{'s', {"FMSS", "SS"}},
	{'t', {"AM"}},
	{'y', {"FMYY", "YY", "YYYY"}},
	{'z', {"\"+0\"", "\"+00\"", "\"+00:00\""}},
};

/*
 * Formats of one letter that stand for a longer one.  Of those of C#, this is
 * what looks the same everywhere; others are the letter.
 */
static const char *
standard_format(const char *format)
{
	if (format[0] == '\0')
		return "yyyy-MM-ddTHH:mm:ss.fffK";
	if (strcmp(format, "o") == 0 || strcmp(format, "O") == 0)
		return "yyyy-MM-ddTHH:mm:ss.fffffffK";
	if (strcmp(format, "r") == 0 || strcmp(format, "R") == 0)
		return "ddd, dd MMM yyyy HH:mm:ss 'GMT'";
	if (strcmp(format, "u") == 0)
		return "yyyy-MM-dd HH:mm:ssK";
	return format;
}

/* A pattern that stands for itself, which to_char() has in double quotes. */
static void
append_literal(StringInfo out, const char *text, int length)
{
	int			i;

	appendStringInfoChar(out, '"');
	for (i = 0; i < length; i++)
	{
		if (text[i] == '"' || text[i] == '\\')
			appendStringInfoChar(out, '\\');
		appendStringInfoChar(out, text[i]);
	}
	appendStringInfoChar(out, '"');
}

/*
 * The pattern for the letters that a format begins with, and how many these
 * are; NULL if they stand for themselves.
 */
static const char *
find_pattern(const char *format, int *length)
{
	size_t		i;
	int			row;

	for (i = 0; i < lengthof(format_letters); i++)
	{
		const FormatLetter *known = &format_letters[i];

		if (known->letter != format[0])
			continue;
		for (row = 0, *length = 1; format[*length] == format[0]; ++*length)
			if (known->patterns[row + 1] != NULL)
				row++;
		return known->patterns[row];
	}
	return NULL;
}

/* The pattern for what a format begins with; returns how much that is. */
static int
append_pattern(StringInfo out, const char *format)
{
	int			length;
	const char *pattern = find_pattern(format, &length);

	if (pattern != NULL)
	{
		appendStringInfoString(out, pattern);
		return length;
	}
	if (format[0] == '\'' || format[0] == '"')
	{
		length = strcspn(format + 1, format[0] == '"' ? "\"" : "'");
		append_literal(out, format + 1, length);
		return length + (format[length + 1] == '\0' ? 1 : 2);
	}
	/* says that the next letter is no standard format, which few are here */
	if (format[0] == '%')
		return 1;
	if (format[0] == '\\' && format[1] != '\0')
	{
		length = pg_mblen(format + 1);
		append_literal(out, format + 1, length);
		return length + 1;
	}
	length = pg_mblen(format);
	append_literal(out, format, length);
	return length;
}

/*
 * A point in time in a format of C#, palloc'd; an empty one is that of ISO
 * 8601.  NULL if the format is too long.
 */
char *
time_write(Timestamp time, const char *format)
{
	StringInfoData pattern;
	Datum		argument;

	if (strlen(format) > MAX_FORMAT)
		return NULL;
	initStringInfo(&pattern);
	for (format = standard_format(format); *format != '\0';)
		format += append_pattern(&pattern, format);
	argument = PointerGetDatum(cstring_to_text(pattern.data));
	return TextDatumGetCString(DirectFunctionCall2(timestamp_to_char,
												   TimestampGetDatum(time),
												   argument));
}
