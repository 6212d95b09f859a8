\set QUIET on
\pset footer off
\pset null ''
\set ECHO none
\echo
\echo '1. A database gets the extension, and a bot.'
\echo '   (The client secret lies in a file that only the server can read.)'
\echo
\set ECHO queries
CREATE SCHEMA teams;
CREATE EXTENSION teams_proactive SCHEMA teams;
SET search_path = public, teams;

SELECT teams_configure(
	tenant_id    => '6b1f0c2a-8d3e-4f57-9b60-1a2b3c4d5e6f',
	client_id    => '2d0c7d7f-5b1e-4a3c-9a59-0c3b1f6a7e01',
	teams_app_id => '7b1c0a0e-0c55-4a7c-9d0a-9a2f8b0d4a11',
	credential   => 'ops-bot',
	-- A real tenant needs none of these: they lead to the simulator.
	login_url     => :'login_url',
	graph_url     => :'graph_url',
	connector_url => :'connector_url');

\set ECHO none
\echo
\echo '2. An application has builds, each of which somebody looks after. A template'
\echo '   says what to tell that person, a trigger when: in the same transaction.'
\echo
\set ECHO queries
SELECT teams_set_template('build_ended', 'Build **${row.number}** is ${row.state}.');

CREATE TABLE build (
	number  int PRIMARY KEY,
	state   text NOT NULL DEFAULT 'running',
	owner   text NOT NULL);

CREATE TRIGGER tell_owner AFTER UPDATE OF state ON build
	FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
	EXECUTE FUNCTION teams_notify('build_ended', 'to=owner');

INSERT INTO build VALUES (214, 'running', 'ada@contoso.com'),
						 (215, 'running', 'grace@contoso.com');

\set ECHO none
\echo
\echo '3. Ada has the bot already. Grace does not: before her message, the bot is'
\echo '   installed for her. A transaction that rolls back tells nobody.'
\echo
\set ECHO queries
UPDATE build SET state = 'green' WHERE number = 214;
UPDATE build SET state = 'red' WHERE number = 215;

BEGIN;
UPDATE build SET state = 'cancelled' WHERE number = 214;
ROLLBACK;

CALL teams_wait(1);
CALL teams_wait(2);

\set ECHO none
\echo
\echo '   In a channel of a team, a message starts a thread, and a later one with the'
\echo '   same key answers it. What was sent can be edited.'
\echo
\set ECHO queries
SELECT teams_post('02bd9fd6-8f93-4758-87c3-1fb73740a315', '19:4a95f7d8db4c@thread.tacv2',
				  'Invoice 44 is due.', thread => 'invoice 44');
SELECT teams_post('02bd9fd6-8f93-4758-87c3-1fb73740a315', '19:4a95f7d8db4c@thread.tacv2',
				  'Invoice 44 is paid.', thread => 'invoice 44');
SELECT teams_edit(2, 'Build **215** is green after all.') AS id \gset

CALL teams_wait(5);
CALL teams_wait(:id);

\set ECHO none
\echo
\echo '4. What they see in Teams:'
\echo
\! sh -c "$TRANSCRIPT"
\echo '5. What the database knows: every message has a fate, ...'
\echo
\set ECHO queries
SELECT id, target, state, activity_id, settled_at - created_at AS took
FROM teams_message_detail ORDER BY id;

\set ECHO none
\echo '   ... the bot''s installations and chats are rows like any others, ...'
\echo
\set ECHO queries
SELECT target, state, installed_by_us, left(chat_id, 24) || '...' AS chat_id
FROM teams_installation ORDER BY target;

\set ECHO none
\echo '   ... and a message to somebody who is not there says so.'
\echo
\set ECHO queries
SELECT teams_send('nobody@contoso.com', 'Hello?') AS id \gset

CALL teams_wait(:id);

SELECT target, state, error_code, hint FROM teams_message_detail WHERE id = :id;

\set ECHO none
\echo
\echo '6. Everybody shall hear something. First the rehearsal, then a broadcast that'
\echo '   can be watched, and taken back.'
\echo
\set ECHO queries
SELECT teams_broadcast($$SELECT 'user' || i || '@contoso.com' AS user_id
	FROM generate_series(1, 100) AS i$$, 'The office is closed on Friday.', draft => true);

SELECT known, to_install, unreachable, seconds FROM teams_plan(1);

SELECT teams_start_broadcast(1);

CALL teams_watch(1);

SELECT state, recipients, sent, failed, rate FROM teams_progress_detail;

SELECT teams_recall(1);

CALL teams_watch(2);

\set ECHO none
\echo
\set ECHO none
\echo '   Nothing is lost: what was accepted is what became of it.'
\echo
\set ECHO queries
SELECT accepted, pending, sent, failed, balanced FROM teams_accounting;

SELECT database, state, sent, failed FROM teams_worker;
