/*
 * connector_check.c
 *	  What makes an activity acceptable (contract 8).
 */
#include "connector/connector_check.h"

#include <string.h>

static bool
one_of(const json_t *value, const char *const *words)
{
	if (value == NULL)
		return true;
	for (; *words != NULL && json_is_string(value); words++)
	{
		if (strcmp(json_string_value(value), *words) == 0)
			return true;
	}
	return false;
}

/* An attachment has a type, and a card's content is an object. */
static bool
attachments_are_fine(const json_t *attachments)
{
	size_t		i;
	const json_t *attachment;

	if (attachments == NULL)
		return true;
	if (!json_is_array(attachments))
		return false;
	json_array_foreach(attachments, i, attachment)
	{
		const json_t *content = json_object_get(attachment, "content");
		const char *type = json_string_value(json_object_get(attachment,
															 "contentType"));

		if (type == NULL || *type == '\0')
			return false;
		if (content != NULL && !json_is_object(content))
			return false;
		if (strncmp(type, "application/vnd.microsoft.card.", 31) == 0 &&
			content == NULL)
			return false;
	}
	return true;
}

/* The error code for an activity, or NULL; *message says what is wrong. */
const char *
sim_activity_problem(const json_t *activity, const char **message)
{
	static const char *const formats[] = {"plain", "markdown", "xml", NULL};
	static const char *const grades[] = {"low", "normal", "high", NULL};
	const char *type = json_string_value(json_object_get(activity, "type"));
	const json_t *text = json_object_get(activity, "text");
	const json_t *attachments = json_object_get(activity, "attachments");

	*message = "The activity has no type.";
	if (type == NULL || *type == '\0')
		return "MissingProperty";
	*message = "The activity's text, textFormat, importance or attachments"
		" are malformed.";
	if ((text != NULL && !json_is_string(text)) ||
		!one_of(json_object_get(activity, "textFormat"), formats) ||
		!one_of(json_object_get(activity, "importance"), grades) ||
		!attachments_are_fine(attachments))
		return "BadArgument";
	*message = "The message has neither text nor attachments.";
	if (strcmp(type, "message") == 0 && json_string_length(text) == 0 &&
		json_array_size(attachments) == 0)
		return "BadSyntax";
	return NULL;
}

/* Its size as the service counts it: bytes of UTF-16, without images. */
size_t
sim_activity_size(const char *text, size_t length, const json_t *activity)
{
	const json_t *attachments = json_object_get(activity, "attachments");
	size_t		units = 0;
	size_t		i;
	const json_t *attachment;

	for (size_t j = 0; j < length; j++)
	{
		unsigned char byte = (unsigned char) text[j];

		/* One unit per character, two for those of four bytes. */
		if ((byte & 0xc0) != 0x80)
			units += byte >= 0xf0 ? 2 : 1;
	}
	json_array_foreach(attachments, i, attachment)
	{
		const json_t *url = json_object_get(attachment, "contentUrl");

		if (json_is_string(url) &&
			strncmp(json_string_value(url), "data:image/", 11) == 0)
			units -= json_string_length(url) < units ?
				json_string_length(url) : units;
	}
	return 2 * units;
}
