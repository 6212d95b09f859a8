-- Which rows a trigger of teams_notify() tells of, whom, and when.
SET client_min_messages = warning;
CREATE SCHEMA teams;
CREATE EXTENSION teams_proactive SCHEMA teams;
SET search_path = public, teams;
SELECT teams_configure_dry_run();
SELECT teams_set_template('row', 'task ${row.id}');
SELECT teams_set_template('digest', '${count} of them: ${join(select(rows, r, string(r.id)), '', '')}');
CREATE TABLE task (id int, state text, late boolean, who text, crowd text[]);
CREATE VIEW told AS SELECT target, text FROM teams_recorded ORDER BY id;

--
-- Rows that are for nobody
--

CREATE TRIGGER t AFTER INSERT ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'to=who');
CREATE TRIGGER d AFTER INSERT ON task REFERENCING NEW TABLE AS inserted
	FOR EACH STATEMENT EXECUTE FUNCTION teams_notify('digest', 'to=who', 'null=skip');
INSERT INTO task (id, who) VALUES (1, 'ada@contoso.com'), (2, NULL);
INSERT INTO task (id, who) VALUES (3, NULL);
SELECT * FROM told;
DROP TRIGGER t ON task;
DROP TRIGGER d ON task;
-- are an error on request, or a warning
CREATE TRIGGER t AFTER INSERT ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'to=who', 'null=fail');
INSERT INTO task (id, who) VALUES (4, NULL);
DROP TRIGGER t ON task;
CREATE TRIGGER d AFTER INSERT ON task REFERENCING NEW TABLE AS inserted
	FOR EACH STATEMENT EXECUTE FUNCTION teams_notify('digest', 'to=who', 'null=fail', 'on_error=warn');
INSERT INTO task (id, who) VALUES (5, NULL), (6, 'ada@contoso.com'), (7, NULL);
SELECT template, error, data ->> 'count' AS rows FROM teams_notify_error;
DROP TRIGGER d ON task;
-- a null channel is the General channel, a null team nobody
CREATE TRIGGER t AFTER INSERT ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'team=who', 'channel=state');
TRUNCATE teams_delivery, task;
INSERT INTO task (id, who) VALUES (8, NULL), (9, '02bd9fd6-8f93-4758-87c3-1fb73740a315');
SELECT * FROM told;
DROP TRIGGER t ON task;

--
-- Conditions
--

-- a column
TRUNCATE teams_delivery, task;
CREATE TRIGGER t AFTER UPDATE ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'to=who', 'where=late');
INSERT INTO task (id, late, who) SELECT i, (ARRAY[true, false, NULL])[i], 'ada@contoso.com' FROM generate_series(1, 3) AS i;
UPDATE task SET state = 'x';
SELECT * FROM told;
DROP TRIGGER t ON task;
-- an expression, of a statement's rows: tell who has become overdue
TRUNCATE teams_delivery, task;
CREATE TRIGGER t AFTER UPDATE ON task REFERENCING NEW TABLE AS after OLD TABLE AS before
	FOR EACH STATEMENT EXECUTE FUNCTION teams_notify('digest', 'to=who',
		'where=state = ''overdue'' AND NOT EXISTS (SELECT FROM before AS b WHERE b.id = new.id AND b.state = ''overdue'')');
INSERT INTO task (id, state, who) SELECT i, CASE WHEN i < 3 THEN 'overdue' ELSE 'open' END, 'ada@contoso.com' FROM generate_series(1, 5) AS i;
UPDATE task SET state = 'overdue' WHERE id < 5;
UPDATE task SET state = 'overdue' WHERE id < 5;
SELECT * FROM told;
DROP TRIGGER t ON task;
-- of both versions of a row, in quotes as well, and given the row
TRUNCATE teams_delivery, task;
CREATE FUNCTION is_late(task) RETURNS boolean LANGUAGE sql AS 'SELECT $1.late';
CREATE TRIGGER t AFTER INSERT OR UPDATE ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'to=who', 'where=''public.is_late(new) AND public.is_late(old) IS NOT TRUE''');
CREATE TRIGGER d AFTER DELETE ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'to=who', 'where=id = 2 AND new IS NULL AND old.id = id -- that one');
INSERT INTO task (id, late, who) SELECT i, i = 1, 'ada@contoso.com' FROM generate_series(1, 3) AS i;
UPDATE task SET late = id < 3;
SELECT * FROM told;
DELETE FROM task;
SELECT * FROM told;
DROP TRIGGER d ON task;
-- of rows that are new and rows that are gone, by triggers that fire together
TRUNCATE teams_delivery;
SELECT teams_set_template('gone', 'gone ${row.id}');
CREATE CONSTRAINT TRIGGER n AFTER INSERT OR DELETE ON task DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'to=who', 'where=new.state = ''open''');
CREATE CONSTRAINT TRIGGER o AFTER INSERT OR DELETE ON task DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
	EXECUTE FUNCTION teams_notify('gone', 'to=who', 'where=old.state = ''open''');
BEGIN;
INSERT INTO task (id, state, who) VALUES (7, 'open', 'ada@contoso.com');
DELETE FROM task;
INSERT INTO task (id, state, who) VALUES (8, 'open', 'ada@contoso.com');
COMMIT;
SELECT * FROM told;
TRUNCATE teams_delivery;
BEGIN;
DELETE FROM task;
INSERT INTO task (id, state, who) VALUES (9, 'open', 'ada@contoso.com');
COMMIT;
SELECT * FROM told;
DROP TRIGGER n ON task;
DROP TRIGGER o ON task;
DELETE FROM task;
-- a column of another name than PostgreSQL's
ALTER TABLE task ADD "Is it?" boolean DEFAULT true;
CREATE TRIGGER d AFTER DELETE ON task REFERENCING OLD TABLE AS deleted
	FOR EACH STATEMENT EXECUTE FUNCTION teams_notify('digest', 'to=who', 'where=Is it?');
INSERT INTO task (id, who) VALUES (4, 'ada@contoso.com');
TRUNCATE teams_delivery;
DELETE FROM task;
SELECT * FROM told;
-- what is wrong is known at once
CREATE PROCEDURE try(condition text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER x AFTER INSERT ON task FOR EACH ROW EXECUTE FUNCTION teams_notify(''row'', ''to=who'', %L)', 'where=' || condition);
END $$;
\set SHOW_CONTEXT never
CALL try('state');
CALL try('state = ');
CALL try('stat = ''x''');
CALL try('is_late(new)');
CALL try('true) AS x; DELETE FROM task; SELECT (SELECT (true');
CALL try('true, true');
-- a trigger for rows has no tables of them
CALL try('EXISTS (SELECT FROM deleted)');
-- an error while it is evaluated fails the change, or warns
DROP TRIGGER t ON task;
CREATE TRIGGER t AFTER INSERT ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'to=who', 'where=1 / id > 0');
INSERT INTO task (id, who) VALUES (1, 'ada@contoso.com'), (0, 'ada@contoso.com');
SELECT count(*) FROM task;
DROP TRIGGER t ON task;
CREATE TRIGGER t AFTER INSERT ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'to=who', 'where=1 / id > 0', 'on_error=warn');
TRUNCATE teams_delivery, teams_notify_error;
INSERT INTO task (id, who) VALUES (1, 'ada@contoso.com'), (0, 'ada@contoso.com');
SELECT * FROM told;
SELECT error_code, error, data -> 'row' ->> 'id' AS id FROM teams_notify_error;
\set SHOW_CONTEXT errors
DROP TRIGGER t ON task;
DROP TRIGGER d ON task;

-- with the rights, and not the search_path, of whoever changes the row
CREATE ROLE regress_teams_owner;
CREATE ROLE regress_teams_clerk;
SELECT teams_grant('regress_teams_owner', 'sender');
CREATE TABLE called (by_role text, path text);
GRANT INSERT ON called TO PUBLIC;
CREATE FUNCTION is_wanted(task) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.called VALUES (current_user, current_setting('search_path'));
	RETURN true;
END $$;
CREATE TRIGGER t AFTER INSERT ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'to=who', 'where=public.is_wanted(new) AND state = ''open''');
ALTER TABLE task OWNER TO regress_teams_owner;
GRANT INSERT ON task TO regress_teams_clerk;
CREATE SCHEMA mine AUTHORIZATION regress_teams_clerk;
TRUNCATE teams_delivery;
SET ROLE regress_teams_clerk;
CREATE FUNCTION mine.never(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR mine.= (LEFTARG = text, RIGHTARG = text, FUNCTION = mine.never);
SET search_path = mine, pg_catalog, public;
INSERT INTO task (id, state, who) VALUES (5, 'open', 'ada@contoso.com'), (6, 'closed', 'ada@contoso.com');
SHOW search_path;
SELECT current_user;
RESET ROLE;
SET search_path = public, teams;
SELECT * FROM told;
SELECT DISTINCT * FROM called;
DROP TRIGGER t ON task;
ALTER TABLE task OWNER TO CURRENT_USER;

--
-- Several recipients
--

CREATE DOMAIN crowd AS text[];
CREATE DOMAIN name40 AS char(40);
CREATE TABLE meeting (id int, texts text[], ids uuid[], chars char(40)[], many crowd, names varchar(40)[], domains name40[], one char(40), other name40);
CREATE PROCEDURE tell(option text) LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE teams.teams_delivery;
	EXECUTE format('CREATE TRIGGER x AFTER INSERT ON meeting FOR EACH ROW EXECUTE FUNCTION teams.teams_notify(''row'', %L, ''dedupe=id'')', option);
	INSERT INTO meeting VALUES (1, '{ada@contoso.com,NULL,ADA@contoso.com,grace@contoso.com}',
		'{3e4a8e60-2ab0-4a4c-9f9e-a1e3b7b2c001,3e4a8e60-2ab0-4a4c-9f9e-a1e3b7b2c001}', '{ada@contoso.com}', '{{ada@contoso.com},{grace@contoso.com}}',
		'{ada@contoso.com,ada@contoso.com}', '{ada@contoso.com}', 'ada@contoso.com', 'ada@contoso.com');
	INSERT INTO meeting VALUES (2, '{}', '{}', '{}', '{}', '{}', '{}'),
		(3, '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}');
	INSERT INTO meeting VALUES (4);
	DROP TRIGGER x ON meeting;
	TRUNCATE meeting, teams.teams_dedupe;
END $$;
CALL tell('to=texts');
SELECT target, text FROM told ORDER BY target;
CALL tell('to=ids');
SELECT target, text FROM told ORDER BY target;
CALL tell('to=chars');
SELECT target, text FROM told ORDER BY target;
CALL tell('to=many');
SELECT target, text FROM told ORDER BY target;
CALL tell('to=names');
SELECT target, text FROM told ORDER BY target;
CALL tell('to=domains');
SELECT target, text FROM told ORDER BY target;
-- and one, of char(n)
CALL tell('to=one');
SELECT target, text FROM told ORDER BY target;
CALL tell('to=other');
SELECT target, text FROM told ORDER BY target;
-- a row is in each one's digest, once
TRUNCATE teams_delivery, task;
CREATE TRIGGER d AFTER INSERT ON task REFERENCING NEW TABLE AS inserted
	FOR EACH STATEMENT EXECUTE FUNCTION teams_notify('digest', 'to=crowd');
INSERT INTO task (id, crowd) VALUES (1, '{ada@contoso.com,grace@contoso.com,Ada@Contoso.com}'), (2, NULL), (3, '{}'), (4, '{grace@contoso.com,NULL}');
SELECT target, text FROM told ORDER BY target;
DROP TRIGGER d ON task;
-- chats, too, but nothing else
CREATE TRIGGER d AFTER INSERT ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'chat=crowd');
TRUNCATE teams_delivery;
INSERT INTO task (id, crowd) VALUES (5, '{19:2da4c29f6d7041@thread.v2,19:2DA4c29f6d7041@thread.v2,19:2da4c29f6d7041@thread.v2}');
SELECT target, text FROM told ORDER BY target;
DROP TRIGGER d ON task;
CREATE TRIGGER d AFTER INSERT ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'team=crowd');
-- a sample of many
CREATE TRIGGER d AFTER INSERT ON task REFERENCING NEW TABLE AS inserted
	FOR EACH STATEMENT EXECUTE FUNCTION teams_notify('digest', 'to=crowd', 'where=id % 5 <> 0');
TRUNCATE teams_delivery;
INSERT INTO task (id, crowd)
	SELECT i, ARRAY['user' || i % 500 || '@contoso.com', 'User' || i % 500 || '@contoso.com', 'user' || (i + 1) % 500 || '@contoso.com'] FROM generate_series(1, 5000) AS i;
SELECT count(*), sum(split_part(text, ' ', 1)::int) FROM told;
SELECT count(*) AS wrong FROM (
	SELECT u, count(*) || ' of them: ' || string_agg(i::text, ', ' ORDER BY i) AS text
	FROM generate_series(1, 5000) AS i, LATERAL (VALUES (i % 500), ((i + 1) % 500)) AS v (u)
	WHERE i % 5 <> 0 GROUP BY u) AS e
	FULL JOIN told AS t ON t.target = 'user' || u || '@contoso.com'
	WHERE t.text IS DISTINCT FROM e.text;
DROP TRIGGER d ON task;

--
-- One person by several names
--

INSERT INTO teams_person (bot, id, user_principal_name) VALUES
	('default', '3e4a8e60-2ab0-4a4c-9f9e-a1e3b7b2c001', 'ada@contoso.com'),
	('other', '3e4a8e60-2ab0-4a4c-9f9e-a1e3b7b2c002', 'grace@contoso.com');
CREATE TRIGGER d AFTER INSERT ON task REFERENCING NEW TABLE AS inserted
	FOR EACH STATEMENT EXECUTE FUNCTION teams_notify('digest', 'to=who');
CREATE TRIGGER t AFTER DELETE ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'to=crowd');
TRUNCATE teams_delivery, task;
INSERT INTO task (id, who) VALUES (1, 'ADA@contoso.com'), (2, '3E4A8E60-2AB0-4A4C-9F9E-A1E3B7B2C001'), (3, 'ada@contoso.com'),
	(4, 'grace@contoso.com'), (5, '3e4a8e60-2ab0-4a4c-9f9e-a1e3b7b2c002');
SELECT target, text FROM told ORDER BY text;
TRUNCATE teams_delivery, task;
INSERT INTO task (id, crowd) VALUES (6, '{3e4a8e60-2ab0-4a4c-9f9e-a1e3b7b2c001,ada@contoso.com}');
DELETE FROM task;
SELECT target, text FROM told ORDER BY text;
DROP TRIGGER d ON task;
DROP TRIGGER t ON task;

--
-- Later
--

INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('real', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');
CREATE TRIGGER t AFTER INSERT ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'to=who', 'bot=''real''', 'delay=10 minutes', 'expires=''1 hour''');
INSERT INTO task (id, who) VALUES (1, 'ada@contoso.com');
SELECT state, round(extract(epoch FROM due_at - created_at) / 60) AS delay, round(extract(epoch FROM expires_at - due_at) / 60) AS expires
	FROM teams_message_detail WHERE bot = 'real';
SELECT teams_cancel(id) FROM teams_outbox;
SELECT state FROM teams_message WHERE bot = 'real';
DROP TRIGGER t ON task;

--
-- A reference, by which each message can be found and cancelled
--

CREATE TRIGGER t AFTER INSERT ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('row', 'to=who', 'bot=''real''', 'delay=1 day', 'reference=id');
INSERT INTO task (id, who) SELECT i, 'user' || i || '@contoso.com' FROM generate_series(1, 5000) AS i;
SELECT count(*) AS wrong FROM generate_series(1, 5000) AS i
	FULL JOIN (SELECT * FROM teams_message_detail WHERE bot = 'real' AND state = 'pending') AS m
	ON m.target = 'user' || i || '@contoso.com'
	WHERE m.reference IS DISTINCT FROM i::text;
SELECT teams_cancel(reference => '4711');
SELECT target, state FROM teams_message_detail WHERE bot = 'real' AND reference = '4711';
SELECT count(teams_cancel(id)) FROM teams_outbox;
DROP TRIGGER t ON task;

--
-- Blanks behind a char(n) are none of it for a broadcast, either
--

SELECT teams_broadcast($$SELECT 'ada@contoso.com'::char(40) AS user_id, 'de'::char(9) AS locale
	UNION ALL SELECT 'grace@contoso.com', NULL$$, 'x', draft => true) AS blank \gset
SELECT target || '.' AS target, locale || '.' AS locale, excluded FROM teams_recipient WHERE broadcast = :blank ORDER BY n;
SELECT teams_broadcast('{"ada@contoso.com   "}'::char(40)[], 'x', draft => true) AS blank \gset
SELECT target || '.' AS target, excluded FROM teams_recipient WHERE broadcast = :blank ORDER BY n;

DROP VIEW told;
DROP TABLE task, meeting, called CASCADE;
DROP PROCEDURE try(text), tell(text);
DROP DOMAIN crowd, name40;
DROP EXTENSION teams_proactive;
DROP SCHEMA teams CASCADE;
DROP SCHEMA mine CASCADE;
DROP ROLE regress_teams_owner, regress_teams_clerk;
