-- What happens to messages before a worker sees them: schedule, expiry, keys,
-- cancelling, sending again, and the account of all of it.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	SELECT bot, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops'
	FROM unnest('{default,other}'::text[]) AS bot;
-- Ids are the same in every run.
CREATE VIEW account AS
	SELECT bot, accepted, pending, sent, failed, cancelled, expired, balanced
	FROM teams_accounting ORDER BY bot;

--
-- Options
--

SELECT teams_send('ada@contoso.com', 'one', send_at => '2100-01-01 12:00+00',
				  expires_at => '2100-01-02 12:00+00', priority => 'high');
SELECT teams_send('ada@contoso.com', 'two', send_at => '-infinity', expires_at => 'infinity');
SELECT teams_ensure_installed('ada@contoso.com', priority => 'low', send_at => '2100-01-01 12:00+00');
SET timezone = 'UTC';
SELECT id, kind, state, priority, due_at, expires_at FROM teams_message_detail ORDER BY id;

SELECT teams_send('ada@contoso.com', 'x', priority => 'urgent');
SELECT teams_send('ada@contoso.com', 'x', priority => NULL);
SELECT teams_send('ada@contoso.com', 'x', send_at => 'infinity');
SELECT teams_send('ada@contoso.com', 'x', expires_at => '2020-01-01');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_send('ada@contoso.com', 'x', send_at => '2100-01-02', expires_at => '2100-01-01');
SELECT teams_send('ada@contoso.com', 'x', dedupe_key => '');
SELECT teams_send('ada@contoso.com', 'x', dedupe_key => repeat('k', 256));
\set VERBOSITY terse
INSERT INTO teams_outbox (target, activity, priority) VALUES ('ada@contoso.com', '{}', 'urgent');
\set VERBOSITY default

--
-- Keys: the second message with a key is the first
--

SELECT teams_send('ada@contoso.com', 'invoice 44 is due', dedupe_key => 'invoice 44');
SELECT teams_send('ada@contoso.com', 'invoice 44 is due', dedupe_key => 'invoice 44');
SELECT teams_ensure_installed('ada@contoso.com', dedupe_key => 'invoice 44');
-- of the same bot
SELECT teams_send('ada@contoso.com', 'invoice 44 is due', bot => 'other', dedupe_key => 'invoice 44');
SELECT teams_send('ada@contoso.com', 'x', bot => 'nobody', dedupe_key => 'k');
BEGIN;
SELECT teams_send('ada@contoso.com', 'never', dedupe_key => 'again');
ROLLBACK;
SELECT teams_send('ada@contoso.com', 'again', dedupe_key => 'again') > 0 AS is_an_id;
SELECT bot, dedupe_key FROM teams_dedupe ORDER BY 1, 2;
SELECT * FROM account;

--
-- The account, by transactions and their parts
--

BEGIN;
SELECT count(teams_send('grace@contoso.com', 'hello ' || i)) FROM generate_series(1, 3) AS i;
SAVEPOINT a;
SELECT count(teams_send('grace@contoso.com', 'hello ' || i)) FROM generate_series(1, 10) AS i;
SAVEPOINT b;
SELECT count(teams_send('grace@contoso.com', 'hello ' || i)) FROM generate_series(1, 100) AS i;
RELEASE b;
ROLLBACK TO a;
SAVEPOINT c;
SELECT count(teams_send('grace@contoso.com', 'hello ' || i)) FROM generate_series(1, 1000) AS i;
RELEASE c;
SELECT count(teams_send('grace@contoso.com', 'hello ' || i, bot => 'other')) FROM generate_series(1, 5) AS i;
COMMIT;
SELECT * FROM account;
BEGIN;
SELECT count(teams_send('grace@contoso.com', 'hello ' || i)) FROM generate_series(1, 3) AS i;
ROLLBACK;
DO $$
BEGIN
	PERFORM teams_send('grace@contoso.com', 'kept');
	BEGIN
		PERFORM teams_send('grace@contoso.com', 'lost');
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN
		PERFORM teams_send('grace@contoso.com', 'caught');
	END;
END $$;
INSERT INTO teams_outbox (bot, target, activity)
	SELECT 'gone', 'grace@contoso.com', '{"type": "message", "text": "x"}' FROM generate_series(1, 7);
SELECT * FROM account;
-- what is taken away behind its back shows
DELETE FROM teams_outbox WHERE bot = 'gone';
SELECT bot, balanced FROM account;
DELETE FROM teams_account WHERE bot = 'gone';

--
-- Cancelling
--

SELECT teams_cancel(1);
SELECT teams_cancel(1);
SELECT teams_cancel(NULL::bigint);
SELECT teams_cancel(999999);
SELECT teams_cancel(ARRAY[2, NULL]);
SELECT teams_cancel(array(SELECT id FROM teams_message
						  WHERE target = 'grace@contoso.com' AND bot = 'default'));
SELECT id, state, attempts, error_code FROM teams_message_detail WHERE id < 3 ORDER BY id;
SELECT * FROM account;
-- what is on the wire cannot be called back
INSERT INTO teams_inflight (ids) VALUES ('{2}');
SELECT teams_cancel(2);
SELECT teams_cancel(ARRAY[2, 3]);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM teams_inflight;
SELECT teams_cancel(2);
ROLLBACK;
DELETE FROM teams_inflight;
BEGIN;
SELECT teams_cancel(2);
ROLLBACK;
SELECT state FROM teams_message WHERE id = 2;

--
-- Sending again
--

SELECT teams_retry(1) AS id \gset

SELECT o.target, o.activity, d.retried_as = o.id AS is_noted
	FROM teams_outbox AS o, teams_delivery AS d WHERE o.id = :id AND d.id = 1;
SELECT teams_retry(1);
SELECT teams_retry(2);
SELECT teams_retry(ARRAY[1, NULL]);
SELECT count(*) FROM teams_retry(array(SELECT id FROM teams_message WHERE state = 'cancelled' AND id < 30));
SELECT * FROM account;

-- A key is kept as long as its message, and then the next one gets it.
SELECT teams_cancel(id) FROM teams_dedupe WHERE bot = 'default' AND dedupe_key = 'invoice 44';
SELECT teams_send('ada@contoso.com', 'invoice 44 is due', dedupe_key => 'invoice 44') = id AS is_the_same
	FROM teams_dedupe WHERE bot = 'default' AND dedupe_key = 'invoice 44';

DROP VIEW account;
DROP EXTENSION teams_proactive;
