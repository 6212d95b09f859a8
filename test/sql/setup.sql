-- Creating and dropping the extension leaves nothing behind.
SET client_min_messages = warning;

-- What the database has, apart from what is there in any.
CREATE TABLE before_extension AS
	SELECT classid, objid FROM pg_depend
	WHERE deptype = 'e' OR refclassid = 'pg_namespace'::regclass;

CREATE SCHEMA "Odd schema, 1";
CREATE EXTENSION teams_proactive SCHEMA "Odd schema, 1";

-- It is what the control file says.
SELECT extversion, extrelocatable, extnamespace::regnamespace
	FROM pg_extension WHERE extname = 'teams_proactive';

-- All that belongs to it; of functions, the names.
SELECT DISTINCT regexp_replace(pg_describe_object(classid, objid, 0),
							   '\(.*', '') AS member
	FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
	  AND refobjid = (SELECT oid FROM pg_extension
					  WHERE extname = 'teams_proactive')
	  AND classid <> 'pg_type'::regclass
	ORDER BY 1;

-- Whatever a user can name has a comment.
SELECT pg_describe_object(d.classid, d.objid, 0) AS without_comment
	FROM pg_depend AS d
	LEFT JOIN pg_class AS c
		ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	  AND d.refobjid = (SELECT oid FROM pg_extension
						WHERE extname = 'teams_proactive')
	  AND (d.classid = 'pg_proc'::regclass OR c.relkind IN ('r', 'v'))
	  AND obj_description(d.objid, d.classid::regclass::name) IS NULL
	ORDER BY 1;

-- pg_dump keeps the rows of every table, and where the sequences are.
SELECT c.relname, c.oid = ANY (e.extconfig) AS dumped
	FROM pg_extension AS e
	JOIN pg_depend AS d
		ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
		   AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
	JOIN pg_class AS c ON c.oid = d.objid AND c.relkind IN ('r', 'S')
	WHERE e.extname = 'teams_proactive'
	ORDER BY relname;

-- The functions find the tables where they are, whatever the search_path.
SET search_path = pg_catalog;
INSERT INTO "Odd schema, 1".teams_bot
	(bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('default', gen_random_uuid(), gen_random_uuid(),
			gen_random_uuid(), 'ops');
SELECT "Odd schema, 1".teams_send('ada@contoso.com', 'hello');
SELECT "Odd schema, 1".teams_pause();
SELECT id, state, error_code FROM "Odd schema, 1".teams_message;
CALL "Odd schema, 1".teams_wait(1);
SELECT count(*) FROM "Odd schema, 1".teams_worker;
RESET search_path;

-- It cannot be moved, and its parts cannot be dropped.
ALTER EXTENSION teams_proactive SET SCHEMA public;
DROP TABLE "Odd schema, 1".teams_outbox;

-- Dropped, it leaves nothing.
DROP EXTENSION teams_proactive;
DROP SCHEMA "Odd schema, 1";
SELECT pg_describe_object(classid, objid, 0) AS left_behind
	FROM (SELECT classid, objid FROM pg_depend
		  WHERE deptype = 'e' OR refclassid = 'pg_namespace'::regclass
		  EXCEPT
		  SELECT classid, objid FROM before_extension) AS more
	WHERE pg_describe_object(classid, objid, 0) !~ 'before_extension';

-- In the same session it can come back, in another schema.
CREATE EXTENSION teams_proactive;
SELECT extnamespace::regnamespace FROM pg_extension
	WHERE extname = 'teams_proactive';
SELECT teams_send('ada@contoso.com', 'hello');

-- And go again with its own schema.
DROP EXTENSION teams_proactive;
CREATE SCHEMA teams;
CREATE EXTENSION teams_proactive SCHEMA teams;
DROP SCHEMA teams CASCADE;
SELECT count(*) FROM pg_extension WHERE extname = 'teams_proactive';

-- An aborted creation leaves nothing, either.
BEGIN;
CREATE EXTENSION teams_proactive;
ROLLBACK;
SELECT to_regclass('teams_outbox');

DROP TABLE before_extension;

-- Only a superuser can create it.
CREATE ROLE regress_teams_owner;
SET ROLE regress_teams_owner;
\set VERBOSITY terse
CREATE EXTENSION teams_proactive;
RESET ROLE;
DROP ROLE regress_teams_owner;
