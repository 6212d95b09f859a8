/*
 * encoding.c
 *	  Between the database's encoding and UTF-8, without errors.
 *
 * PostgreSQL raises an error for a text that the other encoding does not have.
 * Whoever calls a function is there to hear of it; a process that reads what
 * many have written must not be stopped by what one of them has.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/namespace.h"

#include "base/encoding.h"

/* What is ASCII is the same in every encoding of a server. */
static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if (IS_HIGHBIT_SET(*text))
			return false;
	return true;
}

/* A copy of what shall be UTF-8, with a question mark for each other byte. */
static char *
copy_valid_utf8(const char *text, bool *exact)
{
	int			length = strlen(text);
	char	   *copy = palloc(length + 1);
	char	   *out = copy;

	while (length > 0)
	{
		int			step = compat_utf8_char_length(text, length);

		if (step <= 0)
		{
			*exact = false;
			*out++ = '?';
			step = 1;
		}
		else
		{
			memcpy(out, text, step);
			out += step;
		}
		text += step;
		length -= step;
	}
	*out = '\0';
	return copy;
}

/* A copy with a question mark for each byte beyond ASCII. */
static char *
copy_ascii(const char *text, bool *exact)
{
	char	   *copy = pstrdup(text);

	for (char *c = copy; *c != '\0'; c++)
		if (IS_HIGHBIT_SET(*c))
		{
			*c = '?';
			*exact = false;
		}
	return copy;
}

/* Convert, with a question mark for each character that has no equivalent. */
static char *
convert(Oid conversion, const char *text, int from, int to, bool *exact)
{
	int			length = strlen(text);
	int			room = (length + 2) * MAX_CONVERSION_GROWTH;
	char	   *result = palloc(room);
	char	   *out = result;

	*out = '\0';
	while (length > 0)
	{
		int			done = compat_convert(conversion, from, to, text, length,
										  out, room - (int) (out - result));

		if (done > 0)
			out += strlen(out);
		else
		{
			done = Min(pg_encoding_mblen(from, text), length);
			*out++ = '?';
			*out = '\0';
			*exact = false;
		}
		text += done;
		length -= done;
	}
	return result;
}

/*
 * The text in another encoding: palloc'd, or the text itself if it is the same
 * there.  Texts of an SQL_ASCII database are UTF-8 as far as they can be.
 */
static const char *
convert_any(const char *text, int from, int to, bool *exact)
{
	Oid			conversion;

	if (from == to || is_ascii(text))
		return text;
	if (from == PG_SQL_ASCII)
		return copy_valid_utf8(text, exact);
	if (to == PG_SQL_ASCII)
		return text;
	conversion = FindDefaultConversionProc(from, to);
	if (!OidIsValid(conversion))
		return copy_ascii(text, exact);
	return convert(conversion, text, from, to, exact);
}

/*
 * encoding_to_utf8(): a text of the database as UTF-8: palloc'd, or the text
 * itself.  What has no UTF-8, as some byte of an SQL_ASCII database may,
 * becomes a question mark, and then *exact is set to false; else it is left as
 * it is.
 */
const char *
encoding_to_utf8(const char *text, bool *exact)
{
	return convert_any(text, GetDatabaseEncoding(), PG_UTF8, exact);
}

/* encoding_from_utf8(): the same the other way round. */
const char *
encoding_from_utf8(const char *utf8, bool *exact)
{
	return convert_any(utf8, PG_UTF8, GetDatabaseEncoding(), exact);
}

/*
 * encoding_has_utf8(): can all of a text of the database be written as UTF-8?
 */
bool
encoding_has_utf8(const char *text)
{
	bool		exact = true;
	const char *utf8 = encoding_to_utf8(text, &exact);

	if (utf8 != text)
		pfree(unconstify(char *, utf8));
	return exact;
}
