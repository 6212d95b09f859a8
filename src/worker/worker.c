/*
 * worker.c
 *	  The process that sends the messages of one database.
 *
 * It holds no transaction, lock or snapshot while it waits, and it waits in
 * one place, http_wait(), which ends at once for a commit, a signal or a
 * reply.  A request to end is met between two steps: nothing new is started,
 * what is on the wire gets a moment to come back, and what has come back is
 * written; the ledger knows the rest.
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/compat.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
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
#include "worker/worker.h"

/* Free memory that stays with the process. */
#define KEPT_MEMORY (8 * 1024 * 1024)

/* Delay after an error before the next try. */
#define ERROR_DELAY_MS 1000

/* How often to log an error that does not go away. */
#define REPEAT_ERROR_MS 60000

/* How often a session that sends looks for what has committed late. */
#define DRAIN_LOOK_MS 1000

/* How often to look whether a teams_drain() has ended. */
#define DRAIN_POLL_MS 500

PGDLLEXPORT void teams_worker_main(Datum arg);

static Slot *my_slot = NULL;
static SlotState exit_state = SLOT_FAILED;
static MemoryContext loop_context;

static void
leave_slot(int code pg_attribute_unused(), Datum arg pg_attribute_unused())
{
	slot_detach(my_slot, exit_state);
}

/*
 * Outside a transaction there is nothing to cancel; inside, the signal for
 * that is also how lock_timeout works.
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
 * Within a transaction the worker may wait for a lock or a standby: that ends,
 * too, and what it was for is left to the next worker.
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

static bool
must_stop(void)
{
	return ShutdownRequestPending ||
		pg_atomic_read_u32(&my_slot->stop) != 0;
}

/* Say in pg_stat_activity what there is to do. */
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

static void
take_wake_ups(Slot *slot)
{
	WakeUp		wake_up;

	if (wake_take(slot, &wake_up))
		delivery_wake(&wake_up);
}

/*
 * One step of delivery.  An error in its transaction ends neither the worker
 * nor what it has in memory: it is logged, and the step is tried again.
 */
static DeliveryStep
advance(long *timeout_ms)
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
 * Send until told to end.  A copy of the database has no worker until one of
 * its bots is configured or resumed there: whoever may copy databases would
 * take the slots of all others.
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
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			delivery_try_again();
		}
		take_wake_ups(my_slot);
		if (advance(&timeout_ms) == DELIVERY_EXTENSION_GONE)
			return SLOT_STOPPED;
		if (delivery_is_away() && pg_atomic_read_u32(&my_slot->reload) == 0)
			return SLOT_ABSENT;
		report_activity();
		wait_for_events(timeout_ms);
		MemoryContextReset(loop_context);
	}
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

/* Wait for answers, and write what has come; the ledger has the rest. */
static void
finish(void)
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
		limit_waits(TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
													deadline));
		if (advance(&timeout_ms) == DELIVERY_EXTENSION_GONE)
			return;
		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
											   deadline);
		if (delivery_is_quiet() || left <= 0)
			return;
		http_wait(timeout_ms < 0 ? left : Min(left, timeout_ms));
		MemoryContextReset(loop_context);
	}
}

static void
set_up_signals(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGINT, StatementCancelHandler);
	pqsignal(SIGTERM, request_stop);
	BackgroundWorkerUnblockSignals();
}

void
teams_worker_main(Datum arg)
{
	my_slot = slot_attach(DatumGetInt32(arg));
	if (my_slot == NULL)
		return;
	before_shmem_exit(leave_slot, (Datum) 0);

	/* What each step takes and gives back shall not trouble the kernel. */
#ifdef M_TRIM_THRESHOLD
	mallopt(M_TRIM_THRESHOLD, KEPT_MEMORY);
#endif
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

	/*
	 * Another worker may find another extension, and none that finds none
	 * stays.  What libcurl holds goes with the process.
	 */
	if (wait_for_outbox())
	{
		SlotState	state = serve();

		finish();
		exit_state = state;
	}
	else
		exit_state = SLOT_STOPPED;
	proc_exit(0);
}

/* ----------
 * In a session
 * ----------
 */

/*
 * What commits while a session sends, perhaps with a lower id than what it has
 * read, is told to the worker's slot.  Without shared memory nobody tells.
 */
static void
look_for_late_commits(Slot *slot)
{
	static TimestampTz looked_at = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (slot != NULL)
		take_wake_ups(slot);
	else if (TimestampDifferenceExceeds(looked_at, now, DRAIN_LOOK_MS))
	{
		WakeUp		anything = {1, true, true};

		looked_at = now;
		delivery_wake(&anything);
	}
}

bool
worker_drain(TimestampTz deadline)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext,
												  "teams_proactive drain",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = CurrentMemoryContext;
	Slot	   *slot = shared_my_slot();
	volatile bool drained = false;

	PG_TRY();
	{
		delivery_open(SESSION_PROCEDURE, NULL);
		for (;;)
		{
			long		timeout_ms;
			long		left = -1;

			MemoryContextSwitchTo(context);
			CHECK_FOR_INTERRUPTS();
			if (deadline != 0)
				left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
													   deadline);
			if (left == 0)
				delivery_stop();
			look_for_late_commits(slot);
			if (delivery_advance(&timeout_ms) == DELIVERY_EXTENSION_GONE)
				break;
			drained = delivery_is_idle();
			if (drained || (left == 0 && delivery_is_quiet()))
				break;
			if (left > 0 && (timeout_ms < 0 || left < timeout_ms))
				timeout_ms = left;
			if (timeout_ms != 0)
				http_wait(timeout_ms);
			else
				http_poll();
			MemoryContextReset(context);
		}
	}
	PG_FINALLY();
	{
		session_leave();
		delivery_close();
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
	}
	PG_END_TRY();
	return drained;
}
