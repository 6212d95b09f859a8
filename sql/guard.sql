-- teams_proactive: proactive Microsoft Teams messages, sent from SQL
--
-- Each part is read from top to bottom: tables, their triggers, functions,
-- views.  Their order is in the Makefile, which makes one script of them.

\echo Use "CREATE EXTENSION teams_proactive" to load this file. \quit

-- Where somebody has put functions, operators or types to be found by name,
-- none of these is found: only what pg_catalog has.  With the extension's
-- schema in the path, as CREATE EXTENSION has it, an operator there would be
-- taken for pg_catalog's wherever its types fit better, and views and
-- constraints would keep it.  So whatever is created is named with its schema.
SET LOCAL search_path = pg_catalog, pg_temp;

-- Bodies of functions name what they use by the schema.  So whoever could put
-- something into it, or another schema in its place, would have the rights
-- with which they run.  From here on _teams_guard_schema() watches it.  And a
-- call of one of our functions gives all arguments with their types, so that
-- no other of that name could fit better.
DO $$
DECLARE
	detail	text;
BEGIN
	SELECT CASE WHEN h.action = 'owner'
				THEN format('Its owner, role "%s", is not a superuser.', r.rolname)
				WHEN h.action = 'CREATE'
				THEN format('%s may create objects in it.', coalesce('Role "'
							|| r.rolname || '", not a superuser,', 'PUBLIC'))
				ELSE format('It has a function %s already.', h.action) END
	INTO detail
	FROM (SELECT n.nspowner, 'owner' FROM pg_namespace AS n
		  WHERE n.oid = '@extschema@'::regnamespace
		  UNION ALL
		  SELECT a.grantee, a.privilege_type
		  FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
		  WHERE n.oid = '@extschema@'::regnamespace
			AND a.privilege_type = 'CREATE'
		  UNION ALL
		  SELECT 0, p.oid::regprocedure::text FROM pg_proc AS p
		  WHERE p.pronamespace = '@extschema@'::regnamespace
			AND p.proname ~ '^_?teams_') AS h (role, action)
	JOIN pg_database AS d ON d.datname = current_database()
	LEFT JOIN pg_roles AS r
		ON r.oid = CASE WHEN pg_get_userbyid(h.role) = 'pg_database_owner'
						THEN d.datdba ELSE h.role END
	WHERE r.rolsuper IS NOT TRUE
	LIMIT 1;
	IF FOUND THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('schema %s is not safe for extension teams_proactive',
							 '@extschema@'::regnamespace),
			DETAIL = detail,
			HINT = 'Type: CREATE SCHEMA teams; CREATE EXTENSION teams_proactive SCHEMA teams;';
	END IF;
END
$$;

CREATE FUNCTION @extschema@._teams_guard_schema() RETURNS event_trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_guard_schema';

COMMENT ON FUNCTION @extschema@._teams_guard_schema() IS
'event trigger function: keeps the extension''s schema from being renamed, or given to others than superusers';

CREATE EVENT TRIGGER teams_guard_schema ON ddl_command_end
	WHEN TAG IN ('ALTER SCHEMA', 'GRANT')
	EXECUTE FUNCTION @extschema@._teams_guard_schema();
ALTER EVENT TRIGGER teams_guard_schema ENABLE ALWAYS;

COMMENT ON EVENT TRIGGER teams_guard_schema IS
'keeps the schema of teams_proactive from being renamed, or given to others than superusers';
