/*
 * words.c
 *	  What SQL calls to escape texts, and to see what notifications show.
 */
#include "postgres.h"

#include "base/compat.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/encoding.h"
#include "base/escape.h"
#include "base/plain.h"
#include "protocol/card.h"

SQL_FUNCTION(teams_escape);
SQL_FUNCTION(teams_summary);
SQL_FUNCTION(teams_card_summary);
SQL_FUNCTION(teams_without_macros);

typedef enum Format
{
	FORMAT_PLAIN,
	FORMAT_MARKDOWN,
	FORMAT_HTML
} Format;

/* The format that is named by the argument of that number. */
static Format
argument_format(FunctionCallInfo fcinfo, int number)
{
	char	   *format = text_to_cstring(PG_GETARG_TEXT_PP(number));

	if (strcmp(format, "plain") == 0)
		return FORMAT_PLAIN;
	if (strcmp(format, "markdown") == 0)
		return FORMAT_MARKDOWN;
	if (strcmp(format, "html") == 0)
		return FORMAT_HTML;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown format: \"%s\"", format),
			 errhint("Give \"plain\", \"markdown\" or \"html\".")));
}

/*
 * teams_escape(text, format): the text as it reads as it is where the format
 * is expected.
 */
Datum
teams_escape(PG_FUNCTION_ARGS)
{
	char	   *typed = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Format		format = argument_format(fcinfo, 1);

	if (format == FORMAT_MARKDOWN)
		typed = escape_markdown(typed);
	else if (format == FORMAT_HTML)
		typed = escape_html(typed);
	PG_RETURN_TEXT_P(cstring_to_text(typed));
}

/*
 * teams_summary(text, format): the text as its notification shows it; NULL if
 * there is nothing to see.
 */
Datum
teams_summary(PG_FUNCTION_ARGS)
{
	bool		exact = true;
	char	   *given = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *utf8 = encoding_to_utf8(given, &exact);
	Format		format = argument_format(fcinfo, 1);
	char	   *line = format == FORMAT_MARKDOWN ? plain_markdown(utf8) :
		format == FORMAT_HTML ? plain_html(utf8) : plain_line(utf8);

	if (line == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(encoding_from_utf8(line, &exact)));
}

/* teams_card_summary(card jsonb): see card_summary(). */
Datum
teams_card_summary(PG_FUNCTION_ARGS)
{
	char	   *summary = card_summary(PG_GETARG_JSONB_P(0));

	if (summary == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(summary));
}

/* teams_without_macros(text): see card_without_macros(). */
Datum
teams_without_macros(PG_FUNCTION_ARGS)
{
	char	   *given = text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_TEXT_P(cstring_to_text(card_without_macros(given)));
}
