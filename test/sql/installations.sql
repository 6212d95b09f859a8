-- Jobs that install, upgrade, uninstall and check the bot: what they accept, and
-- what shows of them. That they are carried out is tested with a service.
CREATE EXTENSION teams_proactive;
CREATE ROLE job_sender;
SELECT teams_grant('job_sender', 'sender');
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential) VALUES
	('default', '6b1f0c2a-8d3e-4f57-9b60-1a2b3c4d5e6f', '2d0c7d7f-5b1e-4a3c-9a59-0c3b1f6a7e01',
	 '7b1c0a0e-0c55-4a7c-9d0a-9a2f8b0d4a11', 'ops');
SELECT teams_pause();

-- scopes
CREATE TABLE staff (id text, place integer);
INSERT INTO staff VALUES ('Ada@contoso.com', 1), ('grace@contoso.com', 2);
SELECT count(teams_ensure_installed(s.id)) FROM staff AS s;
SELECT teams_check_installed('B8A4F3D1-6C2E-4E0B-9D37-5F1C8A2E7B03', scope => 'team') > 0 AS is_an_id;
SELECT teams_uninstall('19:2e5c1f7a@thread.v2', scope => 'chat') > 0 AS is_an_id;
SET ROLE job_sender;
SELECT teams_upgrade('linus@contoso.com', priority => 'low', dedupe_key => 'upgrade 7') > 0 AS is_an_id;
RESET ROLE;
SELECT kind, scope, target, priority,
	CASE WHEN trim(sender::text, '"') = session_user THEN 'superuser' ELSE sender::text END AS sender,
	state, error
	FROM teams_message_detail ORDER BY id;

-- what waits to be installed
SELECT bot, scope, target, state, reason, hint, outdated FROM teams_installed_detail;

-- what is known
INSERT INTO teams_installation (bot, scope, target, state, installation_id, chat_id, app_version, uninstalled_by, error, hint) VALUES
	('default', 'user', 'a@x.y', 'installed', 'i', '19:a', '1.0', NULL, NULL, NULL),
	('default', 'user', 'b@x.y', 'installed', 'i', '19:b', '1.1', NULL, NULL, NULL),
	('default', 'user', 'c@x.y', 'absent', NULL, NULL, NULL, NULL, NULL, NULL),
	('default', 'user', 'd@x.y', 'removed', NULL, NULL, NULL, NULL, NULL, NULL),
	('default', 'user', 'e@x.y', 'uninstalled', NULL, NULL, NULL, 'job_sender', NULL, NULL),
	('default', 'user', 'f@x.y', 'blocked', 'i', '19:f', '1.0', NULL, 'bot is muted', NULL),
	('default', 'user', 'g@x.y', 'refused', NULL, NULL, NULL, NULL, 'by a policy', 'Ask.'),
	('default', 'user', 'h@x.y', 'stale', 'i', '19:h', '1.0', NULL, NULL, NULL),
	('default', 'team', 't', 'installed', 'i', NULL, '1.1', NULL, NULL, NULL);
UPDATE teams_bot SET app_version = '1.1';
SELECT scope, target, state, reason, hint, app_version, catalog_version, outdated, uninstalled_by
FROM teams_installed_detail WHERE state <> 'installing' ORDER BY target;
SELECT count(*) FROM (SELECT teams_upgrade(target, bot, scope => scope) FROM teams_installed WHERE outdated) AS u;

-- rules of the table
\set VERBOSITY terse
INSERT INTO teams_installation (bot, scope, target, state) VALUES ('default', 'user', 'x', 'gone');
INSERT INTO teams_installation (bot, scope, target, state) VALUES ('default', 'channel', 'x', 'absent');
INSERT INTO teams_installation (bot, scope, target, state, installation_id) VALUES ('default', 'user', 'x', 'installed', 'i');

\set VERBOSITY default

-- errors
SELECT teams_upgrade(NULL);
SELECT teams_uninstall('ada@contoso.com', scope => NULL);
SELECT teams_uninstall('ada@contoso.com', scope => 'channel');
SELECT teams_uninstall('ada');
SELECT teams_check_installed('ada@contoso.com', scope => 'team');
SELECT teams_check_installed('b8a4f3d1-6c2e-4e0b-9d37-5f1c8a2e7b03', scope => 'chat');
SELECT teams_upgrade('19:2e5c1f7a', scope => 'chat');
SELECT teams_ensure_installed('19:2e5c1f7a@thread.v2');
SELECT teams_uninstall('ada@contoso.com', 'absent');
SELECT teams_uninstall('ada@contoso.com', priority => 'urgent');

-- who may see it
SET ROLE job_sender;
SELECT * FROM teams_installed;
RESET ROLE;
SELECT teams_grant('job_sender', 'operator');
SET ROLE job_sender;
SELECT count(*) > 0 AS sees_it FROM teams_installed;
RESET ROLE;

SELECT teams_revoke('job_sender');
DROP EXTENSION teams_proactive;
DROP TABLE staff;
DROP ROLE job_sender;
