-- A notice to everybody, in three languages, as a draft:
-- psql -v me=you@contoso.com -f notice.sql

-- Whom it goes to.  What each of them gets is settled now.
SELECT teams_broadcast(
	'SELECT email AS user_id, locale, jsonb_build_object(''name'', first_name) AS data FROM employee ORDER BY id',
	template => 'maintenance', data => '{"system": "SAP", "day": "2026-12-12"}',
	title => 'Maintenance', topic => 'it', draft => true) AS notice \gset

-- Who gets nothing, how long it takes, and each language as one of us sees it.
SELECT known, to_install, unreachable, excluded, seconds FROM teams_plan(:notice);
SELECT language, teams_preview(:notice, :'me', locale => language)
	FROM unnest('{en,de,fr}'::text[]) AS language;
\echo Start it with: SELECT teams_start_broadcast(:notice);
