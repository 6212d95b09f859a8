/*
 * read_times.c
 *	  Points in time from text: as of ISO 8601, which PostgreSQL reads, and as
 *	  people and JavaScript write dates.
 *
 * The result depends on nothing but the text.  Not even words such as "now" or
 * names of zones are read; and without a zone, a time is in UTC.
 */
#include "postgres.h"

#include "utils/datetime.h"

#include "base/compat.h"
#include "template/times.h"

/* Years that have four digits; what is computed stays among them, too. */
#define FIRST_DAY 1721426		/* 0001-01-01 */
#define END_DAY 5373485			/* 10000-01-01 */

/* Is it between the years 1 and 9999? */
bool
time_is_sane(Timestamp time)
{
	return time >= (FIRST_DAY - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY &&
		time < (END_DAY - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
}

/* ----------
 * ISO 8601
 * ----------
 */

/* Is it a field of ParseDateTime()'s that tells the zone? */
static bool
is_zone(int type, const char *field)
{
	return type == DTK_TZ || (type == DTK_STRING && field[0] == 'z');
}

/*
 * Read a time as of ISO 8601, or as PostgreSQL writes it with DateStyle ISO.
 * False if it is none.
 */
static bool
read_iso_time(const char *text, Timestamp *time)
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
	if (strlen(text) == strlen("2024"))
		text = psprintf("%s-01", text);
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
 * Other ways to write a date
 *
 * As JavaScript reads them: numbers and names of months in any order that
 * tells which is which, so that 3/4/2018 is in March; a time with colons; AM
 * or PM; and UTC or GMT with an offset from that.  Signs between them, names
 * of days, and what is in parentheses do not count.
 * ----------
 */

/* What has been read of a date. */
typedef struct DateParts
{
	int			numbers[3];		/* of the date */
	int			count;
	int			month;			/* by its name, or 0 */
	int			clock[3];		/* hour, minute, second */
	int			clock_count;
	fsec_t		fraction;
	int			half;			/* 'a' or 'p' */
	int			offset;			/* seconds east of UTC */
	bool		has_offset;
} DateParts;

/* The number that begins here, of nine digits at most; -1 if none does. */
static int
take_number(const char **c)
{
	int			number = 0;
	int			digits = strspn(*c, "0123456789");
	int			i;

	if (digits == 0 || digits > 9)
		return -1;
	for (i = 0; i < digits; i++)
		number = number * 10 + *(*c)++ - '0';
	return number;
}

/* A time of day, whose hour has been read, up to its fraction. */
static bool
take_clock(const char **c, DateParts *parts, int hour)
{
	int			number = hour;
	int			unit = 100000;

	if (parts->clock_count > 0)
		return false;
	for (;;)
	{
		if (number < 0 || parts->clock_count == 3)
			return false;
		parts->clock[parts->clock_count++] = number;
		if (**c != ':')
			break;
		++*c;
		number = take_number(c);
	}
	if (parts->clock_count == 3 && **c == '.')
		for (++*c; **c >= '0' && **c <= '9'; ++*c, unit /= 10)
			parts->fraction += (**c - '0') * unit;
	return true;
}

/* The hours and minutes that a zone is off, such as +0200, +02:00 or -5. */
static bool
take_offset(const char **c, DateParts *parts)
{
	int			sign = **c == '-' ? -1 : 1;
	const char *start = ++*c;
	int			hours = take_number(c);
	int			minutes = 0;
	bool		together = *c - start > 2;

	if (**c == ':' && !together)
	{
		++*c;
		minutes = take_number(c);
	}
	else if (together)
	{
		minutes = hours % 100;
		hours /= 100;
	}
	if (hours < 0 || hours > 15 || minutes < 0 || minutes > 59)
		return false;
	parts->offset = sign * (hours * SECS_PER_HOUR + minutes * SECS_PER_MINUTE);
	parts->has_offset = true;
	return true;
}

/* Does a word begin with a name of three letters? */
static bool
word_is(const char *word, const char *name)
{
	return pg_strncasecmp(word, name, 3) == 0;
}

/* A month, a half of the day, a zone, or the day's name at the beginning. */
static bool
take_word(const char **c, DateParts *parts)
{
	static const char *const days[] = {"sun", "mon", "tue", "wed", "thu",
	"fri", "sat"};
	const char *word = *c;
	int			length = 0;
	int			i;

	while (isalpha((unsigned char) word[length]))
		length++;
	*c += length;
	if (length == 1 && (*word == 'Z' || *word == 'z'))
		return parts->has_offset = true;
	if (length == 1 && (*word == 'T' || *word == 't'))
		return parts->count > 0;
	if (length == 2 && (word[1] == 'M' || word[1] == 'm'))
	{
		parts->half = pg_tolower((unsigned char) word[0]);
		return parts->half == 'a' || parts->half == 'p';
	}
	if (length < 3)
		return false;
	if (length == 3 && (word_is(word, "utc") || word_is(word, "gmt")))
		return parts->has_offset = true;
	for (i = 0; i < (int) lengthof(days); i++)
		if (word_is(word, days[i]))
			return true;
	for (i = 0; i < MONTHS_PER_YEAR; i++)
		if (word_is(word, months[i]) && parts->month == 0)
			return (parts->month = i + 1) > 0;
	return false;
}

/* All parts of a text; false if there is something else in it. */
static bool
take_parts(const char *c, DateParts *parts)
{
	int			number;

	while (*c != '\0')
	{
		if (*c >= '0' && *c <= '9')
		{
			number = take_number(&c);
			if (*c == ':')
			{
				if (!take_clock(&c, parts, number))
					return false;
			}
			else if (number < 0 || parts->count == 3)
				return false;
			else
				parts->numbers[parts->count++] = number;
		}
		else if (isalpha((unsigned char) *c))
		{
			if (!take_word(&c, parts))
				return false;
		}
		else if (*c == '(')
			c += strcspn(c, ")") + (strchr(c, ')') != NULL);
		else if ((*c == '+' || *c == '-') &&
				 (parts->clock_count > 0 || parts->has_offset))
		{
			if (!take_offset(&c, parts))
				return false;
		}
		else if (strchr(" ,./-", *c) == NULL)
			return false;
		else
			c++;
	}
	return true;
}

/* Which number is which; false if that is not clear or no day there is. */
static bool
compose_date(const DateParts *parts, struct pg_tm *tm)
{
	const int  *n = parts->numbers;
	int			year;

	if (parts->count + (parts->month > 0) < 3 &&
		!(parts->month > 0 && parts->count == 1 && n[0] > 31))
		return false;
	tm->tm_mon = parts->month;
	if (parts->month == 0 && n[0] > 31)
	{
		year = n[0];
		tm->tm_mon = n[1];
		tm->tm_mday = n[2];
	}
	else if (parts->month == 0)
	{
		tm->tm_mon = n[0];
		tm->tm_mday = n[1];
		year = n[2];
	}
	else
	{
		year = n[0] > 31 ? n[0] : n[1];
		tm->tm_mday = parts->count == 1 ? 1 : n[0] > 31 ? n[1] : n[0];
	}
	if (year < 50)
		year += 2000;
	else if (year < 100)
		year += 1900;
	tm->tm_year = year;
	return parts->count + (parts->month > 0) <= 3 && year <= 9999 &&
		tm->tm_mon >= 1 && tm->tm_mon <= MONTHS_PER_YEAR &&
		tm->tm_mday >= 1 &&
		tm->tm_mday <= day_tab[isleap(year)][tm->tm_mon - 1];
}

/* The time of day, of 12 hours if there is AM or PM. */
static bool
compose_clock(const DateParts *parts, struct pg_tm *tm)
{
	tm->tm_hour = parts->clock[0];
	tm->tm_min = parts->clock[1];
	tm->tm_sec = parts->clock[2];
	if (parts->clock_count == 1 ||
		(parts->half != 0 && (tm->tm_hour < 1 || tm->tm_hour > 12)))
		return false;
	if (parts->half != 0)
		tm->tm_hour = tm->tm_hour % 12 + (parts->half == 'p' ? 12 : 0);
	return tm->tm_hour < HOURS_PER_DAY && tm->tm_min < MINS_PER_HOUR &&
		tm->tm_sec < SECS_PER_MINUTE;
}

/* Read a date, perhaps with a time, that is not as of ISO 8601. */
static bool
read_other_time(const char *text, Timestamp *time)
{
	DateParts	parts = {0};
	struct pg_tm tm = {0};

	if (!take_parts(text, &parts) || !compose_date(&parts, &tm) ||
		!compose_clock(&parts, &tm) ||
		tm2timestamp(&tm, parts.fraction, NULL, time) != 0)
		return false;
	*time -= parts.offset * USECS_PER_SEC;
	return true;
}

/*
 * Read a time, as it is in UTC, between the years 1 and 9999.  False if it is
 * none.
 */
bool
time_read(const char *text, Timestamp *time)
{
	if (strlen(text) > MAXDATELEN)
		return false;
	return (read_iso_time(text, time) || read_other_time(text, time)) &&
		time_is_sane(*time);
}
