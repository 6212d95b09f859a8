/*
 * worker.c
 *	  The process that sends the messages of one database.
 *
 * It holds no transaction, lock or snapshot while it waits, and it waits in
 * one place, http_wait(), which ends at once for a commit, a signal or a
 * reply.  A request to end is met between two steps: nothing new is started,
 * what is on the wire gets a moment to come back, and what has come back is
 * written; the ledger knows the rest.
 *
 * The launcher has filled a slot for it and reads there how it ended: stopped,
 * to be started again; absent, as the extension is not there; or failed, which
 * is what it is until the worker knows better.
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/compat.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/pmsignal.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "http/http.h"
#include "outbox/session.h"
#include "server/slot.h"
#include "server/wake.h"
#include "worker/delivery.h"

/* Free memory that stays with the process. */
#define KEPT_MEMORY (8 * 1024 * 1024)

/* Delay after an error before the next try. */
#define ERROR_DELAY_MS 1000

/* How often to log an error that does not go away. */
#define REPEAT_ERROR_MS 60000

/* How often to look whether a teams_drain() has ended. */
#define DRAIN_POLL_MS 500

PGDLLEXPORT void teams_worker_main(Datum arg);

static Slot *my_slot = NULL;
static SlotState exit_state = SLOT_FAILED;
static MemoryContext loop_context;	/* reset after each step */

/* ----------
 * Signals
 * ----------
 */

/* However the process ends, the launcher is told. */
static void
leave_slot(int code pg_attribute_unused(), Datum arg pg_attribute_unused())
{
	slot_detach(my_slot, exit_state);
}

/*
 * Between two steps.  There is nothing to cancel then; within a transaction
 * there may be, as the signal for that is also how lock_timeout works.
 */
static void
check_interrupts(void)
{
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
	if (!PostmasterIsAlive())
		proc_exit(1);
}

/*
 * SIGTERM.  Within a transaction the worker may wait for a lock or a standby:
 * that ends, too, and what it was for is left to the next worker.
 */
static void
request_stop(SIGNAL_ARGS pg_attribute_unused())
{
	int			save_errno = errno;

	ShutdownRequestPending = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
	errno = save_errno;
}

/* Has somebody asked for the end: by a signal, or DDL by the slot? */
static bool
must_stop(void)
{
	return ShutdownRequestPending ||
		pg_atomic_read_u32(&my_slot->stop) != 0;
}

static void
set_up_signals(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGINT, StatementCancelHandler);
	pqsignal(SIGTERM, request_stop);
	BackgroundWorkerUnblockSignals();
}

/* ----------
 * One step
 * ----------
 */

/* Say in pg_stat_activity what there is to do, if that has changed. */
static void
report_activity(void)
{
	static int	last_in_memory = -1;
	static int	last_in_flight = -1;
	int			in_memory;
	int			in_flight;
	char		activity[100];

	delivery_counts(&in_memory, &in_flight);
	if (in_memory == last_in_memory && in_flight == last_in_flight)
		return;
	last_in_memory = in_memory;
	last_in_flight = in_flight;
	if (in_memory == 0)
	{
		pgstat_report_activity(STATE_IDLE, NULL);
		return;
	}
	snprintf(activity, sizeof(activity),
			 "sending: %d on the wire, %d more in memory",
			 in_flight, in_memory - in_flight);
	pgstat_report_activity(STATE_RUNNING, activity);
}

/* Log an error, but one that comes every second only once a minute. */
static void
report_error(void)
{
	static char last_message[256];
	static TimestampTz last_at = 0;
	ErrorData  *error = CopyErrorData();
	TimestampTz now = GetCurrentTimestamp();

	if (strncmp(error->message, last_message,
				sizeof(last_message) - 1) != 0 ||
		TimestampDifferenceExceeds(last_at, now, REPEAT_ERROR_MS))
	{
		EmitErrorReport();
		strlcpy(last_message, error->message, sizeof(last_message));
		last_at = now;
	}
	FlushErrorState();
	slot_note_error(my_slot, error->message);
}

/* Pass on what commits and sessions have told since the last step. */
static void
take_wake_ups(void)
{
	WakeUp		wake_up;

	if (wake_take(my_slot, &wake_up))
		delivery_wake(&wake_up);
}

/* Read the settings anew if they have changed: what failed may go well now. */
static void
take_settings(void)
{
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	delivery_try_again();
}

/*
 * Do what can be done in delivery; *timeout_ms is until there is more, as from
 * delivery_advance().  An error in its transaction ends neither the worker nor
 * what it has in memory: it is logged, and the step is tried again after a
 * rest.
 */
static DeliveryStep
advance_delivery(long *timeout_ms)
{
	static TimestampTz rests_until = 0;
	volatile DeliveryStep step = DELIVERY_GOES_ON;

	/* What comes meanwhile wakes it up, but must not make it run hot. */
	*timeout_ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
												  rests_until);
	if (*timeout_ms > 0 && !must_stop())
		return step;
	PG_TRY();
	{
		step = delivery_advance(timeout_ms);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(loop_context);
		HOLD_INTERRUPTS();
		if (must_stop() && geterrcode() == ERRCODE_QUERY_CANCELED)
			FlushErrorState();
		else
			report_error();
		session_abort();
		MemoryContextSwitchTo(loop_context);
		RESUME_INTERRUPTS();
		*timeout_ms = ERROR_DELAY_MS;
		rests_until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												  ERROR_DELAY_MS);
	}
	PG_END_TRY();
	return step;
}

/* Become the one that sends; a teams_drain() may be under way. */
static bool
wait_for_outbox(void)
{
	while (!session_own_outbox())
	{
		http_wait(DRAIN_POLL_MS);
		check_interrupts();
		if (must_stop())
			return false;
	}
	return true;
}

/*
 * Until something happens.  Senders wake the worker only for what it could
 * begin with: a signal for each commit would cost them, and a busy one looks
 * anyway.
 */
static void
wait_for_events(long timeout_ms)
{
	if (timeout_ms == 0 || (delivery_has_room() && !wake_listen(my_slot)))
		http_poll();
	else
		http_wait(timeout_ms);
	wake_stop_listening(my_slot);
}

/*
 * Is the database a copy, for which nobody has spoken?  It has no worker until
 * one of its bots is configured or resumed there: whoever may copy databases
 * would take the slots of all others.
 */
static bool
is_silent_copy(void)
{
	return delivery_is_away() && pg_atomic_read_u32(&my_slot->reload) == 0;
}

/* ----------
 * The process
 * ----------
 */

/*
 * Send until told to end, or until there is nobody to send for.  If it is the
 * extension that has gone, another worker shall see whether a new one has
 * come.
 */
static SlotState
serve(void)
{
	for (;;)
	{
		long		timeout_ms;

		MemoryContextSwitchTo(loop_context);
		check_interrupts();
		if (must_stop())
			return SLOT_STOPPED;
		take_settings();
		take_wake_ups();
		if (advance_delivery(&timeout_ms) == DELIVERY_EXTENSION_GONE)
			return SLOT_STOPPED;
		if (is_silent_copy())
			return SLOT_ABSENT;
		report_activity();
		wait_for_events(timeout_ms);
		MemoryContextReset(loop_context);
	}
}

/* Milliseconds, 0 if it has passed. */
static long
time_left(TimestampTz deadline)
{
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
}

/* The end must wait neither for a lock nor for a standby. */
static void
limit_waits(long left_ms)
{
	char		timeout[32];

	snprintf(timeout, sizeof(timeout), "%ldms", Max(1, left_ms));
	SetConfigOption("lock_timeout", timeout, PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("synchronous_commit", "local", PGC_USERSET,
					PGC_S_OVERRIDE);
}

/*
 * Wait for answers for as long as teams_proactive.shutdown_grace, and write
 * what has come; the ledger has the rest.
 */
static void
finish_delivery(void)
{
	TimestampTz deadline;

	delivery_stop();
	deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
										   settings_shutdown_grace);
	for (;;)
	{
		long		timeout_ms;
		long		left;

		MemoryContextSwitchTo(loop_context);
		QueryCancelPending = false;
		limit_waits(time_left(deadline));
		if (advance_delivery(&timeout_ms) == DELIVERY_EXTENSION_GONE)
			return;
		left = time_left(deadline);
		if (delivery_is_quiet() || left <= 0)
			return;
		http_wait(timeout_ms < 0 ? left : Min(left, timeout_ms));
		MemoryContextReset(loop_context);
	}
}

/* What each step takes and gives back shall not trouble the kernel. */
static void
keep_freed_memory(void)
{
#ifdef M_TRIM_THRESHOLD
	mallopt(M_TRIM_THRESHOLD, KEPT_MEMORY);
#endif
}

/*
 * Where the launcher starts a worker, for the database of the slot that has
 * that number.  What libcurl holds goes with the process.
 */
void
teams_worker_main(Datum arg)
{
	my_slot = slot_attach(DatumGetInt32(arg));
	if (my_slot == NULL)
		return;
	before_shmem_exit(leave_slot, (Datum) 0);

	keep_freed_memory();
	set_up_signals();
	BackgroundWorkerInitializeConnectionByOid(my_slot->database, InvalidOid,
											  0);
	session_attach_worker();
	if (!session_has_extension())
	{
		exit_state = SLOT_ABSENT;
		proc_exit(0);
	}
	slot_confirm(my_slot);

	loop_context = AllocSetContextCreate(TopMemoryContext,
										 "teams_proactive worker loop",
										 ALLOCSET_DEFAULT_SIZES);
	delivery_open(SESSION_WORKER, my_slot);
	if (wait_for_outbox())
	{
		SlotState	state = serve();

		finish_delivery();
		exit_state = state;
	}
	else
		exit_state = SLOT_STOPPED;
	proc_exit(0);
}
