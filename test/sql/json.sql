-- Whatever takes JSON takes jsonb, json, a literal and a parameter without a type.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
SELECT teams_configure_dry_run();

-- Those that take it: none takes jsonb or json alone.
SELECT p.proname, bool_or('teams_json'::regtype = ANY (p.proargtypes)) AS any_json,
	   bool_or('{json,jsonb}'::regtype[] && p.proargtypes::oid[]::regtype[]) AS one_json
	FROM pg_proc AS p
	JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	WHERE '{teams_json,json,jsonb}'::regtype[] && p.proargtypes::oid[]::regtype[] AND p.proname NOT LIKE '\_%'
	GROUP BY 1 ORDER BY p.proname COLLATE "C";

-- as a value of a type, as a literal, by name, and as a parameter of any type
CREATE PROCEDURE try(call text, given text) LANGUAGE plpgsql AS $$
DECLARE
	form	text;
	result	text;
	results	text[];
BEGIN
	FOREACH form IN ARRAY ARRAY[quote_literal(given), quote_literal(given) || '::json', quote_literal(given) || '::jsonb', '$1', 'NULL']
	LOOP
		BEGIN
			IF form = '$1' THEN
				EXECUTE format('PREPARE given AS SELECT (%s)::text', replace(call, '?', form));
				EXECUTE format('EXECUTE given (%L)', given) INTO result;
			ELSE
				EXECUTE format('SELECT (%s)::text', replace(call, '?', form)) INTO result;
			END IF;
			result := CASE WHEN result ~ '^\d+$' THEN 'an id' ELSE coalesce(result, 'null') END;
		EXCEPTION WHEN OTHERS THEN
			result := 'ERROR: ' || SQLERRM;
		END;
		IF form = '$1' THEN
			RAISE INFO '  parameter: %', (SELECT parameter_types FROM pg_prepared_statements WHERE name = 'given');
			DEALLOCATE given;
		END IF;
		results := results || result;
	END LOOP;
	RAISE INFO '%: %', call, CASE WHEN results[1] = ALL (results[2:4]) THEN results[1] ELSE results::text END;
	RAISE INFO '  null: %', results[5];
END
$$;
SELECT teams_set_template('n', 'n is ${n}');
CALL try($$teams_render('n', ?)$$, '{"n": 1}');
CALL try($$teams_render(template => 'n', data => ?, locale => 'de')$$, '{"n": 1}');
CALL try($$teams_expand(?, '{"n": 1}')$$, '"${n}"');
CALL try($$teams_expand('"${n}"', ?)$$, '{"n": 1}');
CALL try($$teams_card(?) ->> 'summary'$$, '{"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "x"}]}');
CALL try($$teams_text('@{a@b.com}', mentions => ?) ->> 'text'$$, '{"a@b.com": "Ada"}');
CALL try($$teams_set_template('m', ?) IS NULL$$, '{"type": "message", "text": "${n}"}');
CALL try($$teams_send('ada@contoso.com', activity => ?)$$, '{"type": "message", "text": "x"}');
CALL try($$teams_send_chat('19:a@thread.v2', activity => ?)$$, '{"type": "message", "text": "x"}');
CALL try($$teams_post('02bd9fd6-8f93-4758-87c3-1fb73740a315', '19:a@thread.tacv2', activity => ?)$$, '{"type": "message", "text": "x"}');
CALL try($$teams_broadcast('SELECT ''ada@contoso.com'' AS user_id', activity => ?)$$, '{"type": "message", "text": "x"}');
CALL try($$teams_broadcast(ARRAY['ada@contoso.com'], template => 'n', data => ?)$$, '{"n": 1}');
-- Without a name, what has no type is a text where there may be one.
CALL try($$teams_send('ada@contoso.com', ?)$$, '{"type": "message", "text": "x"}');
CALL try($$teams_send('ada@contoso.com', ?)$$, '{"n": 1}');
-- as it is written by hand
SELECT teams_render('n', json_build_object('n', 'x')) ->> 'text' AS text;
SELECT teams_render('n', row_to_json(r)) ->> 'text' AS text FROM (SELECT 2 AS n) AS r;
SELECT teams_render('n', jsonb_build_object('n', 'x')) ->> 'text' AS text;
SELECT teams_render('n', '{"n":"\u0000"}'::json);

-- an audience's data, too
SELECT teams_broadcast($$SELECT 'a' || i || '@contoso.com' AS user_id, json_build_object('n', i) AS data FROM generate_series(1, 5000) AS i$$,
					   template => 'n') AS id \gset
SELECT count(*), min((data ->> 'n')::int), max((data ->> 'n')::int), count(excluded) FROM teams_recipient WHERE broadcast = :id;
SELECT teams_broadcast($$SELECT 'a' || i || '@contoso.com' AS user_id, d::json AS data FROM unnest(ARRAY['{"n": 1}', '[1]', '{"n": "\u0000"}', '{"n": 1e9999}', NULL,
	'{"n": "' || repeat('x', 110000) || '"}', '{"n": "' || repeat('x', 1100000) || '"}', '{"n": "data:image/png;base64,' || repeat('A', 200000) || '"}']) WITH ORDINALITY AS d (d, i)$$,
					   template => 'n') AS id \gset
SELECT n, left(data::text, 20) AS data, excluded FROM teams_recipient WHERE broadcast = :id ORDER BY n;
SELECT teams_broadcast($$SELECT 'ada@contoso.com' AS user_id, '{}'::text AS data$$, template => 'n');

-- Who may send may give json, also where its value is known beforehand.
CREATE ROLE writer;
SELECT teams_grant('writer', 'sender');
SET ROLE writer;
SELECT teams_render('n', '{"n": 1}'::json) ->> 'text' AS text;
PREPARE given(json) AS SELECT teams_render('n', $1) ->> 'text' AS text;
EXECUTE given('{"n": 2}');
DEALLOCATE given;
DO $$
DECLARE
	data	json := '{"n": 3}';
BEGIN
	RAISE INFO '%', teams_render('n', data) ->> 'text';
END
$$;
SELECT teams_render('n', d) ->> 'text' AS text FROM (VALUES ('{"n": 4}'::json), ('{"n": 5}')) AS v (d);
CREATE TEMP TABLE t (j teams_json);
RESET ROLE;
DROP OWNED BY writer;
DROP ROLE writer;

-- Nobody's table is made of the type, and nobody calls its functions.
CREATE ROLE stranger;
SET ROLE stranger;
SELECT teams_render('n', '{"n": 1}');
SELECT _teams_json_in('{}');
CREATE TEMP TABLE t (j teams_json);
RESET ROLE;
DROP ROLE stranger;

DROP EXTENSION teams_proactive;
DROP PROCEDURE try(text, text);
