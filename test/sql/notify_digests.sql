-- Digests over time, without a worker: what is collected, and who may see it.
SET client_min_messages = warning;
CREATE SCHEMA teams;
CREATE EXTENSION teams_proactive SCHEMA teams;
SET search_path = public, teams;
SELECT teams_configure_dry_run();
SELECT teams_set_template('digest', '${count} of them: ${join(select(rows, r, string(r.id)), '', '')}${if(more > 0, concat('' and '', more, '' more''), '''')}');
SELECT teams_set_template('digest', '${count} Stück', locale => 'de');
SELECT teams_set_template('long', '${join(select(rows, r, r.title), '' '')} ${more} more');
CREATE ROLE regress_teams_owner;
CREATE ROLE regress_teams_clerk;
SELECT teams_grant('regress_teams_owner', 'sender');
SELECT teams_grant('regress_teams_clerk', 'sender');
CREATE TABLE task (id int, title text, who text, lang text, many text[]);
ALTER TABLE task OWNER TO regress_teams_owner;
GRANT ALL ON task TO regress_teams_clerk;
CREATE VIEW told AS SELECT sender, target, text FROM teams_recorded_detail ORDER BY id;

-- As if the time had come.
CREATE PROCEDURE wait() LANGUAGE sql AS 'UPDATE teams.teams_digest_row SET due_at = now()';

--
-- Rows of several statements, of both kinds of triggers, of one person by all
-- of their names
--

INSERT INTO teams_person (bot, id, user_principal_name)
	VALUES ('default', '3e4a8e60-2ab0-4a4c-9f9e-a1e3b7b2c001', 'ada@contoso.com');
CREATE TRIGGER t AFTER INSERT OR DELETE ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('digest', 'to=who', 'locale=lang', 'digest=1 hour', 'where=title IS NULL');
SET ROLE regress_teams_clerk;
INSERT INTO task (id, who) VALUES (1, 'ada@contoso.com'), (2, 'grace@contoso.com'), (3, NULL);
INSERT INTO task (id, who) VALUES (4, '3E4A8E60-2AB0-4A4C-9F9E-A1E3B7B2C001');
INSERT INTO task (id, who) VALUES (5, 'ADA@contoso.com');
INSERT INTO task (id, who, lang) VALUES (6, 'ada@contoso.com', 'de-AT');
INSERT INTO task (id, who, title) VALUES (7, 'ada@contoso.com', 'not this one');
DELETE FROM task WHERE id = 1;
BEGIN;
INSERT INTO task (id, who) VALUES (8, 'ada@contoso.com');
ROLLBACK;
-- whoever owned the table sees them
SELECT count(*) FROM teams_digest;
SELECT * FROM teams_digest_row;
SET ROLE regress_teams_owner;
SELECT bot, target, template, rows, round(extract(epoch FROM due_at - now()) / 60) AS minutes, sender, table_name FROM teams_digest ORDER BY target, rows;
RESET ROLE;
CALL teams_drain();
SELECT count(*) FROM told;
CALL wait();
CALL teams_drain();
SELECT * FROM told ORDER BY text;
SELECT count(*) FROM teams_digest_row;
DROP TRIGGER t ON task;

-- a statement's
TRUNCATE teams_delivery, task;
CREATE TRIGGER t AFTER INSERT ON task REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
	EXECUTE FUNCTION teams_notify('digest', 'to=many', 'digest=''1 day''', 'expires=1 hour');
INSERT INTO task (id, many) VALUES (1, '{ada@contoso.com,Ada@Contoso.com,grace@contoso.com}'), (2, '{grace@contoso.com}');
INSERT INTO task (id, many) VALUES (3, '{grace@contoso.com,NULL}'), (4, '{}');
CALL wait();
CALL teams_drain();
SELECT * FROM told ORDER BY text;
DROP TRIGGER t ON task;

-- channels and chats
TRUNCATE teams_delivery, task;
CREATE TRIGGER t AFTER INSERT ON task FOR EACH ROW WHEN (NEW.title IS NULL)
	EXECUTE FUNCTION teams_notify('digest', 'team=who', 'channel=lang', 'thread=''all''', 'digest=1 hour');
CREATE TRIGGER c AFTER INSERT ON task FOR EACH ROW WHEN (NEW.title IS NOT NULL)
	EXECUTE FUNCTION teams_notify('digest', 'chat=title', 'digest=1 hour');
INSERT INTO task (id, who, lang) SELECT i, '02bd9fd6-8f93-4758-87c3-1fb73740a315', CASE WHEN i > 2 THEN '19:4a95f7d8db4c@thread.tacv2' END FROM generate_series(1, 4) AS i;
INSERT INTO task (id, title) VALUES (5, '19:2da4c29f6d7041@thread.v2');
SELECT scope, target, team, thread FROM teams_digest_row ORDER BY id;
CALL wait();
CALL teams_drain();
SELECT scope, target, team, text FROM teams_recorded_detail ORDER BY text;
DROP TRIGGER t ON task;
DROP TRIGGER c ON task;

--
-- What does not fit is counted
--

TRUNCATE teams_delivery, task;
CREATE TRIGGER t AFTER INSERT ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('digest', 'to=who', 'digest=1 hour');
INSERT INTO task (id, who) SELECT i, 'user' || i % 10 || '@contoso.com' FROM generate_series(1, 5000) AS i;
CALL wait();
CALL teams_drain();
SELECT count(*), count(DISTINCT target) FROM told;
-- each shows the first hundred of its five hundred
SELECT count(*) AS right FROM told AS t,
	LATERAL (SELECT substring(t.target FROM '\d')::int) AS u (n),
	LATERAL (SELECT string_agg(i::text, ', ' ORDER BY i) AS ids FROM generate_series(1, 1000) AS i WHERE i % 10 = n) AS e
	WHERE t.text = '500 of them: ' || e.ids || ' and 400 more';
DROP TRIGGER t ON task;
-- fewer, if the message would be too large
TRUNCATE teams_delivery;
CREATE TRIGGER t AFTER INSERT ON task FOR EACH ROW
	EXECUTE FUNCTION teams_notify('long', 'to=who', 'digest=1 hour');
INSERT INTO task (id, title, who) SELECT i, repeat('x', 1000), 'ada@contoso.com' FROM generate_series(1, 60) AS i;
INSERT INTO task (id, title, who) VALUES (61, repeat('x', 90000), 'grace@contoso.com');
INSERT INTO task (id, title, who) VALUES (62, repeat('x', 100000), 'grace@contoso.com');
CALL wait();
CALL teams_drain();
SELECT target, length(text), right(text, 8) FROM told ORDER BY target;
-- one that has become larger since, as it was loaded in another encoding, is not lost
TRUNCATE teams_delivery;
INSERT INTO task (id, who) VALUES (63, 'ada@contoso.com');
UPDATE teams_digest_row SET data = jsonb_set(data::jsonb, '{title}', to_jsonb(repeat('x', 110000)))::json;
CALL wait();
CALL teams_drain();
SELECT target, length(text), right(text, 8) FROM told;
SELECT count(*) AS waits FROM teams_digest_row;
DROP TRIGGER t ON task;

--
-- Mistakes
--

CREATE TRIGGER x AFTER INSERT ON task FOR EACH ROW EXECUTE FUNCTION teams_notify('digest', 'to=who', 'digest=1 hour', 'delay=1 minute');
CREATE TRIGGER x AFTER INSERT ON task FOR EACH ROW EXECUTE FUNCTION teams_notify('digest', 'to=who', 'digest=1 hour', 'dedupe=id');
CREATE TRIGGER x AFTER INSERT ON task FOR EACH ROW EXECUTE FUNCTION teams_notify('digest', 'to=who', 'digest=often');
-- that can be known at once, are
CREATE TRIGGER x AFTER INSERT ON task FOR EACH ROW EXECUTE FUNCTION teams_notify('digest', 'to=who', 'digest=1 hour', 'bot=title', 'priority=lang', 'null=fail');
\set SHOW_CONTEXT never
INSERT INTO task (id, who) VALUES (1, 'ada');
INSERT INTO task (id, who) VALUES (1, NULL);
INSERT INTO task (id, who) VALUES (1, '19:2da4c29f6d7041@thread.v2');
INSERT INTO task (id, who, title) VALUES (1, 'ada@contoso.com', 'nobody');
INSERT INTO task (id, who, lang) VALUES (1, 'ada@contoso.com', 'urgent');
SELECT teams_revoke('regress_teams_owner');
INSERT INTO task (id, who) VALUES (1, 'ada@contoso.com');
SELECT teams_grant('regress_teams_owner', 'sender');
DROP TRIGGER x ON task;
CREATE TRIGGER x AFTER INSERT ON task FOR EACH ROW EXECUTE FUNCTION teams_notify('none', 'to=who', 'digest=1 hour', 'on_error=warn');
INSERT INTO task (id, who) VALUES (1, 'ada@contoso.com');
SELECT template, error, data -> 'rows' -> 0 ->> 'id' AS id FROM teams_notify_error;
SELECT count(*) FROM teams_digest_row;
DROP TRIGGER x ON task;
-- and what goes wrong later is a message that has failed
CREATE TRIGGER x AFTER INSERT ON task FOR EACH ROW EXECUTE FUNCTION teams_notify('digest', 'to=who', 'digest=1 hour');
TRUNCATE teams_delivery, teams_notify_error;
INSERT INTO task (id, who) VALUES (1, 'ada@contoso.com');
SELECT teams_revoke('regress_teams_owner');
CALL wait();
CALL teams_drain();
SELECT state, error_code, error, hint, sender FROM teams_message_detail;
SELECT table_name, trigger_name, error_code, error, data FROM teams_notify_error;
SELECT teams_retry(id) FROM teams_delivery;
SELECT accepted = sent + failed AS adds_up, failed, balanced FROM teams_accounting;
-- but not if it may pass: then it is tried again
SELECT teams_grant('regress_teams_owner', 'sender');
TRUNCATE teams_delivery, teams_notify_error;
INSERT INTO task (id, who) VALUES (2, 'ada@contoso.com');
CALL wait();
CREATE FUNCTION out_of_order() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN RAISE io_error USING MESSAGE = 'the disk is out of order'; END $$;
CREATE TRIGGER out_of_order BEFORE INSERT ON teams_outbox FOR EACH ROW EXECUTE FUNCTION out_of_order();
CALL teams_drain();
SELECT count(*) AS failed FROM teams_notify_error;
DROP TRIGGER out_of_order ON teams_outbox;
DROP FUNCTION out_of_order();
CALL teams_drain();
SELECT * FROM told;

--
-- What is loaded waits
--

INSERT INTO task (id, who) VALUES (2, 'ada@contoso.com');
CREATE TABLE saved AS SELECT * FROM teams_digest_row;
DELETE FROM teams_digest_row;
INSERT INTO teams_digest_row OVERRIDING SYSTEM VALUE SELECT * FROM saved;
TRUNCATE teams_delivery;
CALL wait();
CALL teams_drain();
SELECT target, rows, due_at FROM teams_digest;
SELECT teams_resume();
CALL teams_drain();
SELECT * FROM told;

DROP VIEW told;
DROP TABLE task, saved;
DROP PROCEDURE wait();
DROP EXTENSION teams_proactive;
DROP SCHEMA teams;
DROP ROLE regress_teams_owner, regress_teams_clerk;
