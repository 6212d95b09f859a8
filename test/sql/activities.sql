-- What nobody would see is refused, whichever way it comes in.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('default', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');
SELECT teams_configure_dry_run('test');
\set card '{"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "x"}]}'
\set empty '{"type": "message"}'

-- each function
SELECT teams_send('ada@contoso.com', activity => :'card');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_send('ada@contoso.com', activity => :'card', bot => 'test');
SELECT teams_send('ada@contoso.com', activity => :'empty');
\set VERBOSITY terse
SELECT teams_send_chat('19:2da4c29f6d7041@thread.v2', activity => :'card');
SELECT teams_post('02bd9fd6-8f93-4758-87c3-1fb73740a315', NULL, activity => :'card');
SELECT teams_broadcast('{ada@contoso.com}'::text[], activity => :'card');
SELECT teams_broadcast('SELECT ''ada@contoso.com'' AS user_id', activity => :'empty');
SELECT teams_send('ada@contoso.com', 'one') AS id \gset
SELECT teams_broadcast('{ada@contoso.com}'::text[], 'x', draft => true) AS broadcast \gset
SELECT teams_edit(:id, jsonb :'card');
SELECT teams_edit(ARRAY[:id], jsonb :'empty');
SELECT teams_edit_broadcast(:broadcast, activity => :'card');
-- what is not a message, or is empty; and what is just right
\set VERBOSITY default
CREATE FUNCTION try(activity jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
	PERFORM teams_send('ada@contoso.com', activity);
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || detail;
END $$;
SELECT try(activity) FROM (VALUES (1, '{"type": "Message", "text": "x"}'::jsonb),
	(2, '{"type": "mesage", "text": "x"}'), (3, '{"type": "typing"}'),
	(4, '{"type": "event", "name": "x"}'), (5, '{"type": "adaptivecard"}'),
	(6, jsonb_build_object('type', repeat('ü', 1000), 'text', 'x')),
	(7, '{"type": "message", "text": ""}'), (8, '{"type": "message", "text": " \n\t"}'),
	(9, '{"type": "message", "text": null, "attachments": []}'),
	(10, '{"type": "message", "text": 7}'), (11, '{"type": "message", "attachments": {}}'),
	(12, '{"type": "message", "text": "x"}'), (13, '{"type": "message", "attachments": [{}]}'),
	(14, '{"type": "message", "text": "x", "attachments": []}')) AS a (n, activity)
	ORDER BY n;
SELECT try(teams_card(:'card'));

-- a loader, and a row that is changed
INSERT INTO teams_outbox (target, activity) VALUES ('ada@contoso.com', :'card');
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY terse
INSERT INTO teams_outbox (bot, target, activity) VALUES ('test', 'ada@contoso.com', :'card');
COPY teams_outbox (target, activity) FROM stdin;
ada@contoso.com	{"type": "message"}
\.
UPDATE teams_outbox SET activity = '{"type": "typing", "text": "x"}' WHERE id = :id;
INSERT INTO teams_outbox (target, activity)
	SELECT 'ada@contoso.com', json_build_object('type', CASE WHEN i = 5000 THEN 'mesage' ELSE 'message' END, 'text', i)
	FROM generate_series(1, 5000) AS i;
INSERT INTO teams_outbox (target, activity)
	SELECT 'ada@contoso.com', json_build_object('type', 'message', 'text', 'row ' || i)
	FROM generate_series(1, 5000) AS i;
SELECT count(*), count(*) FILTER (WHERE activity ->> 'text' <> 'row ' || n) AS wrong
	FROM (SELECT activity, row_number() OVER (ORDER BY id) AS n FROM teams_outbox
		  WHERE activity ->> 'text' LIKE 'row %') AS o;

-- templates: when they are written as far as that can be said, else when they
-- are filled in
\set VERBOSITY default
SELECT teams_set_template('typo', jsonb '{"type": "adaptivecard", "body": []}');
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY terse
SELECT teams_set_template('typo', jsonb '{"type": "typing"}');
SELECT count(*) FROM teams_template;
SELECT teams_set_template('late', jsonb '{"type": "${kind}", "text": "${text}"}');
SELECT teams_set_template('text', '${text}');
SELECT teams_send('ada@contoso.com', teams_render('late', '{"kind": "typing", "text": "x"}'));
SELECT teams_send('ada@contoso.com', teams_render('text', '{"text": " "}'));
SELECT teams_broadcast($$SELECT 'ada@contoso.com' AS user_id$$, template => 'late', data => '{"kind": "typing"}');
SELECT teams_broadcast($$SELECT 'ada@contoso.com' AS user_id$$, template => 'text', data => '{"text": ""}');
\set VERBOSITY default
SELECT teams_broadcast($$SELECT 'ada@contoso.com' AS user_id$$, template => 'late', data => '{"kind": "message", "text": ""}');

DROP EXTENSION teams_proactive;
DROP FUNCTION try;
