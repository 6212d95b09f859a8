-- Who may do what.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE SCHEMA teams;
CREATE EXTENSION teams_proactive SCHEMA teams;
GRANT USAGE ON SCHEMA teams TO PUBLIC;
SET search_path = teams, public;
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('default', gen_random_uuid(), gen_random_uuid(),
			gen_random_uuid(), 'ops');
CREATE ROLE regress_teams_nobody;
CREATE ROLE regress_teams_ada;
CREATE ROLE regress_teams_grace;
CREATE ROLE regress_teams_all;

--
-- PUBLIC can do nothing
--

SELECT count(*) > 10 AS functions,
	count(*) FILTER (WHERE has_function_privilege('regress_teams_nobody', objid, 'EXECUTE'))
		AS for_everybody
	FROM pg_depend
	WHERE classid = 'pg_proc'::regclass AND deptype = 'e'
	  AND refobjid = (SELECT oid FROM pg_extension
					  WHERE extname = 'teams_proactive');
SELECT relname, relkind FROM pg_class, unnest(ARRAY['SELECT', 'INSERT',
		'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
	WHERE relnamespace = 'teams'::regnamespace AND relkind IN ('r', 'v')
	  AND has_table_privilege('regress_teams_nobody', oid, privilege);
SELECT relname FROM pg_class, unnest(ARRAY['SELECT', 'USAGE', 'UPDATE']) AS privilege
	WHERE relnamespace = 'teams'::regnamespace AND relkind = 'S'
	  AND has_sequence_privilege('regress_teams_nobody', oid, privilege);
SELECT typname FROM pg_type
	WHERE typnamespace = 'teams'::regnamespace AND typtype = 'd'
	  AND has_type_privilege('regress_teams_nobody', oid, 'USAGE');

SET ROLE regress_teams_nobody;
SELECT teams_send('ada@contoso.com', 'hello');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_send('ada@contoso.com', jsonb '{"type": "message"}');
SELECT teams_ensure_installed('ada@contoso.com');
CALL teams_wait(1);
CALL teams_drain();
SELECT teams_configure(gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');
SELECT teams_pause();
SELECT teams_resume();
SELECT teams_cancel(1);
SELECT teams_cancel(ARRAY[1]);
SELECT teams_retry(1);
SELECT teams_retry(ARRAY[1]);
SELECT teams_grant('regress_teams_nobody', 'administrator');
SELECT teams_revoke('regress_teams_ada');
SELECT teams_check_credential('ops');
SELECT teams_check_url('url', 'https://graph.microsoft.com');
SELECT _teams_workers();
SELECT * FROM teams_bot;
SELECT * FROM teams_installation;
SELECT * FROM teams_outbox;
SELECT * FROM teams_inflight;
SELECT * FROM teams_delivery;
SELECT * FROM teams_message;
SELECT * FROM teams_worker;
SELECT * FROM teams_dedupe;
SELECT * FROM teams_account;
SELECT * FROM teams_accounting;
SELECT * FROM teams_throttle;
SELECT teams_render('build');
SELECT teams_expand('1');
SELECT teams_set_template('build', 'x');
SELECT teams_drop_template('build');
SELECT * FROM teams_template;
CREATE TABLE pg_temp.mine (i int);
CREATE TRIGGER wake AFTER INSERT ON pg_temp.mine
	FOR EACH STATEMENT EXECUTE FUNCTION _teams_wake('outbox');
RESET ROLE;
DROP TABLE pg_temp.mine;

--
-- A sender sends, and sees what is its own
--

SELECT teams_grant('regress_teams_ada', 'sender');
SELECT teams_grant('regress_teams_grace', 'sender');
GRANT SELECT ON teams_message, teams_message_detail TO regress_teams_all;

SET ROLE regress_teams_ada;
SELECT teams_send('ada@contoso.com', 'from ada') AS ada_id \gset
SET ROLE regress_teams_grace;
SELECT teams_send('ada@contoso.com', jsonb '{"type": "message", "text": "from grace"}') AS grace_id \gset
SELECT teams_ensure_installed('ada@contoso.com') > 0 AS is_an_id;
RESET ROLE;
INSERT INTO teams_delivery (id, bot, kind, scope, target, sender, fate,
		attempts, doubtful, created_at)
	SELECT 1000 + i, 'default', 'send', 'user', 'ada@contoso.com', sender, 'sent',
		1, false, now()
	FROM unnest(ARRAY['regress_teams_ada', 'regress_teams_grace']::regrole[])
		WITH ORDINALITY AS s (sender, i);

SET ROLE regress_teams_ada;
SELECT sender, kind, state FROM teams_message_detail ORDER BY id;
CALL teams_wait(:ada_id);
CALL teams_wait(1001);
-- what others sent does not even exist
CALL teams_wait(:grace_id);
CALL teams_wait(1002);
-- nor does the view leak it through a function that is cheap to call
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001
	AS $$ BEGIN RAISE WARNING 'seen: %', $1; RETURN true; END $$;
SELECT sender, kind, state FROM teams_message_detail
	WHERE pg_temp.leak(sender::text) ORDER BY id;
DROP FUNCTION pg_temp.leak(text);
SELECT * FROM teams_outbox;
SELECT * FROM teams_bot;
RESET ROLE;

-- Nor can it be cancelled or sent again by others; what is one's own can.
UPDATE teams_delivery SET fate = 'failed', activity = '{"type": "message", "text": "x"}'
	WHERE id > 1000;
SET ROLE regress_teams_ada;
SELECT teams_cancel(:grace_id);
SELECT teams_cancel(ARRAY[:ada_id, :grace_id]::bigint[]);
SELECT teams_retry(1002);
SELECT count(*) FROM teams_retry(ARRAY[1001, 1002]);
RESET ROLE;
SELECT id < 1000 AS small, sender, state FROM teams_message_detail
	WHERE sender = 'regress_teams_ada' ORDER BY id;
DELETE FROM teams_outbox WHERE sender = 'regress_teams_ada';
DELETE FROM teams_delivery WHERE id < 1000;
UPDATE teams_delivery SET fate = 'sent' WHERE id > 1000;

-- Members of a role see what the role sent; who may read the accounting sees
-- all.
GRANT regress_teams_grace TO regress_teams_all;
SET ROLE regress_teams_all;
SELECT sender, kind, state FROM teams_message_detail ORDER BY id;
RESET ROLE;
REVOKE regress_teams_grace FROM regress_teams_all;
GRANT SELECT ON teams_accounting TO regress_teams_all;
SET ROLE regress_teams_all;
SELECT sender, kind, state FROM teams_message_detail ORDER BY id;
RESET ROLE;

-- An operator sees everything and may act on it, but configures nothing; an
-- administrator does, and may grant.
CREATE ROLE regress_teams_operator;
CREATE ROLE regress_teams_administrator;
SELECT teams_grant('regress_teams_operator', 'operator');
SELECT teams_grant('regress_teams_administrator', 'administrator');
SELECT teams_grant('regress_teams_operator', 'king');
SELECT teams_grant('regress_teams_operator', NULL);
SELECT teams_grant('regress_teams_who', 'sender');
SELECT teams_grant('public', 'sender');
SET ROLE regress_teams_operator;
SELECT teams_cancel(:grace_id);
SELECT count(*) > 0 AS sees FROM teams_delivery;
SELECT balanced FROM teams_accounting;
SELECT count(*) FROM teams_throttle;
SELECT teams_pause();
SELECT teams_resume();
SELECT teams_configure(gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');
SELECT teams_grant('regress_teams_nobody', 'sender');
DELETE FROM teams_outbox;
SET ROLE regress_teams_administrator;
SELECT teams_configure(gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'none');
SELECT teams_grant('regress_teams_nobody', 'sender');
SELECT teams_revoke('regress_teams_nobody');
RESET ROLE;
SELECT has_function_privilege('regress_teams_nobody', 'teams_cancel(bigint)', 'EXECUTE');
SELECT teams_revoke('regress_teams_operator');
SELECT teams_revoke('regress_teams_administrator');
DROP ROLE regress_teams_operator;
DROP ROLE regress_teams_administrator;

-- A function with its owner's rights sends in its owner's name.
CREATE FUNCTION notify() RETURNS bigint LANGUAGE sql SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT teams.teams_send('ada@contoso.com', 'for nobody') $$;
ALTER FUNCTION notify() OWNER TO regress_teams_ada;
SET ROLE regress_teams_nobody;
SELECT notify() AS id \gset
RESET ROLE;
SELECT sender FROM teams_message_detail WHERE id = :id;
DROP FUNCTION notify();

--
-- A role that may INSERT
--

TRUNCATE teams_outbox;
GRANT INSERT (bot, kind, target, activity, delivery) ON teams_outbox
	TO regress_teams_ada;
SET ROLE regress_teams_ada;
INSERT INTO teams_outbox (target, activity)
	VALUES ('ada@contoso.com', '{"type": "message", "text": "inserted"}');
SELECT sender, kind, state FROM teams_message_detail WHERE state = 'pending';
INSERT INTO teams_outbox (target, activity, sender)
	VALUES ('ada@contoso.com', '{"type": "message"}', 'regress_teams_grace');
INSERT INTO teams_outbox (target, activity, attempts)
	VALUES ('ada@contoso.com', '{"type": "message"}', -100);
RESET ROLE;

-- Whatever a role is called, it is the sender of what it inserts.
CREATE ROLE "regress_teams Ada";
CREATE ROLE "regress_teams_ADA";
GRANT USAGE ON SCHEMA teams TO "regress_teams Ada", "regress_teams_ADA";
GRANT INSERT (target, kind) ON teams_outbox
	TO "regress_teams Ada", "regress_teams_ADA";
TRUNCATE teams_outbox;
SET ROLE "regress_teams Ada";
INSERT INTO teams_outbox (target, kind) VALUES ('ada@contoso.com', 'install');
SET ROLE "regress_teams_ADA";
INSERT INTO teams_outbox (target, kind) VALUES ('ada@contoso.com', 'install');
RESET ROLE;
SELECT sender FROM teams_outbox ORDER BY id;
DROP OWNED BY "regress_teams Ada", "regress_teams_ADA";
DROP ROLE "regress_teams Ada", "regress_teams_ADA";

--
-- Traps in the search_path
--

TRUNCATE teams_outbox, teams_delivery;
CREATE SCHEMA trap;
GRANT ALL ON SCHEMA trap TO regress_teams_ada;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA teams TO regress_teams_ada;
GRANT SELECT ON teams_bot, teams_delivery TO regress_teams_ada;
SET ROLE regress_teams_ada;
CREATE TABLE trap.caught (who text, what text);
CREATE FUNCTION trap.spring(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO trap.caught VALUES (current_user, what);
EXCEPTION WHEN OTHERS THEN
	RAISE WARNING 'caught % in %', current_user, what;
END
$$;
CREATE FUNCTION trap.equal(a text, b text) RETURNS boolean LANGUAGE plpgsql
	AS $$ BEGIN PERFORM trap.spring('text = text'); RETURN true; END $$;
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.equal);
CREATE FUNCTION trap.equal(a bigint, b bigint) RETURNS boolean LANGUAGE plpgsql
	AS $$ BEGIN PERFORM trap.spring('bigint = bigint'); RETURN true; END $$;
CREATE OPERATOR trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap.equal);
CREATE FUNCTION trap.matches(a text, b text) RETURNS boolean LANGUAGE plpgsql
	AS $$ BEGIN PERFORM trap.spring('text !~ text'); RETURN true; END $$;
CREATE OPERATOR trap.!~ (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.matches);
CREATE FUNCTION trap.lower(text) RETURNS text LANGUAGE plpgsql
	AS $$ BEGIN PERFORM trap.spring('lower'); RETURN $1; END $$;
CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE plpgsql
	AS $$ BEGIN PERFORM trap.spring('now'); RETURN 'epoch'; END $$;
CREATE FUNCTION trap.pg_has_role(oid, text) RETURNS boolean LANGUAGE plpgsql
	AS $$ BEGIN PERFORM trap.spring('pg_has_role'); RETURN true; END $$;
CREATE FUNCTION trap.json_typeof(json) RETURNS text LANGUAGE plpgsql
	AS $$ BEGIN PERFORM trap.spring('json_typeof'); RETURN 'object'; END $$;
CREATE DOMAIN trap.text AS pg_catalog.text CHECK (trap.equal(value, value));
CREATE DOMAIN trap.xid AS pg_catalog.xid;
CREATE TABLE trap.teams_bot (bot pg_catalog.text);
CREATE TABLE trap.teams_outbox (id bigint);
TRUNCATE trap.caught;

-- a new session, in which no statement has been prepared
\c -
SET client_min_messages = warning;
SET ROLE regress_teams_ada;
CREATE TEMPORARY TABLE teams_outbox (id bigint);
SET search_path = trap, pg_catalog, pg_temp;
SELECT teams.teams_send('ada@contoso.com', 'hello') AS id \gset
SELECT teams.teams_send('ada@contoso.com', jsonb '{"type": "message", "text": "hello"}') > 0 AS is_an_id;
SELECT teams.teams_ensure_installed('ada@contoso.com') > 0 AS is_an_id;
CALL teams.teams_wait(:id);
SELECT count(*) FROM teams.teams_message;
SELECT teams.teams_pause();
SELECT teams.teams_resume();
SELECT teams.teams_configure(
	gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'absent');
CALL teams.teams_drain('10 seconds');
SHOW search_path;
RESET search_path;
-- nobody stepped into one
SELECT * FROM trap.caught;
-- although they do work
SELECT 'a'::text OPERATOR(trap.=) 'b';
SELECT * FROM trap.caught;
RESET ROLE;

DROP EXTENSION teams_proactive;
SET client_min_messages = error;
DROP SCHEMA teams, trap CASCADE;
DROP OWNED BY regress_teams_nobody, regress_teams_ada, regress_teams_grace,
	regress_teams_all;
DROP ROLE regress_teams_nobody, regress_teams_ada, regress_teams_grace,
	regress_teams_all;
