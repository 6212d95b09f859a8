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
	SELECT jsonb_build_object('id', id, 'long', string_agg(md5(id || '.' || k), '')) FROM generate_series(1, 40) AS k
$$;
SELECT teams_broadcast($$SELECT mail AS user_id, long_facts(id) AS data FROM staff ORDER BY id$$,
	'x', draft => true) AS broadcast \gset
SELECT count(*), count(id) FILTER (WHERE (target, data, excluded) IS NOT DISTINCT FROM
		(mail, long_facts(id), NULL::text)) AS right
	FROM teams_recipient LEFT JOIN staff ON id = n WHERE broadcast = :broadcast;
DROP FUNCTION long_facts;
-- an array, with and without what cannot be sent to
SELECT teams_broadcast(ARRAY(SELECT CASE WHEN id % 100 > 0 THEN upper(mail) WHEN id % 200 > 0 THEN mail || '/' END
	FROM staff ORDER BY id), 'x', draft => true) AS broadcast \gset
SELECT count(*), count(id) FILTER (WHERE (target, locale, data, excluded) IS NOT DISTINCT FROM
		(CASE WHEN id % 100 > 0 THEN mail WHEN id % 200 > 0 THEN mail || '/' ELSE '' END, NULL::text, NULL::jsonb,
		 CASE WHEN id % 100 = 0 THEN 'invalid user id' END)) AS right
	FROM teams_recipient LEFT JOIN staff ON id = n WHERE broadcast = :broadcast;
-- without some of the people: duplicates, and by their topic
SELECT count(teams_opt_out(upper(mail), 'news')) FROM staff WHERE id % 5 > 0;
SELECT count(*), count(id) FILTER (WHERE topic = 'news') AS right
	FROM teams_opt_out LEFT JOIN staff ON target = mail AND id % 5 > 0;
SELECT count(teams_opt_in(mail, 'news')) FROM staff WHERE id % 5 < 3;
SELECT teams_broadcast($$SELECT mail AS user_id, id::text AS locale FROM staff
	UNION ALL SELECT upper(mail), 'again' FROM staff WHERE id % 10 = 0$$,
	'x', topic => 'news', draft => true) AS broadcast \gset
SELECT coalesce(excluded, 'none') AS excluded, count(*), count(id) FILTER (WHERE (locale, excluded) IS NOT DISTINCT FROM
		(CASE WHEN n > 5000 THEN 'again' ELSE id::text END,
		 CASE WHEN n > 5000 THEN 'duplicate' WHEN id % 5 > 2 THEN 'opted out' END)) AS right
	FROM teams_recipient LEFT JOIN staff ON target = mail WHERE broadcast = :broadcast GROUP BY excluded ORDER BY 1;
-- what people and members are, as tables and as audiences
INSERT INTO teams_person (bot, id, user_principal_name, display_name, locale, is_guest, is_enabled, is_licensed)
	SELECT 'default', md5(mail)::uuid, mail, 'Name ' || id, language, id % 11 = 0, id % 13 > 0, id % 17 > 0 FROM staff;
INSERT INTO teams_group_member (bot, source, container, id)
	SELECT 'default', 'members', md5('group')::uuid, md5(mail)::uuid FROM staff;
INSERT INTO teams_directory (bot, source, container, state, finished_at)
	VALUES ('default', 'people', '', 'done', now()), ('default', 'members', md5('group')::uuid, 'done', now());
SELECT count(*), count(id) FILTER (WHERE (user_id, user_principal_name, display_name, locale, is_guest, is_enabled, is_licensed)
		IS NOT DISTINCT FROM (md5(mail)::uuid::text, mail, 'Name ' || id, language, id % 11 = 0, id % 13 > 0, id % 17 > 0)) AS right
	FROM teams_people() LEFT JOIN staff ON mail = user_principal_name;
SELECT count(*), count(id) FILTER (WHERE (user_id, user_principal_name, display_name, locale, is_guest, is_enabled, is_licensed)
		IS NOT DISTINCT FROM (md5(mail)::uuid::text, mail, 'Name ' || id, language, id % 11 = 0, id % 13 > 0, id % 17 > 0)) AS right
	FROM teams_members(md5('group')::uuid::text) LEFT JOIN staff ON mail = user_principal_name;
SELECT teams_broadcast(format($$SELECT user_id, locale, jsonb_build_object('name', display_name) AS data FROM teams_members('%s')$$,
	md5('group')::uuid), 'x', draft => true) AS broadcast \gset
SELECT coalesce(excluded, 'none') AS excluded, count(*), count(id) FILTER (WHERE (locale, data, excluded) IS NOT DISTINCT FROM
		(language, jsonb_build_object('name', 'Name ' || id),
		 CASE WHEN id % 11 = 0 THEN 'guest' WHEN id % 13 = 0 THEN 'disabled' WHEN id % 17 = 0 THEN 'no licence' END)) AS right
	FROM teams_recipient LEFT JOIN staff ON target = md5(mail)::uuid::text WHERE broadcast = :broadcast GROUP BY excluded ORDER BY 1;
TRUNCATE teams_person, teams_group_member, teams_directory, teams_opt_out, teams_recipient, teams_broadcast, teams_account;

--
-- Messages: each statement writes, changes or ends 5,000
--

\set team '''02bd9fd6-8f93-4758-87c3-1fb73740a315'''
CREATE TABLE sent AS SELECT id AS n, teams_send(mail, 'Text ' || id, dedupe_key => 'key ' || id) AS id FROM staff;
INSERT INTO sent SELECT id + 5000, teams_send(mail, jsonb_build_object('type', 'message', 'text', 'Text ' || id + 5000, 'facts', facts)) FROM staff;
SELECT count(*), count(n) FILTER (WHERE (kind, scope, target, activity ->> 'text', (activity -> 'facts')::jsonb)
		IS NOT DISTINCT FROM ('send', 'user', mail, 'Text ' || n, CASE WHEN n > 5000 THEN coalesce(facts, 'null') END)) AS right
	FROM teams_outbox LEFT JOIN sent USING (id) LEFT JOIN staff ON (n - 1) % 5000 + 1 = staff.id;
SELECT count(*) FROM staff JOIN sent ON n = staff.id WHERE teams_send(mail, 'again', dedupe_key => 'key ' || n) = sent.id;
CREATE TABLE changed AS SELECT * FROM teams_edit(ARRAY(SELECT id FROM sent), 'New text') WITH ORDINALITY AS e (id, i);
INSERT INTO changed SELECT * FROM teams_edit(ARRAY(SELECT id FROM sent), '{"type": "message", "text": "Newer"}'::jsonb) WITH ORDINALITY AS e (id, i);
SELECT kind, fate, count(*), count(n) FILTER (WHERE n = i AND d.target = mail) AS right
	FROM changed AS c LEFT JOIN teams_delivery AS d USING (id) LEFT JOIN sent ON sent.id = refers_to
	LEFT JOIN staff ON (n - 1) % 5000 + 1 = staff.id GROUP BY 1, 2;
SELECT activity ->> 'text' AS text, count(*), count(n) FILTER (WHERE target = mail) AS right
	FROM teams_outbox LEFT JOIN sent USING (id) LEFT JOIN staff ON (n - 1) % 5000 + 1 = staff.id GROUP BY 1;
-- of half of them it is known that they were sent
WITH gone AS (DELETE FROM teams_outbox USING sent WHERE teams_outbox.id = sent.id AND n > 5000 RETURNING teams_outbox.*)
INSERT INTO teams_delivery (id, bot, kind, scope, target, sender, fate, conversation_id, activity_id, attempts, doubtful, created_at)
	SELECT id, bot, kind, scope, target, sender, 'sent', '19:' || target || '@thread.v2', 'activity ' || id, 1, false, created_at FROM gone;
SELECT count(*), count(*) FILTER (WHERE teams_message_url(sent.id) LIKE format('%%/19%%3Auser%s%%40contoso.com%%40thread.v2/activity%%20%s?%%', n - 5000, sent.id)) AS right
	FROM sent WHERE n > 5000;
TRUNCATE changed;
INSERT INTO changed SELECT * FROM teams_edit(ARRAY(SELECT id FROM sent WHERE n > 5000), 'New text') WITH ORDINALITY AS e (id, i);
SELECT kind, activity ->> 'text' AS text, count(*), count(n) FILTER (WHERE n = i + 5000 AND o.target = mail) AS right
	FROM changed AS c LEFT JOIN teams_outbox AS o USING (id) LEFT JOIN sent ON sent.id = refers_to
	LEFT JOIN staff ON n = staff.id + 5000 GROUP BY 1, 2;
SELECT teams_cancel(ARRAY(SELECT id FROM changed));
SELECT fate, count(*), count(i) AS right FROM teams_delivery JOIN changed USING (id) GROUP BY fate;
SELECT count(teams_edit(id, 'Text ' || n)) FROM sent WHERE n <= 5000;
TRUNCATE changed;
INSERT INTO changed SELECT * FROM teams_delete(ARRAY(SELECT id FROM sent)) WITH ORDINALITY AS e (id, i);
SELECT kind, count(*), count(n) FILTER (WHERE n = i + 5000 AND o.target = mail AND o.activity IS NULL) AS right
	FROM changed AS c LEFT JOIN teams_outbox AS o USING (id) LEFT JOIN sent ON sent.id = refers_to
	LEFT JOIN staff ON n = staff.id + 5000 GROUP BY kind;
SELECT fate, count(*), count(n) AS right FROM teams_delivery AS d JOIN sent USING (id)
	WHERE fate = CASE WHEN n > 5000 THEN 'sent' ELSE 'cancelled' END GROUP BY fate ORDER BY fate;
-- and what was cancelled is sent after all
TRUNCATE changed;
INSERT INTO changed SELECT * FROM teams_retry(ARRAY(SELECT id FROM sent)) WITH ORDINALITY AS e (id, i);
SELECT count(*), count(n) FILTER (WHERE n = i AND o.target = mail AND o.activity ->> 'text' = 'Text ' || n AND d.retried_as = c.id) AS right
	FROM changed AS c LEFT JOIN teams_outbox AS o USING (id) LEFT JOIN teams_delivery AS d ON retried_as = o.id
	LEFT JOIN sent ON sent.id = d.id LEFT JOIN staff ON n = staff.id;
TRUNCATE teams_outbox, teams_delivery, teams_dedupe, teams_account, sent, changed;

-- chats, channels, threads, jobs, and rows that a loader writes
INSERT INTO sent SELECT id, teams_send_chat('19:' || id || '@thread.v2', 'Text ' || id) FROM staff;
SELECT count(*), count(n) FILTER (WHERE (scope, target, activity ->> 'text') = ('chat', '19:' || n || '@thread.v2', 'Text ' || n)) AS right
	FROM teams_outbox LEFT JOIN sent USING (id);
TRUNCATE teams_outbox, sent;
INSERT INTO sent SELECT id, teams_post(:team, '19:' || id % 100 || '@thread.tacv2', 'Text ' || id, thread => 'thread ' || (id - 1) % 2500) FROM staff ORDER BY id;
SELECT count(*), count(sent.n) FILTER (WHERE (o.scope, o.target, o.team, o.activity ->> 'text', o.refers_to) IS NOT DISTINCT FROM
		('channel', '19:' || sent.n % 100 || '@thread.tacv2', :team, 'Text ' || sent.n, root.id)) AS right, count(root.id) AS answers
	FROM teams_outbox AS o LEFT JOIN sent USING (id) LEFT JOIN sent AS root ON root.n = sent.n - 2500;
SELECT count(*), count(n) AS right FROM teams_thread LEFT JOIN sent ON root = id AND thread = 'thread ' || n - 1;
TRUNCATE teams_outbox, teams_thread, sent;
INSERT INTO sent SELECT id, CASE id % 4 WHEN 0 THEN teams_ensure_installed(mail) WHEN 1 THEN teams_upgrade(mail)
	WHEN 2 THEN teams_uninstall(mail) ELSE teams_check_installed(mail) END FROM staff;
SELECT count(*), count(n) FILTER (WHERE (kind, target) = ((ARRAY['install', 'upgrade', 'uninstall', 'check'])[n % 4 + 1], mail)) AS right
	FROM teams_outbox LEFT JOIN sent USING (id) LEFT JOIN staff ON n = staff.id;
TRUNCATE teams_outbox, sent;
INSERT INTO teams_outbox (target, activity) SELECT mail, json_build_object('type', 'message', 'text', 'Text ' || id) FROM staff;
SELECT count(*), count(staff.id) FILTER (WHERE activity ->> 'text' = 'Text ' || staff.id) AS right FROM teams_outbox LEFT JOIN staff ON target = mail;
TRUNCATE teams_outbox, teams_account;

--
-- What a dry-run bot records
--

SELECT teams_configure_dry_run('dry');
SELECT teams_set_template('greeting', 'Hello, ${name}: ${n} ${text}${common}');
SELECT teams_set_template('greeting', 'Hallo, ${name}: ${n} ${text}${common}', locale => 'de');
CREATE FUNCTION greeting(n bigint, name text, text text, language text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE language WHEN 'de' THEN 'Hallo, ' ELSE 'Hello, ' END || name || ': ' || n || ' ' || text || '!'
$$;
SELECT teams_broadcast($$SELECT mail AS user_id, language AS locale,
	jsonb_build_object('name', 'Name ' || id, 'n', id, 'text', repeat('x', id % 50)) AS data FROM staff ORDER BY id$$,
	template => 'greeting', data => '{"common": "!", "text": "?"}', bot => 'dry') AS broadcast \gset
CALL teams_drain();
SELECT state, sent FROM teams_progress WHERE broadcast = :broadcast;
SELECT count(*), count(staff.id) FILTER (WHERE (fate, activity ->> 'text') =
		('sent', greeting(staff.id, 'Name ' || staff.id, repeat('x', staff.id % 50), language))) AS right
	FROM teams_delivery LEFT JOIN staff ON target = mail;
-- changed, and taken back
SELECT teams_edit_broadcast(:broadcast, 'New text') AS edit \gset
CALL teams_drain();
SELECT teams_recall(:broadcast) AS recall \gset
CALL teams_drain();
SELECT d.kind, d.text, count(*), count(r.id) FILTER (WHERE (r.broadcast, r.target) = (:broadcast, d.target)) AS right
	FROM teams_recorded_detail AS d LEFT JOIN teams_delivery AS r ON r.id = d.refers_to
	WHERE d.broadcast IN (:edit, :recall) GROUP BY 1, 2 ORDER BY 1;
SELECT balanced FROM teams_accounting;
TRUNCATE teams_delivery, teams_account, teams_recipient, teams_broadcast;
-- templates in a statement
SELECT count(*), count(*) FILTER (WHERE teams_render('greeting', jsonb_build_object('name', 'Name ' || id, 'n', id, 'text', '', 'common', '!'), language) ->> 'text'
		= greeting(id, 'Name ' || id, '', language)) AS right,
	count(*) FILTER (WHERE teams_expand('{"a": ["${n}", "${name}"], "b": "${n}: ${text}"}', facts)
		= jsonb_build_object('a', jsonb_build_array(facts -> 'n', facts -> 'name'), 'b', concat(facts ->> 'n', ': ', facts ->> 'text'))) AS expanded
	FROM staff WHERE facts IS NOT NULL;

--
-- Triggers: a message for each row, and a digest for each recipient
--

SELECT teams_set_template('row', '{"type": "message", "text": "${operation}", "row": "${row}", "old": "${old}"}'::jsonb);
SELECT teams_set_template('rows', '{"type": "message", "text": "${operation}", "rows": "${rows}"}'::jsonb);
CREATE TABLE task (n int, owner text, facts jsonb);
CREATE TRIGGER each_row AFTER INSERT OR UPDATE OR DELETE ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'to=owner', 'bot=''dry''');
INSERT INTO task SELECT id, mail, facts FROM staff;
UPDATE task SET n = n + 5000;
SELECT text, count(*), count(t.n) FILTER (WHERE activity -> 'row' = to_jsonb(t) - 'n' || jsonb_build_object('n', CASE text WHEN 'INSERT' THEN n - 5000 ELSE n END)
		AND activity -> 'old' = CASE text WHEN 'INSERT' THEN 'null' ELSE to_jsonb(t) || jsonb_build_object('n', n - 5000) END) AS right
	FROM teams_recorded_detail LEFT JOIN task AS t ON owner = target GROUP BY text ORDER BY text;
TRUNCATE teams_delivery, teams_account;
DROP TRIGGER each_row ON task;
CREATE TRIGGER digest AFTER UPDATE ON task REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
	EXECUTE FUNCTION teams_notify('rows', 'to=owner', 'bot=''dry''');
CREATE VIEW right_digest AS
	SELECT owner, count(*) AS tasks, jsonb_agg(to_jsonb(t) ORDER BY n) AS rows FROM task AS t GROUP BY owner;
-- many for each recipient, one for each, and more than a message can tell
UPDATE task SET owner = 'user' || n % 50 || '@contoso.com';
SELECT tasks, count(*), count(*) FILTER (WHERE rows = (SELECT jsonb_agg(r ORDER BY r -> 'n') FROM jsonb_array_elements(activity -> 'rows') AS r)) AS right
	FROM teams_recorded_detail LEFT JOIN right_digest ON target = owner GROUP BY tasks;
TRUNCATE teams_delivery, teams_account;
UPDATE task SET owner = 'user' || n || '@contoso.com';
SELECT tasks, count(*), count(*) FILTER (WHERE rows = (SELECT jsonb_agg(r ORDER BY r -> 'n') FROM jsonb_array_elements(activity -> 'rows') AS r)) AS right
	FROM teams_recorded_detail LEFT JOIN right_digest ON target = owner GROUP BY tasks;
TRUNCATE teams_delivery, teams_account;
UPDATE task SET owner = 'ada@contoso.com', facts = NULL;
DROP VIEW right_digest;
DROP TABLE task;
DROP FUNCTION greeting;
DROP TABLE sent, changed;

DROP TABLE staff;
DROP EXTENSION teams_proactive;
