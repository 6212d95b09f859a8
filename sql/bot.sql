------------------------------------------------------------------------------
-- Bots: what is known of them, and configuring them
------------------------------------------------------------------------------

-- A bot is a registration in Entra ID and the tenant whose people it talks to.
-- teams_configure() writes its row; the worker pauses it where that makes
-- sense, and records what troubles it.

CREATE FUNCTION @extschema@._teams_home() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'teams_home';

COMMENT ON FUNCTION @extschema@._teams_home() IS
'identity of this database: the cluster''s system identifier and the database''s oid';

CREATE TABLE @extschema@.teams_bot (
	bot				@extschema@.teams_bot_name	NOT NULL PRIMARY KEY,
	tenant_id		uuid		NOT NULL,
	client_id		uuid		NOT NULL,
	teams_app_id	uuid,
	manifest_id		uuid,
	credential		text		NOT NULL,
	cloud			@extschema@.teams_cloud		NOT NULL DEFAULT 'public',
	multi_tenant	boolean		NOT NULL DEFAULT false,
	login_url		text,
	graph_url		text,
	connector_url	text,
	connector_rate	@extschema@.teams_rate		NOT NULL DEFAULT 50,
	graph_rate		@extschema@.teams_rate		NOT NULL DEFAULT 30,
	chat_limits		@extschema@.teams_chat_limits	NOT NULL
					DEFAULT '{7,8,60,1800}',
	reinstall		boolean		NOT NULL DEFAULT false,
	dry_run			boolean		NOT NULL DEFAULT false,
	dry_run_since	timestamptz,
	home			text		NOT NULL DEFAULT @extschema@._teams_home(),
	paused_at		timestamptz,
	paused_reason	text,
	paused_hint		text,
	paused_by		text
					CHECK (paused_by IN ('operator', 'worker', 'copy')),
	trouble			text,
	trouble_hint	text,
	try_credential	boolean		NOT NULL DEFAULT false,
	credential_good_at	timestamptz,
	app_version		text,
	created_at		timestamptz	NOT NULL DEFAULT now(),
	updated_at		timestamptz	NOT NULL DEFAULT now(),
	CONSTRAINT teams_bot_app_check
		CHECK (teams_app_id IS NOT NULL OR manifest_id IS NOT NULL),
	CONSTRAINT teams_bot_paused_check
		CHECK ((paused_at IS NULL) = (paused_reason IS NULL)
			   AND (paused_at IS NULL) = (paused_by IS NULL))
);

COMMENT ON TABLE @extschema@.teams_bot IS
'bot registrations, one row for each bot; written by teams_configure()';
COMMENT ON COLUMN @extschema@.teams_bot.bot IS
'name that teams_send() and the others are given';
COMMENT ON COLUMN @extschema@.teams_bot.tenant_id IS
'Entra ID tenant whose people get messages';
COMMENT ON COLUMN @extschema@.teams_bot.client_id IS
'application (client) id of the app registration that is the bot';
COMMENT ON COLUMN @extschema@.teams_bot.teams_app_id IS
'id of the app in the organisation''s catalog; looked up by manifest_id if null';
COMMENT ON COLUMN @extschema@.teams_bot.manifest_id IS
'id in the app''s manifest (externalId in Graph)';
COMMENT ON COLUMN @extschema@.teams_bot.credential IS
'name of the file with the client secret in teams_proactive.credential_directory, or in its subdirectory for this database';
COMMENT ON COLUMN @extschema@.teams_bot.cloud IS
'where the services are: public, gcc, gcc-high or dod';
COMMENT ON COLUMN @extschema@.teams_bot.multi_tenant IS
'whether the bot takes its Bot Connector token from the botframework.com tenant';
COMMENT ON COLUMN @extschema@.teams_bot.login_url IS
'root of Entra ID, if not the cloud''s';
COMMENT ON COLUMN @extschema@.teams_bot.graph_url IS
'root of Microsoft Graph with its version, if not the cloud''s';
COMMENT ON COLUMN @extschema@.teams_bot.connector_url IS
'service URL of the Bot Connector, if not the cloud''s';
COMMENT ON COLUMN @extschema@.teams_bot.connector_rate IS
'messages a second, for all databases of this cluster together';
COMMENT ON COLUMN @extschema@.teams_bot.graph_rate IS
'calls of Microsoft Graph a second, of each kind that Microsoft counts separately';
COMMENT ON COLUMN @extschema@.teams_bot.chat_limits IS
'messages to one chat within 1, 2, 30 and 3600 seconds';
COMMENT ON COLUMN @extschema@.teams_bot.reinstall IS
'whether to install the bot again for people for whom it was removed';
COMMENT ON COLUMN @extschema@.teams_bot.dry_run IS
'whether messages are recorded as sent at once, and none is sent; see teams_configure_dry_run()';
COMMENT ON COLUMN @extschema@.teams_bot.dry_run_since IS
'since when it is a dry-run bot: teams_reset_dry_run() forgets what came after that; null: it is none';
COMMENT ON COLUMN @extschema@.teams_bot.home IS
'identity of the database that sends for this bot; a copy of it does not';
COMMENT ON COLUMN @extschema@.teams_bot.paused_at IS
'since when nothing is sent for it; null: it is not paused';
COMMENT ON COLUMN @extschema@.teams_bot.paused_reason IS
'why nothing is sent for this bot; see teams_resume()';
COMMENT ON COLUMN @extschema@.teams_bot.paused_hint IS
'what to do about that';
COMMENT ON COLUMN @extschema@.teams_bot.paused_by IS
'operator; worker, which tries again now and then; copy: the database is one';
COMMENT ON COLUMN @extschema@.teams_bot.trouble IS
'why nothing gets through at the moment, such as a host that cannot be reached; it is tried again for as long as it takes';
COMMENT ON COLUMN @extschema@.teams_bot.trouble_hint IS
'what to do about that, if there is something';
COMMENT ON COLUMN @extschema@.teams_bot.try_credential IS
'whether the worker is to ask Entra ID now for a token; see teams_try_credential()';
COMMENT ON COLUMN @extschema@.teams_bot.credential_good_at IS
'when Entra ID last gave a token for the credential; null: not since the bot was configured';
COMMENT ON COLUMN @extschema@.teams_bot.app_version IS
'version of the app in the organisation''s catalog, as far as it is known';
COMMENT ON COLUMN @extschema@.teams_bot.created_at IS
'when it was configured for the first time';
COMMENT ON COLUMN @extschema@.teams_bot.updated_at IS
'when it was configured for the last time';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_bot', '');

CREATE TRIGGER teams_wake AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
	ON @extschema@.teams_bot
	FOR EACH STATEMENT EXECUTE FUNCTION @extschema@._teams_wake('bot');
ALTER TABLE @extschema@.teams_bot ENABLE ALWAYS TRIGGER teams_wake;

CREATE FUNCTION @extschema@.teams_check_url(parameter text, url text)
RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_check_url';

COMMENT ON FUNCTION @extschema@.teams_check_url(text, text) IS
'raises an error unless a token may be sent to the URL';

CREATE FUNCTION @extschema@.teams_check_credential(credential text)
RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_check_credential';

COMMENT ON FUNCTION @extschema@.teams_check_credential(text) IS
'raises an error unless the credential file is there, private, and can be a secret';

CREATE FUNCTION @extschema@.teams_configure(
	tenant_id		uuid,
	client_id		uuid,
	teams_app_id	uuid DEFAULT NULL,
	credential		text DEFAULT NULL,
	bot				text DEFAULT 'default',
	manifest_id		uuid DEFAULT NULL,
	cloud			text DEFAULT 'public',
	multi_tenant	boolean DEFAULT false,
	login_url		text DEFAULT NULL,
	graph_url		text DEFAULT NULL,
	connector_url	text DEFAULT NULL,
	connector_rate	integer DEFAULT 50,
	graph_rate		integer DEFAULT 30,
	chat_limits		integer[] DEFAULT '{7,8,60,1800}',
	reinstall		boolean DEFAULT false,
	replace			boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	parameter	text;
	former		@extschema@.teams_bot;
BEGIN
	FOR parameter IN
		SELECT required.name
		FROM (VALUES ('tenant_id', tenant_id IS NULL),
					 ('client_id', client_id IS NULL),
					 ('credential', credential IS NULL),
					 ('bot', bot IS NULL),
					 ('cloud', cloud IS NULL),
					 ('multi_tenant', multi_tenant IS NULL),
					 ('connector_rate', connector_rate IS NULL),
					 ('graph_rate', graph_rate IS NULL),
					 ('chat_limits', chat_limits IS NULL),
					 ('reinstall', reinstall IS NULL))
			 AS required (name, missing)
		WHERE required.missing
	LOOP
		RAISE null_value_not_allowed USING
			MESSAGE = format('%s must be given', parameter);
	END LOOP;

	IF NOT @extschema@._teams_is_valid(bot, '@extschema@.teams_bot_name'::regtype) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('invalid name for a bot: "%s"', bot),
			HINT = 'Use up to 63 letters, digits, dots, hyphens and underscores.';
	END IF;
	IF teams_app_id IS NULL AND manifest_id IS NULL THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'neither teams_app_id nor manifest_id is given',
			HINT = 'Give the id of the app in the organisation''s catalog, or the id in its manifest to have the catalog asked.';
	END IF;
	IF NOT @extschema@._teams_is_valid(cloud, '@extschema@.teams_cloud'::regtype) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('unknown cloud: "%s"', cloud),
			HINT = 'Known are public, gcc, gcc-high and dod.';
	END IF;
	IF NOT @extschema@._teams_is_valid(least(connector_rate, graph_rate)::text,
									  '@extschema@.teams_rate'::regtype) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'connector_rate and graph_rate must be greater than zero';
	END IF;
	IF NOT @extschema@._teams_is_valid(chat_limits::text,
									  '@extschema@.teams_chat_limits'::regtype) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'chat_limits must be four numbers greater than zero',
			DETAIL = 'They limit the messages to one chat within 1, 2, 30 and 3600 seconds.';
	END IF;

	PERFORM @extschema@.teams_check_credential(credential);
	PERFORM @extschema@.teams_check_url('login_url'::text, login_url);
	PERFORM @extschema@.teams_check_url('graph_url'::text, graph_url);
	PERFORM @extschema@.teams_check_url('connector_url'::text, connector_url);

	SELECT b.* INTO former
	FROM @extschema@.teams_bot AS b WHERE b.bot = teams_configure.bot;

	-- Whoever forgets to name a bot must not lose another one by that.
	IF replace IS NOT TRUE AND former.dry_run
	   AND EXISTS (SELECT FROM @extschema@.teams_delivery AS d
				   WHERE d.bot = teams_configure.bot
					 AND d.conversation_id LIKE 'dry-run:%') THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('bot "%s" is a dry-run bot that has recorded messages', bot),
			DETAIL = 'As a real bot it would send to people, and the dedupe keys and threads of what it has recorded would be forgotten.',
			HINT = 'Give the real bot another name, or say replace => true.';
	END IF;
	IF replace IS NOT TRUE AND NOT former.dry_run AND former.tenant_id <> tenant_id
	   AND (EXISTS (SELECT FROM @extschema@.teams_installation AS i
					WHERE i.bot = teams_configure.bot)
			OR EXISTS (SELECT FROM @extschema@.teams_person AS p
					   WHERE p.bot = teams_configure.bot)
			OR EXISTS (SELECT FROM @extschema@.teams_group_member AS m
					   WHERE m.bot = teams_configure.bot)) THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('bot "%s" is that of another tenant', bot),
			DETAIL = 'What it has pending would go to the new tenant, and what was read of the directory would be forgotten.',
			HINT = 'Give the bot for the new tenant another name, or say replace => true.';
	END IF;

	-- What is known of people is known of the old registration.
	IF (former.tenant_id, former.client_id) <> (tenant_id, client_id) THEN
		UPDATE @extschema@.teams_installation AS i
		SET state = 'stale', since = now(), error_code = NULL, error = NULL,
			hint = NULL, uninstalled_by = NULL, user_id = NULL, verify_at = NULL
		WHERE i.bot = teams_configure.bot;
	ELSIF former.teams_app_id <> teams_app_id THEN
		UPDATE @extschema@.teams_installation AS i
		SET state = 'stale', since = now(), error_code = NULL, error = NULL,
			hint = NULL, uninstalled_by = NULL
		WHERE i.bot = teams_configure.bot;
	END IF;

	-- So is what was read of a directory, in its tenant.
	IF former.tenant_id <> tenant_id THEN
		DELETE FROM @extschema@.teams_directory AS d
			WHERE d.bot = teams_configure.bot;
		DELETE FROM @extschema@.teams_group_member AS m
			WHERE m.bot = teams_configure.bot;
		DELETE FROM @extschema@.teams_person AS p
			WHERE p.bot = teams_configure.bot;
	END IF;

	-- What was only recorded must not keep real messages from being sent, nor
	-- be answered by them.
	IF former.dry_run THEN
		DELETE FROM @extschema@.teams_dedupe AS k
			USING @extschema@.teams_delivery AS d
			WHERE k.bot = teams_configure.bot AND d.id = k.id
			  AND d.conversation_id LIKE 'dry-run:%';
		DELETE FROM @extschema@.teams_thread AS t
			USING @extschema@.teams_delivery AS d
			WHERE t.bot = teams_configure.bot AND d.id = t.root
			  AND d.conversation_id LIKE 'dry-run:%';
	END IF;

	INSERT INTO @extschema@.teams_bot AS b
		(bot, tenant_id, client_id, teams_app_id, manifest_id, credential,
		 cloud, multi_tenant, login_url, graph_url, connector_url,
		 connector_rate, graph_rate, chat_limits, reinstall)
	VALUES
		(bot, tenant_id, client_id, teams_app_id, manifest_id, credential,
		 cloud, multi_tenant, login_url, graph_url, connector_url,
		 connector_rate, graph_rate, chat_limits, reinstall)
	ON CONFLICT ON CONSTRAINT teams_bot_pkey DO UPDATE SET
		tenant_id = excluded.tenant_id,
		client_id = excluded.client_id,
		teams_app_id = excluded.teams_app_id,
		manifest_id = excluded.manifest_id,
		credential = excluded.credential,
		cloud = excluded.cloud,
		multi_tenant = excluded.multi_tenant,
		login_url = excluded.login_url,
		graph_url = excluded.graph_url,
		connector_url = excluded.connector_url,
		connector_rate = excluded.connector_rate,
		graph_rate = excluded.graph_rate,
		chat_limits = excluded.chat_limits,
		reinstall = excluded.reinstall,
		dry_run = excluded.dry_run,
		dry_run_since = NULL,
		home = excluded.home,
		paused_at = NULL,
		paused_reason = NULL,
		paused_hint = NULL,
		paused_by = NULL,
		trouble = NULL,
		trouble_hint = NULL,
		try_credential = false,
		credential_good_at = NULL,
		app_version = CASE WHEN (b.tenant_id, b.teams_app_id)
								IS NOT DISTINCT FROM
								(excluded.tenant_id, excluded.teams_app_id)
						   THEN b.app_version END,
		updated_at = now();

	IF former.bot IS NULL
	   AND current_setting('teams_proactive.max_databases', true) IS NULL THEN
		RAISE NOTICE USING
			MESSAGE = format('bot "%s" sends nothing yet, as teams_proactive is not preloaded', bot),
			HINT = 'Set shared_preload_libraries = ''teams_proactive'' and restart the server, or send with CALL teams_drain().';
	END IF;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_configure(uuid, uuid, uuid, text, text,
	uuid, text, boolean, text, text, text, integer, integer, integer[],
	boolean, boolean) IS
'creates or changes a bot, and lets it go on if it was paused';

CREATE FUNCTION @extschema@.teams_try_credential(bot text DEFAULT 'default')
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	b	@extschema@.teams_bot;
BEGIN
	SELECT t.* INTO b
	FROM @extschema@.teams_bot AS t WHERE t.bot = teams_try_credential.bot;
	IF NOT FOUND THEN
		RAISE undefined_object USING
			MESSAGE = format('bot "%s" does not exist', bot),
			HINT = 'See teams_bot for those that do.';
	END IF;
	IF b.dry_run THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('bot "%s" is a dry-run bot, which has no credential', bot);
	END IF;
	PERFORM @extschema@.teams_check_credential(b.credential);
	UPDATE @extschema@.teams_bot AS t SET try_credential = true
	WHERE t.bot = teams_try_credential.bot;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_try_credential(text) IS
'has the worker ask Entra ID now whether a bot''s credential is good: teams_bot.credential_good_at or trouble says it';

CREATE FUNCTION @extschema@.teams_pause(
	bot		text DEFAULT 'default',
	reason	text DEFAULT 'paused by an operator')
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE @extschema@.teams_bot AS b
	SET paused_at = now(),
		paused_reason = coalesce(teams_pause.reason, 'paused by an operator'),
		paused_hint = 'Call teams_resume() when it shall send again.',
		paused_by = 'operator'
	WHERE b.bot = teams_pause.bot;
	IF NOT FOUND THEN
		RAISE undefined_object USING
			MESSAGE = format('bot "%s" does not exist', bot),
			HINT = 'See teams_bot for those that do.';
	END IF;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_pause(text, text) IS
'stops sending for a bot; its messages wait';

CREATE FUNCTION @extschema@.teams_resume(bot text DEFAULT 'default')
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE @extschema@.teams_bot AS b
	SET paused_at = NULL,
		paused_reason = NULL,
		paused_hint = NULL,
		paused_by = NULL,
		home = @extschema@._teams_home()
	WHERE b.bot = teams_resume.bot;
	IF NOT FOUND THEN
		RAISE undefined_object USING
			MESSAGE = format('bot "%s" does not exist', bot),
			HINT = 'See teams_bot for those that do.';
	END IF;

	-- What was loaded is this database's from now on.
	UPDATE @extschema@.teams_outbox AS o
	SET due_at = nullif(o.held_due_at, '-infinity'), held_due_at = NULL
	WHERE o.bot = teams_resume.bot AND o.held_due_at IS NOT NULL;
	UPDATE @extschema@.teams_broadcast AS b
	SET state = CASE WHEN b.state = 'paused' THEN 'running' ELSE b.state END,
		held = false
	WHERE b.bot = teams_resume.bot AND b.held;
	UPDATE @extschema@.teams_digest_row AS d SET held = false
	WHERE d.bot = teams_resume.bot AND d.held;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_resume(text) IS
'lets a paused bot go on, in this database, with what was loaded into it';
