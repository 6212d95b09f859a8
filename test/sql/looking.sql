-- What people read of the extension itself: comments and names.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE SCHEMA teams;
CREATE EXTENSION teams_proactive SCHEMA teams;
SET search_path = teams;
\pset footer off

CREATE VIEW pg_temp.member AS
	SELECT d.classid, d.objid
	FROM pg_catalog.pg_depend AS d
	JOIN pg_catalog.pg_extension AS e ON d.refobjid = e.oid
	WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
	  AND e.extname = 'teams_proactive';

--
-- Each column of tables and views has a comment, and so has each object
--

SELECT c.oid::regclass AS relation, a.attname AS no_comment
	FROM pg_temp.member AS m
	JOIN pg_catalog.pg_class AS c ON m.classid = 'pg_catalog.pg_class'::regclass AND c.oid = m.objid
	JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE c.relkind IN ('r', 'v')
	  AND pg_catalog.col_description(c.oid, a.attnum) IS NULL
	ORDER BY 1, a.attnum;
SELECT pg_catalog.pg_describe_object(m.classid, m.objid, 0) AS no_comment
	FROM pg_temp.member AS m
	LEFT JOIN pg_catalog.pg_class AS c ON m.classid = 'pg_catalog.pg_class'::regclass AND c.oid = m.objid
	LEFT JOIN pg_catalog.pg_type AS t ON m.classid = 'pg_catalog.pg_type'::regclass AND t.oid = m.objid
	WHERE coalesce(c.relkind, 'r') <> 'S' AND coalesce(t.typtype, 'd') = 'd'
	  AND pg_catalog.obj_description(m.objid, m.classid::regclass::name) IS NULL
	ORDER BY 1;

-- None needs the one beside it, which \df+ may show after it.
SELECT pg_catalog.pg_describe_object(d.classoid, d.objoid, d.objsubid) AS leans, d.description
	FROM pg_catalog.pg_description AS d
	JOIN pg_temp.member AS m ON m.classid = d.classoid AND m.objid = d.objoid
	WHERE d.description ~ '^(the same|like|as )|\ythe same (as|with|for|from)\y|\yas in\y'
	ORDER BY 1;

-- A short view has columns of its long one, with their comments.
SELECT s.relname, a.attname, pg_catalog.col_description(s.oid, a.attnum) AS short,
	   pg_catalog.col_description(l.oid, b.attnum) AS long
	FROM pg_catalog.pg_class AS l
	JOIN pg_catalog.pg_class AS s ON l.relname = s.relname || '_detail'
	JOIN pg_catalog.pg_attribute AS a ON a.attrelid = s.oid AND a.attnum > 0
	LEFT JOIN pg_catalog.pg_attribute AS b ON b.attrelid = l.oid AND b.attname = a.attname
	WHERE l.relnamespace = 'teams'::regnamespace
	  AND pg_catalog.col_description(s.oid, a.attnum)
		  IS DISTINCT FROM pg_catalog.col_description(l.oid, b.attnum);

--
-- What begins with teams_ is for somebody to call
--

SELECT p.oid::regprocedure AS for_nobody
	FROM pg_temp.member AS m
	JOIN pg_catalog.pg_proc AS p ON m.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = m.objid
	WHERE p.proname !~ '^_teams_'
	  AND NOT EXISTS (SELECT FROM _teams_privileges(NULL) AS g
					  WHERE g.privilege = 'EXECUTE'
						AND replace(g.object, 'ROUTINE ', '')::regprocedure = p.oid);

--
-- Who sees what in the views: monitors all, but nothing of what is said
--

CREATE ROLE regress_teams_monitor;
SELECT teams_grant('regress_teams_monitor', 'monitor');
SELECT privilege, replace(object, 'teams.', '') AS object
	FROM _teams_privileges('monitor') ORDER BY object COLLATE "C", privilege;
SET ROLE regress_teams_monitor;
SELECT bot, state, pending, late, last_sent, failed, why FROM teams_status();
SELECT teams_version();
SELECT teams_send('ada@contoso.com', 'x');
RESET ROLE;
SELECT teams_revoke('regress_teams_monitor');
DROP ROLE regress_teams_monitor;

DROP EXTENSION teams_proactive;
DROP SCHEMA teams;
