/*
 * databases.c
 *	  Which databases there are, as the launcher reads it.
 *
 * A process that is connected to no database has no cache to ask, and only the
 * catalogs that all databases share: so pg_database is read as a table.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "utils/snapmgr.h"

#include "server/databases.h"

/* Templates are nobody's to work in, so nothing can be in their outbox. */
static bool
can_connect_to(Form_pg_database database)
{
	return database->datallowconn && !database->datistemplate &&
		database->datconnlimit != COMPAT_DATCONNLIMIT_INVALID;
}

/* For list_sort(). */
static int
compare_oids(const ListCell *a, const ListCell *b)
{
	return (lfirst_oid(a) > lfirst_oid(b)) - (lfirst_oid(a) < lfirst_oid(b));
}

/*
 * Oids of the databases that one can connect to, in the current context, in a
 * transaction of its own.  *name becomes the name of the one that is wanted,
 * if there is one and name is not NULL.
 */
static List *
read_databases(Oid wanted, NameData *name)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *databases = NIL;
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old;

		if (name != NULL && database->oid == wanted)
			*name = database->datname;
		if (!can_connect_to(database))
			continue;
		old = MemoryContextSwitchTo(context);
		databases = lappend_oid(databases, database->oid);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	list_sort(databases, compare_oids);
	return databases;
}

/*
 * databases_list(): oids of all that one can connect to, palloc'd.  The oldest
 * come first, so that a new one takes the slot of none.
 */
List *
databases_list(void)
{
	return read_databases(InvalidOid, NULL);
}

/*
 * databases_have(): has it not been dropped, and may one still connect to it?
 */
bool
databases_have(Oid database)
{
	return list_member_oid(databases_list(), database);
}

/*
 * databases_name(): a database's name for messages, palloc'd; "" if it has
 * gone meanwhile.
 */
const char *
databases_name(Oid database)
{
	NameData   *name = palloc0(sizeof(NameData));

	(void) read_databases(database, name);
	return NameStr(*name);
}
