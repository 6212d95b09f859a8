-- teams_configure() judges what it is given before it writes anything.
SET client_min_messages = warning;
CREATE EXTENSION teams_proactive;

-- Credentials lie in a directory of the server; none are there yet.
SHOW teams_proactive.credential_directory;
COPY (SELECT) TO PROGRAM 'cat >/dev/null; rm -rf teams_credentials && mkdir -m 700 teams_credentials';
COPY (SELECT 'secret') TO PROGRAM 'umask 077 && cat >teams_credentials/ops';
COPY (SELECT 'secret') TO PROGRAM 'umask 077 && cat >teams_credentials/lax && chmod 640 teams_credentials/lax';
COPY (SELECT 'secret') TO PROGRAM 'umask 077 && cat >teams_credentials/open && chmod 604 teams_credentials/open';
COPY (SELECT) TO PROGRAM 'cat >/dev/null; umask 077 && : >teams_credentials/nothing && mkdir teams_credentials/folder';
COPY (SELECT repeat('x', 20000)) TO PROGRAM 'umask 077 && cat >teams_credentials/long';

\set tenant '''6b1f0c2a-8d3e-4f57-9b60-1a2b3c4d5e6f'''
\set client '''2d0c7d7f-5b1e-4a3c-9a59-0c3b1f6a7e01'''
\set app '''7b1c0a0e-0c55-4a7c-9d0a-9a2f8b0d4a11'''
\set manifest '''3f0e7f7e-2b64-4bb1-8a53-6b9a5f3d2c10'''
\set SHOW_CONTEXT never


--
-- Refused
--

-- something is missing
SELECT teams_configure(NULL, :client, :app, 'ops');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_configure(:tenant, NULL, :app, 'ops');
SELECT teams_configure(:tenant, :client, :app);
SELECT teams_configure(:tenant, :client, :app, 'ops', bot => NULL);
SELECT teams_configure(:tenant, :client, :app, 'ops', cloud => NULL);
SELECT teams_configure(:tenant, :client, :app, 'ops', multi_tenant => NULL);
SELECT teams_configure(:tenant, :client, NULL, 'ops');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_configure('contoso', :client, :app, 'ops');

SELECT teams_configure(:tenant, :client, :app, 'ops', connector_rate => NULL);

-- rates
SELECT teams_configure(:tenant, :client, :app, 'ops', connector_rate => 0);
\echo :LAST_ERROR_SQLSTATE
SELECT teams_configure(:tenant, :client, :app, 'ops', graph_rate => -1);

-- names that cannot be
SELECT teams_configure(:tenant, :client, :app, 'ops', bot => '');
SELECT teams_configure(:tenant, :client, :app, 'ops', bot => 'my bot');
SELECT teams_configure(:tenant, :client, :app, 'ops', bot => repeat('b', 64));
SELECT teams_configure(:tenant, :client, :app, 'ops', cloud => 'moon');
\echo :LAST_ERROR_SQLSTATE

-- the credential
SELECT teams_configure(:tenant, :client, :app, 'absent');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_configure(:tenant, :client, :app, 'lax');
SELECT teams_configure(:tenant, :client, :app, 'open');
SELECT teams_configure(:tenant, :client, :app, 'nothing');
SELECT teams_configure(:tenant, :client, :app, 'folder');
SELECT teams_configure(:tenant, :client, :app, 'long');
SELECT teams_configure(:tenant, :client, :app, '');
SELECT teams_configure(:tenant, :client, :app, '../postgresql.conf');
SELECT teams_configure(:tenant, :client, :app, '/etc/passwd');
SELECT teams_configure(:tenant, :client, :app, '.hidden');
SELECT teams_configure(:tenant, :client, :app, 'with space');

-- where a token must not go
SHOW teams_proactive.allowed_hosts;
SELECT teams_configure(:tenant, :client, :app, 'ops',
	login_url => 'https://login.example.com');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_configure(:tenant, :client, :app, 'ops',
	graph_url => 'http://graph.microsoft.com/v1.0');
SELECT teams_configure(:tenant, :client, :app, 'ops',
	connector_url => 'ftp://127.0.0.1/');
SELECT teams_configure(:tenant, :client, :app, 'ops',
	connector_url => 'https://graph.microsoft.com.example.com/');
SELECT teams_configure(:tenant, :client, :app, 'ops',
	connector_url => 'https://me:secret@graph.microsoft.com/');
SELECT teams_configure(:tenant, :client, :app, 'ops',
	connector_url => 'https://graph.microsoft.com/?to=x');
SELECT teams_configure(:tenant, :client, :app, 'ops',
	connector_url => 'https://graph.microsoft.com/#x');
SELECT teams_configure(:tenant, :client, :app, 'ops',
	connector_url => 'graph.microsoft.com');
SELECT teams_configure(:tenant, :client, :app, 'ops',
	connector_url => 'not a url');
SELECT teams_configure(:tenant, :client, :app, 'ops', connector_url => '');
-- the list decides on loopback hosts, too
SELECT teams_configure(:tenant, :client, :app, 'ops',
	connector_url => 'http://localhost:8080/');

-- more or less than the root of a service, which only its answers would show
SELECT teams_configure(:tenant, :client, :app, 'ops',
	graph_url => 'https://graph.microsoft.com/');
SELECT teams_configure(:tenant, :client, :app, 'ops',
	graph_url => 'https://graph.microsoft.com/v1.0/$batch');
SELECT teams_configure(:tenant, :client, :app, 'ops',
	login_url => 'https://login.microsoftonline.com/6b1f0c2a-8d3e-4f57-9b60-1a2b3c4d5e6f/oauth2/v2.0/token');
SELECT teams_configure(:tenant, :client, :app, 'ops',
	connector_url => 'http://127.0.0.1:8080/connector/teams/v3/conversations');

-- nothing of all this has left a bot
SELECT count(*) FROM teams_bot;

--
-- Accepted
--

SELECT teams_configure(:tenant, :client, :app, 'ops');
SELECT teams_configure(
	tenant_id => :tenant, client_id => :client, manifest_id => :manifest,
	credential => 'ops', bot => 'Second.bot-2', cloud => 'gcc-high',
	multi_tenant => true,
	login_url => 'http://127.0.0.1:8080/login',
	graph_url => 'https://graph.microsoft.com/beta',
	connector_url => 'http://127.0.0.1:8080/connector/teams',
	connector_rate => 10, graph_rate => 5);
SELECT tenant_id, client_id, teams_app_id, manifest_id, credential
	FROM teams_bot ORDER BY bot;
SELECT bot, cloud, multi_tenant, login_url, graph_url, connector_url,
	connector_rate, graph_rate
	FROM teams_bot ORDER BY bot;

-- Called again, it replaces all of the bot, and says when.
SELECT teams_configure(:tenant, :client, :app, 'ops', bot => 'Second.bot-2');
SELECT bot, teams_app_id = :app AS app, manifest_id, cloud, multi_tenant,
	login_url, graph_url, connector_url, connector_rate, graph_rate,
	updated_at > created_at AS updated
	FROM teams_bot WHERE bot = 'Second.bot-2';

-- Whoever writes to the table has the same rules.
\set VERBOSITY terse
UPDATE teams_bot SET bot = 'my bot';
\echo :LAST_ERROR_SQLSTATE
UPDATE teams_bot SET cloud = 'moon';
UPDATE teams_bot SET connector_rate = 0;
UPDATE teams_bot SET graph_rate = -1;
UPDATE teams_bot SET chat_limits = '{7,8,60}';
UPDATE teams_bot SET chat_limits = '{7,8,NULL,1800}';
UPDATE teams_bot SET chat_limits = '{7,8,60,0}';
\set VERBOSITY default

-- What is known of people belongs to a registration, a tenant and an app.
INSERT INTO teams_installation
	(bot, scope, target, state, installation_id, chat_id)
	VALUES ('default', 'user', 'ada@contoso.com', 'installed', 'i', 'c'),
		   ('Second.bot-2', 'user', 'ada@contoso.com', 'installed', 'i', 'c');
BEGIN;
SELECT teams_configure(:tenant, :client, :app, 'ops', connector_rate => 7);
SELECT bot, state FROM teams_installation ORDER BY bot;
SELECT teams_configure(:client, :client, :app, 'ops', replace => true);
SELECT bot, state FROM teams_installation ORDER BY bot;
ROLLBACK;
BEGIN;
SELECT teams_configure(:tenant, :tenant, :app, 'ops');
SELECT bot, state FROM teams_installation ORDER BY bot;
ROLLBACK;
BEGIN;
SELECT teams_configure(:tenant, :client, :manifest, 'ops');
SELECT bot, state FROM teams_installation ORDER BY bot;
ROLLBACK;

--
-- Pausing
--

SELECT teams_pause();
SELECT teams_pause('Second.bot-2', 'moving house');
SELECT bot, paused_at = now() AS now, paused_reason FROM teams_bot ORDER BY bot;
BEGIN;
SELECT teams_pause('Second.bot-2', NULL);
SELECT paused_at = now() AS now, paused_reason
	FROM teams_bot WHERE bot = 'Second.bot-2';
ROLLBACK;
SELECT teams_resume();
SELECT bot, paused_at IS NULL AS active, paused_reason FROM teams_bot ORDER BY bot;

-- Configuring anew also resumes.
SELECT teams_configure(:tenant, :client, :app, 'ops', bot => 'Second.bot-2');
SELECT bot, paused_at IS NULL AS active, paused_reason FROM teams_bot ORDER BY bot;

SELECT teams_pause('absent');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_resume('absent');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_pause(NULL);
SELECT teams_resume(NULL);

--
-- Settings
--

SELECT name, setting, unit, min_val, max_val, context
	FROM pg_settings WHERE name LIKE 'teams\_proactive.%'
	  AND name NOT IN ('teams_proactive.allowed_hosts')
	ORDER BY name COLLATE "C";

-- A host that no URL can have is not silently useless.
ALTER SYSTEM SET teams_proactive.allowed_hosts = 'gateway.example.com:8443';
ALTER SYSTEM SET teams_proactive.allowed_hosts = 'gateway.example.com, *.example.org';
ALTER SYSTEM SET teams_proactive.allowed_hosts = 'https://gateway.example.com';
ALTER SYSTEM SET teams_proactive.allowed_hosts = 'gateway.example.com other.example.com';
ALTER SYSTEM SET teams_proactive.allowed_hosts = 'gateway.example.com,, other.example.com';

-- What the worker reads cannot be set where the worker would not see it.
SET teams_proactive.max_attempts = 3;

-- Where secrets lie and may go is shown to superusers only.
CREATE ROLE regress_teams_reader;
SET ROLE regress_teams_reader;
\set VERBOSITY sqlstate
SHOW teams_proactive.allowed_hosts;
SHOW teams_proactive.credential_directory;
SHOW teams_proactive.ca_file;
SHOW teams_proactive.max_attempts;
RESET ROLE;
DROP ROLE regress_teams_reader;

COPY (SELECT) TO PROGRAM 'cat >/dev/null; rm -rf teams_credentials';
DROP EXTENSION teams_proactive;
