/*
 * settle.c
 *	  Outcomes that wait to be written.
 *
 * Many outcomes are written by few statements in one transaction.  Until that
 * has committed they stay here, whatever goes wrong with it, since nobody else
 * knows what the services have answered.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "outbox/fates.h"
#include "outbox/ledger.h"
#include "outbox/locks.h"
#include "worker/settle.h"

typedef struct Record
{
	dlist_node	node;
	Outcome		outcome;
	Message    *message;
	LedgerBatch *batch;			/* NULL: it was not in the ledger */
	bool		is_left;		/* as somebody has its row */
} Record;

typedef struct InstallationRecord
{
	dlist_node	node;
	OutboxInstallation installation;
} InstallationRecord;

static MemoryContext window_context;
static MemoryContext settle_context;
static dlist_head records;
static dlist_head installations;
static int	record_count;
static int	installation_count;
static int64 ended_from;			/* the first that was not postponed, or
									 * 0 */
static int	written_count;		/* what the last settle_write() has seen */
static TimestampTz first_at;

/* Nothing waits to be written. */
static void
start_anew(void)
{
	dlist_init(&records);
	dlist_init(&installations);
	record_count = 0;
	installation_count = 0;
	first_at = 0;
}

/*
 * Start with nothing to be written.  Batches live in the context, records in
 * one of their own, as they go together.
 */
void
settle_open(MemoryContext context)
{
	window_context = context;
	settle_context = AllocSetContextCreate(context, "teams_proactive outcomes",
										   ALLOCSET_DEFAULT_SIZES);
	start_anew();
}

/*
 * A batch that was entered into the ledger with so many messages.  It is freed
 * with the last of these.
 */
LedgerBatch *
settle_new_batch(int64 id, int messages)
{
	LedgerBatch *batch = MemoryContextAlloc(window_context,
											sizeof(LedgerBatch));

	batch->id = id;
	batch->open = messages;
	batch->unwritten = messages;
	return batch;
}

/* ----------
 * Recording
 * ----------
 */

/* A copy that lives until the records are written. */
static const char *
keep_text(const char *text)
{
	return text ? MemoryContextStrdup(settle_context, text) : NULL;
}

/* A record for the message, whose outcome the caller fills in. */
static Outcome *
add_record(Message *message)
{
	Record	   *record = MemoryContextAllocZero(settle_context,
												sizeof(Record));

	record->message = message;
	record->outcome.id = message->id;
	record->batch = message->batch;
	if (record->batch != NULL)
		record->batch->open--;
	dlist_push_tail(&records, &record->node);
	record_count++;
	if (first_at == 0)
		first_at = GetCurrentTimestamp();
	return &record->outcome;
}

/*
 * The message was sent, or what it asked for was done.  The ids are those of
 * the activity and its conversation, and are copied; NULL if there is none.
 */
void
settle_sent(Message *message, const char *conversation_id,
			const char *activity_id)
{
	Outcome    *outcome = add_record(message);

	outcome->is_final = true;
	outcome->fate = FATE_SENT;
	outcome->is_attempt = true;
	outcome->conversation_id = keep_text(conversation_id);
	outcome->activity_id = keep_text(activity_id);
	window_settling(message);
}

/* Strings of the failure are copied. */
static void
describe(Outcome *outcome, const Failure *failure)
{
	outcome->is_attempt = failure->is_attempt;
	outcome->doubtful = failure->doubtful;
	outcome->error_code = keep_text(failure->code);
	outcome->error = keep_text(failure->error);
	outcome->hint = keep_text(failure->hint);
	outcome->correlation_id = keep_text(failure->correlation_id);
}

/* It is over without success; where it was to go is kept for people to see. */
static void
settle_unsent(Message *message, const Failure *failure, Fate fate)
{
	const char *chat = message_chat(message);
	Outcome    *outcome = add_record(message);

	describe(outcome, failure);
	outcome->doubtful |= failure->may_be_done;
	outcome->is_final = true;
	outcome->fate = fate;
	outcome->conversation_id = chat != NULL && *chat != '\0' ?
		keep_text(chat) : NULL;
	window_settling(message);
}

/* The message cannot succeed: it goes to the history as failed. */
void
settle_failed(Message *message, const Failure *failure)
{
	settle_unsent(message, failure, FATE_FAILED);
}

/* The message shall not be sent any more: the same, as cancelled. */
void
settle_cancelled(Message *message, const Failure *failure)
{
	settle_unsent(message, failure, FATE_CANCELLED);
}

/*
 * All that queue for a target fail for the same reason.  A job behind others
 * is a wish to try again, and what needs no target is not concerned.
 */
void
settle_all_failed(Target *target, const Failure *failure)
{
	Message    *message = target_first(target);

	if (message != NULL && kind_is_job(message->kind))
		settle_failed(message, failure);
	while ((message = target_first(target)) != NULL &&
		   message_needs_target(message) && !kind_is_job(message->kind))
		settle_failed(message, failure);
}

/*
 * The message is tried again as was decided; what queues behind it waits in
 * the table until then.  If that was the last attempt, it has failed.
 */
void
settle_retry(Message *message, Failure *failure, Retry retry)
{
	Target	   *target = message->target;
	Outcome    *outcome;

	failure->is_attempt = retry.counts;
	if (!retry.again)
	{
		settle_failed(message, failure);
		return;
	}
	outcome = add_record(message);
	describe(outcome, failure);
	outcome->due_at = retry_time(retry.delay);

	/* The retry itself brings the sweep back, when it becomes due. */
	message->retrying = false;
	message->state = MESSAGE_SETTLING;
	window_drop_queue(target);
	window_settling(message);
}

/*
 * Record what is known of a target, for teams_installation: that state, and
 * why it is in it, if there is an error.  A channel has the installation of
 * its team.
 */
void
settle_installation(const Target *target, InstallState state,
					const ServiceError *error, const char *hint)
{
	InstallationRecord *record = MemoryContextAllocZero(settle_context,
														sizeof(InstallationRecord));
	OutboxInstallation *installation = &record->installation;

	installation->bot = keep_text(target->bot->name);
	installation->scope = target->team ? SCOPE_TEAM : target->scope;
	installation->target = keep_text(target->team ? target->team : target->id);
	installation->state = state;
	installation->installation_id = keep_text(target->installation_id);
	installation->app_version = keep_text(target->app_version);
	if (target->team == NULL)
		installation->chat_id = keep_text(target->chat_id);
	installation->user_id = keep_text(target->user_id);
	installation->verify_at = target->verify_at;
	installation->installed_by_us = target->inquiry.installed_by_us;
	installation->hint = keep_text(hint);
	installation->job = target->inquiry.job_id;
	if (error != NULL)
	{
		installation->error_code = keep_text(error->code);
		installation->error = keep_text(error->message);
	}
	dlist_push_tail(&installations, &record->node);
	installation_count++;
	if (first_at == 0)
		first_at = GetCurrentTimestamp();
}

/* How many records wait to be written. */
int
settle_count(void)
{
	return record_count + installation_count;
}

/* Are there any of messages that are tried again? */
bool
settle_has_retries(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &records)
		if (!dlist_container(Record, node, iter.cur)->outcome.is_final)
			return true;
	return false;
}

/* Since when the oldest record waits; 0 if there is none. */
TimestampTz
settle_since(void)
{
	return first_at;
}

/* ----------
 * Writing
 * ----------
 */

/*
 * What was not on the wire may have been cancelled meanwhile, or somebody may
 * be about to.  It is left to them: others do not wait for it.
 */
static void
leave_what_is_taken(void)
{
	int64	   *ids = palloc(record_count * sizeof(int64));
	int			count = 0;
	int64	   *ours;
	int			nours;
	dlist_iter	iter;

	dlist_foreach(iter, &records)
	{
		Record	   *record = dlist_container(Record, node, iter.cur);

		if (record->batch == NULL)
			ids[count++] = record->outcome.id;
	}
	if (count == 0)
		return;
	nours = outbox_lock_free(ids, count, &ours);
	qsort(ours, nours, sizeof(int64), outbox_compare_ids);
	dlist_foreach(iter, &records)
	{
		Record	   *record = dlist_container(Record, node, iter.cur);

		record->is_left = record->batch == NULL &&
			bsearch(&record->outcome.id, ours, nours, sizeof(int64),
					outbox_compare_ids) == NULL;
	}
}

/*
 * Batches without a message that is still on the wire are closed; from others,
 * messages that go back to the outbox are taken.
 */
static void
write_ledger(void)
{
	int64	   *closed = palloc(record_count * sizeof(int64));
	int64	   *batches = palloc(record_count * sizeof(int64));
	int64	   *ids = palloc(record_count * sizeof(int64));
	int			nclosed = 0;
	int			nleft = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &records)
	{
		Record	   *record = dlist_container(Record, node, iter.cur);

		if (record->batch == NULL)
			continue;
		if (record->batch->open == 0)
			closed[nclosed++] = record->batch->id;
		else if (!record->outcome.is_final)
		{
			batches[nleft] = record->batch->id;
			ids[nleft++] = record->outcome.id;
		}
	}
	outbox_close_batches(closed, nclosed);
	outbox_leave_ledger(batches, nleft, ids, nleft);
}

/* What is final leaves the outbox, what is not gets its time there. */
static void
write_outcomes(void)
{
	Outcome   **final = palloc(record_count * sizeof(Outcome *));
	Outcome   **again = palloc(record_count * sizeof(Outcome *));
	int			nfinal = 0;
	int			nagain = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &records)
	{
		Record	   *record = dlist_container(Record, node, iter.cur);

		if (record->is_left)
			continue;
		if (record->outcome.is_final)
			final[nfinal++] = &record->outcome;
		else
			again[nagain++] = &record->outcome;
	}
	outbox_settle(final, nfinal);
	ended_from = outbox_postpone(again, nagain);
}

/* The last record of a target counts: a statement may write a row once. */
static void
write_installations(void)
{
	OutboxInstallation **last = palloc(installation_count *
									   sizeof(OutboxInstallation *));
	int			count = 0;
	dlist_iter	iter;

	dlist_reverse_foreach(iter, &installations)
	{
		OutboxInstallation *one = &dlist_container(InstallationRecord, node,
												   iter.cur)->installation;
		bool		seen = false;

		for (int i = 0; i < count && !seen; i++)
			seen = last[i]->scope == one->scope &&
				strcmp(last[i]->target, one->target) == 0 &&
				strcmp(last[i]->bot, one->bot) == 0;
		if (!seen)
			last[count++] = one;
	}
	outbox_save_installations(last, count);
}

/*
 * In a transaction, before anything is read: write all records.  They stay, in
 * case the transaction comes to nothing, until settle_written().
 */
void
settle_write(void)
{
	written_count = settle_count();
	ended_from = 0;
	if (record_count > 0)
	{
		leave_what_is_taken();
		write_outcomes();
		write_ledger();
	}
	if (installation_count > 0)
		write_installations();
}

/*
 * The transaction of settle_write() has been committed: forget the records,
 * and the messages with them.  Returns what was written.
 */
SettleCounts
settle_written(void)
{
	SettleCounts counts = {0};
	dlist_iter	iter;

	Assert(written_count == settle_count());
	dlist_foreach(iter, &records)
	{
		Record	   *record = dlist_container(Record, node, iter.cur);

		/* One to be tried again goes on to hold back those behind it. */
		if (record->is_left)
		{
			if (record->outcome.is_final)
				counts.left++;
			else
				record->message->comes_again = true;
		}
		else if (!record->outcome.is_final)
			counts.retried++;
		else if (record->outcome.fate == FATE_SENT)
			counts.sent++;
		else if (record->outcome.fate == FATE_FAILED)
			counts.failed++;
		else
			counts.cancelled++;
		window_forget(record->message);

		/* The last of a batch frees it. */
		if (record->batch != NULL && --record->batch->unwritten == 0)
			pfree(record->batch);
	}
	counts.look_from = ended_from;
	start_anew();
	MemoryContextReset(settle_context);
	return counts;
}
