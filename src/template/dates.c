/*
 * expression_date.c
 *	  formatDateTime(): points in time, in UTC and in English.
 *
 * As in the reference, the format is one of C#'s, which is turned into one of
 * Day.js, and what that makes of letters which C# takes for themselves, shows.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/datetime.h"

#include "template/eval.h"

#define DEFAULT_FORMAT "YYYY-MM-DDTHH:mm:ss.SSS[Z]"

#define MS_PER_DAY (86400 * INT64CONST(1000))

typedef struct Moment
{
	int			year;
	int			month;
	int			day;
	int			weekday;		/* 0 is Sunday */
	int			hour;
	int			minute;
	int			second;
	int			millisecond;
} Moment;

/* ----------
 * Reading ISO 8601, and what PostgreSQL writes
 * ----------
 */

/* A number of between so many digits; -1 if there is none. */
static int
read_number(const char **c, int min_digits, int max_digits)
{
	int			number = 0;
	int			digits = 0;

	while (digits < max_digits && (*c)[digits] >= '0' && (*c)[digits] <= '9')
		number = number * 10 + (*c)[digits++] - '0';
	if (digits < min_digits)
		return -1;
	*c += digits;
	return number;
}

static bool
read_char(const char **c, const char *allowed)
{
	if (**c == '\0' || strchr(allowed, **c) == NULL)
		return false;
	(*c)++;
	return true;
}

static bool
read_date(const char **c, Moment *moment)
{
	moment->month = moment->day = 1;
	moment->year = read_number(c, 4, 4);
	if (read_char(c, "-"))
	{
		moment->month = read_number(c, 1, 2);
		if (read_char(c, "-"))
			moment->day = read_number(c, 1, 2);
	}
	return moment->year >= 0 && moment->month >= 1 && moment->month <= 12 &&
		moment->day >= 1 && moment->day <= 31;
}

static bool
read_time(const char **c, Moment *moment)
{
	int			unit = 100;

	moment->hour = read_number(c, 2, 2);
	if (!read_char(c, ":"))
		return false;
	moment->minute = read_number(c, 2, 2);
	if (read_char(c, ":"))
	{
		moment->second = read_number(c, 2, 2);
		if (read_char(c, "."))
		{
			if (**c < '0' || **c > '9')
				return false;
			for (; **c >= '0' && **c <= '9'; (*c)++, unit /= 10)
				moment->millisecond += (**c - '0') * unit;
		}
	}
	return moment->hour >= 0 && moment->hour <= 24 &&
		moment->minute >= 0 && moment->minute <= 59 &&
		moment->second >= 0 && moment->second <= 59 &&
		(moment->hour < 24 ||
		 moment->minute + moment->second + moment->millisecond == 0);
}

/* Minutes ahead of UTC; none means UTC. */
static bool
read_zone(const char **c, int *offset)
{
	int			sign;
	int			hours;
	int			minutes = 0;

	*offset = 0;
	if (**c == '\0' || read_char(c, "Zz"))
		return true;
	sign = **c == '-' ? -1 : 1;
	if (!read_char(c, "+-"))
		return false;
	hours = read_number(c, 2, 2);
	(void) read_char(c, ":");
	if (**c >= '0' && **c <= '9')
		minutes = read_number(c, 2, 2);
	*offset = sign * (hours * 60 + minutes);
	return hours >= 0 && hours <= 23 && minutes >= 0 && minutes <= 59;
}

static bool
read_moment(const char *text, Moment *moment)
{
	const char *c = text;
	int			offset = 0;
	int64		ms;
	int			julian;

	memset(moment, 0, sizeof(Moment));
	c += strspn(c, " ");
	if (!read_date(&c, moment))
		return false;
	if (read_char(&c, "Tt "))
	{
		if (!read_time(&c, moment))
			return false;
		if (!read_zone(&c, &offset))
			return false;
	}
	if (c[strspn(c, " ")] != '\0')
		return false;

	ms = ((moment->hour * INT64CONST(60) + moment->minute - offset) * 60 +
		  moment->second) * 1000 + moment->millisecond;
	julian = date2j(moment->year, moment->month, moment->day);
	while (ms < 0)
	{
		ms += MS_PER_DAY;
		julian--;
	}
	julian += ms / MS_PER_DAY;
	ms %= MS_PER_DAY;

	j2date(julian, &moment->year, &moment->month, &moment->day);
	moment->weekday = j2day(julian);
	moment->hour = ms / 3600000;
	moment->minute = ms / 60000 % 60;
	moment->second = ms / 1000 % 60;
	moment->millisecond = ms % 1000;
	return true;
}

/* ----------
 * From C#'s format to that of Day.js
 * ----------
 */

/* For so many of a letter, what Day.js has; NULL if it has nothing. */
static const char *
convert_letters(char letter, int count)
{
	static const char *const days[] = {"D", "DD", "ddd", "dddd"};
	static const char *const months[] = {"M", "MM", "MMM", "MMMM"};

	switch (letter)
	{
		case 'd':
			return days[Min(count, 4) - 1];
		case 'f':
		case 'F':
			return count < 3 ? NULL : "SSS";
		case 'h':
			return count == 1 ? "h" : "hh";
		case 'H':
			return count == 1 ? "H" : "HH";
		case 'm':
			return count == 1 ? "m" : "mm";
		case 'M':
			return months[Min(count, 4) - 1];
		case 's':
			return count == 1 ? "s" : "ss";
		case 't':
			return "A";
		case 'y':
			return count < 3 ? "YY" : "YYYY";
		case 'z':
			return count < 3 ? "ZZ" : "Z";
		default:				/* g, an era */
			return NULL;
	}
}

/* What stands in quotes; false if they do not end. */
static bool
convert_quoted(StringInfo out, const char **c)
{
	char		quote = **c;

	for ((*c)++; **c != '\0' && **c != quote; (*c)++)
		appendStringInfoChar(out, **c);
	return **c == quote;
}

static bool
convert_format(StringInfo out, const char *format)
{
	const char *c = format;

	for (; *c != '\0'; c++)
	{
		if (strchr("dfFghHmMstyz", *c) != NULL)
		{
			int			count = 1;
			const char *letters;

			while (c[1] == *c)
			{
				count++;
				c++;
			}
			letters = convert_letters(*c, count);
			if (letters == NULL)
				return false;
			appendStringInfoString(out, letters);
		}
		else if (*c == '\'' || *c == '`')
		{
			if (!convert_quoted(out, &c))
				return false;
		}
		else if (*c == '\\')
		{
			if (*++c == '\0')
				return false;
			appendStringInfoChar(out, *c);
		}
		else if (*c == 'K')
			appendStringInfoChar(out, 'Z');
		else if (*c != '%')
			appendStringInfoChar(out, *c);
	}
	return true;
}

/* A format that C# has and Day.js has not, is taken as one of Day.js. */
static char *
day_js_format(const char *format)
{
	StringInfoData converted;

	if (format[0] == '\0')
		return DEFAULT_FORMAT;
	if (strcmp(format, "o") == 0 || strcmp(format, "O") == 0)
		return "YYYY-MM-DDTHH:mm:ss.SSS0000Z";
	if (format[1] == '\0' && strchr("RrUu", format[0]) != NULL)
		return pstrdup(format);
	initStringInfo(&converted);
	return convert_format(&converted, format) ? converted.data : pstrdup(format);
}

/* ----------
 * Writing
 * ----------
 */

/* How many of a letter belong together. */
static int
run_length(const char *c)
{
	int			limit = strchr("MdYS", *c) != NULL ? 4 : 2;
	int			count = 1;

	if (*c == 'a' || *c == 'A')
		return 1;
	while (count < limit && c[count] == *c)
		count++;
	if (*c == 'Y')
		return count == 4 ? 4 : count >= 2 ? 2 : 0;
	if (*c == 'S')
		return count >= 3 ? 3 : 0;
	return count;
}

static void
append_name(StringInfo out, const char *name, int count)
{
	appendStringInfo(out, "%.*s", count == 4 ? (int) strlen(name) : count,
					 name);
}

static void
append_part(StringInfo out, const Moment *moment, char letter, int count)
{
	static const char *const weekdays[] = {"Sunday", "Monday", "Tuesday",
	"Wednesday", "Thursday", "Friday", "Saturday"};
	static const char *const month_names[] = {"January", "February", "March",
		"April", "May", "June", "July", "August", "September", "October",
	"November", "December"};
	bool		afternoon = moment->hour >= 12;

	switch (letter)
	{
		case 'Y':
			appendStringInfo(out, "%0*d", count,
							 count == 2 ? moment->year % 100 : moment->year);
			break;
		case 'M':
			if (count > 2)
				append_name(out, month_names[moment->month - 1], count);
			else
				appendStringInfo(out, "%0*d", count, moment->month);
			break;
		case 'D':
			appendStringInfo(out, "%0*d", count, moment->day);
			break;
		case 'd':
			if (count > 1)
				append_name(out, weekdays[moment->weekday], count);
			else
				appendStringInfo(out, "%d", moment->weekday);
			break;
		case 'H':
			appendStringInfo(out, "%0*d", count, moment->hour);
			break;
		case 'h':
			appendStringInfo(out, "%0*d", count,
							 moment->hour % 12 == 0 ? 12 : moment->hour % 12);
			break;
		case 'm':
			appendStringInfo(out, "%0*d", count, moment->minute);
			break;
		case 's':
			appendStringInfo(out, "%0*d", count, moment->second);
			break;
		case 'S':
			appendStringInfo(out, "%03d", moment->millisecond);
			break;
		case 'A':
			appendStringInfoString(out, afternoon ? "PM" : "AM");
			break;
		case 'a':
			appendStringInfoString(out, afternoon ? "pm" : "am");
			break;
		case 'Z':
			appendStringInfoString(out, count == 1 ? "+00:00" : "+0000");
			break;
	}
}

static char *
write_moment(const Moment *moment, const char *format)
{
	StringInfoData out;
	const char *c = format;
	const char *close;
	int			count;

	initStringInfo(&out);
	while (*c != '\0')
	{
		if (*c == '[' && (close = strchr(c, ']')) > c + 1)
		{
			appendBinaryStringInfo(&out, c + 1, close - c - 1);
			c = close + 1;
		}
		else if (strchr("YMDdHhaAmsZS", *c) != NULL &&
				 (count = run_length(c)) > 0)
		{
			append_part(&out, moment, *c, count);
			c += count;
		}
		else
			appendStringInfoChar(&out, *c++);
	}
	return out.data;
}

bool
format_date_time(PARAMETERS)
{
	const char *format = "";
	Moment		moment;
	char	   *text;

	if (!value_is_string(arguments[0]) ||
		!read_moment(value_text(arguments[0]), &moment))
		return expression_fail(evaluation,
							   "%s is not a time as of ISO 8601.",
							   value_is_string(arguments[0]) ?
							   psprintf("\"%s\"", value_text(arguments[0])) :
							   expression_text(call->arguments[0]));
	if (call->count > 1 && value_is_string(arguments[1]))
		format = value_text(arguments[1]);
	text = write_moment(&moment, day_js_format(format));
	expression_take_room(evaluation, strlen(text));
	*result = value_string(text, strlen(text));
	return true;
}
