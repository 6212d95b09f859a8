/*
 * locks.c
 *	  Keeps messages from the wire, for callers who change or cancel them.
 *
 * The ledger says what is on the wire; the rows of the outbox are not marked.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "outbox/locks.h"
#include "outbox/sql.h"
#include "outbox/statement.h"

/* In the order of their ids, as everybody locks them. */
static Statement lock_messages = {
	"SELECT id FROM @.teams_outbox WHERE id OPERATOR(pg_catalog.=) ANY ($1)"
	" AND id OPERATOR(pg_catalog.<>) ALL ($4) AND " IS_VISIBLE
	" ORDER BY id FOR UPDATE",
	STATEMENT_ARGS(INT8ARRAYOID, OIDOID, OIDOID, INT8ARRAYOID)
};

/* Only those that the role may change. */
static Statement lock_own_messages = {
	"SELECT id FROM @.teams_outbox WHERE id OPERATOR(pg_catalog.=) ANY ($1)"
	" AND id OPERATOR(pg_catalog.<>) ALL ($4) AND " IS_OWN
	" ORDER BY id FOR UPDATE",
	STATEMENT_ARGS(INT8ARRAYOID, OIDOID, OIDOID, INT8ARRAYOID)
};

/*
 * Messages that may say something else.  One that was to be changed when it
 * was on the wire has those changes behind it, and others come after them.
 */
static Statement lock_rewritable = {
	"SELECT id FROM @.teams_outbox AS o WHERE id OPERATOR(pg_catalog.=) ANY ($1)"
	" AND id OPERATOR(pg_catalog.<>) ALL ($4)"
	" AND kind OPERATOR(pg_catalog.=) 'send' AND " IS_OWN
	" AND NOT EXISTS (SELECT FROM @.teams_outbox AS c"
	" WHERE c.refers_to OPERATOR(pg_catalog.=) o.id"
	" AND c.kind OPERATOR(pg_catalog.=) ANY ('{edit,delete}'))"
	" ORDER BY id FOR UPDATE",
	STATEMENT_ARGS(INT8ARRAYOID, OIDOID, OIDOID, INT8ARRAYOID)
};

static Statement *const locks[] = {
	[UNSENT_VISIBLE] = &lock_messages,
	[UNSENT_OWN] = &lock_own_messages,
	[UNSENT_REWRITABLE] = &lock_rewritable
};

static Statement read_ledger = {
	"SELECT pg_catalog.unnest(ids) FROM @.teams_inflight",
	STATEMENT_NO_ARGS
};

typedef struct Ids
{
	int64	   *ids;
	int			count;
} Ids;

/* The first column of the last result. */
static Ids
take_ids(uint64 count)
{
	Ids			ids = {result_ids(count, CurrentMemoryContext), (int) count};

	return ids;
}

/* For qsort and bsearch over ids. */
int
outbox_compare_ids(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* Is one of the others among those that are sorted? */
static bool
have_common(const Ids *sorted, const Ids *others)
{
	for (int i = 0; i < others->count; i++)
		if (bsearch(&others->ids[i], sorted->ids, sorted->count,
					sizeof(int64), outbox_compare_ids) != NULL)
			return true;
	return false;
}

/* What is on the wire now, and not as it was when the transaction began. */
static Ids
read_on_wire(void)
{
	return take_ids(statement_run_latest(&read_ledger, NULL, NULL));
}

/*
 * Lock those of the messages that are not on the wire, so that they cannot get
 * there.  One that got there meanwhile must not stay locked, or the worker
 * could not write what becomes of it before this transaction ends: then all
 * are let go, and it is tried again.
 */
ArrayType *
outbox_lock_unsent(Unsent which, ArrayType *ids, Oid role)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	for (;;)
	{
		Ids			on_wire = read_on_wire();
		Datum		values[4];
		Ids			locked;
		bool		clash;

		values[0] = PointerGetDatum(ids);
		values[1] = ObjectIdGetDatum(role);
		values[2] = ObjectIdGetDatum(statement_relation("teams_outbox"));
		values[3] = parameter_int8_array(on_wire.ids, on_wire.count);

		BeginInternalSubTransaction(NULL);
		MemoryContextSwitchTo(context);
		locked = take_ids(statement_run(locks[which], values, NULL));
		on_wire = read_on_wire();
		clash = have_common(&locked, &on_wire);
		if (clash)
			RollbackAndReleaseCurrentSubTransaction();
		else
			ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (!clash)
			return DatumGetArrayTypeP(parameter_int8_array(locked.ids,
														   locked.count));
		CHECK_FOR_INTERRUPTS();
	}
}
