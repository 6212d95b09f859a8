-- Into which schemas the extension can be installed, and that what nobody is
-- granted is for nobody.  Runs first: it leaves the schema public closed for
-- the others, as it is from PostgreSQL 15 on.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE ROLE regress_teams_owner;
CREATE ROLE regress_teams_app;

--
-- A superuser owns the schema, and nobody else may create in it
--

GRANT CREATE ON SCHEMA public TO PUBLIC;
CREATE EXTENSION teams_proactive;
\echo :LAST_ERROR_SQLSTATE
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA teams AUTHORIZATION regress_teams_owner;
CREATE EXTENSION teams_proactive SCHEMA teams;
ALTER SCHEMA teams OWNER TO CURRENT_USER;
GRANT CREATE ON SCHEMA teams TO regress_teams_app;
CREATE EXTENSION teams_proactive SCHEMA teams;
REVOKE CREATE ON SCHEMA teams FROM regress_teams_app;

-- Nothing waits there to be called instead of what belongs to the extension.
CREATE FUNCTION teams.teams_summary(varchar) RETURNS text
	LANGUAGE sql AS 'SELECT ''mine''::text';
CREATE EXTENSION teams_proactive SCHEMA teams;
DROP FUNCTION teams.teams_summary;

-- A superuser who is granted it can do so anyway.
GRANT CREATE ON SCHEMA teams TO CURRENT_USER;
CREATE EXTENSION teams_proactive SCHEMA teams;
SET search_path = teams, public;

-- It stays so: functions name their schema, and it is given to nobody.
ALTER SCHEMA teams RENAME TO elsewhere;
\echo :LAST_ERROR_SQLSTATE
-- (the hint names the superuser)
\set VERBOSITY terse
ALTER SCHEMA teams OWNER TO regress_teams_owner;
\set VERBOSITY default
GRANT CREATE ON SCHEMA teams TO regress_teams_app;
GRANT ALL ON SCHEMA public, teams TO PUBLIC;
DO $$
BEGIN
	EXECUTE 'ALTER SCHEMA teams RENAME TO elsewhere';
END
$$;
SELECT nspname, nspowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
	AS owned, has_schema_privilege('regress_teams_app', oid, 'CREATE') AS open
	FROM pg_namespace WHERE nspname IN ('teams', 'elsewhere');
-- Others may do as they like.
CREATE SCHEMA regress_teams_other;
GRANT CREATE ON SCHEMA regress_teams_other TO regress_teams_app;
ALTER SCHEMA regress_teams_other OWNER TO regress_teams_owner;
ALTER SCHEMA regress_teams_other RENAME TO regress_teams_others;
DROP SCHEMA regress_teams_others;

--
-- A role's own right to use the schema stays
--

GRANT USAGE ON SCHEMA teams TO regress_teams_app;
SELECT teams_grant('regress_teams_app', 'sender');
SELECT teams_grant('regress_teams_app', 'administrator');
SELECT teams_revoke('regress_teams_app');
SELECT has_schema_privilege('regress_teams_app', 'teams', 'USAGE');
REVOKE USAGE ON SCHEMA teams FROM regress_teams_app;

-- What teams_grant() gave goes, and nothing stays.
SELECT teams_grant('regress_teams_app', 'sender');
SELECT teams_grant('regress_teams_app', 'administrator');
SELECT has_schema_privilege('regress_teams_app', 'teams', 'USAGE');
SELECT teams_revoke('regress_teams_app');
SELECT has_schema_privilege('regress_teams_app', 'teams', 'USAGE');
DROP ROLE regress_teams_app;

-- Everybody's right to use the schema is not teams_revoke()'s to take.
GRANT USAGE ON SCHEMA teams TO PUBLIC;
SELECT teams_revoke('public');
\echo :LAST_ERROR_SQLSTATE
SELECT has_schema_privilege('regress_teams_owner', 'teams', 'USAGE');
REVOKE USAGE ON SCHEMA teams FROM PUBLIC;

--
-- What is granted is there; what is not is for nobody
--

-- Names that _teams_privileges() has and the extension has not.
SELECT m[1] AS privilege, m[2] AS name
	FROM pg_proc AS p,
		 regexp_matches(p.prosrc, '\(''[a-z, ]+'', ''([^'']+)'',\s+''(\w+)''\)', 'g') AS m
	WHERE p.oid = 'teams._teams_privileges(text)'::regprocedure
	  AND NOT EXISTS (SELECT FROM _teams_privileges(NULL) AS a
					  WHERE a.privilege = m[1]
						AND a.object ~ ('\.' || m[2] || '(\(|$)'));

-- Functions that are not granted to anybody.
\pset footer off
SELECT f::regprocedure
	FROM (SELECT objid FROM pg_depend
		  WHERE classid = 'pg_proc'::regclass AND deptype = 'e'
			AND refobjid = (SELECT oid FROM pg_extension
							WHERE extname = 'teams_proactive')
		  EXCEPT
		  SELECT replace(object, 'ROUTINE ', '')::regprocedure
		  FROM _teams_privileges(NULL)
		  WHERE privilege = 'EXECUTE') AS d (f)
	ORDER BY f::regprocedure::text COLLATE "C";

-- Functions that look names up by the caller's search_path: what commits has no
-- choice, and qualifies everything.
SELECT p.oid::regprocedure, p.prosecdef
	FROM pg_depend AS d
	JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
	JOIN pg_language AS l ON l.oid = p.prolang
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	  AND d.refobjid = (SELECT oid FROM pg_extension
						WHERE extname = 'teams_proactive')
	  AND l.lanname <> 'c'
	  AND 'search_path=pg_catalog, pg_temp' <> ALL (coalesce(p.proconfig, '{}'));

DROP EXTENSION teams_proactive;
DROP SCHEMA teams;
DROP ROLE regress_teams_owner;
