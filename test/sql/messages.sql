-- Messages to channels and chats, and messages that change others: what is
-- refused at once, and what is written.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('default', '6b1f0000-0000-0000-0000-000000000000',
			gen_random_uuid(), gen_random_uuid(), 'ops');
\set team '''02bd9fd6-8f93-4758-87c3-1fb73740a315'''
\set channel '''19:4a95f7d8db4c@thread.tacv2'''
\set chat '''19:2da4c29f6d7041@thread.v2'''

--
-- Channels
--

SELECT teams_post(:team, :channel, 'Deploy started');
SELECT teams_post(upper(:team), NULL, 'Hello, everyone');
SELECT teams_post(:team, :channel, '{"type": "message", "text": "done"}'::jsonb);
SELECT id, scope, target, team, refers_to, activity FROM teams_outbox ORDER BY id;

-- a key: the first message starts the thread, the others answer it
SELECT teams_post(:team, :channel, 'Invoice 44 is due', thread => 'invoice 44');
SELECT teams_post(:team, :channel, 'Invoice 44 is paid', thread => 'invoice 44');
SELECT teams_post(:team, NULL, 'elsewhere', thread => 'invoice 44');
BEGIN;
SELECT teams_post(:team, :channel, 'never', thread => 'invoice 45');
ROLLBACK;
SELECT teams_post(:team, :channel, 'Invoice 45 is due', thread => 'invoice 45', dedupe_key => '45');
SELECT teams_post(:team, :channel, 'Invoice 45 is due', thread => 'invoice 45', dedupe_key => '45');
SELECT id, scope, refers_to FROM teams_outbox WHERE id > 3 ORDER BY id;
SELECT scope, thread, root FROM teams_thread ORDER BY root;
-- one whose first message came to nothing is started anew
SELECT teams_cancel(8);
SELECT teams_post(:team, :channel, 'Invoice 45 is due', thread => 'invoice 45');
SELECT root FROM teams_thread WHERE thread = 'invoice 45';

SELECT teams_post('sales', :channel, 'x');
SELECT teams_post(NULL, :channel, 'x');
SELECT teams_post(:team, 'General', 'x');
SELECT teams_post(:team, '19:a/b@thread.tacv2', 'x');
SELECT teams_post(:team, :channel, ' ');
SELECT teams_post(:team, :channel, 'x', thread => '');
SELECT teams_post(:team, :channel, 'x', bot => 'nobody');
SELECT teams_post(:team, :channel, repeat('x', 60000));

--
-- Chats
--

TRUNCATE teams_outbox, teams_delivery, teams_thread RESTART IDENTITY;
SELECT teams_send_chat(:chat, 'Build 214 is green', priority => 'high');
SELECT teams_send_chat(:chat, '{"type": "message", "text": "done"}'::jsonb);
SELECT id, scope, target, priority FROM teams_message_detail ORDER BY id;
-- no bot can create one
SELECT teams_send_chat('ada@contoso.com', 'x');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_send_chat('everyone', 'x');

--
-- Changing messages
--

TRUNCATE teams_outbox, teams_delivery RESTART IDENTITY;
INSERT INTO teams_delivery (id, bot, kind, scope, target, team, sender, fate,
							conversation_id, activity_id, attempts, doubtful,
							created_at)
	VALUES (101, 'default', 'send', 'user', 'ada@contoso.com', NULL,
			current_user, 'sent', '19:a_b@unq.gbl.spaces', '1001', 1,
			false, now()),
		   (102, 'default', 'send', 'channel', :channel, :team,
			current_user, 'sent', :channel || ';messageid=1002',
			'1002', 1, false, now()),
		   (103, 'default', 'send', 'user', 'ada@contoso.com', NULL,
			current_user, 'failed', NULL, NULL, 1, false, now()),
		   (104, 'default', 'send', 'user', 'ada@contoso.com', NULL,
			current_user, 'sent', '19:a_b@unq.gbl.spaces', NULL, 1,
			false, now()),
		   (105, 'default', 'install', 'user', 'ada@contoso.com', NULL,
			current_user, 'sent', NULL, NULL, 1, false, now());
SELECT teams_edit(101, 'Build 214 is red');
SELECT teams_edit(102, '{"type": "message", "text": "done"}'::jsonb);
SELECT * FROM teams_edit(ARRAY[101, 102, 103, 104, 105, 999], 'again');
SELECT teams_delete(102);
SELECT id, kind, scope, target, team, refers_to, activity FROM teams_outbox ORDER BY id;
-- a pending message is changed after it was sent, or never sent
SELECT teams_send('grace@contoso.com', 'hello') AS id \gset
SELECT teams_edit(:id, 'good bye') - :id;
SELECT teams_delete(:id);
SELECT fate FROM teams_delivery WHERE id = :id;
SELECT count(*) FROM teams_delete(ARRAY[101, 102]);

SELECT teams_edit(103, 'x');
SELECT teams_edit(104, 'x');
SELECT teams_edit(105, 'x');
SELECT teams_edit(999, 'x');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_edit(NULL::bigint, 'x');
SELECT teams_edit(101, NULL::text);
SELECT teams_edit(101, '');
SELECT teams_edit(101, '[]'::jsonb);
SELECT teams_edit(ARRAY[101, NULL], 'x');
SELECT teams_delete(103);

-- others' messages are not there
CREATE ROLE stranger;
SELECT teams_grant('stranger', 'sender');
SET ROLE stranger;
SELECT teams_edit(101, 'x');
SELECT teams_delete(101);
SELECT count(*) FROM teams_edit(ARRAY[101], 'x');
SELECT teams_message_url(101);
RESET ROLE;

-- nor do operators that one makes run with the rights of the tables' owner
CREATE SCHEMA lair AUTHORIZATION stranger;
GRANT USAGE ON SCHEMA lair TO PUBLIC;
INSERT INTO teams_delivery (id, bot, kind, scope, target, team, sender, fate,
							conversation_id, activity_id, attempts, doubtful,
							created_at)
	VALUES (106, 'default', 'send', 'channel', :channel, :team,
			'stranger', 'sent', :channel || ';messageid=1006',
			'1006', 1, false, now());
SET ROLE stranger;
CREATE FUNCTION lair.equal(text, text) RETURNS boolean LANGUAGE plpgsql
	AS $$ BEGIN RAISE WARNING 'as %', current_user = 'stranger'; RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE OPERATOR lair.= (LEFTARG = text, RIGHTARG = text, FUNCTION = lair.equal);
SET search_path = lair, pg_catalog, public;
SELECT teams_message_url(106);
RESET search_path;
RESET ROLE;
DROP SCHEMA lair CASCADE;
SELECT teams_revoke('stranger');
DROP ROLE stranger;

--
-- Links
--

SELECT teams_message_url(101);
SELECT teams_message_url(102);
SELECT teams_message_url(103);
UPDATE teams_bot SET cloud = 'gcc-high';
SELECT teams_message_url(101);

DROP EXTENSION teams_proactive;
