-- With whose rights teams_notify() does what: it sends as the table's owner,
-- but what the types of a row bring along is called as whoever changes the row.
SET client_min_messages = warning;
CREATE SCHEMA teams;
CREATE EXTENSION teams_proactive SCHEMA teams;
SET search_path = public, teams;
SELECT teams_configure_dry_run();
SELECT teams_set_template('state', '${row.state}');
SELECT teams_set_template('digest', '${rows[0].state}');
CREATE ROLE regress_teams_owner;
CREATE ROLE regress_teams_clerk;
SELECT teams_grant('regress_teams_owner', 'sender');
CREATE TABLE called (by_role text);
GRANT INSERT ON called TO PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO regress_teams_clerk;

-- A type whose JSON is what a function makes of it, and one that has it within.
SET ROLE regress_teams_clerk;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE FUNCTION mood_json(mood) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.called VALUES (current_user);
	RETURN '"as its maker likes"';
END $$;
CREATE CAST (mood AS json) WITH FUNCTION mood_json(mood);
CREATE TYPE moods AS (first mood, second mood[]);
RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM regress_teams_clerk;

CREATE TABLE build (id int, state mood, more moods, owner text);
ALTER TABLE build OWNER TO regress_teams_owner;
GRANT INSERT, UPDATE, DELETE, SELECT ON build TO regress_teams_clerk;
CREATE TRIGGER each AFTER INSERT OR UPDATE ON build FOR EACH ROW
	EXECUTE FUNCTION teams_notify('state', 'to=owner', 'dedupe=more');
CREATE TRIGGER all_of_them AFTER DELETE ON build
	REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
	EXECUTE FUNCTION teams_notify('digest', 'to=owner', 'on_error=warn');
SET ROLE regress_teams_clerk;
INSERT INTO build VALUES (1, 'good', (NULL, '{good,bad}'), 'ada@contoso.com');
UPDATE build SET more = ('bad', NULL);
DELETE FROM build;
RESET ROLE;
SELECT text, sender FROM teams_recorded_detail ORDER BY id;
SELECT by_role, count(*) > 0 AS called FROM called GROUP BY by_role;

-- The superuser's own tables are no better and no worse.
TRUNCATE called;
ALTER TABLE build OWNER TO CURRENT_USER;
SET ROLE regress_teams_clerk;
INSERT INTO build VALUES (2, 'bad', NULL, 'ada@contoso.com');
RESET ROLE;
SELECT by_role, count(*) > 0 AS called FROM called GROUP BY by_role;

-- After an error the caller is the caller.
SELECT teams_drop_template('digest');
SET ROLE regress_teams_clerk;
SET client_min_messages = error;
DELETE FROM build;
SELECT current_user;
DO $$
BEGIN
	INSERT INTO public.build VALUES (3, 'bad', NULL, 'nobody');
EXCEPTION WHEN OTHERS THEN
	RAISE INFO '% as %', SQLERRM, current_user;
END $$;
RESET ROLE;

DROP TABLE build, called;
DROP CAST (mood AS json);
DROP FUNCTION mood_json(mood);
DROP TYPE moods, mood;
DROP EXTENSION teams_proactive;
DROP SCHEMA teams;
DROP OWNED BY regress_teams_owner, regress_teams_clerk;
DROP ROLE regress_teams_owner, regress_teams_clerk;
