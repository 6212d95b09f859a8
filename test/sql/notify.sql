-- Triggers that tell people of rows.
SET client_min_messages = warning;
CREATE SCHEMA teams;
CREATE EXTENSION teams_proactive SCHEMA teams;
SET search_path = public, teams;
SELECT teams_configure_dry_run();

-- With a template
CREATE TABLE invoice (id int, state text, owner text);
SELECT teams_set_template('invoice_overdue', 'Invoice **${row.id}** is ${row.state}, it was ${old.state}.');
CREATE TRIGGER overdue AFTER UPDATE ON invoice
	FOR EACH ROW EXECUTE FUNCTION teams_notify('invoice_overdue', 'to=owner');
INSERT INTO invoice VALUES (44, 'open', 'ada@contoso.com');
UPDATE invoice SET state = 'overdue';
SELECT target, text FROM teams_recorded;
-- but not with a function: it would be the owner who calls it
CREATE FUNCTION evil(jsonb) RETURNS jsonb LANGUAGE plpgsql AS
	$$ BEGIN RAISE 'called by the caller: %', current_user = session_user; END $$;
SELECT teams_render('public.evil');
CREATE TRIGGER evil AFTER DELETE ON invoice
	FOR EACH ROW EXECUTE FUNCTION teams_notify('public.evil', 'to=owner');
DELETE FROM invoice;
-- nor if a template of that name is made meanwhile
WITH made AS (SELECT teams_set_template('public.evil', 'x') IS NULL AS is_made)
	DELETE FROM invoice USING made WHERE made.is_made IS NOT NULL;
DROP FUNCTION evil(jsonb);
DROP TABLE invoice;
TRUNCATE teams_delivery, teams_account;

-- What matters from here on is what the template gets.
DO $$ BEGIN
	PERFORM teams_set_template(name, 'x')
		FROM unnest('{post,chat,it''s gone,x,digest,gone,new,broken}'::text[]) AS name;
END $$;
CREATE OR REPLACE FUNCTION teams.teams_render(template text, data teams.teams_json DEFAULT '{}', locale text DEFAULT NULL)
RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF template = 'broken' THEN
		RAISE division_by_zero USING DETAIL = 'There is nothing there.', HINT = 'Mend it.';
	END IF;
	RETURN teams.teams_text(concat_ws(' ', template, locale, data), 'plain', summary => current_user::text);
END $$;

CREATE ROLE regress_teams_owner;
CREATE ROLE regress_teams_clerk;
SELECT teams_grant('regress_teams_owner', 'sender');
GRANT CREATE ON SCHEMA public TO regress_teams_owner;
SET ROLE regress_teams_owner;
CREATE TABLE invoice (
	id		int PRIMARY KEY,
	state	text NOT NULL DEFAULT 'open',
	owner	text,
	"Lang"	text,
	paid	numeric(10, 2));
GRANT SELECT, INSERT, UPDATE, DELETE ON invoice TO regress_teams_clerk;
CREATE TRIGGER overdue AFTER INSERT OR UPDATE OF state ON invoice
	FOR EACH ROW WHEN (NEW.state = 'overdue')
	EXECUTE FUNCTION teams_notify('invoice_overdue', 'to=owner', 'locale=Lang', 'dedupe=id');
RESET ROLE;

--
-- Whoever changes a row need not be allowed to send
--

SET ROLE regress_teams_clerk;
INSERT INTO invoice VALUES (1, 'open', 'Ada@contoso.com', 'de', 1.5), (2, 'overdue', 'grace@contoso.com', NULL, NULL);
UPDATE invoice SET state = 'overdue' WHERE id = 1;
-- once for each invoice
UPDATE invoice SET state = 'overdue';
RESET ROLE;
SELECT target, sender, summary AS rendered_by, text FROM teams_recorded_detail ORDER BY id;
SELECT dedupe_key FROM teams_dedupe ORDER BY id;
SELECT current_user = session_user AS is_itself;

-- but the owner has to be
SELECT teams_revoke('regress_teams_owner');
SET ROLE regress_teams_clerk;
INSERT INTO invoice VALUES (3, 'overdue', 'ada@contoso.com');
\echo :LAST_ERROR_SQLSTATE
-- nor can one who may not send have such a trigger
RESET ROLE;
GRANT USAGE ON SCHEMA teams TO regress_teams_clerk;
SET ROLE regress_teams_clerk;
CREATE TABLE pg_temp.mine (owner text);
CREATE TRIGGER mine AFTER INSERT ON pg_temp.mine
	FOR EACH ROW EXECUTE FUNCTION teams.teams_notify('x', 'to=owner');
DROP TABLE pg_temp.mine;
RESET ROLE;
SELECT teams_grant('regress_teams_owner', 'sender');
REVOKE USAGE ON SCHEMA teams FROM regress_teams_clerk;
SELECT count(*) FROM invoice;

--
-- Where to
--

DROP TRIGGER overdue ON invoice;
TRUNCATE teams_delivery, teams_dedupe, invoice;
CREATE TABLE event (id int, team text, channel text, chat text, topic text, bot text, priority text);
\set team '''02bd9fd6-8f93-4758-87c3-1fb73740a315'''
\set channel '''19:4a95f7d8db4c@thread.tacv2'''
\set chat '''19:2da4c29f6d7041@thread.v2'''
CREATE TRIGGER post AFTER INSERT ON event FOR EACH ROW WHEN (NEW.team IS NOT NULL)
	EXECUTE FUNCTION teams_notify('post', 'team=team', 'channel=channel', 'thread=topic', 'bot=bot', 'priority=priority');
CREATE TRIGGER chat AFTER INSERT ON event FOR EACH ROW WHEN (NEW.chat IS NOT NULL)
	EXECUTE FUNCTION teams_notify('chat', 'chat=chat', 'priority=''low''', 'expires=2 hours');
CREATE TRIGGER fixed AFTER DELETE ON event FOR EACH ROW
	EXECUTE FUNCTION teams_notify('it''s gone', 'to=''ada@contoso.com''', 'locale=''o''''clock''');
INSERT INTO event VALUES (1, :team, :channel, NULL, 'a'), (2, :team, :channel, NULL, 'a');
INSERT INTO event VALUES (3, :team, NULL, NULL, NULL, 'default', 'high');
INSERT INTO event VALUES (4, NULL, NULL, :chat);
DELETE FROM event WHERE id = 1;
SELECT d.scope, d.target, d.priority, d.refers_to IS NOT NULL AS is_answer, d.text
	FROM teams_recorded_detail AS d ORDER BY id;
-- the expiry, of a bot that sends
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('real', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');
CREATE TRIGGER real AFTER UPDATE ON event FOR EACH ROW
	EXECUTE FUNCTION teams_notify('x', 'to=''ada@contoso.com''', 'bot=''real''', 'expires=''2 hours''');
UPDATE event SET id = 5 WHERE id = 4;
SELECT expires_at - created_at BETWEEN '2 hours' AND '2 hours 1 minute' AS expires FROM teams_outbox;
DROP TABLE event;

--
-- Digests
--

TRUNCATE teams_delivery;
CREATE TRIGGER digest AFTER INSERT ON invoice REFERENCING NEW TABLE AS inserted
	FOR EACH STATEMENT EXECUTE FUNCTION teams_notify('digest', 'to=owner', 'locale=Lang');
CREATE TRIGGER gone AFTER DELETE ON invoice REFERENCING OLD TABLE AS deleted
	FOR EACH STATEMENT EXECUTE FUNCTION teams_notify('gone', 'to=owner');
INSERT INTO invoice (id, owner, "Lang") SELECT i, CASE i % 2 WHEN 0 THEN 'ada' ELSE 'grace' END || '@contoso.com', CASE i WHEN 5 THEN 'de' END
	FROM generate_series(1, 5) AS i;
DELETE FROM invoice WHERE id < 3;
DELETE FROM invoice WHERE false;
SELECT target, text FROM teams_recorded ORDER BY id;
-- many, with other triggers that read the same rows
CREATE TABLE seen (n bigint);
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN INSERT INTO seen SELECT count(*) FROM inserted; RETURN NULL; END';
CREATE TRIGGER a AFTER INSERT ON invoice REFERENCING NEW TABLE AS inserted
	FOR EACH STATEMENT EXECUTE FUNCTION look();
CREATE TRIGGER z AFTER INSERT ON invoice REFERENCING NEW TABLE AS inserted
	FOR EACH STATEMENT EXECUTE FUNCTION look();
TRUNCATE teams_delivery;
INSERT INTO invoice (id, owner) SELECT i, 'user' || i % 100 || '@contoso.com' FROM generate_series(1001, 2000) AS i;
SELECT count(*), min(jsonb_array_length(substr(text, 8)::jsonb -> 'rows')), max(jsonb_array_length(substr(text, 8)::jsonb -> 'rows')) FROM teams_recorded;
SELECT n FROM seen;
DROP TRIGGER a ON invoice;
DROP TRIGGER z ON invoice;
DROP TRIGGER digest ON invoice;
DROP TRIGGER gone ON invoice;

--
-- Errors fail the change of the row, or warn
--

TRUNCATE teams_delivery, invoice;
CREATE TRIGGER t AFTER INSERT ON invoice
	FOR EACH ROW EXECUTE FUNCTION teams_notify('none', 'to=owner');
INSERT INTO invoice (id, owner) VALUES (1, 'ada@contoso.com');
DROP TRIGGER t ON invoice;
CREATE TRIGGER t AFTER INSERT ON invoice
	FOR EACH ROW EXECUTE FUNCTION teams_notify('new', 'to=owner');
INSERT INTO invoice (id, owner) VALUES (1, 'ada');
DROP TRIGGER t ON invoice;
SELECT count(*) FROM invoice;

CREATE TRIGGER t AFTER INSERT ON invoice
	FOR EACH ROW EXECUTE FUNCTION teams_notify('new', 'to=owner', 'on_error=warn');
INSERT INTO invoice (id, owner) VALUES (1, 'ada@contoso.com'), (2, 'grace'), (3, 'grace@contoso.com');
CREATE TRIGGER u AFTER UPDATE ON invoice
	FOR EACH ROW EXECUTE FUNCTION teams_notify('broken', 'to=owner', 'on_error=''warn''');
UPDATE invoice SET state = 'x' WHERE id = 1;
SELECT id, state FROM invoice ORDER BY id;
SELECT target FROM teams_recorded ORDER BY id;
SELECT schema_name, table_name, trigger_name, template, error_code, error, hint, data ->> 'operation' AS operation
	FROM teams_notify_error ORDER BY id;
SELECT accepted, sent, balanced FROM teams_accounting WHERE bot = 'default';
-- what is cancelled is cancelled
\set SHOW_CONTEXT never
CREATE FUNCTION cancel_me() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN RAISE query_canceled; END';
CREATE TRIGGER cancel BEFORE INSERT ON teams_delivery FOR EACH ROW EXECUTE FUNCTION cancel_me();
INSERT INTO invoice (id, owner) VALUES (4, 'ada@contoso.com');
DROP TRIGGER cancel ON teams_delivery;
DROP TRIGGER t ON invoice;
DROP TRIGGER u ON invoice;

--
-- What is wrong with the trigger
--

\set VERBOSITY default
CREATE PROCEDURE try(VARIADIC arguments text[]) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER t AFTER INSERT ON invoice FOR EACH ROW EXECUTE FUNCTION teams_notify(%s)',
		(SELECT string_agg(quote_literal(a), ', ') FROM unnest(arguments) AS a));
	INSERT INTO invoice (id, owner) VALUES (9, 'ada@contoso.com');
END $$;
\set SHOW_CONTEXT never
CALL try('new', 'to=ownr');
\echo :LAST_ERROR_SQLSTATE
CALL try('new', 'to=ctid');
CALL try('new', 'to');
CALL try('new', 'who=owner');
CALL try('new', 'to=owner', 'to=state');
CALL try('new', 'to=''owner');
CALL try('new', 'to=''o''wner''');
CALL try('new', 'to=''');
CALL try('new');
CALL try('new', 'to=owner', 'team=owner');
CALL try('new', 'to=owner', 'thread=id');
CALL try('new', 'to=owner', 'on_error=ignore');
CALL try('new', 'to=owner', 'expires=soon');
CALL try('new', 'to=owner', 'expires=-1 hour');
CALL try('new', 'to=owner', 'priority=''urgent''');
CALL try('new', 'to=owner', 'bot=''nobody''');
CALL try('new', 'to=owner', 'null=maybe');
CALL try('new', 'to=owner', 'delay=soon');
CALL try('new', 'to=owner', 'delay=-1 hour');
CALL try('new', 'to=owner', 'where=');
-- also if errors of messages are warnings
CALL try('new', 'to=owner', 'dedupe=nr', 'on_error=warn');
CREATE TRIGGER t AFTER INSERT ON invoice FOR EACH ROW EXECUTE FUNCTION teams_notify();
CREATE TRIGGER t BEFORE INSERT ON invoice FOR EACH ROW EXECUTE FUNCTION teams_notify('new', 'to=owner');
CREATE TRIGGER t AFTER TRUNCATE ON invoice EXECUTE FUNCTION teams_notify('new', 'to=owner');
CREATE TRIGGER t AFTER INSERT ON invoice EXECUTE FUNCTION teams_notify('new', 'to=owner');
SELECT teams_notify();
SELECT _teams_check_notify();
-- what becomes wrong later, or was not looked at, is found when it fires
CREATE TRIGGER t AFTER INSERT ON invoice FOR EACH ROW EXECUTE FUNCTION teams_notify('new', 'to=owner');
ALTER TABLE invoice RENAME owner TO proprietor;
INSERT INTO invoice (id) VALUES (9);
ALTER TABLE invoice RENAME proprietor TO owner;
DROP TRIGGER t ON invoice;
ALTER EVENT TRIGGER teams_check_notify DISABLE;
CREATE TRIGGER t BEFORE INSERT ON invoice FOR EACH ROW EXECUTE FUNCTION teams_notify('new', 'to=owner');
INSERT INTO invoice VALUES (9);
DROP TRIGGER t ON invoice;
CREATE TRIGGER t AFTER TRUNCATE ON invoice EXECUTE FUNCTION teams_notify('new', 'to=owner');
TRUNCATE invoice;
DROP TRIGGER t ON invoice;
CREATE TRIGGER t AFTER INSERT ON invoice EXECUTE FUNCTION teams_notify('new', 'to=owner');
INSERT INTO invoice VALUES (9);
DROP TRIGGER t ON invoice;
ALTER EVENT TRIGGER teams_check_notify ENABLE;
-- where it happened
\set SHOW_CONTEXT always
CREATE TRIGGER t AFTER INSERT ON invoice FOR EACH ROW EXECUTE FUNCTION teams_notify('new', 'to=owner');
INSERT INTO invoice (id, owner) VALUES (9, 'ada');

DROP TABLE invoice, seen;
DROP FUNCTION look(), cancel_me();
DROP PROCEDURE try(text[]);
DROP EXTENSION teams_proactive;
DROP SCHEMA teams CASCADE;
REVOKE ALL ON SCHEMA public FROM regress_teams_owner;
DROP ROLE regress_teams_owner, regress_teams_clerk;
