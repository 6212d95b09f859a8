/*
 * report.c
 *	  What SQL can see of shared memory, and of the database's identity.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/htup_details.h"
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "outbox/messages.h"
#include "outbox/statement.h"
#include "server/shared.h"
#include "server/slot.h"
#include "sql/no_worker.h"

SQL_FUNCTION(teams_home);
SQL_FUNCTION(teams_throttles);
SQL_FUNCTION(teams_workers);

/*
 * Identity of this database.  A copy made by pg_dump or CREATE DATABASE has
 * another oid, and one in another cluster another system identifier; that of a
 * standby, which may be promoted, is the same.
 */
Datum
teams_home(PG_FUNCTION_ARGS pg_attribute_unused())
{
	PG_RETURN_TEXT_P(cstring_to_text(psprintf(UINT64_FORMAT "/%u",
											  GetSystemIdentifier(),
											  MyDatabaseId)));
}

/* May the caller see what concerns other databases? */
static bool
sees_all_databases(void)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}

/* ----------
 * The workers
 * ----------
 */

/* Start a function that returns rows; one after the other is formed later. */
static FuncCallContext *
begin_rows(FunctionCallInfo fcinfo)
{
	FuncCallContext *call = SRF_FIRSTCALL_INIT();
	MemoryContext old = MemoryContextSwitchTo(call->multi_call_memory_ctx);
	TupleDesc	descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	call->tuple_desc = BlessTupleDesc(descriptor);
	MemoryContextSwitchTo(old);
	return call;
}

static const char *
state_name(SlotState state)
{
	switch (state)
	{
		case SLOT_FREE:
			return "free";
		case SLOT_STARTING:
			return "starting";
		case SLOT_RUNNING:
			return "running";
		case SLOT_STOPPED:
			return "stopped";
		case SLOT_FAILED:
			return "failed";
		case SLOT_ABSENT:
			return "absent";
	}
	return "unknown";
}

/* The slot is locked meanwhile. */
static HeapTuple
slot_tuple(TupleDesc descriptor, Slot *slot)
{
	Datum		values[10];
	bool		nulls[10] = {0};

	values[0] = ObjectIdGetDatum(slot->database);
	values[1] = Int32GetDatum(slot->pid);
	nulls[1] = slot->pid == 0;
	values[2] = CStringGetTextDatum(state_name(slot->state));
	values[3] = TimestampTzGetDatum(slot->started_at);
	nulls[3] = slot->started_at == 0;
	values[4] = Int32GetDatum((int) pg_atomic_read_u32(&slot->in_flight));
	values[5] = Int64GetDatum((int64) pg_atomic_read_u64(&slot->sent));
	values[6] = Int64GetDatum((int64) pg_atomic_read_u64(&slot->failed));
	values[7] = Int64GetDatum((int64) pg_atomic_read_u64(&slot->retried));
	values[8] = CStringGetTextDatum(slot_last_error(slot));
	nulls[8] = slot->last_error[0] == '\0';
	values[9] = TimestampTzGetDatum(slot->last_error_at);
	nulls[9] = slot->last_error_at == 0;
	return heap_form_tuple(descriptor, values, nulls);
}

/* A row for the current database, which has no slot. */
static HeapTuple
no_slot_tuple(TupleDesc descriptor, const NoWorker *found)
{
	Datum		values[10] = {0};
	bool		nulls[10] = {false, true, false, true, false, false, false,
	false, false, true};

	values[0] = ObjectIdGetDatum(MyDatabaseId);
	values[2] = CStringGetTextDatum(state_name(SLOT_FAILED));
	values[8] = CStringGetTextDatum(psprintf("%s. %s", found->problem,
											 found->hint));
	return heap_form_tuple(descriptor, values, nulls);
}

/*
 * teams_workers(): a row for each slot of shared memory that is in use; of
 * other databases only for who may read all statistics.  The last row is for
 * the current database, if it should have a worker and has no slot.
 */
Datum
teams_workers(PG_FUNCTION_ARGS)
{
	bool		sees_all = sees_all_databases();
	FuncCallContext *call;
	NoWorker	found;

	if (SRF_IS_FIRSTCALL())
		begin_rows(fcinfo)->max_calls = shared_slot_count();
	call = SRF_PERCALL_SETUP();
	while (call->call_cntr < call->max_calls)
	{
		Slot	   *slot = shared_slot((int) call->call_cntr);
		HeapTuple	tuple = NULL;

		shared_lock(LW_SHARED);
		if (slot->state != SLOT_FREE && slot->state != SLOT_ABSENT &&
			(slot->database == MyDatabaseId || sees_all))
			tuple = slot_tuple(call->tuple_desc, slot);
		shared_unlock();
		if (tuple != NULL)
			SRF_RETURN_NEXT(call, HeapTupleGetDatum(tuple));
		call->call_cntr++;
	}
	if (call->call_cntr == call->max_calls && shared_is_available() &&
		shared_my_slot() == NULL && no_worker_find(&found))
		SRF_RETURN_NEXT(call, HeapTupleGetDatum(no_slot_tuple(call->tuple_desc,
															  &found)));
	SRF_RETURN_DONE(call);
}

/* ----------
 * What limits the bots
 * ----------
 */

/* Whose pace is it? */
static void
take_registration(Pace *pace, Datum *client_id, Datum *tenant_id)
{
	char		key[PACE_KEY_SIZE];
	char	   *tenant;

	strlcpy(key, pace->key, PACE_KEY_SIZE);
	tenant = strchr(key, '/');
	*tenant++ = '\0';
	*client_id = DirectFunctionCall1(uuid_in, CStringGetDatum(key));
	*tenant_id = DirectFunctionCall1(uuid_in, CStringGetDatum(tenant));
}

/*
 * A pace is shared by all databases that send for the bot; who configures it
 * in one may see it.
 */
static bool
is_visible(Pace *pace)
{
	Datum		client_id;
	Datum		tenant_id;

	if (sees_all_databases())
		return true;
	take_registration(pace, &client_id, &tenant_id);
	return outbox_has_registration(client_id, tenant_id);
}

static HeapTuple
throttle_tuple(TupleDesc descriptor, Pace *pace, PaceKind kind)
{
	static const char *const scopes[PACE_KINDS] =
	{"connector", "graph read", "graph chat", "graph write",
	"graph delete"};
	PaceState	state = pace_state(pace, kind);
	Datum		values[7];
	bool		nulls[7] = {0};

	take_registration(pace, &values[0], &values[1]);
	values[2] = CStringGetTextDatum(scopes[kind]);
	values[3] = Int32GetDatum(state.left);
	values[4] = Float4GetDatum((float4) state.share);
	values[5] = TimestampTzGetDatum(state.until);
	nulls[5] = state.until == 0;
	values[6] = Int64GetDatum(state.complaints);
	return heap_form_tuple(descriptor, values, nulls);
}

/* teams_throttles(): a row for each quota that is being paced. */
Datum
teams_throttles(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	Pace	   *pace;
	HeapTuple	tuple;

	if (SRF_IS_FIRSTCALL())
		begin_rows(fcinfo);
	call = SRF_PERCALL_SETUP();
	statement_attach_function(fcinfo);
	for (;;)
	{
		pace = shared_pace_entry((int) (call->call_cntr / PACE_KINDS));
		if (pace == NULL)
			SRF_RETURN_DONE(call);
		if (call->call_cntr % PACE_KINDS != 0 || is_visible(pace))
			break;
		call->call_cntr += PACE_KINDS;
	}
	tuple = throttle_tuple(call->tuple_desc, pace,
						   call->call_cntr % PACE_KINDS);
	SRF_RETURN_NEXT(call, HeapTupleGetDatum(tuple));
}
