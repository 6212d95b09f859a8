-- Keys are each sender's own, and what came to nothing gives its key away.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('default', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');
CREATE ROLE regress_teams_alice;
CREATE ROLE regress_teams_mallory;
CREATE ROLE regress_teams_oncall;
SELECT teams_grant('regress_teams_alice', 'sender'), teams_grant('regress_teams_mallory', 'sender'),
	teams_grant('regress_teams_oncall', 'operator');
\set team '''02bd9fd6-8f93-4758-87c3-1fb73740a315'''
\set channel '''19:4a95f7d8db4c@thread.tacv2'''

-- Mallory takes all keys that alice's trigger will have, and cancels.
CREATE TABLE invoice (id integer, owner text);
ALTER TABLE invoice OWNER TO regress_teams_alice;
GRANT INSERT ON invoice TO regress_teams_mallory;
SELECT teams_set_template('overdue', 'Invoice ${row.id} is overdue');
CREATE TRIGGER overdue AFTER INSERT ON invoice FOR EACH ROW
	EXECUTE FUNCTION teams_notify('overdue', 'to=owner', 'dedupe=id');
SET ROLE regress_teams_mallory;
SELECT count(teams_cancel(teams_send('mallory@contoso.com', 'x', dedupe_key => 'public.invoice overdue ' || i)))
	FROM generate_series(1, 5000) AS i;
SELECT count(teams_send('mallory@contoso.com', 'x', dedupe_key => 'public.invoice overdue ' || i, send_at => '2100-01-01'))
	FROM generate_series(1, 5000) AS i;
SELECT teams_post(:team, :channel, 'x', thread => 'invoice 44') AS mallorys \gset
SELECT teams_broadcast('{mallory@contoso.com}'::text[], 'x', dedupe_key => 'news') AS mallorys_news \gset
-- even by alice's own trigger, she gets hers
INSERT INTO invoice SELECT i, format('user%s@contoso.com', i) FROM generate_series(1, 5000) AS i;
SET ROLE regress_teams_alice;
INSERT INTO invoice SELECT i, format('user%s@contoso.com', i) FROM generate_series(1, 5000) AS i;
SELECT teams_post(:team, :channel, 'Invoice 44 is due', thread => 'invoice 44') AS alices \gset
SELECT teams_post(:team, :channel, 'Invoice 44 is paid', thread => 'invoice 44') AS answer \gset
SELECT teams_broadcast('{ada@contoso.com}'::text[], 'x', dedupe_key => 'news') <> :mallorys_news AS is_another;
RESET ROLE;
SELECT sender, count(*), count(*) FILTER (WHERE activity ->> 'text' = format('Invoice %s is overdue', substr(target, 5, strpos(target, '@') - 5))) AS right
	FROM teams_outbox WHERE scope = 'user' GROUP BY sender ORDER BY 1;
SELECT sender, count(*) FROM teams_dedupe GROUP BY sender ORDER BY 1;
SELECT id = :alices AS first, refers_to = :alices AS answer FROM teams_outbox
	WHERE scope = 'channel' AND sender = 'regress_teams_alice' ORDER BY id;
TRUNCATE teams_outbox, teams_delivery, teams_dedupe, teams_thread, teams_broadcast, teams_recipient;

-- Cancelled, expired and failed messages do not swallow the next one; those
-- that are pending, were sent, or may have been, do.
SET ROLE regress_teams_alice;
SELECT teams_send('ada@contoso.com', 'v1 ' || i, dedupe_key => 'k' || i) AS id FROM generate_series(1, 5000) AS i \g /dev/null
RESET ROLE;
WITH gone AS (DELETE FROM teams_outbox WHERE (activity ->> 'text')::text ~ '[1-5]$' RETURNING *)
INSERT INTO teams_delivery (id, bot, kind, scope, target, sender, fate, attempts, doubtful, activity, created_at)
	SELECT id, bot, kind, scope, target, sender, (ARRAY['sent', 'failed', 'cancelled', 'expired', 'failed'])[right(activity ->> 'text', 1)::int],
		1, right(activity ->> 'text', 1) = '5', activity, created_at FROM gone;
CREATE TABLE first AS SELECT dedupe_key, id FROM teams_dedupe;
SET ROLE regress_teams_alice;
CREATE TEMPORARY TABLE second AS SELECT 'k' || i AS dedupe_key, teams_send('ada@contoso.com', 'v2 ' || i, dedupe_key => 'k' || i) AS id
	FROM generate_series(1, 5000) AS i;
SELECT count(*) AS the_same FROM second AS s WHERE teams_send('ada@contoso.com', 'v3', dedupe_key => dedupe_key) = s.id;
RESET ROLE;
SELECT CASE WHEN s.id = f.id THEN 'the first' ELSE 'a new one' END AS got, d.fate, d.doubtful, count(*), count(o.id) FILTER (WHERE o.activity ->> 'text' =
		format('v%s %s', CASE WHEN s.id = f.id THEN 1 ELSE 2 END, substr(s.dedupe_key, 2))) AS pending
	FROM first AS f JOIN second AS s USING (dedupe_key) LEFT JOIN teams_delivery AS d ON d.id = f.id
	LEFT JOIN teams_outbox AS o ON o.id = s.id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
DROP TABLE first, second;
TRUNCATE teams_outbox, teams_delivery, teams_dedupe;

-- What is sent again, has its key again, and its thread; an operator's retry, too.
SET ROLE regress_teams_alice;
SELECT teams_send('ada@contoso.com', 'v1', dedupe_key => 'retried') AS id \gset
SELECT teams_post(:team, :channel, 'root', thread => 't', dedupe_key => 'root') AS root \gset
SELECT teams_cancel(ARRAY[:id, :root]);
SET ROLE regress_teams_oncall;
SELECT teams_retry(:id) AS again \gset
SELECT teams_retry(:root) AS root_again \gset
SET ROLE regress_teams_alice;
SELECT teams_send('ada@contoso.com', 'v2', dedupe_key => 'retried') = :again AS is_the_retry;
SELECT teams_post(:team, :channel, 'answer', thread => 't') AS answer \gset
RESET ROLE;
SELECT refers_to = :root_again AS answers_it FROM teams_outbox WHERE id = :answer;

-- Broadcasts.
SET ROLE regress_teams_alice;
SELECT teams_broadcast('{ada@contoso.com}'::text[], 'v1', dedupe_key => 'b') AS one \gset
SELECT teams_broadcast('{ada@contoso.com}'::text[], 'v2', dedupe_key => 'b') = :one AS the_same;
SELECT teams_cancel_broadcast(:one);
SELECT teams_broadcast('{ada@contoso.com}'::text[], 'v2', dedupe_key => 'b') AS two \gset
SELECT teams_broadcast('{ada@contoso.com}'::text[], 'v3', dedupe_key => 'b') = :two AS the_same;
RESET ROLE;
UPDATE teams_broadcast SET state = 'done', fed = 1 WHERE id = :two;
SET ROLE regress_teams_alice;
SELECT teams_broadcast('{ada@contoso.com}'::text[], 'v3', dedupe_key => 'b') = :two AS the_same;
SELECT teams_recall(:two) > 0 AS recalled;
SELECT teams_broadcast('{ada@contoso.com}'::text[], 'v3', dedupe_key => 'b') NOT IN (:one, :two) AS another;
RESET ROLE;

DROP TABLE invoice;
DROP EXTENSION teams_proactive;
DROP OWNED BY regress_teams_alice, regress_teams_mallory, regress_teams_oncall;
DROP ROLE regress_teams_alice, regress_teams_mallory, regress_teams_oncall;
