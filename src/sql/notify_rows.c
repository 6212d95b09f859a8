/*
 * notify_rows.c
 *	  Which rows a trigger teams_notify() tells of, and whom.
 *
 * The condition, and what columns are as text, may call functions of others:
 * they are called with the rights of whoever changes the row, as those of
 * other triggers are.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#include "outbox/notifications.h"
#include "sql/notify.h"

/* ----------
 * Is it wanted?
 * ----------
 */

typedef struct Question
{
	const Firing *firing;
	HeapTuple	row;
	HeapTuple	old;
	bool		answer;
} Question;

static void
ask(void *argument)
{
	Question   *question = argument;
	const Firing *firing = question->firing;

	/* A row that is gone is the old one, and has no other version. */
	question->answer =
		condition_holds(firing->condition, firing->trigger, question->row,
						TRIGGER_FIRED_BY_DELETE(firing->trigger->tg_event) ?
						NULL : question->old);
}

/* Does the condition hold?  If that cannot be found out, on_error counts. */
static bool
is_wanted(const Firing *firing, HeapTuple row, HeapTuple old)
{
	Question	question = {firing, row, old, false};
	const char *data = NULL;

	if (firing->condition == NULL)
		return true;
	if (firing->options.only_warns)
		data = notify_data_of_row(firing, row, old);
	return notify_try(firing, data, ask, &question) && question.answer;
}

/* ----------
 * For whom is it?
 * ----------
 */

/* Rows that were read so far. */
typedef struct Rows
{
	NotifyRow  *rows;
	int			count;
	int			room;
} Rows;

/* A target as it is stored: users and teams in lower case. */
static const char *
fold_target(const Firing *firing, const char *target)
{
	if (target == NULL || firing->options.target == NOTIFY_CHAT)
		return target;
	return asc_tolower(target, strlen(target));
}

/* Once for each recipient. */
static void
add_row(const Firing *firing, HeapTuple tuple, int number, Rows *rows)
{
	TupleDesc	desc = RelationGetDescr(firing->trigger->tg_relation);
	const char *bot = notify_value(&firing->options, NOTIFY_BOT, tuple, desc);
	ListCell   *cell;

	foreach(cell, notify_targets(&firing->options, tuple, desc))
	{
		NotifyRow  *row;

		if (rows->count == rows->room)
			rows->rows = repalloc_huge(rows->rows,
									   (rows->room *= 2) * sizeof(NotifyRow));
		row = &rows->rows[rows->count++];
		row->tuple = tuple;
		row->target = fold_target(firing, lfirst(cell));
		row->bot = bot != NULL ? bot : "default";
		row->person = row->target != NULL ? row->target : "";
		row->recipient = "";
		row->number = number;
	}
}

static int
compare_names(const void *a, const void *b)
{
	const NotifyRow *x = a;
	const NotifyRow *y = b;
	int			order = strcmp(x->bot, y->bot);

	return order != 0 ? order : strcmp(x->person, y->person);
}

/* Rows with the same bot, by their names, of which there are several. */
static void
find_people(NotifyRow *rows, int count)
{
	const char **names = palloc(count * sizeof(char *));
	int			different = 0;
	char	  **people;

	for (int i = 0; i < count; i++)
		if (i == 0 || strcmp(rows[i].person, rows[i - 1].person) != 0)
			names[different++] = rows[i].person;
	if (different < 2)
		return;
	people = outbox_find_people(rows[0].bot, names, different);
	for (int i = 0, name = 0; i < count; i++)
	{
		if (strcmp(rows[i].person, names[name]) != 0)
			name++;
		rows[i].person = people[name];
	}
}

/* One person by name and by object id is one. */
static void
name_people(const Firing *firing, Rows *rows)
{
	if (firing->options.target != NOTIFY_TO || rows->count < 2)
		return;
	qsort(rows->rows, rows->count, sizeof(NotifyRow), compare_names);
	for (int first = 0, next; first < rows->count; first = next)
	{
		for (next = first + 1; next < rows->count; next++)
			if (strcmp(rows->rows[next].bot, rows->rows[first].bot) != 0)
				break;
		find_people(&rows->rows[first], next - first);
	}
}

/*
 * A part of a text by which rows are told apart; NULL is none.  With its
 * length in front no text looks like two.
 */
void
notify_append_part(StringInfo text, const char *part)
{
	appendStringInfoChar(text, '\x01');
	if (part != NULL)
		appendStringInfo(text, "%zu:%s", strlen(part), part);
}

/*
 * Rows with the same go into the same digest.  It begins with the person, in
 * whose name no control character is.
 */
static const char *
recipient_of(const Firing *firing, const NotifyRow *row)
{
	static const NotifyOption others[] = {
		NOTIFY_CHANNEL, NOTIFY_THREAD, NOTIFY_LOCALE
	};
	TupleDesc	desc = RelationGetDescr(firing->trigger->tg_relation);
	StringInfoData recipient;

	initStringInfo(&recipient);
	appendStringInfoString(&recipient, row->person);
	notify_append_part(&recipient, row->bot);
	for (size_t i = 0; i < lengthof(others); i++)
		notify_append_part(&recipient,
						   notify_value(&firing->options, others[i],
										row->tuple, desc));
	return recipient.data;
}

/*
 * By recipient, and then in the order in which the statement has changed them.
 */
static int
compare_rows(const void *a, const void *b)
{
	const NotifyRow *x = a;
	const NotifyRow *y = b;
	int			order = strcmp(x->recipient, y->recipient);

	return order != 0 ? order : x->number - y->number;
}

static void
sort_by_recipient(const Firing *firing, Rows *rows)
{
	name_people(firing, rows);
	for (int i = 0; i < rows->count; i++)
		rows->rows[i].recipient = recipient_of(firing, &rows->rows[i]);
	qsort(rows->rows, rows->count, sizeof(NotifyRow), compare_rows);
}

static Rows
no_rows(int room)
{
	Rows		rows = {palloc(room * sizeof(NotifyRow)), 0, room};

	return rows;
}

/* A row, once for each of its recipients, side by side; old may be NULL. */
NotifyRow *
notify_expand_row(const Firing *firing, HeapTuple row, HeapTuple old,
				  int *count)
{
	Rows		rows = no_rows(1);

	if (is_wanted(firing, row, old))
		add_row(firing, row, 0, &rows);
	if (rows.count > 1 || firing->options.digest != NULL)
		sort_by_recipient(firing, &rows);
	*count = rows.count;
	return rows.rows;
}

/*
 * The rows that a statement has changed, those of one recipient side by side;
 * read as a scan of them does it.
 */
NotifyRow *
notify_read_rows(const Firing *firing, Tuplestorestate *store, int *count)
{
	TupleDesc	desc = RelationGetDescr(firing->trigger->tg_relation);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	int			pointer = tuplestore_alloc_read_pointer(store,
														EXEC_FLAG_REWIND);
	Rows		rows = no_rows(64);
	int			number = 0;

	tuplestore_select_read_pointer(store, pointer);
	tuplestore_rescan(store);
	while (tuplestore_gettupleslot(store, true, false, slot))
	{
		HeapTuple	tuple = ExecCopySlotHeapTuple(slot);

		CHECK_FOR_INTERRUPTS();
		if (is_wanted(firing, tuple, NULL))
			add_row(firing, tuple, number++, &rows);
		else
			heap_freetuple(tuple);
		tuplestore_select_read_pointer(store, pointer);
	}
	tuplestore_select_read_pointer(store, 0);
	ExecDropSingleTupleTableSlot(slot);
	sort_by_recipient(firing, &rows);
	*count = rows.count;
	return rows.rows;
}
