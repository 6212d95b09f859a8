/*
 * session.c
 *	  Transactions on the extension's tables, for the worker and for ordinary
 *	  sessions alike.
 *
 * Nobody has rights on the tables but their owner: senders have rights on
 * functions.  Those act with the owner's rights while they run a statement,
 * the way foreign key checks do, which costs less than SECURITY DEFINER; every
 * name in a statement that is run so is qualified or found in pg_catalog.
 *
 * The worker locks the extension, or all that it has of tables, in each of its
 * transactions, so that it is there until the end of it, and takes no lock
 * between them.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "outbox/session.h"
#include "outbox/statement.h"
#include "server/schema.h"

/* How often to look whether the outbox has grown or shrunk. */
#define OUTBOX_SIZE_CHECK_MS 1000

static Oid	session_extension = InvalidOid; /* the worker's */

/* ----------
 * Transactions
 * ----------
 */

/* Read from the catalog: there is no cache of extensions. */
static Oid
extension_schema(Oid extension)
{
	Relation	relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			schema = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(relation, ExtensionOidIndexId, true, NULL, 1,
							  &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return schema;
}

/* Its tables and sequences, and not what merely depends on it. */
static List *
relations_of(Oid extension)
{
	Relation	relation = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *relations = NIL;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(ExtensionRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(extension));
	scan = systable_beginscan(relation, DependReferenceIndexId, true, NULL, 2,
							  keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend depend = (Form_pg_depend) GETSTRUCT(tuple);

		if (depend->deptype == DEPENDENCY_EXTENSION &&
			depend->classid == RelationRelationId)
			relations = lappend_oid(relations, depend->objid);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return relations;
}

/*
 * Without waiting for any; what has been locked so far is let go with the
 * transaction.
 */
static bool
try_lock_relations(Oid extension)
{
	ListCell   *cell;

	foreach(cell, relations_of(extension))
		if (!ConditionalLockRelationOid(lfirst_oid(cell), AccessShareLock))
			return false;
	return true;
}

/*
 * DROP EXTENSION locks the extension first, so whoever has locked that never
 * meets it halfway.  But everybody who may create a function, if only a
 * temporary one, can lock the extension, too, for as long as they like: by
 * ALTER FUNCTION ... DEPENDS ON EXTENSION.  Nobody can lock its tables like
 * that.  So where the extension is locked, to have all of them is as good; and
 * if one of those is not to be had, it is being dropped, or soon free again.
 */
static void
keep_from_drop(Oid extension)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, extension, 0);
	if (LockAcquire(&tag, AccessShareLock, false, true) !=
		LOCKACQUIRE_NOT_AVAIL)
		AcceptInvalidationMessages();
	else if (!try_lock_relations(extension))
		LockDatabaseObject(ExtensionRelationId, extension, 0,
						   AccessShareLock);
}

/* Keep the extension from being dropped; false if it is not there. */
static bool
lock_extension(void)
{
	Oid			extension = get_extension_oid(EXTENSION_NAME, true);

	if (!OidIsValid(extension))
		return false;
	keep_from_drop(extension);
	if (get_extension_oid(EXTENSION_NAME, true) != extension)
		return false;
	if (!OidIsValid(session_extension))
	{
		session_extension = extension;
		statement_attach(extension_schema(extension));
	}
	return extension == session_extension;
}

/* The worker: is the extension here at all? */
bool
session_has_extension(void)
{
	bool		found;

	StartTransactionCommand();
	found = lock_extension();
	CommitTransactionCommand();
	return found;
}

/*
 * A lock on the extension that nobody else takes: with a sub-object, which
 * extensions do not have.  It is of the kind that lasts until the process
 * ends, whatever its transactions come to.
 */
static Oid	owned = InvalidOid;

/* A user lock: no object has this sub-object, and no command takes it. */
static void
ownership_tag(LOCKTAG *tag, Oid extension)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, ExtensionRelationId,
					   extension, 1);
	tag->locktag_lockmethodid = USER_LOCKMETHOD;
}

/*
 * Become the one process that sends from this database's outbox, until the
 * process ends or session_disown_outbox().  False if another one is.
 */
bool
session_own_outbox(void)
{
	LOCKTAG		tag;
	LockAcquireResult result;
	bool		in_transaction = IsTransactionState();

	if (!in_transaction)
		StartTransactionCommand();
	owned = get_extension_oid(EXTENSION_NAME, false);
	ownership_tag(&tag, owned);
	result = LockAcquire(&tag, ExclusiveLock, true, true);
	if (!in_transaction)
		CommitTransactionCommand();
	return result != LOCKACQUIRE_NOT_AVAIL;
}

/* Let another process be the one that sends. */
void
session_disown_outbox(void)
{
	LOCKTAG		tag;

	ownership_tag(&tag, owned);
	LockRelease(&tag, ExclusiveLock, true);
}

/*
 * Whoever sends finds operators in pg_catalog only.  And it reads the tables
 * by their indexes: what the planner knows of an outbox is always of another
 * time, as it may be empty now and have a million rows in a second.
 */
static const char *const senders_settings[][2] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"enable_seqscan", "off"},
	{"jit", "off"},
	{"enable_hashjoin", "off"},
	{"enable_mergejoin", "off"},
	{"plan_cache_mode", "force_generic_plan"}
};

/*
 * The process is a worker: pin the settings that its statements rely on, which
 * ALTER ROLE or ALTER DATABASE may have set otherwise.
 */
void
session_attach_worker(void)
{
	static const char *const pinned[][2] = {
		{"default_transaction_read_only", "off"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_deferrable", "off"},
		{"statement_timeout", "0"},
		COMPAT_TRANSACTION_TIMEOUT
		{"lock_timeout", "1s"}
	};

	for (size_t i = 0; i < lengthof(pinned); i++)
		SetConfigOption(pinned[i][0], pinned[i][1], PGC_USERSET,
						PGC_S_OVERRIDE);
	for (size_t i = 0; i < lengthof(senders_settings); i++)
		SetConfigOption(senders_settings[i][0], senders_settings[i][1],
						PGC_USERSET, PGC_S_OVERRIDE);
	session_extension = InvalidOid;
}

/* The same for a procedure, until it commits. */
static void
attach_procedure(void)
{
	for (size_t i = 0; i < lengthof(senders_settings); i++)
		(void) set_config_option(senders_settings[i][0],
								 senders_settings[i][1], PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
								 false);

	/* A ledger that a crash may lose would know of nothing. */
	if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
		(void) set_config_option("synchronous_commit", "local", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
								 false);
}

/*
 * In a transaction that is not worth waiting for: give up soon if somebody
 * holds a lock.
 */
void
session_hurry(void)
{
	(void) set_config_option("lock_timeout", "100ms", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/* A dump restored by another role makes that the owner; so it is looked up. */
static Oid
tables_owner(void)
{
	Oid			table = statement_relation("teams_outbox");
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table teams_outbox of extension \"%s\" does not exist",
						EXTENSION_NAME)));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* An error if anybody else could have a say in what is run then. */
static void
become_owner(Session *session)
{
	Oid			owner = tables_owner();

	schema_check(statement_schema());
	GetUserIdAndSecContext(&session->role, &session->security_context);
	SetUserIdAndSecContext(owner,
						   session->security_context |
						   SECURITY_LOCAL_USERID_CHANGE);
}

/*
 * The name of the current database.  The first call of a process must be in a
 * transaction; while it is connected the name does not change.
 */
const char *
session_database(void)
{
	static char name[NAMEDATALEN];

	if (name[0] == '\0')
		strlcpy(name, get_database_name(MyDatabaseId), sizeof(name));
	return name;
}

/* Between session_begin() and session_commit() of the process that sends. */
static bool in_senders_session = false;

/* Are the tables being written by the process that sends? */
bool
session_is_senders(void)
{
	return in_senders_session;
}

/* The same for a procedure, whose transaction its caller ends. */
void
session_leave(void)
{
	in_senders_session = false;
}

/*
 * The snapshot is needed to look the extension up, and another one after the
 * lock is there.
 */
static bool
begin_in_worker(void)
{
	/* A ledger that a crash may lose would know of nothing. */
	if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
		SetConfigOption("synchronous_commit", "local", PGC_USERSET,
						PGC_S_OVERRIDE);

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (!lock_extension())
	{
		PopActiveSnapshot();
		AbortCurrentTransaction();
		return false;
	}

	/* The lock may have waited for what this snapshot does not see. */
	PopActiveSnapshot();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	return true;
}

/* Plan anew when the outbox is of another size than it was. */
static void
check_outbox_size(void)
{
	static BlockNumber planned_for = 0;
	static TimestampTz checked_at = 0;
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	Relation	outbox;
	BlockNumber blocks;

	if (!TimestampDifferenceExceeds(checked_at, now, OUTBOX_SIZE_CHECK_MS))
		return;
	checked_at = now;
	outbox = table_open(statement_relation("teams_outbox"), AccessShareLock);
	blocks = RelationGetNumberOfBlocks(outbox);
	table_close(outbox, AccessShareLock);
	if (blocks / 4 <= planned_for && planned_for / 4 <= blocks)
		return;
	planned_for = blocks;
	statement_forget_plans();
}

/*
 * Begin work on the tables, with the rights of their owner, until
 * session_commit().  A worker's begins a transaction; false if the extension
 * is not there, or not the one that was there before: no transaction is open
 * then.  For SESSION_PROCEDURE an SPI connection that is not atomic must be
 * open.  Raises an error if somebody but the owner could have a say in what is
 * run.
 */
bool
session_begin(SessionKind kind, Session *session)
{
	session->kind = kind;
	switch (kind)
	{
		case SESSION_WORKER:
			if (!begin_in_worker())
				return false;
			break;
		case SESSION_PROCEDURE:
			attach_procedure();
			break;
		case SESSION_CALLER:
			SPI_connect();
			break;
	}
	become_owner(session);
	if (kind != SESSION_CALLER)
	{
		in_senders_session = true;
		session_database();
		check_outbox_size();
	}
	return true;
}

/*
 * A transaction that has waited, for a lock or a standby, may have taken the
 * latch from whoever set it together with a flag of the worker's.
 */
static void
look_at_flags_again(void)
{
	SetLatch(MyLatch);
}

/*
 * End what session_begin() began: the caller has its own rights again.  The
 * worker and a procedure commit.
 */
void
session_commit(const Session *session)
{
	SetUserIdAndSecContext(session->role, session->security_context);
	statement_free_result();
	switch (session->kind)
	{
		case SESSION_WORKER:
			SPI_finish();
			PopActiveSnapshot();
			session_leave();
			CommitTransactionCommand();
			pgstat_report_stat(false);
			look_at_flags_again();
			break;
		case SESSION_PROCEDURE:
			session_leave();
			SPI_commit();
			break;
		case SESSION_CALLER:
			SPI_finish();
			break;
	}
}

/* The worker's transaction has met an error: it is rolled back. */
void
session_abort(void)
{
	session_leave();
	AbortCurrentTransaction();
	pgstat_report_stat(false);
	look_at_flags_again();
}
