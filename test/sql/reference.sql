-- Names that an application gives its messages, errors that are warnings, and
-- dry runs that begin anew.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
\set VERBOSITY verbose
\set team '''02bd9fd6-8f93-4758-87c3-1fb73740a315'''
\set channel '''19:4a95f7d8db4c@thread.tacv2'''
\set chat '''19:2da4c29f6d7041@thread.v2'''
CREATE EXTENSION teams_proactive;
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('default', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');
\set VERBOSITY default

--
-- What is wrong with a message is a warning, with all that the error says
--

SELECT teams_send('nobody', 'Hello', on_error => 'warn');
SELECT teams_send('19:2da4c29f6d7041@thread.v2', 'Hello', on_error => 'warn');
SELECT teams_send(NULL, 'Hello', on_error => 'warn');
SELECT teams_send('ada@contoso.com', NULL::text, on_error => 'warn');
SELECT teams_send('ada@contoso.com', '{"text": "Hello"}'::jsonb, on_error => 'warn');
SELECT teams_send('ada@contoso.com', repeat('x', 100000), on_error => 'warn');
SELECT teams_send('ada@contoso.com', 'Hello', bot => 'nobot', on_error => 'warn');
SELECT teams_send('ada@contoso.com', 'Hello', priority => 'now', on_error => 'warn');
SELECT teams_send('ada@contoso.com', 'Hello', expires_at => 'yesterday', on_error => 'warn');
SELECT teams_send('ada@contoso.com', 'Hello', reference => '', on_error => 'warn');
SELECT teams_send_chat('ada@contoso.com', 'Hello', on_error => 'warn');
SELECT teams_send_chat('ada@contoso.com', '[]'::jsonb, on_error => 'warn');
SELECT teams_post('team', NULL, 'Hello', on_error => 'warn');
SELECT teams_post(:team, 'general', '{}'::jsonb, on_error => 'warn');
SELECT teams_broadcast('ada@contoso.com', 'Hello', on_error => 'warn');
SELECT teams_broadcast('SELECT 1/0 AS user_id', 'Hello', on_error => 'warn');
SELECT teams_broadcast(ARRAY['ada@contoso.com'], template => 'nothing', on_error => 'warn');
SELECT teams_edit(4711, 'Hello', on_error => 'warn');
SELECT teams_edit(NULL, '{}'::jsonb, on_error => 'warn');
SELECT teams_delete(4711, on_error => 'warn');
SELECT teams_delete(NULL::bigint, on_error => 'warn');
\set VERBOSITY sqlstate
SELECT teams_send('nobody', 'Hello', on_error => 'warn');
SELECT teams_send('ada@contoso.com', repeat('x', 100000), on_error => 'warn');
SELECT teams_send('ada@contoso.com', 'Hello', bot => 'nobot', on_error => 'warn');
\set VERBOSITY default
SELECT (SELECT count(*) FROM teams_outbox) + (SELECT count(*) FROM teams_broadcast) AS written;
-- what is right is sent as ever
SELECT teams_send('ada@contoso.com', 'Hello', on_error => 'warn') > 0 AS sent;
-- without it, and with anything else, it is an error
SELECT teams_send('nobody', 'Hello');
SELECT teams_send('nobody', 'Hello', on_error => 'fail');
SELECT teams_send('nobody', 'Hello', on_error => 'ignore');
SELECT teams_send('nobody', 'Hello', on_error => NULL);

--
-- The transaction goes on, with what it did before and after
--

TRUNCATE teams_outbox, teams_account;
CREATE TABLE done (what text);
BEGIN;
INSERT INTO done VALUES ('before');
SELECT teams_send('ada@contoso.com', 'good', dedupe_key => 'good') > 0 AS sent;
SELECT teams_send('ada@contoso.com', repeat('x', 100000), dedupe_key => 'bad', on_error => 'warn');
INSERT INTO done VALUES ('after');
SELECT teams_send('ada@contoso.com', 'good, too', dedupe_key => 'bad', on_error => 'warn') > 0 AS sent;
COMMIT;
SELECT array_agg(what) FROM done;
SELECT activity ->> 'text' AS text FROM teams_outbox ORDER BY id;
SELECT accepted, pending, balanced FROM teams_accounting;
-- also in a transaction that sees one state, and where nothing can be written
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT teams_send('nobody', 'Hello', on_error => 'warn');
SELECT teams_send('ada@contoso.com', 'repeatable', on_error => 'warn') > 0 AS sent;
COMMIT;
BEGIN READ ONLY;
SELECT teams_send('ada@contoso.com', 'Hello', on_error => 'warn');
SELECT count(*) FROM done;
COMMIT;

-- What is not the message's stays an error, whatever part of the server it is
-- of.
CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = upper(split_part(NEW.target, '@', 1)), MESSAGE = 'trouble';
END $$;
CREATE TRIGGER trouble BEFORE INSERT ON teams_outbox
	FOR EACH ROW WHEN (NEW.target LIKE '%@trouble.com') EXECUTE FUNCTION trouble();
CREATE FUNCTION outcome(code text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM teams_send(code || '@trouble.com', 'Hello', on_error => 'warn');
	RETURN 'warning';
EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
	RETURN 'error ' || SQLSTATE;
END $$;
SET client_min_messages = error;
SELECT code, outcome(code) FROM unnest('{P0001,23514,23505,22012,42501,09000,55000,
	40001,40P01,53100,53200,54001,55P03,57014,57P01,58030,P0004,XX000,XX001}'::text[]) AS code;
SET client_min_messages = warning;
DROP TRIGGER trouble ON teams_outbox;
-- nor does a message keep its transaction from being cancelled
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_sleep(60);
	RETURN NEW;
END $$;
CREATE TRIGGER slow BEFORE INSERT ON teams_outbox FOR EACH ROW EXECUTE FUNCTION slow();
SET statement_timeout = '100ms';
SELECT teams_send('ada@contoso.com', 'Hello', on_error => 'warn');
RESET statement_timeout;
DROP TRIGGER slow ON teams_outbox;

-- Of 5,000 rows, each third of them bad, the others are sent; the first
-- warnings are shown, and the rest is counted.
TRUNCATE teams_outbox, teams_account;
CREATE TABLE orders AS SELECT i AS id, CASE WHEN i % 3 > 0 THEN 'user' || i || '@contoso.com' ELSE 'user ' || i END AS mail
	FROM generate_series(1, 5000) AS i;
\set VERBOSITY terse
CREATE TABLE told AS SELECT o.id, teams_send(mail, 'Order ' || id, reference => 'order ' || id % 10,
	on_error => 'warn') AS message FROM orders AS o;
SELECT count(*), count(message) AS sent FROM told;
SELECT count(*) FROM told JOIN orders USING (id) LEFT JOIN teams_outbox AS m ON m.id = message
	WHERE CASE WHEN orders.id % 3 > 0
		  THEN (m.target, m.activity ->> 'text', m.reference) IS DISTINCT FROM (mail, 'Order ' || orders.id, 'order ' || orders.id % 10)
		  ELSE message IS NOT NULL END;
SELECT accepted, pending, balanced FROM teams_accounting;
-- it is counted anew
SELECT teams_send('nobody', 'Hello', on_error => 'warn') FROM generate_series(1, 21);
\set VERBOSITY default

--
-- References: what they are
--

SELECT teams_send('ada@contoso.com', 'Hello', reference => repeat('x', 256));
SELECT count(teams_send('ada@contoso.com', 'long', reference => repeat(chr(128512), 255)));
INSERT INTO teams_outbox (target, activity, reference)
	VALUES ('ada@contoso.com', '{"type": "message", "text": "inserted"}', repeat('x', 1021));
INSERT INTO teams_outbox (target, activity, reference)
	VALUES ('ada@contoso.com', '{"type": "message", "text": "inserted"}', 'order 1');
UPDATE teams_outbox SET reference = repeat('x', 1021) WHERE activity ->> 'text' = 'inserted';
SELECT reference FROM teams_message_detail ORDER BY id DESC LIMIT 1;

--
-- What is done by reference
--

SELECT teams_cancel(ids => '{1}', reference => 'order 1');
SELECT teams_cancel(NULL::bigint[]), teams_cancel(reference => NULL), teams_cancel(reference => 'order');
SELECT count(*) FROM teams_retry(reference => 'order');
SELECT count(*) FROM teams_edit(reference => 'order', text => 'x');
SELECT count(*) FROM teams_delete(reference => 'order');
SELECT count(*) FROM teams_edit(reference => NULL, text => 'x');
SELECT count(*) FROM teams_edit(reference => 'order 3', text => NULL);
SELECT count(*) FROM teams_edit(reference => 'order 3', activity => '{}');
-- A literal is no reference.
SELECT teams_cancel('17');
SELECT count(*) FROM teams_edit(reference => 'order 2', text => 'Order of two');
SELECT teams_cancel(reference => 'order 2') AS cancelled;
SELECT count(*) FROM teams_edit(reference => 'order 4', activity => '{"type": "message", "text": "Order of four"}');
SELECT count(*) AS cancelled_instead FROM teams_delete(reference => 'order 5');
CREATE TABLE again AS SELECT teams_retry(reference => 'order 2') AS id;
SELECT teams_retry(reference => 'order 2');
SELECT count(*) FROM again;
-- one by one
SELECT state, count(*) FROM told JOIN orders USING (id) JOIN teams_message_detail AS m ON m.id = message
	WHERE (m.reference, m.state, m.target) IS DISTINCT FROM ('order ' || orders.id % 10,
		CASE WHEN orders.id % 10 IN (2, 5) THEN 'cancelled' ELSE 'pending' END, mail) GROUP BY state;
SELECT count(*), count(*) FILTER (WHERE o.activity ->> 'text' = 'Order of two' AND o.reference = 'order 2'
		AND o.target = d.target) AS right
	FROM again JOIN teams_outbox AS o USING (id) JOIN teams_delivery AS d ON d.retried_as = o.id;
SELECT activity ->> 'text' AS text, count(*) FROM teams_outbox WHERE reference = 'order 4' GROUP BY 1;
SELECT kind, state, count(*) FROM teams_message_detail WHERE reference IN ('order 2', 'order 4', 'order 5')
	GROUP BY kind, state ORDER BY kind, state;
SELECT accepted, pending, sent, cancelled, balanced FROM teams_accounting;
-- it comes to nothing with its transaction
BEGIN;
SELECT teams_cancel(reference => 'order 4') > 0 AS cancelled;
ROLLBACK;
SELECT DISTINCT state FROM teams_message_detail WHERE reference = 'order 4' AND kind = 'send';

-- they are found by their indexes
ANALYZE teams_outbox, teams_delivery;
CREATE FUNCTION indexes_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'teams_\w+_reference' THEN RETURN NEXT substring(line FROM 'teams_\w+_reference'); END IF;
	END LOOP;
END $$;
SELECT indexes_of($$SELECT * FROM teams_message_detail WHERE reference = 'order 42'$$);

-- As with ids, one acts on one's own, and an operator cancels everybody's.
CREATE ROLE regress_teams_shop;
CREATE ROLE regress_teams_other;
CREATE ROLE regress_teams_operator;
SELECT teams_grant('regress_teams_shop', 'sender'), teams_grant('regress_teams_other', 'sender'),
	teams_grant('regress_teams_operator', 'operator');
SET ROLE regress_teams_shop;
SELECT teams_send('ada@contoso.com', 'of the shop', reference => 'order 42') > 0 AS sent;
SET ROLE regress_teams_other;
SELECT teams_send('ada@contoso.com', 'of the other', reference => 'order 42') > 0 AS sent;
SELECT count(*) FROM teams_message_detail WHERE reference = 'order 42';
SELECT count(*) FROM teams_edit(reference => 'order 42', text => 'edited by the other');
SELECT teams_cancel(reference => 'order 42');
SELECT count(*) FROM teams_retry(reference => 'order 42');
SELECT teams_send('nobody', 'Hello', on_error => 'warn');
SET ROLE regress_teams_operator;
SELECT count(*) FROM teams_edit(reference => 'order 42', text => 'edited by the operator');
SELECT activity ->> 'text' AS text FROM teams_outbox WHERE reference = 'order 42' ORDER BY id;
SELECT teams_cancel(reference => 'order 42');
RESET ROLE;

-- A broadcast gives its messages its reference; who feeds them is the worker.
SELECT teams_broadcast(ARRAY['ada@contoso.com'], 'Hello', reference => 'campaign', draft => true) > 0 AS made;
SELECT reference FROM teams_broadcast ORDER BY id DESC LIMIT 1;

--
-- Fates that are told; t/change_told.pl listens
--

SELECT teams_send('ada@contoso.com', 'Hello', reference => 'told', notify => true) AS id \gset
SELECT notify FROM teams_outbox WHERE id = :id;
SELECT teams_cancel(reference => 'told');
SELECT notify FROM teams_delivery WHERE id = :id;
SELECT teams_retry(:id) AS id \gset
SELECT reference, notify FROM teams_outbox WHERE id = :id;
SELECT count(*) FROM teams_outbox WHERE NOT notify;

--
-- Dry runs that begin anew
--

SELECT teams_reset_dry_run();
SELECT teams_reset_dry_run('nobot');
SELECT teams_reset_dry_run(NULL);
SELECT teams_configure_dry_run('test');
CREATE VIEW dry AS
	SELECT (SELECT count(*) FROM teams_recorded WHERE bot = 'test') AS recorded,
		   (SELECT count(*) FROM teams_message WHERE bot = 'test') AS messages,
		   (SELECT count(*) FROM teams_dedupe WHERE bot = 'test') AS keys,
		   (SELECT count(*) FROM teams_thread WHERE bot = 'test') AS threads,
		   (SELECT count(*) FROM teams_broadcast WHERE bot = 'test') AS broadcasts,
		   (SELECT count(*) FROM teams_recipient WHERE broadcast NOT IN (SELECT id FROM teams_broadcast)) AS recipients,
		   (SELECT count(*) FROM teams_installation WHERE bot = 'test') AS installations,
		   (SELECT format('%s %s %s', accepted, sent, balanced) FROM teams_accounting WHERE bot = 'test') AS account;
CREATE VIEW real AS
	SELECT (SELECT count(*) FROM teams_outbox WHERE bot = 'default') AS outbox,
		   (SELECT count(*) FROM teams_delivery WHERE bot = 'default') AS delivery,
		   (SELECT count(*) FROM teams_dedupe WHERE bot = 'default') AS keys,
		   (SELECT count(*) FROM teams_broadcast WHERE bot = 'default') AS broadcasts,
		   (SELECT format('%s %s %s', accepted, pending, balanced) FROM teams_accounting WHERE bot = 'default') AS account;
SELECT teams_send('ada@contoso.com', 'real', dedupe_key => 'k') > 0 AS sent;
CREATE TABLE real_before AS SELECT * FROM real;
CREATE FUNCTION run_test() RETURNS SETOF dry LANGUAGE plpgsql AS $$
BEGIN
	PERFORM teams_send('user' || i || '@contoso.com', 'n ' || i, bot => 'test', dedupe_key => 'k ' || i,
		reference => 'r ' || i) FROM generate_series(1, 5000) AS i;
	PERFORM teams_post('02bd9fd6-8f93-4758-87c3-1fb73740a315', NULL, 'x', bot => 'test', thread => 't');
	PERFORM teams_broadcast(ARRAY['ada@contoso.com', 'grace@contoso.com'], 'x', bot => 'test', draft => true);
	PERFORM teams_edit(reference => 'r 7', text => 'edited');
	INSERT INTO teams_installation (bot, scope, target, state) VALUES ('test', 'user', 'ada@contoso.com', 'absent');
	RETURN QUERY SELECT * FROM dry;
END $$;
CREATE TABLE tickets (owner text);
SELECT teams_set_template('tickets', '${count} tickets');
CREATE TRIGGER tell AFTER INSERT ON tickets FOR EACH ROW
	EXECUTE FUNCTION teams_notify('tickets', 'to=owner', 'bot=''test''', 'digest=1 hour');
INSERT INTO tickets VALUES ('ada@contoso.com');
SELECT rows FROM teams_digest;
-- in a test that commits, twice
SELECT * FROM run_test();
SELECT * FROM dry;
SELECT teams_reset_dry_run('test');
SELECT * FROM dry;
SELECT rows FROM teams_digest;
SELECT * FROM run_test();
SELECT target, text, reference FROM teams_recorded_detail WHERE reference = 'r 7' ORDER BY id;
-- within the transaction that has written it; and given back
BEGIN;
SELECT teams_reset_dry_run('test');
SELECT messages FROM run_test();
SELECT teams_reset_dry_run('test');
SELECT * FROM dry;
COMMIT;
SELECT * FROM dry;
SELECT messages FROM run_test();
BEGIN;
SELECT teams_reset_dry_run('test');
ROLLBACK;
SELECT * FROM dry;
SELECT real = real_before AS untouched FROM real, real_before;
-- who may
SET ROLE regress_teams_shop;
SELECT teams_reset_dry_run('test');
SET ROLE regress_teams_operator;
SELECT teams_reset_dry_run('test');
SELECT teams_reset_dry_run('default');
RESET ROLE;
-- What a bot did when it was real is not forgotten.
SELECT teams_cancel(ARRAY(SELECT id FROM teams_outbox)) > 0 AS cancelled;
SELECT teams_configure_dry_run(replace => true);
SELECT teams_configure_dry_run();
SELECT teams_send('ada@contoso.com', 'recorded', dedupe_key => 'dry') > 0 AS sent;
SELECT accepted = (SELECT count(*) FROM teams_delivery WHERE bot = 'default') AS right FROM teams_accounting WHERE bot = 'default';
SELECT teams_reset_dry_run();
SELECT count(*) FROM teams_recorded;
SELECT d.count = r.outbox + r.delivery AS kept, a.accepted = d.count AS right, balanced
	FROM (SELECT count(*) FROM teams_delivery WHERE bot = 'default') AS d, real_before AS r, teams_accounting AS a
	WHERE a.bot = 'default';
SELECT dedupe_key FROM teams_dedupe WHERE bot = 'default' ORDER BY 1;

DROP OWNED BY regress_teams_shop, regress_teams_other, regress_teams_operator;
DROP ROLE regress_teams_shop, regress_teams_other, regress_teams_operator;
DROP VIEW dry, real CASCADE;
DROP TABLE tickets, done, orders, told, again, real_before;
DROP FUNCTION trouble(), slow(), outcome(text), indexes_of(text);
DROP EXTENSION teams_proactive;
