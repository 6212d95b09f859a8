-- Waiting and draining where the library was not preloaded.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('default', gen_random_uuid(), gen_random_uuid(),
			gen_random_uuid(), 'absent');

-- There are no workers to be seen.
SELECT * FROM teams_worker;

-- What is not there cannot be waited for.
CALL teams_wait(1);
\echo :LAST_ERROR_SQLSTATE
CALL teams_wait(NULL);
\echo :LAST_ERROR_SQLSTATE
CALL teams_wait(0);
CALL teams_wait(-1);

-- Nobody would send it: the hint says what to do, and no time is lost.
SELECT teams_send('ada@contoso.com', 'hello') AS id \gset
CALL teams_wait(:id);
\echo :LAST_ERROR_SQLSTATE
CALL teams_wait(:id, NULL);
CALL teams_wait(:id, '1 hour');
CALL teams_wait(:id, '-1 hour');

-- It says what the message waits for.
SELECT teams_pause(reason => 'moving house');
CALL teams_wait(:id);
UPDATE teams_outbox SET bot = 'absent' WHERE id = :id;
CALL teams_wait(:id);
UPDATE teams_outbox SET bot = 'default', attempts = 2, retrying = true,
	error_code = 'connection_failed', error = 'could not connect';
SELECT teams_resume();
CALL teams_wait(:id);
SELECT state, attempts, error_code, error FROM teams_message_detail;

-- A transaction cannot wait for what it sends itself.
BEGIN;
SELECT teams_send('ada@contoso.com', 'hello') AS id \gset
CALL teams_wait(:id);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT teams_send('ada@contoso.com', 'hello') AS id \gset
RELEASE s;
CALL teams_wait(:id);
ROLLBACK;

-- Fates: teams_wait() is silent for what was sent, and raises the rest.
TRUNCATE teams_outbox;
INSERT INTO teams_delivery (id, bot, kind, scope, target, sender, fate,
		attempts, doubtful, error_code, error, hint, created_at)
	VALUES
	(101, 'default', 'send', 'user', 'ada@contoso.com', current_user,
	 'sent', 1, false, NULL, NULL, NULL, now()),
	(102, 'default', 'send', 'user', 'ada@contoso.com', current_user,
	 'failed', 1, false, 'NotFound', 'User not found', 'Check the user id.', now()),
	(103, 'default', 'install', 'user', 'ada@contoso.com', current_user,
	 'failed', 1, false, 'Forbidden', 'no', NULL, now()),
	(104, 'default', 'send', 'user', 'ada@contoso.com', current_user,
	 'expired', 0, false, NULL, NULL, NULL, now());
CALL teams_wait(101);
CALL teams_wait(102);
\echo :LAST_ERROR_SQLSTATE
CALL teams_wait(103);
CALL teams_wait(104);
SELECT id, kind, state, error_code, error, hint FROM teams_message_detail ORDER BY id;
-- also inside a transaction, and inside a function
BEGIN;
CALL teams_wait(101);
CALL teams_wait(102);
ROLLBACK;
DO $$
BEGIN
	CALL teams_wait(101);
	CALL teams_wait(102);
EXCEPTION WHEN external_routine_exception THEN
	RAISE WARNING 'caught: %', sqlerrm;
END
$$;

-- teams_drain() sends from this session; with nothing to send it is silent.
TRUNCATE teams_delivery;
CALL teams_drain();
CALL teams_drain('1 second');
BEGIN;
CALL teams_drain();
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
DO $$ BEGIN CALL teams_drain(); END $$;
CREATE FUNCTION drain() RETURNS void LANGUAGE plpgsql
	AS $$ BEGIN CALL teams_drain(); END $$;
SELECT drain();
\echo :LAST_ERROR_SQLSTATE
DROP FUNCTION drain();

-- A bot that cannot work is paused with the reason; its messages wait.
SELECT teams_send('ada@contoso.com', 'hello') AS id \gset
CALL teams_drain('10 seconds');
SELECT paused_at IS NOT NULL AS paused, paused_reason FROM teams_bot;
SELECT state, attempts, error_code, error FROM teams_message_detail;
CALL teams_wait(:id);
-- and other sessions can drain afterwards
CALL teams_drain('10 seconds');

DROP EXTENSION teams_proactive;
