-- The directory, groups and rosters: what is refused, what is excluded.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('default', gen_random_uuid(), gen_random_uuid(),
			gen_random_uuid(), 'ops');
\set group a1000000-0000-4000-8000-000000000001

--
-- What cannot be synchronised
--

SELECT teams_sync_directory('nobody');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_sync_directory(NULL);
SELECT teams_sync_group('ops');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_sync_group('../users');
SELECT teams_sync_group(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT teams_sync_group(:'group', bot => 'nobody');
SELECT teams_sync_roster('19:x@thread.tacv2');
SELECT count(*) FROM teams_directory;

--
-- What is asked for waits for the worker, once
--

SELECT teams_sync_directory();
SELECT teams_sync_directory();
SELECT teams_sync_group(upper(:'group'));
SELECT teams_sync_group(:'group', owners => true);
SELECT teams_sync_roster(:'group');
SELECT bot, source, container, state, people, pages, link
	FROM teams_directory ORDER BY source;
BEGIN;
SELECT teams_sync_roster('a1000000-0000-4000-8000-000000000002');
ROLLBACK;
SELECT count(*) FROM teams_directory;

--
-- No audience that was never read
--

SELECT * FROM teams_people();
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM teams_people('nobody');
SELECT * FROM teams_members(:'group');
UPDATE teams_directory SET state = 'running', pages = 3 WHERE source = 'owners';
SELECT * FROM teams_members(:'group', 'owners');
UPDATE teams_directory SET state = 'failed', error_code = 'not_installed',
	error = 'the bot is not known to be installed in the team'
	WHERE source = 'roster';
SELECT * FROM teams_members(:'group', 'roster');
SELECT * FROM teams_members(:'group', 'friends');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM teams_members(:'group', NULL);
SELECT * FROM teams_members('ops');
SELECT teams_broadcast('SELECT user_id FROM teams_people()', 'hello');
SELECT count(*) FROM teams_broadcast;

--
-- Who is excluded
--

UPDATE teams_directory SET state = 'done', finished_at = now();
INSERT INTO teams_person (bot, id, user_principal_name, display_name, locale,
		is_guest, is_enabled, is_licensed)
	SELECT 'default', 'a000000' || n || '-0000-4000-8000-000000000000',
		name || '@contoso.com', name, 'de', guest, enabled, licensed
	FROM (VALUES (1, 'ada', false, true, true), (2, 'guest', true, true, false),
			(3, 'disabled', false, false, true),
			(4, 'unlicensed', false, true, false),
			(5, 'unknown', NULL, NULL, NULL))
		AS p (n, name, guest, enabled, licensed);
INSERT INTO teams_person (bot, id, is_guest)
	VALUES ('other', 'a0000001-0000-4000-8000-000000000000', true);
INSERT INTO teams_group_member (bot, source, container, id) VALUES
	('default', 'members', :'group', 'a0000001-0000-4000-8000-000000000000'),
	('default', 'members', :'group', 'a0000009-0000-4000-8000-000000000000'),
	('default', 'owners', :'group', 'a0000002-0000-4000-8000-000000000000');
SELECT * FROM teams_people() ORDER BY user_id;
SELECT user_id, display_name FROM teams_members(upper(:'group')) ORDER BY user_id;
SELECT user_id, display_name FROM teams_members(:'group', 'owners');

SELECT teams_broadcast('SELECT user_id, locale FROM teams_people() ORDER BY user_id',
	'hello', draft => true) AS id \gset
SELECT n, target, locale, excluded FROM teams_recipient
	WHERE broadcast = :id ORDER BY n;
SELECT excluded FROM teams_plan(:id);
SELECT teams_broadcast('{Guest@contoso.com,disabled@contoso.com,grace@contoso.com,guest@contoso.com}'::text[],
	'hello', draft => true) AS id \gset
SELECT n, target, excluded FROM teams_recipient WHERE broadcast = :id ORDER BY n;

-- Queries with people in them may run in parallel workers.
SELECT set_config(name, 'on', false) FROM pg_settings
	WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
EXPLAIN (COSTS OFF) SELECT user_id FROM teams_people();
SELECT user_id, m.display_name FROM teams_people()
	JOIN teams_members(:'group') AS m USING (user_id)
	WHERE EXISTS (SELECT FROM teams_bot WHERE home = _teams_home());
SELECT count(*) > 0 AS some FROM _teams_privileges('sender');
SELECT line, is_over FROM _teams_watch_line(:id);
SELECT set_config(name, 'off', false) FROM pg_settings
	WHERE name IN ('force_parallel_mode', 'debug_parallel_query');

--
-- Asking again keeps what is known; a dry-run bot asks nobody
--

UPDATE teams_directory SET delta_link = 'https://graph.microsoft.com/v1.0/x',
	error = 'x', next_at = now();
SELECT teams_sync_directory();
SELECT state, error, next_at, delta_link, finished_at IS NOT NULL AS known
	FROM teams_directory WHERE source = 'people';
SELECT count(*) FROM teams_people();
SELECT teams_configure_dry_run('rehearsal');
SELECT teams_sync_directory('rehearsal');
SELECT state FROM teams_directory WHERE bot = 'rehearsal';
SELECT count(*) FROM teams_people('rehearsal');

-- Nothing to wait for; no bot; nobody who reads; a list that has failed.
\set VERBOSITY terse
CALL teams_wait_directory('rehearsal');
CALL teams_wait_directory(NULL);
CALL teams_wait_directory('nobody');
CALL teams_wait_directory(timeout => '0');
UPDATE teams_directory SET state = 'failed', error_code = 'Gone', error = 'x'
	WHERE source = 'people' AND bot = 'default';
CALL teams_wait_directory();
\set VERBOSITY default

--
-- Who may do it
--

CREATE ROLE regress_teams_sender;
CREATE ROLE regress_teams_operator;
SELECT teams_grant('regress_teams_sender', 'sender');
SELECT teams_grant('regress_teams_operator', 'operator');
SET ROLE regress_teams_sender;
SELECT count(*) FROM teams_people();
SELECT count(*) FROM teams_members('a1000000-0000-4000-8000-000000000001');
SELECT teams_sync_directory();
SELECT teams_sync_group('a1000000-0000-4000-8000-000000000001');
SELECT teams_sync_roster('a1000000-0000-4000-8000-000000000001');
SELECT count(*) FROM teams_person;
CALL teams_wait_directory('rehearsal');
SET ROLE regress_teams_operator;
SELECT teams_sync_directory();
SELECT count(*) FROM teams_person;
SELECT count(*) FROM teams_group_member;
SELECT count(*) FROM teams_directory;
CALL teams_wait_directory('rehearsal');
SELECT _teams_sync_list('people', '', 'default');
RESET ROLE;

SELECT teams_revoke('regress_teams_sender');
SELECT teams_revoke('regress_teams_operator');
DROP EXTENSION teams_proactive;
DROP ROLE regress_teams_sender, regress_teams_operator;
