-- Plants functions that have the names of the extension's, and fewer arguments or
-- other types.  (More arguments with defaults would make calls ambiguous, which is
-- an error and calls nothing.)
\set QUIET on
SET client_min_messages = error;
SET search_path = pg_catalog;

CREATE FUNCTION pg_temp.plant(name text, arguments text, result text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($f$
		CREATE FUNCTION teams.%1$I(%2$s) RETURNS %3$s LANGUAGE plpgsql AS $t$
		BEGIN
			RAISE LOG 'trap %1$s(%2$s) called by %% of %%', current_user, session_user;
			RETURN%4$s;
		END $t$ $f$, name, arguments, result,
		CASE WHEN result LIKE 'SETOF %' OR result = 'void' THEN '' ELSE ' NULL' END);
EXCEPTION WHEN OTHERS THEN
	NULL;
END $$;

CREATE FUNCTION pg_temp.other(type oid, variant integer) RETURNS text LANGUAGE sql AS $$
	SELECT CASE type
		WHEN 'text'::regtype THEN ('{varchar,name,anyelement,json,"\"char\""}'::text[])[variant]
		WHEN 'jsonb'::regtype THEN ('{json,text,anyelement,varchar,jsonb}'::text[])[variant]
		WHEN 'bigint'::regtype THEN ('{integer,numeric,anyelement,smallint,oid}'::text[])[variant]
		WHEN 'bigint[]'::regtype THEN ('{integer[],numeric[],anyarray,anyelement,text}'::text[])[variant]
		WHEN 'text[]'::regtype THEN ('{varchar[],name[],anyarray,anyelement,text}'::text[])[variant]
		ELSE format_type(type, NULL) END $$;

DO $$
BEGIN
	PERFORM pg_temp.plant(p.proname, a.arguments,
		CASE WHEN p.proretset THEN 'SETOF ' ELSE '' END
			|| CASE WHEN p.prorettype = 0 THEN 'void' ELSE format_type(p.prorettype, NULL) END)
	FROM pg_depend AS d
	JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
	CROSS JOIN LATERAL (
		-- other types
		SELECT (SELECT string_agg(pg_temp.other(t, v), ', ') FROM unnest(p.proargtypes) AS t)
		FROM generate_series(1, 5) AS v
		UNION ALL -- only one of them
		SELECT (SELECT string_agg(CASE WHEN t.n = i THEN pg_temp.other(t.type, v)
				ELSE format_type(t.type, NULL) END, ', ' ORDER BY t.n)
			FROM unnest(p.proargtypes) WITH ORDINALITY AS t (type, n))
		FROM generate_series(1, p.pronargs) AS i, generate_series(1, 5) AS v
		UNION ALL -- fewer
		SELECT (SELECT coalesce(string_agg(format_type(t.type, NULL), ', ' ORDER BY t.n), '')
			FROM unnest(p.proargtypes) WITH ORDINALITY AS t (type, n) WHERE t.n <= i)
		FROM generate_series(0, p.pronargs - 1) AS i
		) AS a (arguments)
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'teams_proactive')
	  AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype);
END $$;
