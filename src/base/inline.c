/*
 * inline.c
 *	  Markup within a paragraph.
 *
 * What is markup and what is only an asterisk is decided as CommonMark does:
 * emphasis has two ends, of which one follows and one precedes a word.  The
 * words alone are left, and what links and images show.
 *
 * Texts are those of strangers, too: time is linear in their length, but for
 * what is bounded by MAX_RUNS.
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "mb/pg_wchar.h"

#include "base/ascii.h"
#include "base/entity.h"
#include "base/inline.h"

/* Of asterisks and the like, and of brackets within each other. */
#define MAX_RUNS 500
#define MAX_BRACKETS 32
#define MAX_PARENTHESES 32

/* As far as the end of some code is looked for. */
#define MAX_CODE 2000

/* Characters of one kind that may be an end of an emphasis. */
typedef struct Run
{
	int			place;			/* in what is written */
	int			count;			/* of those that are left */
	int			whole;			/* of those that there were */
	char		mark;
	bool		opens;
	bool		closes;
} Run;

/* An opening bracket, which may turn out to be a link's. */
typedef struct Bracket
{
	int			place;
	int			length;			/* 2 for that of an image */
	int			nruns;			/* before it */
} Bracket;

typedef struct Paragraph
{
	StringInfo	out;
	const char *begin;
	const char *c;				/* what comes next */
	const char *end;
	bool		no_tag_ends;	/* none ends from here on */
	int			nruns;
	int			nbrackets;
	Run			runs[MAX_RUNS];
	Bracket		brackets[MAX_BRACKETS];
} Paragraph;

/* ----------
 * Writing
 * ----------
 */

static void
write_bytes(StringInfo out, const char *text, size_t length)
{
	if (out->len < INLINE_ENOUGH)
		appendBinaryStringInfo(out, text, (int) Min(length, INLINE_ENOUGH));
}

static void
write_char(StringInfo out, char c)
{
	write_bytes(out, &c, 1);
}

/* What is written becomes nothing; write_end() closes the gap. */
static void
unwrite(StringInfo out, int place, int count)
{
	for (int i = place; i < place + count && i < out->len; i++)
		out->data[i] = '\0';
}

static void
write_end(StringInfo out, int from)
{
	int			length = from;

	for (int i = from; i < out->len; i++)
		if (out->data[i] != '\0')
			out->data[length++] = out->data[i];
	out->len = length;
	out->data[length] = '\0';
}

/* ----------
 * Characters and tags
 * ----------
 */

/* The character that has a name here; an ampersand that begins none is one. */
static const char *
take_entity(StringInfo out, const char *c, const char *end)
{
	unsigned int code;
	int			length = entity_length(c, &code);
	unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN + 1] = {0};

	if (length == 0 || length > end - c)
	{
		write_char(out, '&');
		return c + 1;
	}
	unicode_to_utf8(code, utf8);
	write_bytes(out, (char *) utf8, pg_utf_mblen(utf8));
	return c + length;
}

/* Does a tag of that name stand between words? */
static bool
is_block(const char *name, size_t length)
{
	static const char *const blocks[] = {
		"br", "p", "li", "ul", "ol", "div", "tr", "td", "th", "table", "hr",
		"pre", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6"
	};

	for (int i = 0; i < (int) lengthof(blocks); i++)
		if (strlen(blocks[i]) == length &&
			pg_strncasecmp(blocks[i], name, length) == 0)
			return true;
	return false;
}

/*
 * The end of the tag that begins here; NULL if none does.  *name is the length
 * of its name, *alt what it shows in place of an image.
 */
static const char *
find_tag_end(Paragraph *par, const char *tag, const char **name,
			 size_t *length, const char **alt)
{
	const char *c = tag + 1;

	*alt = NULL;
	if (c < par->end && *c == '/')
		c++;
	*name = c;
	while (c < par->end &&
		   (ascii_is_alpha(*c) ||
			(c > *name && (ascii_is_digit(*c) || *c == '-'))))
		c++;
	*length = c - *name;
	if (*length == 0 || c == par->end || strchr(" \t\r\n/>", *c) == NULL)
		return NULL;
	for (; c < par->end && *c != '<'; c++)
	{
		if (*c == '>')
			return c + 1;
		if ((*c == '"' || *c == '\'') && c[-1] == '=')
		{
			const char *close = memchr(c + 1, *c, par->end - c - 1);

			if (close == NULL)
				break;
			if (c - *name > 4 && pg_strncasecmp(c - 5, " alt=", 5) == 0)
				*alt = c + 1;
			c = close;
		}
	}
	if (c == par->end)
		par->no_tag_ends = true;
	return NULL;
}

/* <https://...> and <ada@...> show what is within; NULL: it is neither. */
static const char *
take_autolink(Paragraph *par)
{
	const char *c = par->c + 1;
	bool		is_address = false;

	for (; c < par->end && *c != '>'; c++)
	{
		if (ascii_is_space(*c) || *c == '<' || *c == '"')
			return NULL;
		if ((*c == ':' && c > par->c + 2) || *c == '@')
			is_address = true;
	}
	if (c == par->end || !is_address)
		return NULL;
	write_bytes(par->out, par->c + 1, c - par->c - 1);
	return c + 1;
}

/* What begins with a "<": a tag, a comment, or less than something. */
static void
take_tag(Paragraph *par)
{
	const char *name;
	const char *alt;
	size_t		length;
	const char *end = par->no_tag_ends ? NULL :
		find_tag_end(par, par->c, &name, &length, &alt);

	if (end == NULL && !par->no_tag_ends && par->end - par->c > 6 &&
		memcmp(par->c, "<!--", 4) == 0)
	{
		end = strstr(par->c + 4, "-->");
		par->c = end != NULL && end + 3 <= par->end ? end + 3 : par->end;
		return;
	}
	if (end == NULL)
	{
		write_char(par->out, '<');
		par->c++;
		return;
	}
	if (is_block(name, length))
		write_char(par->out, ' ');
	if (alt != NULL && length == 3 && pg_strncasecmp(name, "img", 3) == 0)
		inline_html(par->out, alt, strchr(alt, alt[-1]) - alt);
	par->c = end;
}

/* ----------
 * Emphasis
 * ----------
 */

static bool
is_space(pg_wchar c)
{
	return c == 0 || c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 ||
		(c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
		c == 0x202F || c == 0x3000;
}

static bool
is_punctuation(pg_wchar c)
{
	if (c < 0x80)
		return ascii_is_punct((char) c);
	return (c >= 0xA1 && c <= 0xBF && c != 0xAA && c != 0xB5 && c != 0xBA &&
			!(c >= 0xB2 && c <= 0xB3) && c != 0xB9) ||
		c == 0xD7 || c == 0xF7 || (c >= 0x2010 && c <= 0x205E) ||
		(c >= 0x20A0 && c <= 0x20C0) || (c >= 0x2190 && c <= 0x2BFF) ||
		(c >= 0x3001 && c <= 0x3020) || (c >= 0xFF01 && c <= 0xFF0F) ||
		(c >= 0xFF1A && c <= 0xFF20);
}

/* The character before a place, and behind it; 0 if there is none. */
static pg_wchar
char_before(const Paragraph *par, const char *c)
{
	if (c == par->begin)
		return 0;
	do
		c--;
	while (c > par->begin && ((unsigned char) *c & 0xC0) == 0x80);
	return utf8_to_unicode((const unsigned char *) c);
}

static pg_wchar
char_at(const Paragraph *par, const char *c)
{
	return c < par->end ? utf8_to_unicode((const unsigned char *) c) : 0;
}

/* Asterisks, underscores or tildes: what they are turns out later. */
static void
take_run(Paragraph *par)
{
	const char *first = par->c;
	pg_wchar	before = char_before(par, first);
	pg_wchar	after;
	bool		left;
	bool		right;
	Run		   *run;

	while (par->c < par->end && *par->c == *first)
		par->c++;
	after = char_at(par, par->c);
	left = !is_space(after) &&
		(!is_punctuation(after) || is_space(before) || is_punctuation(before));
	right = !is_space(before) &&
		(!is_punctuation(before) || is_space(after) || is_punctuation(after));
	if (par->nruns < MAX_RUNS && (*first != '~' || par->c - first == 2))
	{
		run = &par->runs[par->nruns++];
		run->place = par->out->len;
		run->count = run->whole = par->c - first;
		run->mark = *first;
		run->opens = left && (*first != '_' || !right || is_punctuation(before));
		run->closes = right && (*first != '_' || !left || is_punctuation(after));
	}
	write_bytes(par->out, first, par->c - first);
}

/* CommonMark's rule of three keeps * and ** apart. */
static bool
fit_together(const Run *opener, const Run *closer)
{
	if (opener->mark != closer->mark || !opener->opens || opener->count == 0)
		return false;
	return !(opener->closes || closer->opens) ||
		(opener->whole + closer->whole) % 3 != 0 ||
		(opener->whole % 3 == 0 && closer->whole % 3 == 0);
}

/* Those from the first on that go together are markup. */
static void
match_runs(Paragraph *par, int first)
{
	for (int i = first; i < par->nruns; i++)
	{
		Run		   *closer = &par->runs[i];
		int			k = i - 1;

		while (closer->closes && closer->count > 0 && k >= first)
		{
			Run		   *opener = &par->runs[k];
			int			used;

			if (!fit_together(opener, closer))
			{
				k--;
				continue;
			}
			for (int between = k + 1; between < i; between++)
				par->runs[between].count = 0;
			used = opener->count >= 2 && closer->count >= 2 ? 2 : 1;
			opener->count -= used;
			unwrite(par->out, opener->place + opener->count, used);
			unwrite(par->out, closer->place, used);
			closer->place += used;
			closer->count -= used;
			if (opener->count == 0)
				k--;
		}
	}
	par->nruns = first;
}

/* ----------
 * Code and links
 * ----------
 */

/* Backticks, and what is between them and as many others, as it is. */
static void
take_code(Paragraph *par)
{
	const char *first = par->c;
	const char *last = par->end - first > MAX_CODE ? first + MAX_CODE : par->end;
	size_t		count = strspn(first, "`");
	const char *c = first + count;

	while (c < last)
	{
		const char *close = memchr(c, '`', last - c);
		size_t		closing = close != NULL ? strspn(close, "`") : 0;

		if (close == NULL)
			break;
		if (closing == count)
		{
			write_bytes(par->out, first + count, close - first - count);
			par->c = close + count;
			return;
		}
		c = close + closing;
	}
	par->c = Min(first + count, par->end);
	write_bytes(par->out, first, par->c - first);
}

static const char *
skip_spaces(const char *c, const char *end)
{
	while (c < end && ascii_is_space(*c))
		c++;
	return c;
}

/* Where "(where it leads)" ends that begins here; NULL: that is none. */
static const char *
find_link_end(const char *c, const char *end)
{
	int			depth = 0;

	if (c == end || *c != '(')
		return NULL;
	c = skip_spaces(c + 1, end);
	if (c < end && *c == '<')
	{
		do
			c++;
		while (c < end && *c != '>' && *c != '<' && *c != '\n');
		if (c == end || *c != '>')
			return NULL;
		c++;
	}
	else
	{
		for (; c < end && !ascii_is_space(*c); c++)
		{
			if (*c == '\\' && c + 1 < end)
				c++;
			else if (*c == '(' && depth++ == MAX_PARENTHESES)
				return NULL;
			else if (*c == ')' && depth-- == 0)
				return c + 1;
		}
	}

	/* It may have a title, in quotes. */
	c = skip_spaces(c, end);
	if (c < end && (*c == '"' || *c == '\''))
	{
		c = memchr(c + 1, *c, end - c - 1);
		if (c == NULL)
			return NULL;
		c = skip_spaces(c + 1, end);
	}
	return c < end && *c == ')' ? c + 1 : NULL;
}

static void
take_opening(Paragraph *par)
{
	int			length = *par->c == '!' ? 2 : 1;

	if (par->nbrackets < MAX_BRACKETS)
	{
		Bracket    *bracket = &par->brackets[par->nbrackets++];

		bracket->place = par->out->len;
		bracket->length = length;
		bracket->nruns = par->nruns;
	}
	write_bytes(par->out, par->c, length);
	par->c += length;
}

/* If it ends a link or an image, only what that shows is left. */
static void
take_closing(Paragraph *par)
{
	Bracket    *bracket;
	const char *end;

	par->c++;
	if (par->nbrackets == 0 ||
		(end = find_link_end(par->c, par->end)) == NULL)
	{
		par->nbrackets = Max(par->nbrackets - 1, 0);
		write_char(par->out, ']');
		return;
	}
	bracket = &par->brackets[--par->nbrackets];
	match_runs(par, bracket->nruns);
	unwrite(par->out, bracket->place, bracket->length);
	par->c = end;
}

/* ----------
 * Paragraphs
 * ----------
 */

static void
take_next(Paragraph *par)
{
	const char *end;
	char		next = par->c + 1 < par->end ? par->c[1] : '\0';

	switch (*par->c)
	{
		case '\\':
			if (ascii_is_punct(next) || next == '\n')
				par->c++;
			write_char(par->out, *par->c++);
			break;
		case '`':
			take_code(par);
			break;
		case '*':
		case '_':
		case '~':
			take_run(par);
			break;
		case '!':
			if (next == '[')
				take_opening(par);
			else
				write_char(par->out, *par->c++);
			break;
		case '[':
			take_opening(par);
			break;
		case ']':
			take_closing(par);
			break;
		case '<':
			end = take_autolink(par);
			if (end != NULL)
				par->c = end;
			else
				take_tag(par);
			break;
		case '&':
			par->c = take_entity(par->out, par->c, par->end);
			break;
		default:
			write_char(par->out, *par->c++);
			break;
	}
}

/* inline_markdown(): append a paragraph of Markdown, in UTF-8, as it reads. */
void
inline_markdown(StringInfo out, const char *text, size_t length)
{
	Paragraph  *par = palloc0(sizeof(Paragraph));
	int			from = out->len;

	par->out = out;
	par->begin = par->c = text;
	par->end = text + length;
	while (par->c < par->end)
		take_next(par);
	match_runs(par, 0);
	write_end(out, from);
	pfree(par);
}

/* inline_html(): the same of HTML. */
void
inline_html(StringInfo out, const char *text, size_t length)
{
	Paragraph  *par = palloc0(sizeof(Paragraph));

	par->out = out;
	par->begin = par->c = text;
	par->end = text + length;
	while (par->c < par->end && out->len < INLINE_ENOUGH)
	{
		if (*par->c == '<')
			take_tag(par);
		else if (*par->c == '&')
			par->c = take_entity(out, par->c, par->end);
		else
			write_char(out, *par->c++);
	}
	pfree(par);
}
