/*
 * ddl.c
 *	  Notices the commands that workers have to know of.
 *
 * A worker is a session, and some commands want a database without sessions:
 * DROP DATABASE, renaming it, moving it, copying it.  An operator should not
 * have to know that, so the worker is sent away for as long as the command
 * takes.  Databases and extensions that come and go are noticed by the hook
 * for object access, prepared transactions by their COMMIT PREPARED.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/settings.h"
#include "server/ddl.h"
#include "server/shared.h"
#include "server/wake.h"

static ProcessUtility_hook_type previous_utility_hook = NULL;
static object_access_hook_type previous_object_access_hook = NULL;

static const char *
source_of_createdb(CreatedbStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "template") == 0 && option->arg != NULL)
			return defGetString(option);
	}
	return NULL;
}

static bool
moves_database(AlterDatabaseStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->options)
		if (strcmp(lfirst_node(DefElem, cell)->defname, "tablespace") == 0)
			return true;
	return false;
}

/* The database that the command needs to itself, or InvalidOid. */
static Oid
database_to_hold(Node *statement)
{
	const char *name = NULL;

	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			name = ((DropdbStmt *) statement)->dbname;
			break;
		case T_CreatedbStmt:
			name = source_of_createdb((CreatedbStmt *) statement);
			break;
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
				name = ((RenameStmt *) statement)->subname;
			break;
		case T_AlterDatabaseStmt:
			if (moves_database((AlterDatabaseStmt *) statement))
				name = ((AlterDatabaseStmt *) statement)->dbname;
			break;
		default:
			break;
	}
	return name ? get_database_oid(name, true) : InvalidOid;
}

/* Nobody shall disturb a worker by a command that will be refused. */
static bool
may_hold(Oid database)
{
	return OidIsValid(database) &&
		(superuser() || compat_owns_database(database, GetUserId()));
}

static bool
is_commit_prepared(Node *statement)
{
	return IsA(statement, TransactionStmt) &&
		((TransactionStmt *) statement)->kind == TRANS_STMT_COMMIT_PREPARED;
}

static void
run_utility(COMPAT_UTILITY_HOOK_PARAMETERS)
{
	if (previous_utility_hook)
		previous_utility_hook(COMPAT_UTILITY_HOOK_ARGUMENTS);
	else
		standard_ProcessUtility(COMPAT_UTILITY_HOOK_ARGUMENTS);
}

static void
watch_utility(COMPAT_UTILITY_HOOK_PARAMETERS)
{
	Node	   *statement = pstmt->utilityStmt;
	Oid			database = InvalidOid;

	/*
	 * COMMIT PREPARED makes rows visible without a transaction of this
	 * session that wrote them; statement must not be looked at afterwards.
	 */
	if (is_commit_prepared(statement))
	{
		run_utility(COMPAT_UTILITY_HOOK_ARGUMENTS);
		wake_for_anything();
		if (!shared_is_served() &&
			OidIsValid(get_extension_oid(EXTENSION_NAME, true)))
			wake_scan_at_commit(MyDatabaseId);
		return;
	}

	/* Outside a transaction there is no catalog to ask, nor such DDL. */
	if (IsTransactionState())
		database = database_to_hold(statement);
	if (may_hold(database))
		wake_hold_database(database);
	run_utility(COMPAT_UTILITY_HOOK_ARGUMENTS);
}

/* Also one that the current command has created and nobody sees yet. */
static bool
is_our_extension(Oid extension)
{
	Relation	relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		is_ours;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(relation, ExtensionOidIndexId, true,
							  SnapshotSelf, 1, &key);
	tuple = systable_getnext(scan);
	is_ours = HeapTupleIsValid(tuple) &&
		strcmp(NameStr(((Form_pg_extension) GETSTRUCT(tuple))->extname),
			   EXTENSION_NAME) == 0;
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return is_ours;
}

static void
watch_objects(ObjectAccessType access, Oid classId, Oid objectId, int subId,
			  void *arg)
{
	if (previous_object_access_hook)
		previous_object_access_hook(access, classId, objectId, subId, arg);

	if (classId == DatabaseRelationId)
	{
		/* It may not have been connected to before, or leave a slot. */
		if (access == OAT_POST_CREATE || access == OAT_POST_ALTER)
			wake_scan_at_commit(objectId);
		else if (access == OAT_DROP)
			wake_scan_at_commit(InvalidOid);
	}
	else if (classId == ExtensionRelationId)
	{
		if (access == OAT_POST_CREATE && is_our_extension(objectId))
			wake_scan_at_commit(MyDatabaseId);
		else if (access == OAT_DROP && is_our_extension(objectId))
			wake_reload_at_commit();
	}
}

void
ddl_install_hooks(void)
{
	previous_utility_hook = ProcessUtility_hook;
	ProcessUtility_hook = watch_utility;
	previous_object_access_hook = object_access_hook;
	object_access_hook = watch_objects;
}
