-- Bots that record what they would send.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
SELECT teams_configure_dry_run();
SELECT bot, tenant_id, client_id, credential, dry_run FROM teams_bot;
\set team '''02bd9fd6-8f93-4758-87c3-1fb73740a315'''
\set channel '''19:4a95f7d8db4c@thread.tacv2'''
\set chat '''19:2da4c29f6d7041@thread.v2'''

--
-- What is written is recorded in the same transaction
--

BEGIN;
SELECT teams_send('Ada@contoso.com', 'Build 214 is green') AS id \gset
SELECT target, text FROM teams_recorded WHERE id = :id;
SELECT count(*) FROM teams_outbox;
-- it has its fate
CALL teams_wait(:id);
ROLLBACK;
SELECT count(*) FROM teams_recorded;

SELECT teams_send('ada@contoso.com', teams_text('Hello @{ada@contoso.com}', mentions => '{"ada@contoso.com": "Ada"}'), priority => 'high');
SELECT teams_send('ada@contoso.com', 'tomorrow', send_at => now() + interval '1 day');
SELECT teams_send_chat(:chat, 'to a chat');
SELECT teams_ensure_installed('grace@contoso.com');
INSERT INTO teams_outbox (target, activity)
	VALUES ('ada@contoso.com', '{"type": "message", "text": "a plain INSERT"}'),
		   ('grace@contoso.com', '{"type": "message", "text": "of two rows"}');
SELECT kind, scope, target, priority, text, summary, activity
	FROM teams_recorded_detail ORDER BY id;
SELECT kind, fate, replace(activity_id, id::text, 'ID') AS activity_id,
	   conversation_id, attempts, doubtful, error_code
	FROM teams_delivery ORDER BY id;
SELECT accepted, pending, sent, balanced FROM teams_accounting;
SELECT count(*) FROM teams_outbox;

-- also in subtransactions, as many as stay
DO $$
BEGIN
	PERFORM teams_send('ada@contoso.com', 'stays');
	BEGIN
		PERFORM teams_send('ada@contoso.com', 'goes');
		RAISE 'away';
	EXCEPTION WHEN raise_exception THEN NULL;
	END;
	BEGIN
		PERFORM teams_send('ada@contoso.com', 'stays, too');
	EXCEPTION WHEN raise_exception THEN NULL;
	END;
END $$;
SELECT text FROM teams_recorded ORDER BY id DESC LIMIT 2;
SELECT accepted, pending, sent, balanced FROM teams_accounting;

--
-- Threads, keys, edits
--

TRUNCATE teams_delivery, teams_account;
SELECT teams_post(:team, :channel, 'Invoice 44 is due', thread => 'invoice 44') AS root \gset
SELECT teams_post(:team, :channel, 'Invoice 44 is paid', thread => 'invoice 44') AS answer \gset
SELECT text, refers_to = :root AS is_answer FROM teams_recorded_detail ORDER BY id;
SELECT teams_send('ada@contoso.com', 'once', dedupe_key => 'k') = teams_send('ada@contoso.com', 'once', dedupe_key => 'k') AS same;
SELECT teams_edit(:root, 'Invoice 44 was due') IS NOT NULL AS edited;
SELECT teams_delete(:answer) IS NOT NULL AS deleted;
SELECT count(*) FROM teams_edit(ARRAY[:root, :answer, 0], 'again');
-- there is nothing to cancel or to retry
SELECT teams_cancel(:root), teams_retry(:root);
SELECT kind, CASE refers_to WHEN :root THEN 'root' WHEN :answer THEN 'answer' END AS refers_to,
	   text FROM teams_recorded_detail ORDER BY id;
SELECT accepted, sent, balanced FROM teams_accounting;

--
-- What is wrong is wrong here, too
--

SELECT teams_send('ada', 'x');
SELECT teams_send('ada@contoso.com', ' ');
SELECT teams_send('ada@contoso.com', repeat('x', 60000));
SELECT teams_send('ada@contoso.com', 'x', expires_at => now() - interval '1 day');
INSERT INTO teams_outbox (target, activity) VALUES ('Ada', '{}');
SELECT teams_edit(0, 'x');

--
-- Who sees it
--

CREATE ROLE regress_teams_ada;
CREATE ROLE regress_teams_grace;
SELECT teams_grant('regress_teams_ada', 'sender');
SELECT teams_grant('regress_teams_grace', 'sender');
SET ROLE regress_teams_ada;
SELECT teams_send('ada@contoso.com', 'of ada''s') > 0 AS sent;
SELECT text FROM teams_recorded;
SET ROLE regress_teams_grace;
SELECT text FROM teams_recorded;
SELECT teams_configure_dry_run('mine');
RESET ROLE;
SELECT teams_revoke('regress_teams_ada');
SELECT teams_revoke('regress_teams_grace');
TRUNCATE teams_delivery, teams_thread, teams_dedupe, teams_account;
DROP ROLE regress_teams_ada, regress_teams_grace;

--
-- A real bot and a dry-run bot, and from one to the other
--

INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('real', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');
BEGIN;
SELECT teams_send('ada@contoso.com', 'waits', bot => 'real') > 0 AS sent;
SELECT teams_send('ada@contoso.com', 'is recorded') > 0 AS sent;
SELECT teams_send('ada@contoso.com', 'waits, too', bot => 'real') > 0 AS sent;
COMMIT;
SELECT bot, state FROM teams_message ORDER BY id;
SELECT text FROM teams_recorded;
SELECT teams_configure_dry_run('real', replace => true);
\echo :LAST_ERROR_SQLSTATE
SELECT teams_cancel(array(SELECT id FROM teams_outbox));
-- within one transaction, as within many
BEGIN;
SELECT teams_send('ada@contoso.com', 'is cancelled', bot => 'real') AS id \gset
SELECT teams_cancel(:id);
SELECT teams_configure_dry_run('real', replace => true);
SELECT teams_send('ada@contoso.com', 'is recorded', bot => 'real') > 0 AS sent;
SAVEPOINT s;
UPDATE teams_bot SET dry_run = false WHERE bot = 'real';
SELECT teams_send('ada@contoso.com', 'waits', bot => 'real') > 0 AS sent;
SELECT count(*) FROM teams_outbox;
ROLLBACK TO s;
SELECT teams_send('ada@contoso.com', 'is recorded again', bot => 'real', dedupe_key => 'k') > 0 AS sent;
COMMIT;
SELECT bot, text FROM teams_recorded ORDER BY id;
SELECT bot, accepted, pending, sent, cancelled, balanced FROM teams_accounting ORDER BY bot;
-- for a real bot, what was recorded is no reason not to send
COPY (SELECT) TO PROGRAM 'cat >/dev/null; rm -rf teams_credentials && mkdir -m 700 teams_credentials';
COPY (SELECT 'secret') TO PROGRAM 'umask 077 && cat >teams_credentials/ops';
SELECT teams_configure('6b1f0000-0000-0000-0000-000000000000', '2d0c0000-0000-0000-0000-000000000000',
					   '7b1c0000-0000-0000-0000-000000000000', 'ops', bot => 'real', replace => true);
SELECT dry_run, credential FROM teams_bot WHERE bot = 'real';
SELECT teams_send('ada@contoso.com', 'waits', bot => 'real', dedupe_key => 'k') > 0 AS sent;
SELECT state, bot FROM teams_message WHERE state = 'pending';
COPY (SELECT) TO PROGRAM 'cat >/dev/null; rm -rf teams_credentials';

SELECT teams_configure_dry_run(NULL);
SELECT teams_configure_dry_run('no good');

DROP EXTENSION teams_proactive;
