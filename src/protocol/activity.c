/*
 * activity.c
 *	  What an activity must be like to be seen by somebody.
 *
 * The Bot Connector takes much of which nothing is shown, and answers that it
 * was sent: that is met here, whichever way an activity comes in.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/encoding.h"
#include "base/json.h"
#include "protocol/activity.h"

/* What the activity, an object, has by that name; NULL if it has nothing. */
static JsonbValue *
activity_member(Jsonb *activity, const char *name)
{
	JsonbValue	key;

	key.type = jbvString;
	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	return findJsonbValueFromContainer(&activity->root, JB_FOBJECT, &key);
}

static bool
is_word(const JsonbValue *value, const char *word)
{
	size_t		length = strlen(word);

	return (size_t) value->val.string.len == length &&
		memcmp(value->val.string.val, word, length) == 0;
}

/* What is wrong with its type, as activity_problem() says it. */
static const char *
type_problem(const JsonbValue *type, const char **hint)
{
	if (type == NULL || type->type != jbvString || type->val.string.len == 0)
	{
		*hint = "What people see is of type \"message\".";
		return "The activity has no \"type\".";
	}
	if (is_word(type, "message"))
		return NULL;
	if (is_word(type, "AdaptiveCard"))
	{
		*hint = "Make an activity of the card with teams_card().";
		return "It is an Adaptive Card, which an activity carries as an attachment.";
	}
	*hint = "Write \"message\", in lower case.";
	return psprintf("Its type is \"%.*s\", of which people see nothing.",
					pg_mbcliplen(type->val.string.val,
								 type->val.string.len, 64),
					type->val.string.val);
}

/* Is there something to read? */
static bool
has_text(const JsonbValue *text)
{
	if (text == NULL || text->type != jbvString)
		return false;
	for (int i = 0; i < text->val.string.len; i++)
		if (strchr(" \t\r\n", text->val.string.val[i]) == NULL)
			return true;
	return false;
}

/* Is there something to see besides? */
static bool
has_attachments(const JsonbValue *attachments)
{
	return attachments != NULL && attachments->type == jbvBinary &&
		JsonContainerIsArray(attachments->val.binary.data) &&
		JsonContainerSize(attachments->val.binary.data) > 0;
}

/*
 * What the Bot Connector would refuse or mishandle in an activity (contract
 * 4.2 and 8), as a sentence, or NULL if it is fine; *hint is what to do about
 * it.  Both are constants, or palloc'd.
 */
const char *
activity_problem(Jsonb *activity, const char **hint)
{
	JsonbValue *text;
	JsonbValue *attachments;
	const char *problem;

	if (!JB_ROOT_IS_OBJECT(activity))
	{
		*hint = "For a plain text, call teams_send(user_id text, text text).";
		return "An activity is a JSON object.";
	}
	problem = type_problem(activity_member(activity, "type"), hint);
	if (problem != NULL)
		return problem;
	text = activity_member(activity, "text");
	attachments = activity_member(activity, "attachments");
	if (!has_text(text) && !has_attachments(attachments))
	{
		*hint = "Give a \"text\", or build the activity with teams_text(), teams_card() or teams_image().";
		return "The activity has neither text nor attachments.";
	}
	if (text != NULL && text->type == jbvString && text->val.string.len > 0 &&
		has_attachments(attachments))
	{
		*hint = "Send two messages, or put the text into the card.";
		return "The activity has both text and attachments; Teams would split it into two messages without a usable id.";
	}
	return NULL;
}

/*
 * Is a text, in the database's encoding, what activity_problem() would take,
 * or an Adaptive Card, as JSON?  Then that is said as an error's message, and
 * *hint how to send it as what it is, and how to show the JSON.  NULL if it is
 * a text: most are, and those are not looked at beyond their first character.
 */
const char *
activity_text_problem(const char *text, const char **hint)
{
	bool		exact = true;
	const char *utf8;
	const char *type;

	if (text[strspn(text, " \t\r\n")] != '{')
		return NULL;
	utf8 = encoding_to_utf8(text, &exact);
	type = exact ?
		json_string(json_member(json_read(utf8, strlen(utf8), NULL), "type")) :
		NULL;
	if (type != NULL && pg_strcasecmp(type, "message") == 0)
	{
		*hint = "Give it as activity => $2::jsonb, or cast it to jsonb. If people shall read the JSON, give activity => teams_text(...).";
		return "message text is an activity";
	}
	if (type != NULL && pg_strcasecmp(type, "AdaptiveCard") == 0)
	{
		*hint = "Give activity => teams_card(...) with it. If people shall read the JSON, give activity => teams_text(...).";
		return "message text is an Adaptive Card";
	}
	return NULL;
}
