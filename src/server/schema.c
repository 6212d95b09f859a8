/*
 * schema.c
 *	  Whether the extension's schema is nobody's but superusers'.
 *
 * The bodies of SQL functions name what they use by the schema, and some run
 * with the rights of the tables' owner.  Whoever owns the schema could rename
 * it and put another in its place; whoever may create in it could offer
 * functions that fit better.  CREATE EXTENSION refuses a schema in which
 * anybody but superusers could, but that may change: by ALTER SCHEMA and
 * GRANT, which an event trigger keeps from doing so, and by a new owner of the
 * database or a superuser who is none any more, which nobody can keep.  So
 * whoever takes the owner's rights asks first.
 *
 * The event trigger also keeps superusers from renaming the schema: the old
 * name would be free for everybody who may create schemas.  It does so without
 * the library being preloaded, which a hook could not.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "commands/event_trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/settings.h"
#include "server/schema.h"

SQL_FUNCTION(teams_guard_schema);

/* ----------
 * Whose the schema is
 * ----------
 */

static Oid
database_owner(void)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID,
										ObjectIdGetDatum(MyDatabaseId));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for database %u", MyDatabaseId);
	owner = ((Form_pg_database) GETSTRUCT(tuple))->datdba;
	ReleaseSysCache(tuple);
	return owner;
}

/* Who has the role's rights: of pg_database_owner, the database's owner. */
static Oid
role_behind(Oid role)
{
	return compat_is_database_owner_role(role) ? database_owner() : role;
}

/* One who may create in the schema and is not a superuser; false: none is. */
static bool
find_intruder(HeapTuple schema, Oid *intruder)
{
	bool		isnull;
	Datum		datum = SysCacheGetAttr(NAMESPACEOID, schema,
										Anum_pg_namespace_nspacl, &isnull);
	Acl		   *acl;

	if (isnull)
		return false;
	acl = DatumGetAclP(datum);
	for (int i = 0; i < ACL_NUM(acl); i++)
	{
		const AclItem *item = &ACL_DAT(acl)[i];

		if ((ACLITEM_GET_PRIVS(*item) & ACL_CREATE) == 0)
			continue;
		*intruder = item->ai_grantee;
		if (*intruder == ACL_ID_PUBLIC ||
			!superuser_arg(role_behind(*intruder)))
			return true;
	}
	return false;
}

static void
refuse_owner(const char *schema, Oid owner)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("schema %s is not safe for extension %s", schema,
					EXTENSION_NAME),
			 errdetail("Its owner, role \"%s\", is not a superuser.",
					   GetUserNameFromId(owner, false)),
			 errhint("Type: ALTER SCHEMA %s OWNER TO %s;", schema,
					 quote_identifier(GetUserNameFromId(BOOTSTRAP_SUPERUSERID,
														false)))));
}

static void
refuse_intruder(const char *schema, Oid intruder)
{
	const char *name = intruder == ACL_ID_PUBLIC ? "PUBLIC" :
		quote_identifier(GetUserNameFromId(intruder, false));

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("schema %s is not safe for extension %s", schema,
					EXTENSION_NAME),
			 errdetail("%s, not a superuser, may create objects in it.", name),
			 errhint("Type: REVOKE CREATE ON SCHEMA %s FROM %s;", schema,
					 name)));
}

static void
check(Oid schema)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID,
										ObjectIdGetDatum(schema));
	Form_pg_namespace form;
	const char *name;
	Oid			role;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("the schema of extension %s does not exist",
						EXTENSION_NAME)));
	form = (Form_pg_namespace) GETSTRUCT(tuple);
	name = quote_identifier(pstrdup(NameStr(form->nspname)));
	role = role_behind(form->nspowner);
	if (!superuser_arg(role))
		refuse_owner(name, role);
	if (find_intruder(tuple, &role))
		refuse_intruder(name, role);
	ReleaseSysCache(tuple);
}

/* ----------
 * What was found, until it may have changed
 * ----------
 */

static uint64 generation = 1;	/* of the catalogs */
static uint64 checked_generation = 0;
static Oid	checked_schema = InvalidOid;

static void
on_change(Datum arg pg_attribute_unused(), int cache pg_attribute_unused(),
		  uint32 hash pg_attribute_unused())
{
	generation++;
}

static void
watch_catalogs(void)
{
	static const int caches[] = {NAMESPACEOID, AUTHOID, DATABASEOID};
	static bool watching = false;

	if (watching)
		return;
	for (size_t i = 0; i < lengthof(caches); i++)
		CacheRegisterSyscacheCallback(caches[i], on_change, (Datum) 0);
	watching = true;
}

void
schema_check(Oid schema)
{
	uint64		current = generation;

	if (checked_generation == current && checked_schema == schema)
		return;
	watch_catalogs();
	check(schema);
	checked_generation = current;
	checked_schema = schema;
}

/* ----------
 * Commands that would change it
 * ----------
 */

static bool
is_granted(const GrantStmt *statement, Oid schema)
{
	ListCell   *cell;

	if (!statement->is_grant || statement->targtype != ACL_TARGET_OBJECT ||
		statement->objtype != OBJECT_SCHEMA)
		return false;
	foreach(cell, statement->objects)
		if (get_namespace_oid(strVal(lfirst(cell)), true) == schema)
			return true;
	return false;
}

static bool
is_given_away(const AlterOwnerStmt *statement, Oid schema)
{
	return statement->objectType == OBJECT_SCHEMA &&
		get_namespace_oid(strVal(statement->object), true) == schema;
}

static bool
is_renamed(const RenameStmt *statement, Oid schema)
{
	return statement->renameType == OBJECT_SCHEMA &&
		get_namespace_oid(statement->newname, true) == schema;
}

/*
 * teams_guard_schema(): event trigger, after ALTER SCHEMA and GRANT.  Raises
 * an error if the schema was renamed, or is safe no longer.
 */
Datum
teams_guard_schema(PG_FUNCTION_ARGS)
{
	Oid			schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	Node	   *command;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("teams_guard_schema() must be called as an event trigger")));
	command = ((EventTriggerData *) fcinfo->context)->parsetree;
	if (IsA(command, RenameStmt) && is_renamed((RenameStmt *) command, schema))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot rename schema \"%s\" because it has extension %s",
						((RenameStmt *) command)->subname, EXTENSION_NAME),
				 errdetail("The extension's functions name the schema.")));
	if ((IsA(command, AlterOwnerStmt) &&
		 is_given_away((AlterOwnerStmt *) command, schema)) ||
		(IsA(command, GrantStmt) && is_granted((GrantStmt *) command, schema)))
		schema_check(schema);
	PG_RETURN_NULL();
}
