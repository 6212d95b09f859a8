-- Times that mean nothing, or the past, are told at the call.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE EXTENSION teams_proactive;
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('default', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');
SET timezone = 'UTC';

-- the past, however it is written: the second is the zero of PostgreSQL's clock
SELECT teams_send('ada@contoso.com', 'x', expires_at => '-infinity');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_send('ada@contoso.com', 'x', expires_at => '2000-01-01');
SELECT teams_send('ada@contoso.com', 'x', expires_at => '0044-03-15 BC');
SELECT teams_send('ada@contoso.com', 'x', send_at => '2100-01-01', expires_at => '2100-01-01');
SELECT teams_send('ada@contoso.com', 'x', send_at => 'infinity', expires_at => 'infinity');
-- everywhere
SELECT teams_send('ada@contoso.com', activity => '{"type": "message", "text": "x"}', expires_at => '-infinity');
SELECT teams_send_chat('19:2da4c29f6d7041@thread.v2', 'x', expires_at => '-infinity');
SELECT teams_post(gen_random_uuid()::text, NULL, 'x', expires_at => '-infinity');
SELECT teams_ensure_installed('ada@contoso.com', expires_at => '-infinity');
SELECT teams_broadcast('{ada@contoso.com}'::text[], 'x', expires_at => '-infinity');
SELECT teams_broadcast('{ada@contoso.com}'::text[], 'x', expires_at => '2000-01-01');
SELECT teams_broadcast('SELECT ''ada@contoso.com'' AS user_id', 'x', send_at => 'infinity');
SELECT count(*) FROM teams_message;
SELECT count(*) FROM teams_broadcast;

-- what is over is at once, and infinity is never
SELECT teams_send('ada@contoso.com', 'x', send_at => '-infinity', expires_at => 'infinity') > 0 AS is_an_id;
SELECT teams_send('ada@contoso.com', 'x', send_at => '0044-03-15 BC') > 0 AS is_an_id;
SELECT teams_send('ada@contoso.com', 'x', send_at => '2000-01-01') > 0 AS is_an_id;
SELECT due_at, expires_at FROM teams_outbox ORDER BY id;

DROP EXTENSION teams_proactive;
