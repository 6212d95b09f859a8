/*
 * words.c
 *	  The words that the tables have for what the C code knows as enums.
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "lib/stringinfo.h"

#include "base/words.h"

#define WORD_LIST(words) {words, lengthof(words)}

static const char *const scopes[] = {
	[SCOPE_USER] = "user",
	[SCOPE_TEAM] = "team",
	[SCOPE_CHAT] = "chat",
	[SCOPE_CHANNEL] = "channel"
};

static const char *const priorities[] = {
	[PRIORITY_HIGH] = "high",
	[PRIORITY_NORMAL] = "normal",
	[PRIORITY_LOW] = "low"
};

static const char *const deliveries[] = {
	[DELIVERY_AT_LEAST_ONCE] = "at-least-once",
	[DELIVERY_AT_MOST_ONCE] = "at-most-once"
};

static const char *const fates[] = {
	[FATE_SENT] = "sent",
	[FATE_FAILED] = "failed",
	[FATE_CANCELLED] = "cancelled",
	[FATE_EXPIRED] = "expired"
};

static const char *const install_states[] = {
	[INSTALL_INSTALLED] = "installed",
	[INSTALL_INSTALLING] = "installing",
	[INSTALL_STALE] = "stale",
	[INSTALL_ABSENT] = "absent",
	[INSTALL_REMOVED] = "removed",
	[INSTALL_UNINSTALLED] = "uninstalled",
	[INSTALL_BLOCKED] = "blocked",
	[INSTALL_REFUSED] = "refused",
	[INSTALL_UNKNOWN] = "unknown",
	[INSTALL_FAILED] = "failed",
	[INSTALL_UNVERIFIED] = "unverified"
};

static const char *const broadcast_states[] = {
	[BROADCAST_DRAFT] = "draft",
	[BROADCAST_RUNNING] = "running",
	[BROADCAST_PAUSED] = "paused",
	[BROADCAST_DONE] = "done",
	[BROADCAST_CANCELLED] = "cancelled"
};

static const char *const list_sources[] = {
	[LIST_PEOPLE] = "people",
	[LIST_MEMBERS] = "members",
	[LIST_OWNERS] = "owners",
	[LIST_ROSTER] = "roster"
};

const WordList scope_words = WORD_LIST(scopes);
const WordList priority_words = WORD_LIST(priorities);
const WordList delivery_words = WORD_LIST(deliveries);
const WordList fate_words = WORD_LIST(fates);
const WordList install_state_words = WORD_LIST(install_states);
const WordList list_source_words = WORD_LIST(list_sources);
const WordList broadcast_state_words = WORD_LIST(broadcast_states);

/*
 * The value of a word of that length, which need not end in a zero byte; -1 if
 * the list does not have it.
 */
int
words_find(const WordList *list, const char *word, size_t length)
{
	for (int i = 0; i < list->count; i++)
		if (strlen(list->words[i]) == length &&
			memcmp(list->words[i], word, length) == 0)
			return i;
	return -1;
}

/* The word of a value; a constant. */
const char *
words_name(const WordList *list, int value)
{
	Assert(value >= 0 && value < list->count);
	return list->words[value];
}

/* All of them for a person to read, as in "high, normal and low"; palloc'd. */
char *
words_enumerate(const WordList *list)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < list->count; i++)
	{
		if (i > 0)
			appendStringInfoString(&text, i < list->count - 1 ? ", " : " and ");
		appendStringInfoString(&text, list->words[i]);
	}
	return text.data;
}
