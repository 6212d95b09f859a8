-- Broadcasts: how they are made and steered, and what is refused.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	SELECT bot, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops'
	FROM unnest('{default,other}'::text[]) AS bot;
CREATE TABLE staff AS
	SELECT i AS id, 'user' || i || '@contoso.com' AS mail,
		   (ARRAY['en', 'de'])[i % 2 + 1] AS language
	FROM generate_series(1, 10) AS i;
INSERT INTO staff VALUES (11, 'USER1@contoso.com', 'en'), (12, 'nobody', 'en'), (13, NULL, 'en');

--
-- Audiences
--

SELECT teams_broadcast('SELECT mail AS user_id FROM staff ORDER BY id', 'Hello', draft => true);
SELECT n, target, excluded FROM teams_recipient ORDER BY n;
SELECT state, recipients, excluded, waiting, percent FROM teams_progress_detail;
SELECT teams_broadcast(ARRAY['ada@contoso.com', 'grace@contoso.com', 'Ada@contoso.com'], 'Hello', title => 'greeting');
SELECT teams_broadcast($$SELECT mail AS user_id, language AS locale, jsonb_build_object('n', id) AS data FROM staff WHERE id < 3$$,
	activity => '{"type": "message", "text": "hi"}', priority => 'high', rate => 5);
SELECT teams_broadcast('SELECT mail AS user_id FROM staff WHERE false', 'Hello');
SELECT broadcast, n, target, locale, data, excluded FROM teams_recipient WHERE broadcast > 1 ORDER BY 1, 2;
SELECT id, title, state, priority, rate, recipients, excluded, activity FROM teams_broadcast ORDER BY id;
-- a key: the second is the first
SELECT teams_broadcast(ARRAY['ada@contoso.com'], 'Once', dedupe_key => 'notice 7');
SELECT teams_broadcast(ARRAY['ada@contoso.com'], 'Once', dedupe_key => 'notice 7');

SELECT teams_broadcast('SELECT mail FROM staff', 'x');
SELECT teams_broadcast('SELECT mail AS user_id, id FROM staff', 'x');
SELECT teams_broadcast('SELECT mail AS user_id, ''{}'' AS data FROM staff', 'x');
SELECT teams_broadcast('DELETE FROM staff', 'x');
SELECT teams_broadcast('DELETE FROM staff RETURNING mail AS user_id', 'x');
SELECT teams_broadcast('SELECT', 'x');
SELECT teams_broadcast('SELECT 1 AS user_id; SELECT 2', 'x');
SELECT teams_broadcast('SELECT * FROM nowhere', 'x');
SELECT teams_broadcast(ARRAY['ada@contoso.com']);
SELECT teams_broadcast(ARRAY['ada@contoso.com'], 'x', template => 'y');
SELECT teams_broadcast(ARRAY['ada@contoso.com'], ' ');
SELECT teams_broadcast(ARRAY['ada@contoso.com'], 'x', rate => 0);
SELECT teams_broadcast(ARRAY['ada@contoso.com'], 'x', bot => 'nobody');
SELECT teams_broadcast(NULL::text[], 'x');
SELECT count(*) FROM staff;
SELECT count(*) FROM teams_broadcast;

-- what would keep the worker from sending is refused, or excluded
SELECT teams_set_template('large', '${text}');
SELECT teams_broadcast(ARRAY['ada@contoso.com'], template => 'large', data => '[]');
SELECT teams_broadcast(ARRAY['ada@contoso.com'], template => 'large',
	data => jsonb_build_object('text', repeat('x', 200000)));
SELECT teams_broadcast($$SELECT 'user' || i || '@contoso.com' AS user_id,
		CASE i WHEN 4 THEN repeat('d', 256) ELSE 'de' END AS locale,
		CASE i WHEN 2 THEN '5'::jsonb
			ELSE jsonb_build_object('text', repeat('x', CASE i WHEN 3 THEN 200000 ELSE 10 END)) END AS data
	FROM generate_series(1, 4) AS i$$, template => 'large', draft => true) AS large \gset
SELECT n, locale, data, excluded FROM teams_recipient WHERE broadcast = :large ORDER BY n;
SELECT activity IS NULL AS nothing, problem
	FROM _teams_render_for(:large, 'large', jsonb_build_object('text', repeat('x', 60000)), NULL);
SELECT teams_cancel_broadcast(:large);

--
-- Topics
--

SELECT teams_opt_out('User3@contoso.com', 'news');
SELECT teams_opt_out('user4@contoso.com', 'news');
SELECT teams_opt_out('user4@contoso.com', 'news');
SELECT teams_opt_in('user4@contoso.com', 'news');
SELECT teams_broadcast('SELECT mail AS user_id FROM staff WHERE id < 6', 'News', topic => 'news', draft => true) AS news \gset
SELECT target, excluded FROM teams_recipient WHERE broadcast = :news ORDER BY n;
SELECT teams_opt_out('nobody', 'news');

--
-- The rehearsal
--

INSERT INTO teams_installation (bot, scope, target, state, installation_id, chat_id)
	VALUES ('default', 'user', 'user1@contoso.com', 'installed', 'i', 'c'),
		   ('default', 'user', 'user2@contoso.com', 'removed', NULL, NULL);
SELECT known, to_install, unreachable, excluded, seconds FROM teams_plan(:news);
SELECT known, to_install, unreachable, excluded, seconds FROM teams_plan(1);
SELECT teams_plan(99);
SELECT teams_preview(:news, 'boss@contoso.com');
SELECT kind, scope, target, priority, activity FROM teams_outbox;
SELECT teams_preview(99, 'boss@contoso.com');

--
-- Steering
--

SELECT teams_start_broadcast(:news);
SELECT teams_start_broadcast(:news);
SELECT teams_pause_broadcast(:news);
SELECT teams_pause_broadcast(:news);
SELECT state FROM teams_progress WHERE broadcast = :news;
SELECT teams_resume_broadcast(:news);
SELECT teams_cancel_broadcast(:news);
SELECT teams_cancel_broadcast(:news);
\echo :LAST_ERROR_SQLSTATE
SELECT state, recipients, excluded, waiting, not_sent FROM teams_progress_detail WHERE broadcast = :news;
SELECT teams_recall(:news) AS recall \gset
SELECT kind, refers_to = :news AS of_it, state FROM teams_broadcast WHERE id = :recall;
SELECT teams_recall(:recall);
SELECT teams_edit_broadcast(:news);
SELECT teams_edit_broadcast(:news, 'x', '{"type": "message"}');
-- not while it is recalled
SELECT teams_edit_broadcast(:news, 'Newer news');
SELECT teams_recall(:news);
SELECT teams_cancel_broadcast(:recall);
SELECT teams_edit_broadcast(:news, 'Newer news') > :recall AS edits;
SELECT activity FROM teams_broadcast WHERE id = :news;
SELECT teams_start_broadcast(99);
CALL teams_watch(:news);
CALL teams_watch(99);

--
-- A preview for each locale: as the first recipient who has it, or would
--

SELECT teams_set_template('greeting', 'Hello ${name}');
SELECT teams_set_template('greeting', 'Hallo ${name}', 'de');
SELECT teams_broadcast($$SELECT * FROM (VALUES ('ada@contoso.com', NULL, '{"name": "Ada"}'::jsonb),
	('kim@contoso.com', 'de-AT', '{"name": "Kim"}')) AS v (user_id, locale, data)$$,
	template => 'greeting', draft => true) AS greeting \gset
SELECT count(teams_preview(:greeting, 'boss@contoso.com', locale => l))
	FROM unnest('{NULL,DE_at,de,fr}'::text[]) AS l;
SELECT activity ->> 'text' AS text FROM
	(SELECT * FROM teams_outbox ORDER BY id DESC LIMIT 4) AS o ORDER BY id;
SELECT teams_preview(:greeting, NULL), teams_preview(NULL, 'boss@contoso.com');

--
-- Others' broadcasts are not there, and a query has its caller's rights
--

CREATE ROLE stranger;
SELECT teams_grant('stranger', 'sender');
SET ROLE stranger;
SELECT count(*) FROM teams_progress;
SELECT teams_pause_broadcast(2);
SELECT teams_recall(2);
SELECT teams_broadcast('SELECT mail AS user_id FROM staff', 'x');
SELECT teams_broadcast('SELECT bot AS user_id FROM teams_bot', 'x');
SELECT teams_broadcast(ARRAY['ada@contoso.com'], 'mine') > 0 AS is_an_id;
SELECT count(*) FROM teams_progress;
RESET ROLE;
SELECT teams_revoke('stranger');
DROP OWNED BY stranger;
DELETE FROM teams_broadcast WHERE sender = 'stranger';
DROP ROLE stranger;
DROP TABLE staff;
DROP EXTENSION teams_proactive;
