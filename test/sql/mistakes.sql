-- What is refused at the call, with what to write in its place.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
SELECT teams_configure_dry_run();

-- A chat or channel where a person is meant: its id has an @ as a user principal
-- name has, so that it would look like one.
SELECT teams_send('19:2da4c29f6d7041@thread.v2', 'x');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_send('19:4a95f7d8db4c@thread.tacv2', activity => '{"type": "message", "text": "x"}');
SELECT teams_send('19:2da4c29f6d7041@thread.v2;messageid=1', 'x');
SELECT teams_opt_out('19:2da4c29f6d7041@thread.v2', 'news');
SELECT teams_ensure_installed('19:2da4c29f6d7041@thread.v2');
SELECT count(*) FROM teams_message;
SELECT count(*) FROM teams_opt_out;

SELECT teams_broadcast(ARRAY['ada@contoso.com', '19:2da4c29f6d7041@thread.v2'], 'x', draft => true) AS id \gset
SELECT n, target, excluded FROM teams_recipient WHERE broadcast = :id ORDER BY n;
SELECT teams_preview(:id, '19:2da4c29f6d7041@thread.v2');

-- An address with what it was copied with.
SELECT teams_send(' ada@contoso.com', 'x');
SELECT teams_send('mailto:ada@contoso.com', 'x');
SELECT teams_send('Ada Lovelace <ada@contoso.com>', 'x');
SELECT teams_send('ada@contoso.com;', 'x');
SELECT teams_send(E'ada@contoso.com\n', 'x');
SELECT teams_send('ada@contoso.com, grace@contoso.com', 'x');
SELECT teams_send('Ada Lovelace', 'x');
SELECT teams_send('8:orgid:9f4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c01', 'x');
SELECT teams_send('<o''neil@contoso.com>', 'x');
SELECT teams_send('bob_x.com#EXT#@contoso.onmicrosoft.com', 'x') IS NOT NULL AS sent;

-- What a driver makes of an object, where parameters have no type.
PREPARE p AS SELECT teams_send($1, $2);
EXECUTE p('ada@contoso.com', '{"type": "message", "text": "x"}');
\echo :LAST_ERROR_SQLSTATE
EXECUTE p('ada@contoso.com', E' \n{"type":"AdaptiveCard","version":"1.5","body":[]}');
EXECUTE p('ada@contoso.com', '{"Type":"AdaptiveCard"}') \g /dev/null
EXECUTE p('ada@contoso.com', '{"type": "message"') \g /dev/null
EXECUTE p('ada@contoso.com', '{"status": 500}') \g /dev/null
EXECUTE p('ada@contoso.com', '[{"type": "message"}]') \g /dev/null
SELECT teams_send('ada@contoso.com', activity => teams_text('{"type": "message"}')) IS NOT NULL AS sent;
SELECT teams_post('02bd9fd6-8f93-4758-87c3-1fb73740a315', NULL, '{"type": "message", "text": "x"}');
SELECT teams_send_chat('19:2da4c29f6d7041@thread.v2', '{"type": "message", "text": "x"}');
SELECT teams_edit(1, '{"type": "message", "text": "x"}');
SELECT teams_broadcast(ARRAY['ada@contoso.com'], '{"type": "message", "text": "x"}');

-- A card, and activities of which people see nothing.
SELECT teams_send('ada@contoso.com', activity => '{"type": "AdaptiveCard", "body": []}');
SELECT teams_send('ada@contoso.com', activity => '{"type": "mesage", "text": "x"}');
SELECT teams_send('ada@contoso.com', activity => '{"type": "typing"}');
SELECT teams_send('ada@contoso.com', activity => '{}');
SELECT teams_send('ada@contoso.com', activity => '"x"');
SELECT teams_send('ada@contoso.com', activity => '{"type": "message"}');
SELECT teams_send('ada@contoso.com', ' ');

-- A person, a list or a table where a broadcast takes a query.
SELECT teams_broadcast('ada@contoso.com', 'x');
SELECT teams_broadcast('ada@contoso.com, grace@contoso.com', 'x');
SELECT teams_broadcast('9f4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c01', 'x');
SELECT teams_broadcast('{ada@contoso.com}', 'x');
SELECT teams_broadcast('["ada@contoso.com"]', 'x');
SELECT teams_broadcast('public.employee', 'x');
SELECT teams_broadcast('  ', 'x');
SELECT teams_broadcast('selekt 1', 'x');
SELECT teams_broadcast('SELECT''ada@contoso.com''AS user_id', 'x', draft => true) IS NOT NULL AS made;

-- Ids of the other kind.
SELECT teams_post('19:4a95f7d8db4c@thread.tacv2', NULL, 'x');
SELECT teams_post('Sales', NULL, 'x');
SELECT teams_post('02bd9fd6-8f93-4758-87c3-1fb73740a315', 'General', 'x');
SELECT teams_send_chat('02bd9fd6-8f93-4758-87c3-1fb73740a315', 'x');
SELECT teams_send_chat('ada@contoso.com', 'x');
SELECT teams_send_chat('Incident room', 'x');

-- Credentials that Entra ID would only call wrong.
COPY (SELECT) TO PROGRAM 'cat >/dev/null; mkdir -p -m 700 teams_credentials';
COPY (SELECT) TO PROGRAM 'cat >/dev/null; umask 077; printf ''\357\273\277S3cret'' >teams_credentials/mark';
COPY (SELECT) TO PROGRAM 'cat >/dev/null; umask 077; printf ''S3cret\nAnother'' >teams_credentials/lines';
COPY (SELECT) TO PROGRAM 'cat >/dev/null; umask 077; printf ''S3cret \n'' >teams_credentials/blanks';
COPY (SELECT) TO PROGRAM 'cat >/dev/null; umask 077; printf ''9f4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c01\n'' >teams_credentials/id';
COPY (SELECT) TO PROGRAM 'cat >/dev/null; umask 077; printf ''S3cret\r\n\n'' >teams_credentials/good';
SELECT teams_check_credential('mark');
SELECT teams_check_credential('lines');
SELECT teams_check_credential('blanks');
SELECT teams_check_credential('id');
SELECT teams_check_credential('good');

-- URLs where no token may go.
SELECT teams_check_url('connector_url', 'https://smba.example.com/teams');
SELECT teams_check_url('connector_url', 'http://smba.trafficmanager.net/teams');
SELECT teams_check_url('connector_url', 'smba.trafficmanager.net');

DROP EXTENSION teams_proactive;
