-- teams_proactive: proactive Microsoft Teams messages, sent from SQL
--
-- Read from top to bottom: tables, what writes them, views, privileges.

\echo Use "CREATE EXTENSION teams_proactive" to load this file. \quit

------------------------------------------------------------------------------
-- Bots
------------------------------------------------------------------------------

CREATE TABLE @extschema@.teams_bot (
	bot				text		NOT NULL PRIMARY KEY
					CHECK (bot ~ '^[A-Za-z0-9_.-]{1,63}$'),
	tenant_id		uuid		NOT NULL,
	client_id		uuid		NOT NULL,
	teams_app_id	uuid,
	manifest_id		uuid,
	credential		text		NOT NULL,
	cloud			text		NOT NULL DEFAULT 'public'
					CHECK (cloud IN ('public', 'gcc', 'gcc-high', 'dod')),
	multi_tenant	boolean		NOT NULL DEFAULT false,
	login_url		text,
	graph_url		text,
	connector_url	text,
	connector_rate	integer		NOT NULL DEFAULT 50
					CHECK (connector_rate > 0),
	graph_rate		integer		NOT NULL DEFAULT 30
					CHECK (graph_rate > 0),
	paused_at		timestamptz,
	paused_reason	text,
	trouble			text,
	created_at		timestamptz	NOT NULL DEFAULT now(),
	updated_at		timestamptz	NOT NULL DEFAULT now(),
	CONSTRAINT teams_bot_app_check
		CHECK (teams_app_id IS NOT NULL OR manifest_id IS NOT NULL),
	CONSTRAINT teams_bot_paused_check
		CHECK ((paused_at IS NULL) = (paused_reason IS NULL))
);

COMMENT ON TABLE @extschema@.teams_bot IS
'bot registrations, one row for each bot and tenant; written by teams_configure()';
COMMENT ON COLUMN @extschema@.teams_bot.tenant_id IS
'Entra ID tenant whose people get messages';
COMMENT ON COLUMN @extschema@.teams_bot.client_id IS
'application (client) id of the app registration that is the bot';
COMMENT ON COLUMN @extschema@.teams_bot.teams_app_id IS
'id of the app in the organisation''s catalog; looked up by manifest_id if null';
COMMENT ON COLUMN @extschema@.teams_bot.manifest_id IS
'id in the app''s manifest (externalId in Graph)';
COMMENT ON COLUMN @extschema@.teams_bot.credential IS
'name of the file with the client secret in teams_proactive.credential_directory';
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
'calls of Microsoft Graph a second, for reading and for writing each';
COMMENT ON COLUMN @extschema@.teams_bot.paused_reason IS
'why nothing is sent for this bot; see teams_resume()';

COMMENT ON COLUMN @extschema@.teams_bot.trouble IS
'why nothing gets through at the moment; it is tried again';

------------------------------------------------------------------------------
-- What is known of the people and teams that the bots talk to
------------------------------------------------------------------------------

CREATE TABLE @extschema@.teams_installation (
	bot				text		NOT NULL,
	scope			text		NOT NULL
					CHECK (scope IN ('user', 'team', 'chat')),
	target			text		NOT NULL,
	state			text		NOT NULL
					CHECK (state IN ('installed', 'stale', 'blocked', 'failed')),
	installation_id	text,
	app_version		text,
	chat_id			text,
	service_url		text,
	installed_by_us	boolean		NOT NULL DEFAULT false,
	error_code		text,
	error			text,
	checked_at		timestamptz	NOT NULL DEFAULT now(),
	PRIMARY KEY (bot, scope, target),
	CHECK (state <> 'installed'
		   OR (installation_id IS NOT NULL AND chat_id IS NOT NULL))
);

COMMENT ON TABLE @extschema@.teams_installation IS
'cache of what Microsoft Graph knows: for whom a bot is installed, and the chat';
COMMENT ON COLUMN @extschema@.teams_installation.target IS
'Entra object id or user principal name, in lower case';
COMMENT ON COLUMN @extschema@.teams_installation.state IS
'installed; stale: to be looked up again; blocked by the recipient; failed';
COMMENT ON COLUMN @extschema@.teams_installation.service_url IS
'root for messages to this chat, if not the bot''s';
COMMENT ON COLUMN @extschema@.teams_installation.installed_by_us IS
'whether this database installed the bot, rather than found it installed';

------------------------------------------------------------------------------
-- Outbox, ledger and history
------------------------------------------------------------------------------

CREATE TABLE @extschema@.teams_outbox (
	id				bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	bot				text		NOT NULL DEFAULT 'default',
	kind			text		NOT NULL DEFAULT 'send'
					CHECK (kind IN ('send', 'install')),
	scope			text		NOT NULL DEFAULT 'user'
					CHECK (scope IN ('user')),
	target			text		NOT NULL
					CHECK (target <> '' AND target !~ '[[:cntrl:]/\\]'
						   AND target = lower(target COLLATE "C")),
	activity		json,
	delivery		text		NOT NULL DEFAULT 'at-least-once'
					CHECK (delivery IN ('at-least-once', 'at-most-once')),
	sender			regrole		NOT NULL DEFAULT quote_ident(current_user)::regrole,
	created_at		timestamptz	NOT NULL DEFAULT now(),
	due_at			timestamptz,
	attempts		integer		NOT NULL DEFAULT 0
					CHECK (attempts BETWEEN 0 AND 1000000),
	retrying		boolean		NOT NULL DEFAULT false,
	doubtful		boolean		NOT NULL DEFAULT false,
	error_code		text,
	error			text,
	CHECK ((kind = 'send') = (activity IS NOT NULL)),
	CHECK (json_typeof(activity) = 'object')
) WITH (autovacuum_vacuum_scale_factor = 0.05,
		autovacuum_vacuum_threshold = 2000);

COMMENT ON TABLE @extschema@.teams_outbox IS
'pending work; rows leave it for teams_delivery when their fate is known';
COMMENT ON COLUMN @extschema@.teams_outbox.sender IS
'role that sent the message';
COMMENT ON COLUMN @extschema@.teams_outbox.due_at IS
'not before this time; null means at once';
COMMENT ON COLUMN @extschema@.teams_outbox.retrying IS
'whether an attempt failed; later messages to the same target wait for it';
COMMENT ON COLUMN @extschema@.teams_outbox.doubtful IS
'whether an earlier attempt may have succeeded without our learning of it';

-- The worker sweeps what is ready by (bot, id), so that neither what is not
-- yet due nor another bot's backlog costs it anything.
CREATE INDEX teams_outbox_ready ON @extschema@.teams_outbox (bot, id)
	WHERE due_at IS NULL;
CREATE INDEX teams_outbox_due ON @extschema@.teams_outbox (due_at)
	WHERE due_at IS NOT NULL;
CREATE INDEX teams_outbox_retrying
	ON @extschema@.teams_outbox (bot, scope, target, id) WHERE retrying;

CREATE TABLE @extschema@.teams_inflight (
	batch			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	ids				bigint[]	NOT NULL,
	started_at		timestamptz	NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0,
		autovacuum_vacuum_threshold = 2000);

COMMENT ON TABLE @extschema@.teams_inflight IS
'ledger: batches of outbox ids on the wire; after a crash, those in doubt';

CREATE TABLE @extschema@.teams_delivery (
	id				bigint		NOT NULL PRIMARY KEY,
	bot				text		NOT NULL,
	kind			text		NOT NULL,
	scope			text		NOT NULL,
	target			text		NOT NULL,
	sender			regrole		NOT NULL,
	fate			text		NOT NULL
					CHECK (fate IN ('sent', 'failed', 'cancelled', 'expired')),
	conversation_id	text,
	activity_id		text,
	attempts		integer		NOT NULL,
	doubtful		boolean		NOT NULL,
	error_code		text,
	error			text,
	hint			text,
	correlation_id	text,
	created_at		timestamptz	NOT NULL,
	settled_at		timestamptz	NOT NULL DEFAULT now()
);

COMMENT ON TABLE @extschema@.teams_delivery IS
'history: what became of each message and job';
COMMENT ON COLUMN @extschema@.teams_delivery.fate IS
'sent (for a job: carried out), failed, cancelled or expired';
COMMENT ON COLUMN @extschema@.teams_delivery.activity_id IS
'id that the Bot Connector gave the message';
COMMENT ON COLUMN @extschema@.teams_delivery.doubtful IS
'whether the message may have arrived more than once, or, if failed, after all';
COMMENT ON COLUMN @extschema@.teams_delivery.error_code IS
'the service''s code, or one of ours in lower case';
COMMENT ON COLUMN @extschema@.teams_delivery.correlation_id IS
'id to give to Microsoft''s support (MS-CV or request-id)';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_bot', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_installation', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_outbox', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_outbox_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_inflight', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_inflight_batch_seq', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_delivery', '');

-- Whoever writes to these tables wakes the worker when the transaction
-- commits: teams_send(), but also a plain INSERT, COPY or UPDATE.

CREATE FUNCTION @extschema@.teams_wake() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_wake';

COMMENT ON FUNCTION @extschema@.teams_wake() IS
'trigger function: wakes the worker at commit';

CREATE TRIGGER teams_wake AFTER INSERT OR UPDATE ON @extschema@.teams_outbox
	FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.teams_wake('outbox');
CREATE TRIGGER teams_wake AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
	ON @extschema@.teams_bot
	FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.teams_wake('bot');

------------------------------------------------------------------------------
-- Configuration
------------------------------------------------------------------------------

CREATE FUNCTION @extschema@.teams_check_url(parameter text, url text)
RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_check_url';

COMMENT ON FUNCTION @extschema@.teams_check_url(text, text) IS
'raises an error unless a token may be sent to the URL';

CREATE FUNCTION @extschema@.teams_check_credential(credential text)
RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_check_credential';

COMMENT ON FUNCTION @extschema@.teams_check_credential(text) IS
'raises an error unless the credential file is there and private';

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
	graph_rate		integer DEFAULT 30)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	parameter	text;
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
					 ('graph_rate', graph_rate IS NULL))
			 AS required (name, missing)
		WHERE required.missing
	LOOP
		RAISE null_value_not_allowed USING
			MESSAGE = format('%s must be given', parameter);
	END LOOP;

	IF bot !~ '^[A-Za-z0-9_.-]{1,63}$' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('invalid name for a bot: "%s"', bot),
			HINT = 'Use up to 63 letters, digits, dots, hyphens and underscores.';
	END IF;
	IF teams_app_id IS NULL AND manifest_id IS NULL THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'neither teams_app_id nor manifest_id is given',
			HINT = 'Give the id of the app in the organisation''s catalog, or the id in its manifest to have the catalog asked.';
	END IF;
	IF cloud NOT IN ('public', 'gcc', 'gcc-high', 'dod') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('unknown cloud: "%s"', cloud),
			HINT = 'Known are public, gcc, gcc-high and dod.';
	END IF;

	IF connector_rate <= 0 OR graph_rate <= 0 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'connector_rate and graph_rate must be greater than zero';
	END IF;

	PERFORM @extschema@.teams_check_credential(credential);
	PERFORM @extschema@.teams_check_url('login_url', login_url);
	PERFORM @extschema@.teams_check_url('graph_url', graph_url);
	PERFORM @extschema@.teams_check_url('connector_url', connector_url);

	-- What is known of people is known of the old registration.
	UPDATE @extschema@.teams_installation AS i SET state = 'stale'
	FROM @extschema@.teams_bot AS b
	WHERE b.bot = teams_configure.bot AND i.bot = b.bot
	  AND i.state = 'installed'
	  AND (b.tenant_id, b.client_id) IS DISTINCT FROM
		  (teams_configure.tenant_id, teams_configure.client_id);
	UPDATE @extschema@.teams_installation AS i SET state = 'stale'
	FROM @extschema@.teams_bot AS b
	WHERE b.bot = teams_configure.bot AND i.bot = b.bot
	  AND i.state = 'installed'
	  AND b.teams_app_id <> teams_configure.teams_app_id;

	INSERT INTO @extschema@.teams_bot AS b
		(bot, tenant_id, client_id, teams_app_id, manifest_id, credential,
		 cloud, multi_tenant, login_url, graph_url, connector_url,
		 connector_rate, graph_rate)
	VALUES
		(bot, tenant_id, client_id, teams_app_id, manifest_id, credential,
		 cloud, multi_tenant, login_url, graph_url, connector_url,
		 connector_rate, graph_rate)
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
		paused_at = NULL,
		paused_reason = NULL,
		trouble = NULL,
		updated_at = now();
END
$$;

COMMENT ON FUNCTION @extschema@.teams_configure(uuid, uuid, uuid, text, text,
	uuid, text, boolean, text, text, text, integer, integer) IS
'creates or changes a bot, and lets it go on if it was paused';

CREATE FUNCTION @extschema@.teams_pause(
	bot		text DEFAULT 'default',
	reason	text DEFAULT 'paused by an operator')
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE @extschema@.teams_bot AS b
	SET paused_at = now(),
		paused_reason = coalesce(teams_pause.reason, 'paused by an operator')
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
		paused_reason = NULL
	WHERE b.bot = teams_resume.bot;
	IF NOT FOUND THEN
		RAISE undefined_object USING
			MESSAGE = format('bot "%s" does not exist', bot),
			HINT = 'See teams_bot for those that do.';
	END IF;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_resume(text) IS
'lets a paused bot go on';

------------------------------------------------------------------------------
-- Sending
------------------------------------------------------------------------------

CREATE FUNCTION @extschema@.teams_send(
	user_id		text,
	text		text,
	bot			text DEFAULT 'default',
	delivery	text DEFAULT 'at-least-once')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_send_text';

COMMENT ON FUNCTION @extschema@.teams_send(text, text, text, text) IS
'sends a text to a person when the transaction commits; returns the message''s id';

CREATE FUNCTION @extschema@.teams_send(
	user_id		text,
	activity	jsonb,
	bot			text DEFAULT 'default',
	delivery	text DEFAULT 'at-least-once')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_send_activity';

COMMENT ON FUNCTION @extschema@.teams_send(text, jsonb, text, text) IS
'sends a Bot Framework activity to a person when the transaction commits; returns the message''s id';

CREATE FUNCTION @extschema@.teams_ensure_installed(
	user_id		text,
	bot			text DEFAULT 'default')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_ensure_installed';

COMMENT ON FUNCTION @extschema@.teams_ensure_installed(text, text) IS
'installs the bot for a person unless it is, without sending anything; returns the job''s id';

CREATE PROCEDURE @extschema@.teams_wait(
	id			bigint,
	timeout		interval DEFAULT '30 seconds')
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_wait';

COMMENT ON PROCEDURE @extschema@.teams_wait(bigint, interval) IS
'waits for the fate of a message or job, and raises what went wrong';

CREATE PROCEDURE @extschema@.teams_drain(timeout interval DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_drain';

COMMENT ON PROCEDURE @extschema@.teams_drain(interval) IS
'sends what is due from this session, where no worker does';

------------------------------------------------------------------------------
-- Views
------------------------------------------------------------------------------

-- A sender sees its own messages; who may read the outbox sees all.
CREATE VIEW @extschema@.teams_message WITH (security_barrier) AS
	SELECT m.*
	FROM (SELECT o.id, o.bot, o.kind, o.scope, o.target, o.sender,
				 'pending' AS state, o.attempts, o.doubtful,
				 CASE
					 WHEN b.bot IS NULL THEN 'bot_not_configured'
					 WHEN b.paused_at IS NOT NULL THEN 'bot_paused'
					 WHEN b.trouble IS NOT NULL THEN 'bot_in_trouble'
					 ELSE o.error_code
				 END AS error_code,
				 CASE
					 WHEN b.bot IS NULL
					 THEN format('bot "%s" does not exist', o.bot)
					 WHEN b.paused_at IS NOT NULL THEN b.paused_reason
					 WHEN b.trouble IS NOT NULL THEN b.trouble
					 ELSE o.error
				 END AS error,
				 NULL::text AS hint,
				 NULL::text AS conversation_id, NULL::text AS activity_id,
				 NULL::text AS correlation_id,
				 o.created_at, o.due_at, NULL::timestamptz AS settled_at
		  FROM @extschema@.teams_outbox AS o
		  LEFT JOIN @extschema@.teams_bot AS b ON b.bot = o.bot
		  UNION ALL
		  SELECT d.id, d.bot, d.kind, d.scope, d.target, d.sender,
				 d.fate, d.attempts, d.doubtful, d.error_code, d.error, d.hint,
				 d.conversation_id, d.activity_id, d.correlation_id,
				 d.created_at, NULL, d.settled_at
		  FROM @extschema@.teams_delivery AS d) AS m
	WHERE pg_has_role(m.sender, 'USAGE')
	   OR has_table_privilege('@extschema@.teams_outbox'::regclass, 'SELECT');

COMMENT ON VIEW @extschema@.teams_message IS
'messages and jobs, pending and finished; senders see their own';

CREATE FUNCTION @extschema@.teams_workers(
	OUT database oid, OUT pid integer, OUT state text,
	OUT started_at timestamptz, OUT in_flight integer,
	OUT sent bigint, OUT failed bigint, OUT retried bigint,
	OUT last_error text, OUT last_error_at timestamptz)
RETURNS SETOF record
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_workers';

COMMENT ON FUNCTION @extschema@.teams_workers() IS
'the slots of the workers in shared memory; see the view teams_worker';

CREATE VIEW @extschema@.teams_worker AS
	SELECT d.datname AS database, w.pid, w.state, w.started_at, w.in_flight,
		   w.sent, w.failed, w.retried,
		   w.last_error, w.last_error_at
	FROM @extschema@.teams_workers() AS w
	LEFT JOIN pg_catalog.pg_database AS d ON d.oid = w.database;

COMMENT ON VIEW @extschema@.teams_worker IS
'the workers of this cluster, one for each database that has the extension';

------------------------------------------------------------------------------
-- Privileges: PUBLIC gets nothing
------------------------------------------------------------------------------

REVOKE ALL ON @extschema@.teams_bot, @extschema@.teams_installation,
	@extschema@.teams_outbox, @extschema@.teams_inflight,
	@extschema@.teams_delivery, @extschema@.teams_message,
	@extschema@.teams_worker
	FROM PUBLIC;

REVOKE ALL ON FUNCTION
	@extschema@.teams_wake(),
	@extschema@.teams_check_url(text, text),
	@extschema@.teams_check_credential(text),
	@extschema@.teams_configure(uuid, uuid, uuid, text, text, uuid, text,
		boolean, text, text, text, integer, integer),
	@extschema@.teams_pause(text, text),
	@extschema@.teams_resume(text),
	@extschema@.teams_send(text, text, text, text),
	@extschema@.teams_send(text, jsonb, text, text),
	@extschema@.teams_ensure_installed(text, text),
	@extschema@.teams_workers()
	FROM PUBLIC;

REVOKE ALL ON PROCEDURE
	@extschema@.teams_wait(bigint, interval),
	@extschema@.teams_drain(interval)
	FROM PUBLIC;
