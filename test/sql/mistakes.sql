-- A chat or channel where a person is meant: its id has an @ as a user principal
-- name has, so that it would look like one.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
SELECT teams_configure_dry_run();

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

DROP EXTENSION teams_proactive;
