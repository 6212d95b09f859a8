/*
 * expression_number.c
 *	  formatNumber(): numbers as a locale writes them.
 *
 * The locales are those of the reference; others are written as en-US.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "template/eval.h"

typedef struct NumberStyle
{
	const char *decimal;
	const char *thousands;
	bool		indian;			/* groups of two digits beyond the thousand */
	bool		arabic;			/* Arabic-Indic digits */
	const char *locales;
} NumberStyle;

#define NO_BREAK_SPACE "\xC2\xA0"
#define MINUS "\xE2\x88\x92"

static const NumberStyle styles[] = {
	{".", ",", false, false,
	"en-US en-GB en-IE en-CA es-MX ja-JP ko-KR zh-CN he-IL ar-EH"},
	{",", ".", false, false,
		"de-DE it-IT es-ES ca-ES nl-NL pt-BR pl-PL mk-MK es-BO ar-MA ar-DZ ar-TN "
	"ar-LY"},
	{",", NO_BREAK_SPACE, false, false,
	"fr-FR fr-CA sv-SE fi-FI cs-CZ hu-HU ru-RU uk-UA"},
	{",", "'", false, false, "de-CH"},
	{".", ",", true, false, "en-IN"},
	{"\xD9\xAB", "\xD9\xAC", false, true,
		"ar-001 ar-AE ar-BH ar-DJ ar-EG ar-ER ar-IL ar-IQ ar-JO ar-KM ar-KW "
	"ar-LB ar-MR ar-OM ar-PS ar-QA ar-SA ar-SD ar-SO ar-SS ar-SY ar-TD ar-YE"},
};

static bool
is_listed(const char *locales, const char *locale)
{
	size_t		length = strlen(locale);
	const char *c = locales;

	while (length > 0 && (c = strstr(c, locale)) != NULL)
	{
		if ((c == locales || c[-1] == ' ') &&
			(c[length] == ' ' || c[length] == '\0'))
			return true;
		c += length;
	}
	return false;
}

static bool
is_ascii(const NumberStyle *style)
{
	return !IS_HIGHBIT_SET(style->decimal[0]) &&
		!IS_HIGHBIT_SET(style->thousands[0]);
}

/* Signs beyond ASCII are UTF-8: other encodings may not have them. */
static const NumberStyle *
find_style(const char *locale)
{
	int			i;

	if (locale != NULL)
		for (i = 0; i < lengthof(styles); i++)
			if (is_listed(styles[i].locales, locale) &&
				(GetDatabaseEncoding() == PG_UTF8 || is_ascii(&styles[i])))
				return &styles[i];
	return &styles[0];
}

static void
append_digit(StringInfo out, const NumberStyle *style, char digit)
{
	if (style->arabic)
		appendStringInfo(out, "\xD9%c", (char) (0xA0 + (digit - '0')));
	else
		appendStringInfoChar(out, digit);
}

/* Does a group end before so many digits that are still to come? */
static bool
group_ends(const NumberStyle *style, int left)
{
	if (style->indian && left > 3)
		return (left - 3) % 2 == 0;
	return left % 3 == 0;
}

char *
format_grouped(double number, int precision, const char *locale)
{
	const NumberStyle *style = find_style(locale);
	char	   *digits = psprintf("%.*f", precision, fabs(number));
	int			left = strcspn(digits, ".");
	bool		zero = strspn(digits, "0.") == strlen(digits);
	bool		first = true;
	StringInfoData out;
	const char *c;

	initStringInfo(&out);
	if (number < 0 && !zero)
		appendStringInfoString(&out, GetDatabaseEncoding() == PG_UTF8 ?
							   MINUS : "-");
	for (c = digits; left > 0; c++, left--)
	{
		if (!first && group_ends(style, left))
			appendStringInfoString(&out, style->thousands);
		append_digit(&out, style, *c);
		first = false;
	}
	if (*c == '.')
	{
		appendStringInfoString(&out, style->decimal);
		while (*++c != '\0')
			append_digit(&out, style, *c);
	}
	return out.data;
}

/* JavaScript's Math.round: halves go up */
static double
round_half_up(double number)
{
	double		down = floor(number);

	return number - down >= 0.5 ? down + 1 : down;
}

bool
format_number(PARAMETERS)
{
	char	   *locale = NULL;
	char	   *text;
	double		precision;
	double		shift;
	double		number;

	if (!value_is_number(arguments[0]))
		return expression_fail(evaluation, "%s is not a number.",
							   expression_text(call->arguments[0]));
	if (!value_is_integer(arguments[1]) || value_double(arguments[1]) < 0)
		return expression_fail(evaluation,
							   "%s is not a number of decimal places.",
							   expression_text(call->arguments[1]));
	if (call->count > 2 && value_is_string(arguments[2]))
		locale = value_text(arguments[2]);

	precision = Min(value_double(arguments[1]), 20);
	shift = pow(10, precision);
	number = round_half_up(value_double(arguments[0]) * shift) / shift;
	if (!isfinite(number))
		return expression_fail(evaluation, "%s is too large.",
							   expression_text(call->arguments[0]));
	text = format_grouped(number, (int) precision, locale);
	*result = value_string(text, strlen(text));
	return true;
}
