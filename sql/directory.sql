------------------------------------------------------------------------------
-- The directory: people, and who is in a group or team
------------------------------------------------------------------------------

-- The worker reads lists of people from Microsoft Graph and the Bot Connector:
-- all of a tenant, members and owners of groups, rosters of teams.
-- teams_directory says which and how far; teams_people() and teams_members()
-- return them as audiences.

CREATE TABLE @extschema@.teams_person (
	bot				text		NOT NULL,
	id				text		NOT NULL,
	user_principal_name	text,
	display_name	text,
	locale			text,
	is_guest		boolean,
	is_enabled		boolean,
	is_licensed		boolean,
	synced_at		timestamptz	NOT NULL DEFAULT now(),
	PRIMARY KEY (bot, id)
) WITH (fillfactor = 70);

CREATE INDEX teams_person_name
	ON @extschema@.teams_person (bot, user_principal_name);

COMMENT ON TABLE @extschema@.teams_person IS
'what Microsoft Graph has told of people: the whole directory after teams_sync_directory(), members of groups after teams_sync_group()';
COMMENT ON COLUMN @extschema@.teams_person.bot IS
'bot whose tenant they are in';
COMMENT ON COLUMN @extschema@.teams_person.id IS
'Entra object id, in lower case';
COMMENT ON COLUMN @extschema@.teams_person.user_principal_name IS
'name to send to, in lower case';
COMMENT ON COLUMN @extschema@.teams_person.display_name IS
'name as people read it';
COMMENT ON COLUMN @extschema@.teams_person.locale IS
'preferred language';
COMMENT ON COLUMN @extschema@.teams_person.is_guest IS
'whether it is a guest of the tenant; null: not told';
COMMENT ON COLUMN @extschema@.teams_person.is_enabled IS
'whether the account can be used; null: not told';
COMMENT ON COLUMN @extschema@.teams_person.is_licensed IS
'whether any licence is assigned; null: not told';
COMMENT ON COLUMN @extschema@.teams_person.synced_at IS
'when Microsoft Graph told of the person for the last time';

CREATE TABLE @extschema@.teams_group_member (
	bot				text		NOT NULL,
	source			text		NOT NULL
					CHECK (source IN ('members', 'owners', 'roster')),
	container		text		NOT NULL,
	id				text		NOT NULL,
	synced_at		timestamptz	NOT NULL DEFAULT now(),
	PRIMARY KEY (bot, source, container, id)
) WITH (fillfactor = 70);

COMMENT ON TABLE @extschema@.teams_group_member IS
'who is in a group or team';
COMMENT ON COLUMN @extschema@.teams_group_member.bot IS
'bot whose tenant it is';
COMMENT ON COLUMN @extschema@.teams_group_member.source IS
'members of a group, also by groups within it; its owners; or the roster of a team';
COMMENT ON COLUMN @extschema@.teams_group_member.container IS
'id of the group, which is that of its team';
COMMENT ON COLUMN @extschema@.teams_group_member.id IS
'Entra object id of the member, in lower case';
COMMENT ON COLUMN @extschema@.teams_group_member.synced_at IS
'when the list was read that has the member';

CREATE TABLE @extschema@.teams_directory (
	bot				text		NOT NULL,
	source			text		NOT NULL
					CHECK (source IN ('people', 'members', 'owners', 'roster')),
	container		text		NOT NULL DEFAULT '',
	state			text		NOT NULL
					CHECK (state IN ('wanted', 'running', 'done', 'failed')),
	people			bigint		NOT NULL DEFAULT 0,
	pages			integer		NOT NULL DEFAULT 0,
	link			text,
	delta_link		text,
	attempts		integer		NOT NULL DEFAULT 0,
	next_at			timestamptz,
	error_code		text,
	error			text,
	hint			text,
	requested_at	timestamptz	NOT NULL DEFAULT now(),
	started_at		timestamptz,
	finished_at		timestamptz,
	PRIMARY KEY (bot, source, container)
);

COMMENT ON TABLE @extschema@.teams_directory IS
'what is synchronised from Microsoft Graph and the Bot Connector, and how far it is';
COMMENT ON COLUMN @extschema@.teams_directory.bot IS
'bot whose tenant is read';
COMMENT ON COLUMN @extschema@.teams_directory.source IS
'people: all of the directory; members of a group, also by groups within it; its owners; or the roster of a team';
COMMENT ON COLUMN @extschema@.teams_directory.container IS
'id of the group or team; empty for all people';
COMMENT ON COLUMN @extschema@.teams_directory.state IS
'wanted, running, done or failed';
COMMENT ON COLUMN @extschema@.teams_directory.people IS
'how many there were at finished_at';
COMMENT ON COLUMN @extschema@.teams_directory.pages IS
'how many were read this time';
COMMENT ON COLUMN @extschema@.teams_directory.link IS
'next page that is read';
COMMENT ON COLUMN @extschema@.teams_directory.delta_link IS
'where to ask for what has changed, the next time';
COMMENT ON COLUMN @extschema@.teams_directory.attempts IS
'how often the current page was tried';
COMMENT ON COLUMN @extschema@.teams_directory.next_at IS
'after an error: when it goes on';
COMMENT ON COLUMN @extschema@.teams_directory.error_code IS
'what went wrong: a code of the service, or one of ours in lower case';
COMMENT ON COLUMN @extschema@.teams_directory.error IS
'what the service said, in a sentence';
COMMENT ON COLUMN @extschema@.teams_directory.hint IS
'what to do about it';
COMMENT ON COLUMN @extschema@.teams_directory.requested_at IS
'when somebody asked for it for the last time';
COMMENT ON COLUMN @extschema@.teams_directory.started_at IS
'when it began to be read';
COMMENT ON COLUMN @extschema@.teams_directory.finished_at IS
'when all of it was read for the last time';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_person', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_group_member', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_directory', '');

CREATE TRIGGER teams_wake AFTER INSERT OR UPDATE ON @extschema@.teams_directory
	FOR EACH STATEMENT EXECUTE FUNCTION @extschema@._teams_wake('directory');
ALTER TABLE @extschema@.teams_directory ENABLE ALWAYS TRIGGER teams_wake;

-- Has the worker read a list.  One that it is reading goes on from where it
-- is.
CREATE FUNCTION @extschema@._teams_sync_list(
	source text, container text, bot text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	dry_run	boolean;
BEGIN
	IF bot IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'bot must be given';
	END IF;
	SELECT b.dry_run INTO dry_run FROM @extschema@.teams_bot AS b
	WHERE b.bot = _teams_sync_list.bot;
	IF NOT FOUND THEN
		RAISE undefined_object USING
			MESSAGE = format('bot "%s" does not exist', bot),
			HINT = 'See teams_bot for those that do.';
	END IF;
	INSERT INTO @extschema@.teams_directory AS d (bot, source, container, state)
	VALUES (bot, source, container, 'wanted')
	ON CONFLICT ON CONSTRAINT teams_directory_pkey DO UPDATE SET
		state = CASE WHEN d.state = 'running' THEN d.state ELSE 'wanted' END,
		requested_at = now(),
		next_at = NULL,
		error_code = NULL,
		error = NULL,
		hint = NULL;

	-- A dry-run bot asks nobody: what it knows was written here by hand.
	UPDATE @extschema@.teams_directory AS d
	SET state = 'done', finished_at = now()
	WHERE dry_run AND d.bot = _teams_sync_list.bot
	  AND d.source = _teams_sync_list.source
	  AND d.container = _teams_sync_list.container;
END
$$;

COMMENT ON FUNCTION @extschema@._teams_sync_list(text, text, text) IS
'has the worker read a list of people, for teams_sync_directory(), teams_sync_group() and teams_sync_roster()';

-- Returns the id of a group as it is stored.  A parameter of type uuid would
-- judge it, too, but its error could not say where the id is to be found.
CREATE FUNCTION @extschema@._teams_group_id(group_id text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF group_id IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'group id must not be null';
	END IF;
	IF group_id !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('invalid group id: "%s"', group_id),
			DETAIL = 'It is not a UUID.',
			HINT = 'It is the group''s object id in Entra ID. For a team it is the groupId in the link that Teams gives for the team.';
	END IF;
	RETURN lower(group_id);
END
$$;

COMMENT ON FUNCTION @extschema@._teams_group_id(text) IS
'checks the id of a group';

CREATE FUNCTION @extschema@.teams_sync_directory(bot text DEFAULT 'default')
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT @extschema@._teams_sync_list('people'::text, ''::text, bot) $$;

COMMENT ON FUNCTION @extschema@.teams_sync_directory(text) IS
'has the worker read all people of the bot''s tenant into teams_person, or what has changed since the last time';

CREATE FUNCTION @extschema@.teams_sync_group(
	group_id	text,
	owners		boolean DEFAULT false,
	bot			text DEFAULT 'default')
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT @extschema@._teams_sync_list(
		CASE WHEN owners THEN 'owners' ELSE 'members' END,
		@extschema@._teams_group_id(group_id), bot)
$$;

COMMENT ON FUNCTION @extschema@.teams_sync_group(text, boolean, text) IS
'has the worker read the members of a group, also those of groups within it, or its owners';

CREATE FUNCTION @extschema@.teams_sync_roster(
	team	text,
	bot		text DEFAULT 'default')
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT @extschema@._teams_sync_list('roster'::text,
		@extschema@._teams_group_id(team), bot)
$$;

COMMENT ON FUNCTION @extschema@.teams_sync_roster(text, text) IS
'has the worker read who is in a team in which the bot is installed';

-- It commits, so it cannot have a search_path of its own: all that it names is
-- named with its schema.
CREATE PROCEDURE @extschema@.teams_wait_directory(
	bot		text DEFAULT 'default',
	timeout	interval DEFAULT '5 minutes')
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	deadline	pg_catalog.timestamptz :=
		pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) timeout;
	list	record;
	status	record;
BEGIN
	IF bot IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'bot must be given';
	END IF;
	IF NOT EXISTS (SELECT FROM @extschema@.teams_bot AS b
				   WHERE b.bot OPERATOR(pg_catalog.=) bot) THEN
		RAISE undefined_object USING
			MESSAGE = pg_catalog.format('bot "%s" does not exist', bot),
			HINT = 'See teams_bot for those that do.';
	END IF;
	LOOP
		-- Those that have failed come last.
		SELECT pg_catalog.rtrim(pg_catalog.concat(d.source, ' ', d.container)) AS name,
			   d.state, d.error_code, d.error, d.hint
		INTO list
		FROM @extschema@.teams_directory AS d
		WHERE d.bot OPERATOR(pg_catalog.=) bot
		  AND d.state OPERATOR(pg_catalog.<>) 'done'
		ORDER BY d.state OPERATOR(pg_catalog.=) 'failed'
		LIMIT 1;
		EXIT WHEN NOT FOUND;
		IF list.state OPERATOR(pg_catalog.=) 'failed' THEN
			RAISE external_routine_exception USING
				MESSAGE = pg_catalog.concat('could not synchronise ', list.name),
				DETAIL = pg_catalog.concat(list.error_code, ': ', list.error),
				HINT = coalesce(list.hint,
					'See teams_directory, and ask for the list again.');
		END IF;

		-- What lasts until somebody acts is told at once.
		SELECT s.state, s.why INTO status
		FROM @extschema@.teams_status() AS s
		WHERE (s.bot OPERATOR(pg_catalog.=) '*'
			   OR s.bot OPERATOR(pg_catalog.=) bot)
		  AND s.state OPERATOR(pg_catalog.=) ANY (ARRAY['not running',
			  'not configured', 'paused', 'standby']::pg_catalog.text[])
		LIMIT 1;
		IF FOUND OR pg_catalog.clock_timestamp() OPERATOR(pg_catalog.>) deadline THEN
			RAISE object_not_in_prerequisite_state USING
				MESSAGE = pg_catalog.concat('not synchronised yet: ', list.name),
				DETAIL = coalesce(status.why, list.error, 'It is being read.'),
				HINT = 'See teams_directory for how far it is, and teams_status() for the worker.';
		END IF;
		COMMIT;
		PERFORM pg_catalog.pg_sleep(0.1);
	END LOOP;
END
$$;

COMMENT ON PROCEDURE @extschema@.teams_wait_directory(text, interval) IS
'waits until the worker has read all lists of people that it was asked for; raises an error if it could not';

-- An audience that nobody has read yet must not pass for an empty one.
CREATE FUNCTION @extschema@._teams_check_list(
	source text, container text, bot text)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	list	record;
BEGIN
	SELECT * INTO list FROM @extschema@.teams_directory AS d
	WHERE d.bot = _teams_check_list.bot AND d.source = _teams_check_list.source
	  AND d.container = _teams_check_list.container;
	IF list.finished_at IS NULL THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('%s%s not synchronised yet for bot "%s"',
				CASE source WHEN 'people' THEN 'the directory is'
				WHEN 'roster' THEN 'the roster of team '
				ELSE 'the ' || source || ' of group ' END,
				CASE source WHEN 'people' THEN ''
				WHEN 'roster' THEN container || ' is'
				ELSE container || ' are' END, bot),
			DETAIL = CASE list.state
				WHEN 'failed' THEN format('It has failed: %s: %s',
					list.error_code, list.error)
				WHEN 'wanted' THEN 'The worker has not begun to read it.'
				WHEN 'running' THEN format('The worker has read %s pages.',
					list.pages)
				ELSE 'Nobody has asked for it.' END,
			HINT = CASE source
				WHEN 'people' THEN 'Call teams_sync_directory(), then teams_wait_directory().'
				WHEN 'roster' THEN 'Call teams_sync_roster(), then teams_wait_directory().'
				ELSE 'Call teams_sync_group(), then teams_wait_directory().' END;
	END IF;
END
$$;

COMMENT ON FUNCTION @extschema@._teams_check_list(text, text, text) IS
'raises an error if a list has never been read to its end';

CREATE FUNCTION @extschema@.teams_people(bot text DEFAULT 'default')
RETURNS TABLE (user_id text, user_principal_name text, display_name text,
			   locale text, is_guest boolean, is_enabled boolean,
			   is_licensed boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM @extschema@._teams_check_list('people'::text, ''::text, teams_people.bot);
	RETURN QUERY
		SELECT p.id, p.user_principal_name, p.display_name, p.locale,
			   p.is_guest, p.is_enabled, p.is_licensed
		FROM @extschema@.teams_person AS p
		WHERE p.bot = teams_people.bot;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_people(text) IS
'all people of the directory, as it was synchronised';

CREATE FUNCTION @extschema@.teams_members(
	container	text,
	source		text DEFAULT 'members',
	bot			text DEFAULT 'default')
RETURNS TABLE (user_id text, user_principal_name text, display_name text,
			   locale text, is_guest boolean, is_enabled boolean,
			   is_licensed boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	group_id	text := @extschema@._teams_group_id(container);
BEGIN
	IF teams_members.source IS NULL
	   OR teams_members.source NOT IN ('members', 'owners', 'roster') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('unknown source: "%s"', teams_members.source),
			HINT = 'Give "members", "owners" or "roster".';
	END IF;
	PERFORM @extschema@._teams_check_list(teams_members.source, group_id,
		teams_members.bot);
	RETURN QUERY
		SELECT m.id, p.user_principal_name, p.display_name, p.locale,
			   p.is_guest, p.is_enabled, p.is_licensed
		FROM @extschema@.teams_group_member AS m
		LEFT JOIN LATERAL (
			SELECT * FROM @extschema@.teams_person AS e
			WHERE e.bot = m.bot AND e.id = m.id OFFSET 0) AS p ON true
		WHERE m.bot = teams_members.bot AND m.source = teams_members.source
		  AND m.container = group_id;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_members(text, text, text) IS
'members or owners of a group, or the roster of a team, as they were synchronised';
