-- Who may read everything does not rewrite it: what is said is its sender's.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('default', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');
CREATE ROLE regress_teams_alice;
CREATE ROLE regress_teams_mallory;
CREATE ROLE regress_teams_monitor;
CREATE ROLE regress_teams_oncall;
SELECT teams_grant('regress_teams_' || role, kind) FROM (VALUES ('alice', 'sender'),
	('mallory', 'sender'), ('monitor', 'sender'), ('oncall', 'operator')) AS r (role, kind);
GRANT SELECT ON teams_outbox, teams_delivery, teams_broadcast, teams_recipient TO regress_teams_monitor;

-- What alice has: pending and sent messages, a broadcast that runs, a draft.
SET ROLE regress_teams_alice;
SELECT teams_send('ada@contoso.com', 'Pay 10 EUR to account A') AS pending \gset
SELECT teams_broadcast('{ada@contoso.com,grace@contoso.com}'::text[], 'Pay 10 EUR to account A') AS running \gset
SELECT teams_broadcast('{ada@contoso.com}'::text[], 'Pay 20 EUR to account A', draft => true) AS draft \gset
RESET ROLE;
INSERT INTO teams_delivery (id, bot, kind, scope, target, sender, fate, attempts,
		doubtful, conversation_id, activity_id, created_at)
	VALUES (100001, 'default', 'send', 'user', 'ada@contoso.com', 'regress_teams_alice', 'sent', 1, false, 'a:1', '1', now());
INSERT INTO teams_delivery (id, bot, kind, scope, target, sender, fate, attempts,
		doubtful, activity, created_at)
	VALUES (100002, 'default', 'send', 'user', 'ada@contoso.com', 'regress_teams_alice', 'failed', 1, false,
			'{"type": "message", "text": "x"}', now());

CREATE PROCEDURE attack(pending bigint, running bigint, draft bigint) LANGUAGE plpgsql AS $$
DECLARE
	f	text;
	n	text;
BEGIN
	FOREACH f IN ARRAY ARRAY[
		'teams_edit(100001, ''Pay 99 EUR to account B'')',
		format('teams_edit(%s, ''Pay 99 EUR to account B'')', pending),
		'teams_delete(100001)',
		format('teams_delete(%s)', pending),
		format('(SELECT count(*) FROM teams_edit(ARRAY[100001, %s], ''Pay 99 EUR to account B''))', pending),
		format('(SELECT count(*) FROM teams_delete(ARRAY[100001, %s]))', pending),
		format('teams_edit_broadcast(%s, ''Pay 99 EUR to account B'')', running),
		format('teams_edit_broadcast(%s, ''Pay 99 EUR to account B'')', draft),
		format('teams_recall(%s)', running),
		format('teams_preview(%s, ''mallory@contoso.com'')', draft),
		format('teams_start_broadcast(%s)', draft),
		format('(SELECT known + to_install FROM teams_plan(%s))', draft),
		format('teams_pause_broadcast(%s)', running),
		format('teams_resume_broadcast(%s)', running)]
	LOOP
		BEGIN
			EXECUTE 'SELECT ' || f INTO n;
			RAISE INFO '%: %', regexp_replace(f, '\m[0-9]{1,5}\M', 'N', 'g'), n;
		EXCEPTION WHEN OTHERS THEN
			RAISE INFO '%: % %', regexp_replace(f, '\m[0-9]{1,5}\M', 'N', 'g'), SQLSTATE,
				regexp_replace(SQLERRM, '\m[0-9]{1,5}\M', 'N');
		END;
	END LOOP;
END $$;
GRANT EXECUTE ON PROCEDURE attack TO PUBLIC;

SET ROLE regress_teams_mallory;
CALL attack(:pending, :running, :draft);
SET ROLE regress_teams_monitor;
CALL attack(:pending, :running, :draft);
SELECT teams_edit(100001, 'x');
SET ROLE regress_teams_oncall;
CALL attack(:pending, :running, :draft);
SELECT teams_edit_broadcast(:running, 'x');
RESET ROLE;
-- nothing that alice says is another thing
SELECT id < 100000 AS pending, kind, sender, activity ->> 'text' AS text FROM teams_outbox ORDER BY 1, 2, 3;
SELECT kind, state, sender, activity ->> 'text' AS text FROM teams_broadcast ORDER BY id;

-- An operator cancels and sends again, in its own name, as does who may read all.
SET ROLE regress_teams_oncall;
SELECT teams_cancel(:pending);
SELECT teams_retry(100002) > 0 AS is_an_id;
SELECT teams_cancel_broadcast(:running);
SET ROLE regress_teams_monitor;
SELECT teams_cancel_broadcast(:draft);
SET ROLE regress_teams_mallory;
SELECT teams_cancel_broadcast(:draft);
RESET ROLE;
SELECT kind, sender, activity ->> 'text' AS text FROM teams_outbox;

-- Members of the sender's role are the sender.
GRANT regress_teams_alice TO regress_teams_mallory;
SET ROLE regress_teams_mallory;
SELECT teams_edit(100001, 'Pay 11 EUR to account A') > 0 AS is_an_id;
RESET ROLE;
DROP PROCEDURE attack;
DROP EXTENSION teams_proactive;
DROP OWNED BY regress_teams_alice, regress_teams_mallory, regress_teams_monitor, regress_teams_oncall;
DROP ROLE regress_teams_alice, regress_teams_mallory, regress_teams_monitor, regress_teams_oncall;
