-- A person by user principal name and by Entra object id is one: to opt-outs,
-- to audiences, and to what the directory says of them.
SET client_min_messages = warning;
CREATE EXTENSION teams_proactive;
SELECT teams_configure_dry_run();

-- 5,000 people whom the directory knows, some of them guests, 5,000 whom only
-- installations tell, and 5,000 of whom this bot knows nothing.
CREATE TABLE staff AS
	SELECT n, 'person' || n || '@contoso.com' AS name,
		   'a0000000-0000-4000-8000-' || lpad(n::text, 12, '0') AS id,
		   (ARRAY['directory', 'installation', 'nothing'])[1 + (n - 1) / 5000] AS known
	FROM generate_series(1, 15000) AS n;
CREATE TABLE called AS SELECT name AS target, staff.* FROM staff UNION ALL SELECT id, staff.* FROM staff;
ANALYZE called;
INSERT INTO teams_person (bot, id, user_principal_name, is_guest, is_enabled)
	SELECT 'default', id, name, n % 7 = 0, true FROM staff WHERE known = 'directory';
INSERT INTO teams_person (bot, id, user_principal_name)
	SELECT 'other', id, name FROM staff WHERE known = 'nothing';
INSERT INTO teams_installation (bot, scope, target, state, installation_id, chat_id, user_id)
	SELECT 'default', 'user', name, 'installed', n, n, id FROM staff WHERE known = 'installation';

-- A third opts out by name, a third by object id.
SELECT count(teams_opt_out(CASE n % 3 WHEN 1 THEN upper(name) ELSE id END, 'news'))
	FROM staff WHERE n % 3 > 0;

-- How many recipients are as they should be.
CREATE FUNCTION compare(audience text, topic text)
RETURNS TABLE (known text, recipients bigint, "right" bigint)
LANGUAGE plpgsql AS $$
DECLARE
	made bigint := teams_broadcast(audience, 'hello', topic => compare.topic, draft => true);
BEGIN
	RETURN QUERY SELECT s.known, count(*), count(*) FILTER (WHERE
		(r.excluded, r.user_id) IS NOT DISTINCT FROM
		(CASE WHEN r.locale = 'second' AND s.known <> 'nothing' THEN 'duplicate'
			  WHEN compare.topic = 'news' AND s.n % 3 > 0
				   AND (s.known <> 'nothing' OR s.n % 3 = (r.target = s.id)::int + 1) THEN 'opted out'
			  WHEN s.known = 'directory' AND s.n % 7 = 0 THEN 'guest' END,
		 CASE WHEN r.target = s.name AND s.known <> 'nothing' THEN s.id END))
	FROM teams_recipient AS r JOIN called AS s USING (target)
	WHERE r.broadcast = made GROUP BY 1 ORDER BY 1;
END $$;
SELECT * FROM compare('SELECT name AS user_id FROM staff', 'news');
SELECT * FROM compare('SELECT upper(id) AS user_id FROM staff', 'news');
SELECT * FROM compare('SELECT name AS user_id FROM staff', 'other news');
SELECT * FROM compare('SELECT name AS user_id, ''first'' AS locale FROM staff UNION ALL SELECT id, ''second'' FROM staff', 'other news');
SELECT * FROM compare('SELECT id AS user_id, ''first'' AS locale FROM staff UNION ALL SELECT name, ''second'' FROM staff', 'other news');

-- Two names of one person; the older one is from before a change of names.
INSERT INTO teams_installation (bot, scope, target, state, installation_id, chat_id, user_id)
	SELECT 'default', 'user', 'former.' || name, 'installed', n, n, id FROM staff WHERE known = 'directory';
SELECT teams_broadcast('SELECT ''former.'' || name AS user_id FROM staff WHERE known = ''directory''',
	'hello', topic => 'news', draft => true) AS id \gset
SELECT excluded, count(*), count(*) FILTER (WHERE s.n % 3 > 0) AS opted_out, count(*) FILTER (WHERE s.n % 7 = 0) AS guests
	FROM teams_recipient AS r JOIN staff AS s ON s.id = r.user_id WHERE r.broadcast = :id GROUP BY 1 ORDER BY 1;

-- Whoever changes their mind does so for all that they are called.
SELECT count(teams_opt_in(CASE n % 2 WHEN 1 THEN name ELSE id END, 'news'))
	FROM staff WHERE n % 10 = 0;
SELECT s.known, count(*), count(*) FILTER (WHERE n % 10 > 0) AS "right"
	FROM teams_opt_out AS o JOIN called AS s USING (target)
	WHERE known <> 'nothing' GROUP BY 1 ORDER BY 1;

-- The names of operators in the caller's search_path are not looked up.
CREATE SCHEMA evil;
CREATE FUNCTION evil.never(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT 1 / 0 = 0';
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.never);
SET search_path = evil, pg_catalog, public;
SELECT public.teams_opt_out('person1@contoso.com', 'evil');
SELECT public.teams_broadcast(ARRAY['person1@contoso.com'], 'x', topic => 'evil', draft => true) > 0 AS made;
SELECT public.teams_opt_in('person1@contoso.com', 'evil');
RESET search_path;

DROP FUNCTION compare;
DROP TABLE staff, called;
DROP SCHEMA evil CASCADE;
DROP EXTENSION teams_proactive;
