/*
 * card.c
 *	  What an Adaptive Card says.
 *
 * A notification cannot show a card: it shows one line of what a person will
 * read there, which is what stands first and can be seen.  What a card says
 * before anybody touches it counts: not what is hidden, and not the cards
 * that its buttons open.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/ascii.h"
#include "base/encoding.h"
#include "base/plain.h"
#include "protocol/card.h"

/* What an element says by itself, and how that is written. */
typedef enum Writing
{
	WRITING_MARKDOWN,
	WRITING_PLAIN,
	WRITING_INLINES,
	WRITING_FACTS
} Writing;

typedef struct Saying
{
	const char *type;			/* of the element; ends with a dot: any such */
	const char *member;
	Writing		writing;
} Saying;

/* What is read, and what stands in for it if a card has nothing to read. */
static const Saying words[] = {
	{"TextBlock", "text", WRITING_MARKDOWN},
	{"RichTextBlock", "inlines", WRITING_INLINES},
	{"FactSet", "facts", WRITING_FACTS},
	{"CodeBlock", "codeSnippet", WRITING_PLAIN},
	{"Badge", "text", WRITING_PLAIN},
	{"CompoundButton", "title", WRITING_PLAIN},
	{NULL, NULL, 0}
};

static const Saying substitutes[] = {
	{"Image", "altText", WRITING_PLAIN},
	{"Media", "altText", WRITING_PLAIN},
	{"Chart.", "title", WRITING_PLAIN},
	{"Input.", "label", WRITING_MARKDOWN},
	{"Input.", "title", WRITING_MARKDOWN},
	{"Input.", "placeholder", WRITING_PLAIN},
	{"Action.", "title", WRITING_PLAIN},
	{NULL, NULL, 0}
};

/* Where an element has others. */
static const char *const parts[] = {
	"body", "items", "columns", "rows", "cells", "pages", "images", "actions"
};

/* ----------
 * Members
 * ----------
 */

static JsonbValue *
member(JsonbContainer *object, const char *name)
{
	JsonbValue	key;

	key.type = jbvString;
	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	return findJsonbValueFromContainer(object, JB_FOBJECT, &key);
}

/* Is the element's type that one, or one of those that begin with it? */
static bool
is_of_type(const JsonbValue *type, const char *wanted)
{
	int			length = strlen(wanted);

	if (type == NULL || type->type != jbvString ||
		type->val.string.len < length ||
		memcmp(type->val.string.val, wanted, length) != 0)
		return false;
	return type->val.string.len == length || wanted[length - 1] == '.';
}

/* Is it there only for a button that shows it? */
static bool
is_hidden(JsonbContainer *element)
{
	const JsonbValue *visible = member(element, "isVisible");

	if (visible == NULL)
		return false;
	if (visible->type == jbvBool)
		return !visible->val.boolean;
	return visible->type == jbvString && visible->val.string.len == 5 &&
		pg_strncasecmp(visible->val.string.val, "false", 5) == 0;
}

/* A text, or what a template made a number of; NULL if it is nothing such. */
static char *
text_of(const JsonbValue *value)
{
	if (value == NULL)
		return NULL;
	if (value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	if (value->type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out,
												   NumericGetDatum(value->val.numeric)));
	return NULL;
}

/* ----------
 * Texts
 * ----------
 */

/* As many digits as the pattern has 0s, and its other characters. */
static bool
fits(const char *text, const char *pattern)
{
	for (; *pattern != '\0'; text++, pattern++)
		if (*pattern == '0' ? !ascii_is_digit(*text) : *text != *pattern)
			return false;
	return true;
}

/* The length of a time's zone as ISO 8601 has it, 0 if there is none. */
static int
zone_length(const char *zone)
{
	if (*zone == 'Z')
		return 1;
	return fits(zone, "+00:00") || fits(zone, "-00:00") ? 6 : 0;
}

/*
 * {{DATE(2027-01-02T08:00:00Z, SHORT)}} and {{TIME(...)}}, which a client
 * replaces by a date or time of its own zone and language (contract 8); there
 * is no client yet, so it is written as ISO 8601 has it, and with its zone.
 * Returns the macro's length; 0: it is none.
 */
static int
append_macro(StringInfo out, const char *text)
{
	bool		is_date = strncmp(text, "{{DATE(", 7) == 0;
	const char *moment = text + 7;
	const char *zone;
	const char *end;

	if ((!is_date && strncmp(text, "{{TIME(", 7) != 0) ||
		!fits(moment, "0000-00-00T00:00:00"))
		return 0;
	zone = moment + 19;
	if (*zone == '.')
		zone += 1 + strspn(zone + 1, "0123456789");
	end = zone + zone_length(zone);
	if (end == zone)
		return 0;
	if (*end == ',')
	{
		end += 1 + strspn(end + 1, " ");
		end += strspn(end, "ACGHLMNOPRST");
	}
	if (!fits(end, ")}}"))
		return 0;
	if (is_date)
		appendBinaryStringInfo(out, moment, 10);
	else if (*zone == 'Z')
		appendStringInfo(out, "%.5s UTC", moment + 11);
	else
		appendStringInfo(out, "%.5s %.6s", moment + 11, zone);
	return end + 3 - text;
}

/* card_without_macros(): the text with dates in the place of macros. */
char *
card_without_macros(const char *text)
{
	StringInfoData out;

	initStringInfo(&out);
	while (*text != '\0')
	{
		const char *brace = strstr(text, "{{");
		int			length = brace != NULL ? brace - text : (int) strlen(text);

		appendBinaryStringInfo(&out, text, length);
		text += length;
		if (brace == NULL)
			break;
		length = append_macro(&out, text);
		if (length == 0)
			appendStringInfoChar(&out, *text);
		text += Max(length, 1);
	}
	return out.data;
}

/* The words of a text of a card, as a notification shows them, or NULL. */
static char *
words_of(const char *text, Writing writing)
{
	bool		exact = true;
	const char *utf8;
	char	   *line;

	if (text == NULL)
		return NULL;
	utf8 = encoding_to_utf8(card_without_macros(text), &exact);
	line = writing == WRITING_MARKDOWN ? plain_markdown(utf8) :
		plain_line(utf8);
	if (line == NULL)
		return NULL;
	return unconstify(char *, encoding_from_utf8(line, &exact));
}

/* Append the next of several, with what is between them. */
static void
append_words(StringInfo out, const char *between, const char *next)
{
	if (next == NULL)
		return;
	if (out->len > 0)
		appendStringInfoString(out, between);
	appendStringInfoString(out, next);
}

/* A list of strings, and of objects with a "text": pieces of one text. */
static char *
words_of_inlines(JsonbContainer *inlines)
{
	StringInfoData out;
	JsonbIterator *it = JsonbIteratorInit(inlines);
	JsonbIteratorToken token;
	JsonbValue	value;

	initStringInfo(&out);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		char	   *text = NULL;

		if (token != WJB_ELEM)
			continue;
		if (value.type == jbvBinary &&
			JsonContainerIsObject(value.val.binary.data))
			text = is_hidden(value.val.binary.data) ? NULL :
				text_of(member(value.val.binary.data, "text"));
		else
			text = text_of(&value);
		append_words(&out, "", text);
	}
	return words_of(out.data, WRITING_PLAIN);
}

/* A list of titles and values. */
static char *
words_of_facts(JsonbContainer *facts)
{
	StringInfoData out;
	JsonbIterator *it = JsonbIteratorInit(facts);
	JsonbIteratorToken token;
	JsonbValue	fact;

	initStringInfo(&out);
	while ((token = JsonbIteratorNext(&it, &fact, true)) != WJB_DONE)
	{
		char	   *title;
		char	   *value;

		if (token != WJB_ELEM || fact.type != jbvBinary ||
			!JsonContainerIsObject(fact.val.binary.data) ||
			is_hidden(fact.val.binary.data))
			continue;
		title = words_of(text_of(member(fact.val.binary.data, "title")),
						 WRITING_MARKDOWN);
		value = words_of(text_of(member(fact.val.binary.data, "value")),
						 WRITING_MARKDOWN);
		append_words(&out, ", ", title);
		append_words(&out, title == NULL ? ", " :
					 title[strlen(title) - 1] == ':' ? " " : ": ", value);
	}
	return words_of(out.data, WRITING_PLAIN);
}

/* ----------
 * Elements
 * ----------
 */

static char *words_of_element(JsonbContainer *element, const Saying *sayings);

/* What the element says by itself, by the table; NULL if nothing. */
static char *
words_of_own(JsonbContainer *element, const Saying *sayings)
{
	const JsonbValue *type = member(element, "type");

	for (const Saying *saying = sayings; saying->type != NULL; saying++)
	{
		JsonbValue *value;
		char	   *found = NULL;

		if (!is_of_type(type, saying->type) ||
			(value = member(element, saying->member)) == NULL)
			continue;
		if (saying->writing < WRITING_INLINES)
			found = words_of(text_of(value), saying->writing);
		else if (value->type == jbvBinary &&
				 JsonContainerIsArray(value->val.binary.data))
			found = saying->writing == WRITING_INLINES ?
				words_of_inlines(value->val.binary.data) :
				words_of_facts(value->val.binary.data);
		if (found != NULL)
			return found;
	}
	return NULL;
}

/* What the first of a list of elements says that says something. */
static char *
words_of_list(const JsonbValue *list, const Saying *sayings)
{
	char	   *found = NULL;

	if (list == NULL || list->type != jbvBinary ||
		!JsonContainerIsArray(list->val.binary.data))
		return NULL;
	for (uint32 i = 0; found == NULL; i++)
	{
		JsonbValue *element =
			getIthJsonbValueFromContainer(list->val.binary.data, i);

		if (element == NULL)
			break;
		if (element->type == jbvBinary &&
			JsonContainerIsObject(element->val.binary.data))
			found = words_of_element(element->val.binary.data, sayings);
	}
	return found;
}

/* The same of an element and of those within it, in their order. */
static char *
words_of_element(JsonbContainer *element, const Saying *sayings)
{
	char	   *found;
	JsonbValue *fallback;

	check_stack_depth();
	if (is_hidden(element))
		return NULL;
	found = words_of_own(element, sayings);
	for (int i = 0; found == NULL && i < (int) lengthof(parts); i++)
		found = words_of_list(member(element, parts[i]), sayings);

	/* A client that does not know the element shows another. */
	if (found == NULL &&
		(fallback = member(element, "fallback")) != NULL &&
		fallback->type == jbvBinary &&
		JsonContainerIsObject(fallback->val.binary.data))
		found = words_of_element(fallback->val.binary.data, sayings);
	return found;
}

/*
 * card_summary(): what a notification shows of a card: what it says first, or
 * what it gives for those who cannot see it.  NULL if it says nothing.
 */
char *
card_summary(Jsonb *card)
{
	char	   *found;

	if (!JB_ROOT_IS_OBJECT(card))
		return NULL;
	found = words_of_element(&card->root, words);
	if (found == NULL)
		found = words_of(text_of(member(&card->root, "fallbackText")),
						 WRITING_MARKDOWN);
	if (found == NULL)
		found = words_of(text_of(member(&card->root, "speak")),
						 WRITING_MARKDOWN);
	if (found == NULL)
		found = words_of_element(&card->root, substitutes);
	return found;
}
