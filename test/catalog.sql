-- Prints all that the extension's script has made, one fact after another, in
-- an order that does not depend on how it was made: two versions of the script
-- make the same if these are the same, for example a new one and the one before
-- with an upgrade.
--
--   psql -XAtq -d DATABASE -f test/catalog.sql
--
-- It shows each object's definition, owner, privileges, what pg_dump takes for
-- those the script has given, comment and dependencies, and which tables' rows
-- pg_dump keeps.

-- All names with their schema.
SET search_path = pg_catalog;

WITH RECURSIVE extension AS (
	SELECT * FROM pg_extension WHERE extname = 'teams_proactive'
),
-- The objects of the extension, and what is part of those.
member (classid, objid) AS (
	SELECT d.classid, d.objid
	FROM pg_depend AS d, extension AS e
	WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
	  AND d.deptype = 'e'
	UNION
	SELECT d.classid, d.objid
	FROM member AS m
	JOIN pg_depend AS d ON d.refclassid = m.classid AND d.refobjid = m.objid
	WHERE d.deptype IN ('a', 'i')
),
object AS (
	SELECT m.classid, m.objid, i.type, i.identity
	FROM member AS m,
		 LATERAL pg_identify_object(m.classid, m.objid, 0) AS i
	WHERE i.schema IS DISTINCT FROM 'pg_toast'
),
fact (type, identity, kind, value) AS (
	SELECT 'extension', e.extname::text, 'definition',
		   concat_ws(' ', e.extversion, n.nspname,
			   CASE WHEN e.extrelocatable THEN 'relocatable' END,
			   pg_get_userbyid(e.extowner))
	FROM extension AS e
	JOIN pg_namespace AS n ON n.oid = e.extnamespace
	UNION ALL
	SELECT 'extension', e.extname, 'dumped',
		   c.config::regclass || ' ' || quote_literal(c.condition)
	FROM extension AS e,
		 unnest(e.extconfig, e.extcondition) AS c (config, condition)

	-- definitions
	UNION ALL
	SELECT o.type, o.identity, 'definition', pg_get_functiondef(p.oid)
	FROM object AS o
	JOIN pg_proc AS p ON o.classid = 'pg_proc'::regclass AND p.oid = o.objid
	WHERE p.prokind <> 'a'
	UNION ALL
	SELECT o.type, o.identity, 'definition',
		   concat_ws(' ', c.relpersistence, c.relreplident, c.reloptions::text,
			   am.amname, CASE WHEN c.relrowsecurity THEN 'row security' END,
			   CASE c.relkind
				   WHEN 'v' THEN pg_get_viewdef(c.oid)
				   WHEN 'i' THEN pg_get_indexdef(c.oid)
				   WHEN 'S' THEN (SELECT (to_jsonb(s) - '{seqrelid,seqtypid}'::text[])::text
								  FROM pg_sequence AS s WHERE s.seqrelid = c.oid)
			   END)
	FROM object AS o
	JOIN pg_class AS c ON o.classid = 'pg_class'::regclass AND c.oid = o.objid
	LEFT JOIN pg_am AS am ON am.oid = c.relam
	UNION ALL
	SELECT o.type, o.identity, 'column ' || lpad(a.attnum::text, 3),
		   concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
			   a.attcollation::regcollation,
			   -- a release may count changes in an option of its own
			   (SELECT string_agg(o.option, ' ') FROM unnest(a.attoptions) AS o (option)
				WHERE NOT starts_with(o.option, 'pg_')),
			   (jsonb_strip_nulls(to_jsonb(a))
				- '{attrelid,attname,atttypid,attcollation,attoptions,attcacheoff,attlen,attalign,attbyval,atttypmod}'::text[])::text)
	FROM object AS o
	JOIN pg_attribute AS a ON o.classid = 'pg_class'::regclass
		AND a.attrelid = o.objid AND a.attnum > 0
	UNION ALL
	SELECT o.type, o.identity, 'definition', pg_get_expr(d.adbin, d.adrelid)
	FROM object AS o
	JOIN pg_attrdef AS d ON o.classid = 'pg_attrdef'::regclass AND d.oid = o.objid
	UNION ALL
	SELECT o.type, o.identity, 'definition',
		   concat_ws(' ', pg_get_constraintdef(c.oid),
			   CASE WHEN NOT c.convalidated THEN 'not validated' END)
	FROM object AS o
	JOIN pg_constraint AS c ON o.classid = 'pg_constraint'::regclass
		AND c.oid = o.objid
	UNION ALL
	SELECT o.type, o.identity, 'definition',
		   concat_ws(' ', t.tgenabled, pg_get_triggerdef(t.oid))
	FROM object AS o
	JOIN pg_trigger AS t ON o.classid = 'pg_trigger'::regclass AND t.oid = o.objid
	UNION ALL
	SELECT o.type, o.identity, 'definition',
		   concat_ws(' ', r.ev_enabled, pg_get_ruledef(r.oid))
	FROM object AS o
	JOIN pg_rewrite AS r ON o.classid = 'pg_rewrite'::regclass AND r.oid = o.objid
	UNION ALL
	SELECT o.type, o.identity, 'definition',
		   concat_ws(' ', t.evtenabled, t.evtevent, t.evttags::text,
			   t.evtfoid::regprocedure)
	FROM object AS o
	JOIN pg_event_trigger AS t ON o.classid = 'pg_event_trigger'::regclass
		AND t.oid = o.objid
	UNION ALL
	SELECT o.type, o.identity, 'definition',
		   concat_ws(' ', t.typtype, format_type(nullif(t.typbasetype, 0), t.typtypmod),
			   t.typcollation::regcollation,
			   CASE WHEN t.typnotnull THEN 'not null' END, t.typdefault)
	FROM object AS o
	JOIN pg_type AS t ON o.classid = 'pg_type'::regclass AND t.oid = o.objid

	-- whose they are, and who may do what
	UNION ALL
	SELECT o.type, o.identity, 'owner',
		   pg_get_userbyid(coalesce(p.proowner, c.relowner, t.typowner, e.evtowner))::text
	FROM object AS o
	LEFT JOIN pg_proc AS p ON o.classid = 'pg_proc'::regclass AND p.oid = o.objid
	LEFT JOIN pg_class AS c ON o.classid = 'pg_class'::regclass AND c.oid = o.objid
	LEFT JOIN pg_type AS t ON o.classid = 'pg_type'::regclass AND t.oid = o.objid
	LEFT JOIN pg_event_trigger AS e
		ON o.classid = 'pg_event_trigger'::regclass AND e.oid = o.objid
	WHERE coalesce(p.oid, c.oid, t.oid, e.oid) IS NOT NULL
	UNION ALL
	SELECT o.type, o.identity, 'privilege', a.item::text
	FROM object AS o
	LEFT JOIN pg_proc AS p ON o.classid = 'pg_proc'::regclass AND p.oid = o.objid
	LEFT JOIN pg_class AS c ON o.classid = 'pg_class'::regclass AND c.oid = o.objid
	LEFT JOIN pg_type AS t ON o.classid = 'pg_type'::regclass AND t.oid = o.objid,
		 unnest(coalesce(p.proacl, c.relacl, t.typacl)) AS a (item)
	UNION ALL
	SELECT o.type, o.identity, 'initial privilege',
		   concat_ws(' ', nullif(p.objsubid, 0), a.item)
	FROM object AS o
	JOIN pg_init_privs AS p ON p.classoid = o.classid AND p.objoid = o.objid,
		 unnest(p.initprivs) AS a (item)

	-- comments and dependencies
	UNION ALL
	SELECT o.type, o.identity, 'comment',
		   concat_ws(' ', nullif(d.objsubid, 0), d.description)
	FROM object AS o
	JOIN pg_description AS d ON d.classoid = o.classid AND d.objoid = o.objid
	UNION ALL
	SELECT o.type, o.identity, 'depends',
		   concat_ws(' ', nullif(d.objsubid, 0), d.deptype, i.type, i.identity)
	FROM object AS o
	JOIN pg_depend AS d ON d.classid = o.classid AND d.objid = o.objid,
		 LATERAL pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) AS i
)
SELECT concat_ws(' | ', type, identity, kind, value)
FROM fact
ORDER BY type COLLATE "C", identity COLLATE "C", kind COLLATE "C", value COLLATE "C";
