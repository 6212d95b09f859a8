/*
 * feed.c
 *	  What people see in Teams, as it happens.
 *
 * Each message, edit, deletion and installation is added to a file, which
 * "tail -f" shows: where and when, and then what it says, a card drawn as a
 * box.
 */
#include "show/feed.h"
#include "base/memory.h"
#include "show/card.h"
#include "show/lines.h"
#include "show/markup.h"
#include "tenant/message.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Columns; two panes of it and a prompt stand side by side. */
#define WIDTH 44

static FILE *feed;
static bool feed_styled;

/* The rule above a message: "── Ada Lovelace ─── 09:41:07 ──" */
static void
add_head(SimList *lines, const char *where, int64_t at_ns)
{
	time_t		at = (time_t) (at_ns / 1000000000);
	struct tm	parts;
	char		when[16];
	char	   *rule = sim_strdup("");
	char	   *name = sim_format("── %c%s%c ", SIM_BOLD, where, SIM_PLAIN);

	localtime_r(&at, &parts);
	strftime(when, sizeof(when), "%H:%M:%S", &parts);
	for (size_t used = sim_width(name) + strlen(when) + 4; used < WIDTH;
		 used++)
	{
		char	   *longer = sim_format("%s─", rule);

		free(rule);
		rule = longer;
	}
	sim_list_add(lines, sim_format("%s%s %s ──", name, rule, when));
	free(rule);
	free(name);
}

static char *
chat_name(const SimChat *chat)
{
	if (chat->user != NULL)
		return sim_strdup(chat->user->display_name);
	if (sim_chat_is_channel(chat))
		return sim_format("%s > %s", chat->group->display_name, chat->name);
	return sim_strdup(chat->group->display_name);
}

static void
write_lines(SimList *lines)
{
	for (size_t i = 0; i < lines->used; i++)
		sim_print_line(feed, lines->items[i], feed_styled);
	fputc('\n', feed);
	fflush(feed);
	sim_list_clear(lines, free);
}

static void
add_text(SimList *lines, char *text)
{
	sim_wrap(lines, text, WIDTH);
	free(text);
}

/* The beginning of what a message says, in a line; to be freed. */
static char *
excerpt(const char *json)
{
	json_t	   *activity = json_loads(json, 0, NULL);
	const char *summary = json_string_value(json_object_get(activity,
															"summary"));
	const char *text = json_string_value(json_object_get(activity, "text"));
	const char *format = json_string_value(json_object_get(activity,
														   "textFormat"));
	char	   *said = summary != NULL ? sim_strdup(summary) :
		sim_read_markup(text != NULL ? text : "", format);
	char	   *plain = said;
	SimList		lines = {0};
	char	   *result;

	/* Within a line nothing is bold. */
	for (const char *c = said; *c != '\0'; c++)
	{
		if (*c != SIM_BOLD && *c != SIM_PLAIN)
			*plain++ = *c;
	}
	*plain = '\0';
	sim_wrap(&lines, said, WIDTH - 14);
	result = sim_format("\"%s%s\"", (char *) lines.items[0],
						lines.used > 1 ? " ..." : "");
	sim_list_clear(&lines, free);
	free(said);
	json_decref(activity);
	return result;
}

static void
add_attachment(SimList *lines, const json_t *attachment)
{
	const char *type = json_string_value(json_object_get(attachment,
														 "contentType"));
	const char *name = json_string_value(json_object_get(attachment, "name"));

	if (type != NULL &&
		strcmp(type, "application/vnd.microsoft.card.adaptive") == 0)
		sim_draw_card(lines, json_object_get(attachment, "content"), WIDTH);
	else
		add_text(lines, sim_format("(%s%s%s)", type != NULL ? type : "file",
								   name != NULL ? ": " : "",
								   name != NULL ? name : ""));
}

static void
add_suggestions(SimList *lines, const json_t *activity)
{
	const json_t *actions = json_object_get(json_object_get(
		activity, "suggestedActions"), "actions");
	const json_t *action;
	size_t		i;

	json_array_foreach(actions, i, action)
	{
		const char *title = json_string_value(json_object_get(action,
															  "title"));

		add_text(lines, sim_format("[%s]", title != NULL ? title : ""));
	}
}

/* Who says it, how, and what is notified if that is not the text. */
static char *
opening(const SimMessage *message, const json_t *activity)
{
	const char *importance = json_string_value(json_object_get(activity,
															   "importance"));
	const char *summary = json_string_value(json_object_get(activity,
															"summary"));
	bool		has_card = json_array_size(json_object_get(activity,
														   "attachments")) > 0;

	return sim_format("%s%s%s%s%s%s:", message->bot->display_name,
					  message->edits > 0 ? " (edited)" : "",
					  importance != NULL && strcmp(importance, "high") == 0 ?
					  " (important)" : "",
					  has_card && summary != NULL ? " (notification: " : "",
					  has_card && summary != NULL ? summary : "",
					  has_card && summary != NULL ? ")" : "");
}

static void
add_thread(SimList *lines, const SimMessage *message)
{
	const SimMessage *root;
	char	   *said;

	if (message->root == 0 || message->root == message->id)
		return;
	root = sim_find_message(message->chat, message->root);
	if (root == NULL)
		return;
	said = excerpt(root->activity);
	add_text(lines, sim_format("in answer to %s", said));
	free(said);
}

static void
show_message(const SimMessage *message)
{
	json_t	   *activity = json_loads(message->activity, 0, NULL);
	const char *text = json_string_value(json_object_get(activity, "text"));
	const char *format = json_string_value(json_object_get(activity,
														   "textFormat"));
	const json_t *attachment;
	SimList		lines = {0};
	char	   *where = chat_name(message->chat);
	char	   *open = opening(message, activity);
	char	   *read = text != NULL ? sim_read_markup(text, format) : NULL;
	size_t		i;

	add_head(&lines, where, message->changed_at_ns > 0 ?
			 message->changed_at_ns : message->received_at_ns);
	add_thread(&lines, message);
	add_text(&lines, sim_format("%s%s%s", open, read != NULL ? " " : "",
								read != NULL ? read : ""));
	json_array_foreach(json_object_get(activity, "attachments"), i, attachment)
	{
		add_attachment(&lines, attachment);
	}
	add_suggestions(&lines, activity);
	write_lines(&lines);
	free(read);
	free(open);
	free(where);
	json_decref(activity);
}

static void
show_deletion(const SimMessage *message)
{
	SimList		lines = {0};
	char	   *where = chat_name(message->chat);
	char	   *said = excerpt(message->activity);

	add_head(&lines, where, message->changed_at_ns);
	add_text(&lines, sim_format("%s has deleted %s.",
								message->bot->display_name, said));
	write_lines(&lines);
	free(said);
	free(where);
}

static void
show_installation(const SimInstallation *installation, bool installed)
{
	const SimTarget *target = installation->target;
	const SimGroup *team = target->user == NULL ? sim_find_team(target->id) :
		NULL;
	const SimChat *chat = target->user == NULL && team == NULL ?
		sim_find_chat(target->id) : NULL;
	SimList		lines = {0};

	add_head(&lines, target->user != NULL ? target->user->display_name :
			 team != NULL ? team->display_name :
			 chat != NULL && chat->group != NULL ? chat->group->display_name :
			 target->id, sim_now_ns());
	add_text(&lines, sim_format("%s was %s.", installation->app->display_name,
								installed ? "installed" : "taken away"));
	write_lines(&lines);
}

/*
 * Add what happens from now on to that file; whether it could be opened.  In a
 * styled one, what is bold is marked as terminals want it.
 */
bool
sim_feed_open(const char *path, bool styled)
{
	/* Characters are not of equal width and length. */
	setlocale(LC_CTYPE, "C.UTF-8");
	feed = fopen(path, "a");
	feed_styled = styled;
	sim_on_message = show_message;
	sim_on_deletion = show_deletion;
	sim_on_installation = show_installation;
	return feed != NULL;
}
