/*
 * dates.c
 *	  formatDateTime(): points in time, in UTC and in English.
 *
 * PostgreSQL reads them, and to_char() writes them; what is here is what makes
 * the result depend on nothing but the arguments, and turns a format of C#,
 * which the language has, into one of to_char().
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "template/functions.h"

/* to_char() takes some fifty times as much memory as a format is long. */
#define MAX_FORMAT 200

/* ----------
 * Reading
 * ----------
 */

/* Is it a field of ParseDateTime()'s that tells the zone? */
static bool
is_zone(int type, const char *field)
{
	return type == DTK_TZ || (type == DTK_STRING && field[0] == 'z');
}

/*
 * Read a time as of ISO 8601, or as PostgreSQL writes it with DateStyle ISO;
 * without a zone it is in UTC.  False if it is none.  Not even words such as
 * "now" or names of zones are read, nor dates that do not begin with the year:
 * what they mean depends on more than the text.
 */
static bool
read_time(const char *text, Timestamp *time)
{
	char		buffer[MAXDATELEN + MAXDATEFIELDS];
	char	   *fields[MAXDATEFIELDS];
	int			types[MAXDATEFIELDS];
	int			count;
	int			kind;
	struct pg_tm tm;
	fsec_t		fraction;
	int			zone;
	bool		has_zone = false;
	int			i;

	text += strspn(text, " ");
	if (strspn(text, "0123456789") != 4 || text[4] != '-' ||
		text[strspn(text, "0123456789-+:.TtZz ")] != '\0')
		return false;
	/* PostgreSQL has no months without a day */
	if (strlen(text) == strlen("2024-02"))
		text = psprintf("%s-01", text);
	if (ParseDateTime(text, buffer, sizeof(buffer), fields, types,
					  MAXDATEFIELDS, &count) != 0 ||
		compat_decode_datetime(fields, types, count, &kind, &tm, &fraction,
							   &zone) != 0 ||
		kind != DTK_DATE)
		return false;
	for (i = 0; i < count; i++)
		has_zone |= is_zone(types[i], fields[i]);
	return tm2timestamp(&tm, fraction, has_zone ? &zone : NULL, time) == 0;
}

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

/* formatDateTime(time, format, locale), of which the locale is ignored */
static JsonbValue *
date_format(Call *call)
{
	JsonbValue *value = call->values[0];
	const char *format = "";
	Timestamp	time;
	StringInfoData pattern;
	Datum		argument;
	Datum		written;
	char	   *result;

	if (!value_is_string(value) || !read_time(value_text(value), &time))
		return eval_fail(call->evaluation, "%s is not a time as of ISO 8601.",
						 value_is_string(value) ?
						 psprintf("\"%s\"", value_text(value)) :
						 call_argument_text(call, 0));
	if (call->count > 1 && value_is_string(call->values[1]))
		format = value_text(call->values[1]);
	if (strlen(format) > MAX_FORMAT)
		return eval_fail(call->evaluation, "The format is too long.");

	initStringInfo(&pattern);
	for (format = standard_format(format); *format != '\0';)
		format += append_pattern(&pattern, format);
	argument = PointerGetDatum(cstring_to_text(pattern.data));
	written = DirectFunctionCall2(timestamp_to_char, TimestampGetDatum(time),
								  argument);
	result = TextDatumGetCString(written);
	return call_string(call, result, strlen(result));
}

const Function date_functions[] = {
	{"formatDateTime", NULL, 1, 3, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_format},
	{NULL, NULL, 0, 0, ANY, 0, CALL_EAGER, CHECK_NOTHING, NULL},
};
