/*
 * fuzz_template.c
 *	  Templates and expressions with hostile data.
 *
 * "template" takes an outline of the template, an empty line, and one of the
 * data; "expression", an expression and an outline of the data.  Whatever is
 * made of them is made again in the same way.
 */
#include "server.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/json.h"

/* Functions whose value is another each time. */
static bool
is_random(const char *text)
{
	return strcasestr(text, "rand") != NULL || strcasestr(text, "guid") != NULL;
}

static Jsonb *
expand_once(Jsonb *template, Jsonb *data)
{
	Datum		arguments[3] = {JsonbPGetDatum(template), JsonbPGetDatum(data), 0};
	Datum		value = call("teams_expand(teams_json,teams_json,text)", 3, arguments);

	return value == (Datum) 0 ? NULL : DatumGetJsonbP(value);
}

static void
expand(Jsonb *template, Jsonb *data)
{
	Jsonb	   *first = expand_once(template, data);
	Jsonb	   *second;

	if (first != NULL)
		require_jsonb(first);
	if (is_random(JsonbToCString(NULL, &template->root, 0)))
		return;
	second = expand_once(template, data);
	REQUIRE((first == NULL) == (second == NULL));
	REQUIRE(first == NULL ||
			(VARSIZE(first) == VARSIZE(second) &&
			 memcmp(first, second, VARSIZE(first)) == 0));
}

void
fuzz_template(char *input)
{
	Jsonb	   *template = outline_to_jsonb(&input);

	expand(template, outline_to_jsonb(&input));
}

/* As a value, in a condition and within a text. */
void
fuzz_expression(char *input)
{
	const char *expression = next_line(&input);
	StringInfoData json;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "${%s}", expression);
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"text\": ");
	escape_json(&json, psprintf("a %s b", text.data));
	appendStringInfoString(&json, ", \"when\": [{\"a\": 1, \"$when\": ");
	escape_json(&json, text.data);
	appendStringInfoString(&json, "}], \"value\": ");
	escape_json(&json, text.data);
	appendStringInfoChar(&json, '}');
	expand(jsonb_of(json.data), outline_to_jsonb(&input));
}
