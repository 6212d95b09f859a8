-- What templates become, compared with the reference implementation: see
-- test/templates/README.md.
SET client_min_messages = warning;
CREATE EXTENSION teams_proactive;
\set cases `cat test/templates/cases.jsonl`

CREATE TABLE cases AS
	SELECT c.line::jsonb AS c
	FROM regexp_split_to_table(:'cases', E'\n') AS c (line);

-- What a template becomes, or the error.
CREATE FUNCTION try(c jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN coalesce(teams_expand(c -> 'template', c -> 'data'), '"nothing"');
EXCEPTION
	WHEN syntax_error OR undefined_function OR datatype_mismatch
		OR data_exception THEN
		RETURN NULL;
END
$$;

SELECT count(*) >= 800 AS enough
	FROM cases;

-- As in the reference: also what fails there, fails here.
SELECT c ->> 'name' AS name, c -> 'template' AS template,
	c -> 'expected' AS expected, c ->> 'fails' AS fails, try(c) AS result
	FROM cases
	WHERE NOT c ? 'why' AND try(c) IS DISTINCT FROM c -> 'expected'
	-- which letters belong together is known by ICU, if the server has it
	AND (EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu')
		OR c ->> 'name' NOT IN ('function: toUpper', 'function: toLower'));

-- Different on purpose, in the way that is said there.
SELECT c ->> 'name' AS name, c -> 'ours' AS ours, try(c) AS result
	FROM cases
	WHERE c ? 'why' AND (try(c) IS DISTINCT FROM c -> 'ours'
						 OR c -> 'ours' IS NOT DISTINCT FROM c -> 'expected');

DROP TABLE cases;
DROP FUNCTION try;
DROP EXTENSION teams_proactive;
