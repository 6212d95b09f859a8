-- A bot does not become another one without a word.
SET client_min_messages = notice;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
COPY (SELECT) TO PROGRAM 'cat >/dev/null; rm -rf teams_credentials && mkdir -m 700 teams_credentials';
COPY (SELECT 'secret') TO PROGRAM 'umask 077 && cat >teams_credentials/ops';
\set tenant '6b1f0000-0000-0000-0000-000000000000'
\set other '6b1f0000-0000-0000-0000-000000000001'
\set client '2d0c0000-0000-0000-0000-000000000000'
\set app '7b1c0000-0000-0000-0000-000000000000'

-- a real bot, and a test on the wrong connection
SELECT teams_configure(:'tenant', :'client', :'app', 'ops');
INSERT INTO teams_person (bot, id)
	SELECT 'default', format('00000000-0000-4000-8000-%s', lpad(i::text, 12, '0')) FROM generate_series(1, 5000) AS i;
INSERT INTO teams_directory (bot, source, state, finished_at) VALUES ('default', 'people', 'done', now());
SELECT teams_configure_dry_run();
\echo :LAST_ERROR_SQLSTATE
SELECT teams_configure_dry_run(replace => NULL);
SELECT tenant_id, credential, dry_run FROM teams_bot;
SELECT count(*) FROM teams_person;

-- one for another tenant whose name was forgotten
SELECT teams_configure(:'other', :'client', :'app', 'ops');
\echo :LAST_ERROR_SQLSTATE
SELECT tenant_id FROM teams_bot;
SELECT count(*) FROM teams_person;
SELECT teams_configure(:'other', :'client', :'app', 'ops', bot => 'fabrikam');
-- with nothing to lose, a wrong tenant is corrected as before
SELECT teams_configure(:'tenant', :'client', :'app', 'ops', bot => 'fabrikam');
-- and all else of a bot is changed as before
SELECT teams_configure(:'tenant', :'client', :'app', 'ops', connector_rate => 10);
SELECT teams_configure(:'other', :'client', :'app', 'ops', replace => true);
SELECT bot, tenant_id, connector_rate FROM teams_bot ORDER BY bot;
SELECT count(*) FROM teams_person;

-- the other way round
SELECT teams_configure_dry_run('test');
SELECT teams_configure_dry_run('test');
SELECT teams_configure(:'tenant', :'client', :'app', 'ops', bot => 'test');
SELECT teams_configure_dry_run('test', replace => true);
SELECT teams_send('ada@contoso.com', 'recorded', bot => 'test') > 0 AS is_an_id;
SELECT teams_configure(:'tenant', :'client', :'app', 'ops', bot => 'test');
\echo :LAST_ERROR_SQLSTATE
SELECT dry_run FROM teams_bot WHERE bot = 'test';
SELECT teams_configure(:'tenant', :'client', :'app', 'ops', bot => 'test', replace => true);
SELECT dry_run FROM teams_bot WHERE bot = 'test';

-- a template that is replaced says so, if it is another
SELECT teams_set_template('hello', 'Hello');
SELECT teams_set_template('hello', 'Hello');
SELECT teams_set_template('hello', 'Hello', comment => 'said often');
SELECT teams_set_template('hello', 'Good morning');
SELECT teams_set_template('hello', 'Hallo', 'de_AT');
SELECT teams_set_template('hello', 'Servus', 'de_AT');

COPY (SELECT) TO PROGRAM 'cat >/dev/null; rm -rf teams_credentials';
DROP EXTENSION teams_proactive;
