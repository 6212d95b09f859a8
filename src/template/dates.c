/*
 * dates.c
 *	  The functions for points in time, which are in UTC and in English, and
 *	  what is said of them in ticks: tenths of a microsecond since the year 1.
 *
 * A format and a locale may follow the arguments of those that return a time
 * as text; the locale is ignored.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#include "template/functions.h"
#include "template/times.h"

/* What it takes to write a time, in bytes looked at. */
#define FORMAT_WORK 500

#define TICKS_PER_USEC 10
#define TICKS_PER_DAY (USECS_PER_DAY * TICKS_PER_USEC)

/* Ticks at 2000-01-01, from which PostgreSQL counts. */
#define POSTGRES_EPOCH_TICKS INT64CONST(630822816000000000)

/* ----------
 * Arguments and results
 * ----------
 */

/* An argument as a time; false if it is none, and the call fails. */
static bool
time_argument(Call *call, int argument, Timestamp *time)
{
	JsonbValue *value = call->values[argument];

	if (value_is_string(value) && time_read(value_text(value), time))
		return true;
	(void) eval_fail(call->evaluation, "%s is not a date or time.",
					 value_is_string(value) ?
					 psprintf("\"%s\"", value_text(value)) :
					 call_argument_text(call, argument));
	return false;
}

/* The time in the format that an argument is, or else in the one given. */
static JsonbValue *
formatted(Call *call, int argument, const char *format, Timestamp time)
{
	char	   *text;

	eval_take_work(call->evaluation, FORMAT_WORK);
	if (argument < call->count && value_is_string(call->values[argument]))
		format = value_text(call->values[argument]);
	if (!time_is_sane(time))
		return eval_fail(call->evaluation,
						 "The time is beyond the years 1 to 9999.");
	text = time_write(time, format);
	return text != NULL ? call_string(call, text, strlen(text)) :
		eval_fail(call->evaluation, "The format is too long.");
}

/* An integer of 64 bits as it is, which may be more than a double can tell. */
static JsonbValue *
integer_value(int64 number)
{
	Datum		numeric = DirectFunctionCall1(int8_numeric,
											  Int64GetDatum(number));

	return value_numeric(DatumGetNumeric(numeric));
}

/* ----------
 * Formats
 * ----------
 */

/* formatDateTime(time, format, locale) */
static JsonbValue *
date_format(Call *call)
{
	Timestamp	time;

	return time_argument(call, 0, &time) ? formatted(call, 1, "", time) : NULL;
}

/* formatEpoch(seconds since 1970, format, locale) */
static JsonbValue *
date_format_epoch(Call *call)
{
	JsonbValue *value = call->values[0];
	double		seconds;

	if (!value_is_number(value))
		return eval_fail(call->evaluation, "%s is not a number.",
						 call_argument_text(call, 0));
	/* milliseconds are what JavaScript has; far away is far enough */
	seconds = Max(Min(value_double(value), 1e12), -1e12);
	return formatted(call, 1, "",
					 (int64) trunc(seconds * 1000) * 1000 -
					 (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) *
					 USECS_PER_DAY);
}

/* formatTicks(ticks, format, locale), of a number or the text of one */
static JsonbValue *
date_format_ticks(Call *call)
{
	char	   *text = value_text(call->values[0]);
	double		ticks = 0;
	char	   *end = text;

	if (value_is_number(call->values[0]) || value_is_string(call->values[0]))
		ticks = strtod(text, &end);
	/* up to the year 9999 */
	if (end == text || *end != '\0' || !(ticks >= 0 && ticks < 3.2e18))
		return eval_fail(call->evaluation, "%s is not a number of ticks.",
						 call_argument_text(call, 0));
	/* the text of an integer is more exact */
	return formatted(call, 1, "",
					 ((strchr(text, '.') == NULL ? strtoll(text, NULL, 10) :
					   (int64) ticks) - POSTGRES_EPOCH_TICKS) /
					 TICKS_PER_USEC);
}

/* utcNow(format, locale): when the transaction began. */
static JsonbValue *
date_now(Call *call)
{
	return formatted(call, 0, "", GetCurrentTransactionStartTimestamp());
}

/* date(time): month/day/year. */
static JsonbValue *
date_only(Call *call)
{
	Timestamp	time;

	return time_argument(call, 0, &time) ?
		formatted(call, 1, "M/dd/yyyy", time) : NULL;
}

/* ----------
 * Arithmetic
 * ----------
 */

/* A unit in microseconds, or in months. */
typedef struct TimeUnit
{
	const char *name;
	int64		usecs;
	int			months;
} TimeUnit;

static const TimeUnit units[] = {
	{"Second", USECS_PER_SEC, 0},
	{"Minute", USECS_PER_MINUTE, 0},
	{"Hour", USECS_PER_HOUR, 0},
	{"Day", USECS_PER_DAY, 0},
	{"Week", 7 * USECS_PER_DAY, 0},
	{"Month", 0, 1},
	{"Year", 0, MONTHS_PER_YEAR},
	{NULL, 0, 0},
};

/* A time so many months on; the last day of the month, if it is too short. */
static Timestamp
add_months(Timestamp time, int months)
{
	struct pg_tm tm;
	fsec_t		fraction;
	int			month;

	(void) timestamp2tm(time, NULL, &tm, &fraction, NULL, NULL);
	month = tm.tm_year * MONTHS_PER_YEAR + tm.tm_mon - 1 + months;
	if (month < MONTHS_PER_YEAR || month >= 10000 * MONTHS_PER_YEAR)
		return DT_NOEND;
	tm.tm_year = month / MONTHS_PER_YEAR;
	tm.tm_mon = month % MONTHS_PER_YEAR + 1;
	tm.tm_mday = Min(tm.tm_mday,
					 day_tab[isleap(tm.tm_year)][tm.tm_mon - 1]);
	(void) tm2timestamp(&tm, fraction, NULL, &time);
	return time;
}

/*
 * A time so many units on, in the format of an argument.  The number is the
 * argument before, without its fraction.
 */
static JsonbValue *
add_units(Call *call, Timestamp time, int argument, int format,
		  const TimeUnit *unit, int sign)
{
	JsonbValue *value = call->values[argument];
	double		count;

	if (!value_is_number(value))
		return eval_fail(call->evaluation, "%s is not a number.",
						 call_argument_text(call, argument));
	/* as many as take any time out of its range, and no more */
	count = trunc(value_double(value)) * sign;
	count = Max(Min(count, 4e11), -4e11);
	if (unit->months > 0)
		time = add_months(time,
						  (int) Max(Min(count, 1e6), -1e6) * unit->months);
	else if (fabs(count * unit->usecs) > 4e17)
		time = DT_NOEND;
	else
		time += (int64) count * unit->usecs;
	return formatted(call, format, "", time);
}

/* The unit that an argument names; NULL if there is none, and it fails. */
static const TimeUnit *
unit_argument(Call *call, int argument)
{
	const TimeUnit *unit;
	JsonbValue *value = call->values[argument];

	for (unit = units; unit->name != NULL && value_is_string(value); unit++)
		if (pg_strcasecmp(value_text(value), unit->name) == 0)
			return unit;
	(void) eval_fail(call->evaluation,
					 "%s is none of Second, Minute, Hour, Day, Week, Month and Year.",
					 call_argument_text(call, argument));
	return NULL;
}

/* A time and a number, of a unit that goes with the function. */
static JsonbValue *
add_known_units(Call *call, int64 usecs)
{
	TimeUnit	unit = {"", usecs, 0};
	Timestamp	time;

	return time_argument(call, 0, &time) ?
		add_units(call, time, 1, 2, &unit, 1) : NULL;
}

/* addDays(time, count, format, locale) */
static JsonbValue *
date_add_days(Call *call)
{
	return add_known_units(call, USECS_PER_DAY);
}

/* addHours(time, count, format, locale) */
static JsonbValue *
date_add_hours(Call *call)
{
	return add_known_units(call, USECS_PER_HOUR);
}

/* addMinutes(time, count, format, locale) */
static JsonbValue *
date_add_minutes(Call *call)
{
	return add_known_units(call, USECS_PER_MINUTE);
}

/* addSeconds(time, count, format, locale) */
static JsonbValue *
date_add_seconds(Call *call)
{
	return add_known_units(call, USECS_PER_SEC);
}

/* addToTime(time, count, unit, format, locale) */
static JsonbValue *
date_add_to_time(Call *call)
{
	Timestamp	time;
	const TimeUnit *unit;

	if (!time_argument(call, 0, &time) ||
		(unit = unit_argument(call, 2)) == NULL)
		return NULL;
	return add_units(call, time, 1, 3, unit, 1);
}

/* subtractFromTime(time, count, unit, format, locale) */
static JsonbValue *
date_subtract_from_time(Call *call)
{
	Timestamp	time;
	const TimeUnit *unit;

	if (!time_argument(call, 0, &time) ||
		(unit = unit_argument(call, 2)) == NULL)
		return NULL;
	return add_units(call, time, 1, 3, unit, -1);
}

/* getFutureTime(count, unit, format, locale) */
static JsonbValue *
date_future(Call *call)
{
	const TimeUnit *unit = unit_argument(call, 1);

	return unit == NULL ? NULL :
		add_units(call, GetCurrentTransactionStartTimestamp(), 0, 2, unit, 1);
}

/* getPastTime(count, unit, format, locale) */
static JsonbValue *
date_past(Call *call)
{
	const TimeUnit *unit = unit_argument(call, 1);

	return unit == NULL ? NULL :
		add_units(call, GetCurrentTransactionStartTimestamp(), 0, 2, unit, -1);
}

/* ----------
 * Zones
 * ----------
 */

/* The zone that an argument names as IANA does; NULL if it fails. */
static pg_tz *
zone_argument(Call *call, int argument)
{
	JsonbValue *value = call->values[argument];
	char	   *name = value_is_string(value) ? value_text(value) : NULL;
	pg_tz	   *zone = NULL;

	if (name != NULL && strlen(name) <= TZ_STRLEN_MAX)
		zone = pg_tzset(name);
	if (zone == NULL)
		(void) eval_fail(call->evaluation,
						 "%s is not a time zone such as 'Europe/Vienna'.",
						 call_argument_text(call, argument));
	return zone;
}

/* convertFromUTC(time, zone, format, locale) */
static JsonbValue *
date_from_utc(Call *call)
{
	Timestamp	time;
	pg_tz	   *zone;
	struct pg_tm tm;
	fsec_t		fraction;
	int			offset;

	if (!time_argument(call, 0, &time) ||
		(zone = zone_argument(call, 1)) == NULL)
		return NULL;
	if (timestamp2tm(time, &offset, &tm, &fraction, NULL, zone) != 0 ||
		tm2timestamp(&tm, fraction, NULL, &time) != 0)
		time = DT_NOEND;
	return formatted(call, 2, "yyyy-MM-ddTHH:mm:ss.fff0000", time);
}

/* convertToUTC(time, zone, format, locale) */
static JsonbValue *
date_to_utc(Call *call)
{
	Timestamp	time;
	pg_tz	   *zone;
	struct pg_tm tm;
	fsec_t		fraction;

	if (!time_argument(call, 0, &time) ||
		(zone = zone_argument(call, 1)) == NULL)
		return NULL;
	if (timestamp2tm(time, NULL, &tm, &fraction, NULL, NULL) != 0)
		time = DT_NOEND;
	else
		time += DetermineTimeZoneOffset(&tm, zone) * USECS_PER_SEC;
	return formatted(call, 2, "", time);
}

/* ----------
 * Parts
 * ----------
 */

/* The parts of the time that is the first argument; false if it fails. */
static bool
parts_argument(Call *call, struct pg_tm *tm)
{
	Timestamp	time;
	fsec_t		fraction;

	return time_argument(call, 0, &time) &&
		timestamp2tm(time, NULL, tm, &fraction, NULL, NULL) == 0;
}

/* year(time) */
static JsonbValue *
date_year(Call *call)
{
	struct pg_tm tm;

	return parts_argument(call, &tm) ? value_number(tm.tm_year) : NULL;
}

/* month(time) */
static JsonbValue *
date_month(Call *call)
{
	struct pg_tm tm;

	return parts_argument(call, &tm) ? value_number(tm.tm_mon) : NULL;
}

/* dayOfMonth(time) */
static JsonbValue *
date_day_of_month(Call *call)
{
	struct pg_tm tm;

	return parts_argument(call, &tm) ? value_number(tm.tm_mday) : NULL;
}

/* dayOfWeek(time): 0 is Sunday. */
static JsonbValue *
date_day_of_week(Call *call)
{
	struct pg_tm tm;

	return parts_argument(call, &tm) ?
		value_number(j2day(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday))) : NULL;
}

/* dayOfYear(time) */
static JsonbValue *
date_day_of_year(Call *call)
{
	struct pg_tm tm;

	return parts_argument(call, &tm) ?
		value_number(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) -
					 date2j(tm.tm_year, 1, 1) + 1) : NULL;
}

/* The beginning of what a time is in: so many microseconds. */
static JsonbValue *
start_of(Call *call, int64 usecs)
{
	Timestamp	time;
	int64		rest;

	if (!time_argument(call, 0, &time))
		return NULL;
	rest = time % usecs;
	return formatted(call, 1, "", time - (rest < 0 ? rest + usecs : rest));
}

/* startOfDay(time, format, locale) */
static JsonbValue *
date_start_of_day(Call *call)
{
	return start_of(call, USECS_PER_DAY);
}

/* startOfHour(time, format, locale) */
static JsonbValue *
date_start_of_hour(Call *call)
{
	return start_of(call, USECS_PER_HOUR);
}

/* startOfMonth(time, format, locale) */
static JsonbValue *
date_start_of_month(Call *call)
{
	struct pg_tm tm;

	return parts_argument(call, &tm) ?
		formatted(call, 1, "", (date2j(tm.tm_year, tm.tm_mon, 1) -
								POSTGRES_EPOCH_JDATE) * USECS_PER_DAY) : NULL;
}

/* ----------
 * Ticks
 * ----------
 */

/* ticks(time) */
static JsonbValue *
date_ticks(Call *call)
{
	Timestamp	time;

	return time_argument(call, 0, &time) ?
		integer_value(time * TICKS_PER_USEC + POSTGRES_EPOCH_TICKS) : NULL;
}

/* dateTimeDiff(time, other): how many ticks the first one is later. */
static JsonbValue *
date_difference(Call *call)
{
	Timestamp	time;
	Timestamp	other;

	return time_argument(call, 0, &time) && time_argument(call, 1, &other) ?
		integer_value((time - other) * TICKS_PER_USEC) : NULL;
}

/* ticksToDays(ticks) */
static JsonbValue *
date_ticks_to_days(Call *call)
{
	return value_number(value_double(call->values[0]) / TICKS_PER_DAY);
}

/* ticksToHours(ticks) */
static JsonbValue *
date_ticks_to_hours(Call *call)
{
	return value_number(value_double(call->values[0]) / (TICKS_PER_DAY / 24));
}

/* ticksToMinutes(ticks) */
static JsonbValue *
date_ticks_to_minutes(Call *call)
{
	return value_number(value_double(call->values[0]) /
						(TICKS_PER_DAY / 24 / 60));
}

#define NUMBER_FIRST {KIND_NUMBER, KIND_STRING, KIND_STRING}
#define TIME_AND_NUMBER {KIND_STRING, KIND_NUMBER, KIND_STRING}

const Function date_functions[] = {
	{"formatDateTime", NULL, 1, 3, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_format},
	{"formatEpoch", NULL, 1, 3, NUMBER_FIRST, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_format_epoch},
	{"formatTicks", NULL, 1, 3, ANY, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_format_ticks},
	{"utcNow", NULL, 0, 2, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_now},
	{"date", NULL, 1, 1, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_only},
	{"addDays", NULL, 2, 4, TIME_AND_NUMBER, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_add_days},
	{"addHours", NULL, 2, 4, TIME_AND_NUMBER, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_add_hours},
	{"addMinutes", NULL, 2, 4, TIME_AND_NUMBER, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_add_minutes},
	{"addSeconds", NULL, 2, 4, TIME_AND_NUMBER, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_add_seconds},
	{"addToTime", NULL, 3, 5, TIME_AND_NUMBER, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_add_to_time},
	{"subtractFromTime", NULL, 3, 5, TIME_AND_NUMBER, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_subtract_from_time},
	{"getFutureTime", NULL, 2, 4, NUMBER_FIRST, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_future},
	{"getPastTime", NULL, 2, 4, NUMBER_FIRST, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_past},
	{"convertFromUTC", NULL, 2, 4, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_from_utc},
	{"convertToUTC", NULL, 2, 4, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_to_utc},
	{"year", NULL, 1, 1, STRINGS, KIND_NUMBER,
	CALL_EAGER, CHECK_NOTHING, date_year},
	{"month", NULL, 1, 1, STRINGS, KIND_NUMBER,
	CALL_EAGER, CHECK_NOTHING, date_month},
	{"dayOfMonth", NULL, 1, 1, STRINGS, KIND_NUMBER,
	CALL_EAGER, CHECK_NOTHING, date_day_of_month},
	{"dayOfWeek", NULL, 1, 1, STRINGS, KIND_NUMBER,
	CALL_EAGER, CHECK_NOTHING, date_day_of_week},
	{"dayOfYear", NULL, 1, 1, STRINGS, KIND_NUMBER,
	CALL_EAGER, CHECK_NOTHING, date_day_of_year},
	{"startOfDay", NULL, 1, 3, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_start_of_day},
	{"startOfHour", NULL, 1, 3, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_start_of_hour},
	{"startOfMonth", NULL, 1, 3, STRINGS, KIND_STRING,
	CALL_EAGER, CHECK_NOTHING, date_start_of_month},
	{"ticks", NULL, 1, 1, STRINGS, KIND_NUMBER,
	CALL_EAGER, CHECK_NOTHING, date_ticks},
	{"dateTimeDiff", NULL, 2, 2, STRINGS, KIND_NUMBER,
	CALL_EAGER, CHECK_NOTHING, date_difference},
	{"ticksToDays", NULL, 1, 1, NUMBERS, KIND_NUMBER,
	CALL_EAGER, CHECK_NUMBER, date_ticks_to_days},
	{"ticksToHours", NULL, 1, 1, NUMBERS, KIND_NUMBER,
	CALL_EAGER, CHECK_NUMBER, date_ticks_to_hours},
	{"ticksToMinutes", NULL, 1, 1, NUMBERS, KIND_NUMBER,
	CALL_EAGER, CHECK_NUMBER, date_ticks_to_minutes},
	{NULL, NULL, 0, 0, ANY, 0, CALL_EAGER, CHECK_NOTHING, NULL},
};
