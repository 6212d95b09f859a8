-- Plants, into the schema that is given, a trap for whatever pg_catalog has by
-- name: functions, operators and types with the same arguments and, where those
-- take any type, with exact ones, which are preferred.  A trap says in the
-- server's log as whom it was called.
\set QUIET on
SET client_min_messages = error;
SET search_path = pg_catalog;
SELECT set_config('planted.schema', :'schema', false) \g /dev/null

CREATE FUNCTION pg_temp.plant(command text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
EXCEPTION WHEN OTHERS THEN
	NULL; -- not everything can be imitated
END $$;

-- arguments: types, without the parentheses
CREATE FUNCTION pg_temp.plant_function(name text, arguments text, result text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.plant(format($f$
		CREATE FUNCTION %1$s.%2$I(%3$s) RETURNS %4$s LANGUAGE plpgsql AS $t$
		BEGIN
			RAISE LOG %5$L, current_user, session_user;
			RETURN%6$s;
		END $t$ $f$,
		current_setting('planted.schema'), name, arguments, result,
		format('trap %s(%s) called by %% of %%', replace(name, '%', '%%'), arguments),
		CASE WHEN result LIKE 'SETOF %' OR result = 'void' THEN '' ELSE ' NULL' END));
END $$;

-- A type, or what stands for any, as one of exact type.
CREATE FUNCTION pg_temp.exact(type regtype, exact text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN type::text IN ('anyelement', '"any"', 'anynonarray',
					'anycompatible', 'anycompatiblenonarray') THEN exact
				WHEN type::text IN ('anyarray', 'anycompatiblearray') THEN exact || '[]'
				ELSE type::text END $$;

CREATE TEMP TABLE exact AS
	SELECT unnest('{text,name,integer,bigint,numeric,jsonb,json,boolean,oid,
		timestamptz,double precision,uuid,regclass}'::text[]) AS type;

DO $$
BEGIN
	-- functions
	PERFORM pg_temp.plant_function(f.name, f.arguments, f.result)
	FROM (SELECT DISTINCT p.proname AS name,
			(SELECT coalesce(string_agg(CASE WHEN p.provariadic <> 0
						AND t.n = p.pronargs THEN 'VARIADIC ' ELSE '' END
					|| pg_temp.exact(CASE WHEN p.provariadic = '"any"'::regtype
						AND t.n = p.pronargs THEN 'anyarray'::regtype
						ELSE t.type END, e.type), ', ' ORDER BY t.n), '')
			 FROM unnest(p.proargtypes) WITH ORDINALITY AS t (type, n)) AS arguments,
			CASE WHEN p.proretset THEN 'SETOF ' ELSE '' END
				|| pg_temp.exact(p.prorettype, e.type) AS result
		  FROM pg_proc AS p CROSS JOIN exact AS e
		  WHERE p.pronamespace = 'pg_catalog'::regnamespace
			AND p.prokind IN ('f', 'a')
			AND 'internal'::regtype <> ALL (p.proargtypes)
			AND 'cstring'::regtype <> ALL (p.proargtypes)
			AND format_type(p.prorettype, NULL) NOT IN ('internal', 'cstring',
				'trigger', 'event_trigger')) AS f;

	-- those that take any number of arguments of any types
	PERFORM pg_temp.plant_function(p.proname, concat_ws(', ',
			(SELECT string_agg(format_type(t, NULL), ', ')
			 FROM unnest(p.proargtypes[0:p.pronargs - 2]) AS t),
			a.type, b.type, c.type), format_type(p.prorettype, NULL))
	FROM pg_proc AS p
	CROSS JOIN (SELECT type FROM exact WHERE type IN ('text', 'bigint', 'numeric', 'jsonb')) AS a
	LEFT JOIN exact AS b ON b.type IN ('text', 'bigint', 'numeric', 'jsonb')
	LEFT JOIN exact AS c ON c.type IN ('text', 'bigint', 'numeric', 'jsonb')
	WHERE p.provariadic = '"any"'::regtype AND p.prokind = 'f'
	  AND p.pronamespace = 'pg_catalog'::regnamespace;

	-- operators
	PERFORM pg_temp.plant_function('op ' || f.result, f.arguments, f.result),
		pg_temp.plant(format('CREATE OPERATOR %1$s.%2$s (FUNCTION = %1$s.%3$I, %4$s)',
			current_setting('planted.schema'), f.name, 'op ' || f.result, f.sides))
	FROM (SELECT DISTINCT o.oprname AS name, pg_temp.exact(o.oprresult, e.type) AS result,
			concat_ws(', ', pg_temp.exact(nullif(o.oprleft, 0), e.type),
				pg_temp.exact(o.oprright, e.type)) AS arguments,
			concat_ws(', ', 'LEFTARG = ' || pg_temp.exact(nullif(o.oprleft, 0), e.type),
				'RIGHTARG = ' || pg_temp.exact(o.oprright, e.type)) AS sides
		  FROM pg_operator AS o CROSS JOIN exact AS e
		  WHERE o.oprnamespace = 'pg_catalog'::regnamespace
		  UNION
		  SELECT o.name, o.result, concat_ws(', ', l.type, r.type),
			format('LEFTARG = %s, RIGHTARG = %s', l.type, r.type)
		  FROM (VALUES ('=', 'boolean'), ('<>', 'boolean'), ('<', 'boolean'),
			('>', 'boolean'), ('<=', 'boolean'), ('>=', 'boolean'),
			('~', 'boolean'), ('~~', 'boolean'), ('||', 'text'), ('+', 'bigint'),
			('-', 'bigint'), ('*', 'numeric'), ('/', 'numeric')) AS o (name, result)
		  CROSS JOIN exact AS l CROSS JOIN exact AS r
		  WHERE NOT EXISTS (SELECT FROM pg_operator AS p WHERE p.oprname = o.name
			AND p.oprleft = l.type::regtype AND p.oprright = r.type::regtype)) AS f;

	-- types
	PERFORM pg_temp.plant_function('is_type', format_type(t.oid, NULL), 'boolean'),
		pg_temp.plant(format('CREATE DOMAIN %1$s.%2$I AS pg_catalog.%2$I CHECK (%1$s.is_type(VALUE))',
			current_setting('planted.schema'), t.typname))
	FROM pg_type AS t
	WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b';
END $$;
