/*
 * transcript.c
 *	  The chats as a person would read them.
 */
#include "admin/admin.h"
#include "base/memory.h"
#include "base/table.h"
#include "tenant/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct ChatLines
{
	const SimChat *chat;
	const SimMessage **messages;
	size_t		used;
	size_t		size;
	struct ChatLines *next;
} ChatLines;

static void
print_time(FILE *out, int64_t at_ns)
{
	time_t		at = (time_t) (at_ns / 1000000000);
	struct tm	parts;
	char		text[16];

	localtime_r(&at, &parts);
	strftime(text, sizeof(text), "%H:%M:%S", &parts);
	fputs(text, out);
}

/* A text of several lines stays below its first one. */
static void
print_indented(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
	{
		fputc(*text, out);
		if (*text == '\n')
			fputs("            ", out);
	}
	fputc('\n', out);
}

static void
print_message(FILE *out, const SimMessage *message)
{
	json_t	   *activity = json_loads(message->activity, 0, NULL);
	const char *text = json_string_value(json_object_get(activity, "text"));
	const char *summary = json_string_value(json_object_get(activity,
															"summary"));
	const json_t *attachment =
		json_array_get(json_object_get(activity, "attachments"), 0);
	const char *type = json_string_value(json_object_get(attachment,
														 "contentType"));

	fputs("  ", out);
	print_time(out, message->received_at_ns);
	fprintf(out, "  %s%s: ",
			message->root != 0 && message->root != message->id ? "  " : "",
			message->bot->display_name);
	if (message->deleted)
		fputs("(deleted) ", out);
	else if (message->edits > 0)
		fputs("(edited) ", out);
	if (text != NULL && *text != '\0')
		print_indented(out, text);
	if (attachment != NULL)
	{
		fprintf(out, "[%s]", type != NULL ? type : "attachment");
		print_indented(out, summary != NULL ? summary : "");
	}
	else if (text == NULL || *text == '\0')
		fprintf(out, "[%s]\n",
				json_string_value(json_object_get(activity, "type")));
	json_decref(activity);
}

/* A channel or a group chat. */
static void
print_shared_head(FILE *out, const SimChat *chat)
{
	const SimGroup *group = chat->group;

	if (sim_chat_is_channel(chat))
		fprintf(out, "%s > %s\n", group->display_name, chat->name);
	else
		fprintf(out, "%s <%s>\n", group->display_name, chat->id);
}

static void
print_head(FILE *out, const SimChat *chat)
{
	const SimUser *user = chat->user;
	const SimInstallation *installation;
	char	   *who;

	if (user == NULL)
	{
		print_shared_head(out, chat);
		return;
	}
	who = sim_format("%s <%s>", user->display_name, user->upn);
	fprintf(out, "%-40s [%s ", who, chat->bot->display_name);
	installation = user->target.installations;
	while (installation != NULL && installation->chat != chat)
		installation = installation->next;
	if (installation != NULL)
	{
		fputs("was installed at ", out);
		print_time(out, installation->installed_at_ns);
	}
	else
		fputs("is not installed any more", out);
	fputs("]\n", out);
	free(who);
}

static void
add_line(ChatLines *lines, const SimMessage *message)
{
	if (lines->used == lines->size)
	{
		lines->size = lines->size > 0 ? lines->size * 2 : 4;
		lines->messages = sim_realloc(lines->messages,
									  lines->size * sizeof(SimMessage *));
	}
	lines->messages[lines->used++] = message;
}

/* The chats with messages, in the order of the first one of each. */
static ChatLines *
collect(SimTable *table)
{
	ChatLines  *first = NULL;
	ChatLines **end = &first;

	for (size_t i = 0; i < sim_messages.used; i++)
	{
		const SimMessage *message = sim_messages.items[i];
		ChatLines  *lines = sim_table_get(table, message->chat->id);

		if (lines == NULL)
		{
			lines = sim_alloc(sizeof(ChatLines));
			lines->chat = message->chat;
			sim_table_put(table, lines->chat->id, lines);
			*end = lines;
			end = &lines->next;
		}
		add_line(lines, message);
	}
	return first;
}

/* Those who have the app, but were told nothing yet. */
static void
print_silent_chats(FILE *out, const SimTable *table)
{
	for (size_t i = 0; i < sim_installations.used; i++)
	{
		const SimInstallation *installation = sim_installations.items[i];

		if (installation->chat == NULL ||
			sim_table_get(table, installation->chat->id) != NULL)
			continue;
		print_head(out, installation->chat);
		fputs("  (no messages)\n", out);
	}
}

/* The chats as a person would read them; to be freed. */
char *
sim_transcript(void)
{
	char	   *text;
	size_t		length;
	FILE	   *out = open_memstream(&text, &length);
	SimTable	table = {0};
	ChatLines  *lines = collect(&table);

	if (out == NULL)
		abort();
	while (lines != NULL)
	{
		ChatLines  *next = lines->next;

		print_head(out, lines->chat);
		for (size_t i = 0; i < lines->used; i++)
			print_message(out, lines->messages[i]);
		fputc('\n', out);
		lines = next;
	}
	print_silent_chats(out, &table);
	fclose(out);
	for (size_t i = 0; i < table.size; i++)
	{
		if (table.slots[i].key != NULL)
			free(((ChatLines *) table.slots[i].value)->messages);
	}
	sim_table_clear(&table, free);
	return text;
}
