-- What takes a set, with 5,000 rows whose content is compared one by one: more
-- than what fits into one part, one block of memory or one statement.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('default', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');
CREATE TABLE staff AS
	SELECT i AS id, 'user' || i || '@contoso.com' AS mail,
		   (ARRAY['en', 'de', NULL])[i % 3 + 1] AS language,
		   CASE WHEN i % 7 > 0 THEN jsonb_build_object('name', 'Name ' || i, 'n', i,
			   'text', repeat(chr(97 + i % 26), i % 300)) END AS facts
	FROM generate_series(1, 5000) AS i;

--
-- Audiences: from a table; computed; too long for a block of the table
--

SELECT teams_broadcast($$SELECT mail AS user_id, language AS locale, facts AS data FROM staff ORDER BY id$$,
	'x', draft => true) AS broadcast \gset
SELECT count(*), count(id) FILTER (WHERE (target, locale, data, excluded) IS NOT DISTINCT FROM
		(mail, language, facts, NULL::text)) AS right
	FROM teams_recipient LEFT JOIN staff ON id = n WHERE broadcast = :broadcast;
SELECT teams_broadcast($$SELECT 'user' || i || '@contoso.com' AS user_id,
	jsonb_build_object('name', 'User ' || i) AS data FROM generate_series(1, 5000) AS i$$,
	'x', draft => true) AS broadcast \gset
SELECT count(*), count(id) FILTER (WHERE (target, locale, data, excluded) IS NOT DISTINCT FROM
		(mail, NULL::text, jsonb_build_object('name', 'User ' || n), NULL::text)) AS right
	FROM teams_recipient LEFT JOIN staff ON id = n WHERE broadcast = :broadcast;
CREATE FUNCTION long_facts(id int) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('id', id, 'long', string_agg(md5(id || '.' || k), '')) FROM generate_series(1, 100) AS k
$$;
SELECT teams_broadcast($$SELECT mail AS user_id, long_facts(id) AS data FROM staff ORDER BY id$$,
	'x', draft => true) AS broadcast \gset
SELECT count(*), count(id) FILTER (WHERE (target, data, excluded) IS NOT DISTINCT FROM
		(mail, long_facts(id), NULL::text)) AS right
	FROM teams_recipient LEFT JOIN staff ON id = n WHERE broadcast = :broadcast;
DROP FUNCTION long_facts;

DROP TABLE staff;
DROP EXTENSION teams_proactive;
