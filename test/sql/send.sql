-- What teams_send() and teams_ensure_installed() accept, and what becomes of
-- it in the outbox.  No worker runs here: nothing leaves it.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;

-- Without a bot there is nothing to send with.
SELECT teams_send('ada@contoso.com', 'hello');
\echo :LAST_ERROR_SQLSTATE

INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	SELECT bot, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops'
	FROM unnest(ARRAY['default', 'second']) AS bot;

--
-- Accepted
--

-- A text, with everything that JSON has to escape.
SELECT teams_send('ada@contoso.com', 'Build 214 is green') AS id \gset
SELECT :id > 0 AS is_an_id;
SELECT teams_send('ada@contoso.com',
	E'"quoted" \\ back/slash <b>&amp;</b>\ttab\nline \x01 \u00e4 \U0001F389')
	> :id AS ids_grow;

-- An activity, kept as it is.
SELECT teams_send('ada@contoso.com',
	jsonb '{"type": "message", "text": "**Build 215** failed", "importance": "high"}')
	> 0 AS is_an_id;
SELECT teams_send('ada@contoso.com', activity => '{"type": "message",
	"attachments": [{"contentType": "application/vnd.microsoft.card.adaptive",
					 "content": {"type": "AdaptiveCard", "version": "1.5",
								 "body": []}}]}') > 0 AS is_an_id;
-- text that is empty does not collide with attachments
SELECT teams_send('ada@contoso.com', activity =>
	'{"type": "message", "text": "", "attachments": [{}]}') > 0 AS is_an_id;
SELECT teams_send('ada@contoso.com', activity =>
	'{"type": "message", "text": "hello", "attachments": []}') > 0 AS is_an_id;
-- of other types nobody would see anything
SELECT teams_send('ada@contoso.com', activity => '{"type": "typing"}');

-- A literal that is not cast is a text, even if it looks like JSON.
SELECT teams_send('ada@contoso.com', '{"level": "error"}') > 0 AS is_an_id;

-- Another bot, at most once, in any order of the parameters.
SELECT teams_send(bot => 'second', text => 'hello', user_id => 'ada@contoso.com',
	delivery => 'at-most-once') > 0 AS is_an_id;

-- Ids of people: letter case does not count, and is the same afterwards.
SELECT teams_send('9F4B2C1E-6D0B-4A55-9C0E-2F6F3A1B7C01', 'hello') > 0 AS is_an_id;
SELECT teams_send('Ada.Lovelace_42+test@Contoso.COM', 'hello') > 0 AS is_an_id;
SELECT teams_send('o''brien@contoso.com', 'hello') > 0 AS is_an_id;
SELECT teams_send('ada_example.org#EXT#@contoso.onmicrosoft.com', 'hello') > 0
	AS is_an_id;
SELECT teams_send('JÜRGEN@contoso.com', 'hello') > 0 AS is_an_id;

-- A job without a message.
SELECT teams_ensure_installed('Grace@Contoso.com') > 0 AS is_an_id;
SELECT teams_ensure_installed('grace@contoso.com', 'second') > 0 AS is_an_id;

SELECT bot, kind, scope, target, delivery FROM teams_outbox ORDER BY id;
SELECT activity FROM teams_outbox WHERE activity IS NOT NULL ORDER BY id;
SELECT DISTINCT sender = current_user AS mine, due_at, attempts,
	retrying, doubtful, error_code, error
	FROM teams_outbox;
SELECT DISTINCT kind, state, created_at <= now() AS in_the_past
	FROM teams_message ORDER BY kind;

-- One call for each row of a query; the ids are in the order of the calls.
CREATE TABLE answer AS
	SELECT person, teams_send(format('user%s@contoso.com', person), 'hello') AS id
	FROM generate_series(1, 100) AS person;
SELECT count(DISTINCT id), bool_and(follows) AS in_order
	FROM (SELECT id, id > lag(id, 1, 0::bigint) OVER (ORDER BY person) AS follows
		  FROM answer) AS a;
SELECT count(*) FROM answer JOIN teams_outbox USING (id)
	WHERE target = format('user%s@contoso.com', person);

-- Most people send from a trigger.
CREATE TABLE build (number int, state text);
CREATE FUNCTION tell_ada() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM teams_send('ada@contoso.com',
					   format('Build %s is %s', new.number, new.state));
	RETURN NULL;
END
$$;
CREATE TRIGGER tell_ada AFTER INSERT OR UPDATE OF state ON build
	FOR EACH ROW EXECUTE FUNCTION tell_ada();
TRUNCATE teams_outbox;
INSERT INTO build VALUES (214, 'green'), (215, 'red');
UPDATE build SET state = 'green' WHERE number = 215;
SELECT activity ->> 'text' AS text FROM teams_outbox ORDER BY id;

--
-- Transactions
--

TRUNCATE teams_outbox;
BEGIN;
SELECT teams_send('ada@contoso.com', 'never') > 0 AS is_an_id;
ROLLBACK;
BEGIN;
SELECT teams_send('ada@contoso.com', 'first') > 0 AS is_an_id;
SAVEPOINT s;
SELECT teams_send('ada@contoso.com', 'never') > 0 AS is_an_id;
ROLLBACK TO s;
SELECT teams_send('ada@contoso.com', 'second') > 0 AS is_an_id;
COMMIT;
DO $$
BEGIN
	PERFORM teams_send('ada@contoso.com', 'third');
	BEGIN
		PERFORM teams_send('ada@contoso.com', 'never');
		PERFORM teams_send('ada@contoso.com', '');
	EXCEPTION WHEN invalid_parameter_value THEN
		NULL;
	END;
END
$$;
SELECT activity ->> 'text' AS text FROM teams_outbox ORDER BY id;
BEGIN READ ONLY;
SELECT teams_send('ada@contoso.com', 'never');
ROLLBACK;

--
-- Refused
--

TRUNCATE teams_outbox;

-- ids
SELECT teams_send('', 'hello');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_send(NULL, 'hello');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_send('ada', 'hello');
SELECT teams_send('@contoso.com', 'hello');
SELECT teams_send('ada@', 'hello');
SELECT teams_send('ada@contoso.com@contoso.com', 'hello');
SELECT teams_send('9f4b2c1e-6d0b-4a55-9c0e', 'hello');
SELECT teams_send('{9f4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c01}', 'hello');
SELECT teams_send('ada/me@contoso.com', 'hello');
SELECT teams_send(E'ada\\me@contoso.com', 'hello');
SELECT teams_send('../ada@contoso.com', 'hello');
SELECT teams_send('..@contoso.com', 'hello');
SELECT teams_send('ada @contoso.com', 'hello');
SELECT teams_send(' ada@contoso.com', 'hello');
\set VERBOSITY sqlstate
SELECT teams_send(E'ada\n@contoso.com', 'hello');
SELECT teams_send(E'ada\u0085@contoso.com', 'hello');
SELECT teams_send(repeat('a', 256) || '@contoso.com', 'hello');
\set VERBOSITY default
SELECT teams_ensure_installed('ada');
SELECT teams_ensure_installed(NULL);

-- texts
SELECT teams_send('ada@contoso.com', '');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_send('ada@contoso.com', E' \t\n');
SELECT teams_send('ada@contoso.com', NULL);
\echo :LAST_ERROR_SQLSTATE

-- activities
SELECT teams_send('ada@contoso.com', NULL::jsonb);
SELECT teams_send('ada@contoso.com', jsonb '"hello"');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_send('ada@contoso.com', jsonb 'null');
SELECT teams_send('ada@contoso.com', jsonb '[{"type": "message"}]');
SELECT teams_send('ada@contoso.com', jsonb '{"text": "hello"}');
SELECT teams_send('ada@contoso.com', jsonb '{"type": "", "text": "hello"}');
SELECT teams_send('ada@contoso.com', jsonb '{"type": 1, "text": "hello"}');
SELECT teams_send('ada@contoso.com', jsonb '{"type": {}, "text": "hello"}');
SELECT teams_send('ada@contoso.com',
	jsonb '{"type": "message", "text": "hello", "attachments": [{}]}');

-- what is too large: the service counts UTF-16
SELECT teams_send('ada@contoso.com', repeat('x', 52000));
\echo :LAST_ERROR_SQLSTATE
SELECT teams_send('ada@contoso.com', repeat(U&'\+01F389', 26000));
SELECT teams_send('ada@contoso.com', jsonb_build_object('type', 'message',
	'attachments', jsonb_build_array(repeat('x', 52000))));
-- the largest, with {"type":"message","text":""} around it, and one more
SELECT teams_send('ada@contoso.com', repeat('x', 51200 - 28)) > 0 AS is_an_id;
SELECT teams_send('ada@contoso.com', repeat('x', 51200 - 27));
SELECT teams_send('ada@contoso.com', repeat('ä', 51200 - 28)) > 0 AS is_an_id;

-- the rest
SELECT teams_send('ada@contoso.com', 'hello', bot => 'absent');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_send('ada@contoso.com', 'hello', bot => NULL);
SELECT teams_ensure_installed('ada@contoso.com', 'absent');
SELECT teams_send('ada@contoso.com', 'hello', delivery => 'exactly-once');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_send('ada@contoso.com', 'hello', delivery => NULL);

-- Only the two that were just within the limit are there.
SELECT count(*) FROM teams_outbox;

--
-- A plain INSERT
--

TRUNCATE teams_outbox;
INSERT INTO teams_outbox (target, activity)
	VALUES ('ada@contoso.com', '{"type": "message", "text": "hello"}');
INSERT INTO teams_outbox (bot, kind, target)
	VALUES ('absent', 'install', 'ada@contoso.com');
SELECT bot, kind, scope, target, sender = current_user AS mine
	FROM teams_outbox ORDER BY id;
-- it may name a bot that does not exist yet, and waits for it
SELECT bot, kind, state, error_code, error FROM teams_message_detail ORDER BY id;
SELECT teams_pause('default', 'moving house');
SELECT bot, kind, state, error_code, error FROM teams_message_detail ORDER BY id;

\set VERBOSITY terse
INSERT INTO teams_outbox (target, activity) VALUES ('', '{}');
INSERT INTO teams_outbox (target, activity) VALUES ('a/b@contoso.com', '{}');
INSERT INTO teams_outbox (target, activity) VALUES (E'a\n@contoso.com', '{}');
INSERT INTO teams_outbox (target, activity) VALUES ('Ada@contoso.com', '{}');
INSERT INTO teams_outbox (target, activity) VALUES ('ada@contoso.com', '[]');
INSERT INTO teams_outbox (target) VALUES ('ada@contoso.com');
INSERT INTO teams_outbox (target, kind, activity)
	VALUES ('ada@contoso.com', 'install', '{}');
INSERT INTO teams_outbox (target, kind) VALUES ('ada@contoso.com', 'dance');
INSERT INTO teams_outbox (target, delivery, activity)
	VALUES ('ada@contoso.com', 'exactly-once', '{}');
INSERT INTO teams_outbox (target, scope, activity)
	VALUES ('ada@contoso.com', 'planet', '{}');
INSERT INTO teams_outbox (target, team, activity)
	VALUES ('ada@contoso.com', 'a', '{}');
INSERT INTO teams_outbox (target, kind) VALUES ('ada@contoso.com', 'delete');
INSERT INTO teams_outbox (target, attempts, activity)
	VALUES ('ada@contoso.com', -1, '{}');
-- and what is there is held to the same
UPDATE teams_outbox SET target = 'Ada@contoso.com';
UPDATE teams_outbox SET activity = NULL WHERE kind = 'send';
UPDATE teams_outbox SET priority = 'urgent';
\set VERBOSITY default
UPDATE teams_outbox SET activity = '[1]' WHERE kind = 'send';
\echo :LAST_ERROR_SQLSTATE

-- a key that is there, and removed before it is read
CREATE FUNCTION vanish() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER vanish BEFORE INSERT ON teams_dedupe FOR EACH ROW EXECUTE FUNCTION vanish();
CREATE TRIGGER vanish BEFORE INSERT ON teams_broadcast FOR EACH ROW EXECUTE FUNCTION vanish();
SELECT teams_send('ada@contoso.com', 'x', dedupe_key => 'gone');
SELECT teams_broadcast(ARRAY['ada@contoso.com'], 'x', dedupe_key => 'gone');
DROP TRIGGER vanish ON teams_dedupe;
DROP TRIGGER vanish ON teams_broadcast;
DROP FUNCTION vanish();

DROP TABLE build, answer;
DROP FUNCTION tell_ada();
DROP EXTENSION teams_proactive;
