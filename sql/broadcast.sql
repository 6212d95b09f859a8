-- teams_proactive: proactive Microsoft Teams messages, sent from SQL
--
-- Read from top to bottom: tables, what writes them, views, privileges.

\echo Use "CREATE EXTENSION teams_proactive" to load this file. \quit

-- Where somebody has put functions, operators or types to be found by name,
-- none of these is found: only what pg_catalog has.
SET LOCAL search_path = pg_catalog, pg_temp;

-- Bodies of functions name what they use by the schema.  So whoever could put
-- something into it, or another schema in its place, would have the rights with
-- which they run.  From here on teams_guard_schema() watches it.  And a call of
-- one of our functions gives all arguments with their types, so that no other of
-- that name could fit better.
DO $$
DECLARE
	detail	text;
BEGIN
	SELECT CASE WHEN h.action = 'owner'
				THEN format('Its owner, role "%s", is not a superuser.', r.rolname)
				WHEN h.action = 'CREATE'
				THEN format('%s may create objects in it.', coalesce('Role "'
							|| r.rolname || '", not a superuser,', 'PUBLIC'))
				ELSE format('It has a function %s already.', h.action) END
	INTO detail
	FROM (SELECT n.nspowner, 'owner' FROM pg_namespace AS n
		  WHERE n.oid = '@extschema@'::regnamespace
		  UNION ALL
		  SELECT a.grantee, a.privilege_type
		  FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
		  WHERE n.oid = '@extschema@'::regnamespace
			AND a.privilege_type = 'CREATE'
		  UNION ALL
		  SELECT 0, p.oid::regprocedure::text FROM pg_proc AS p
		  WHERE p.pronamespace = '@extschema@'::regnamespace
			AND starts_with(p.proname, 'teams_')) AS h (role, action)
	JOIN pg_database AS d ON d.datname = current_database()
	LEFT JOIN pg_roles AS r
		ON r.oid = CASE WHEN pg_get_userbyid(h.role) = 'pg_database_owner'
						THEN d.datdba ELSE h.role END
	WHERE r.rolsuper IS NOT TRUE
	LIMIT 1;
	IF FOUND THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('schema %s is not safe for extension teams_proactive',
							 '@extschema@'::regnamespace),
			DETAIL = detail,
			HINT = 'Type: CREATE SCHEMA teams; CREATE EXTENSION teams_proactive SCHEMA teams;';
	END IF;
END
$$;

CREATE FUNCTION @extschema@.teams_guard_schema() RETURNS event_trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_guard_schema';

COMMENT ON FUNCTION @extschema@.teams_guard_schema() IS
'event trigger function: keeps the extension''s schema from being renamed, or given to others than superusers';

CREATE EVENT TRIGGER teams_guard_schema ON ddl_command_end
	WHEN TAG IN ('ALTER SCHEMA', 'GRANT')
	EXECUTE FUNCTION @extschema@.teams_guard_schema();
ALTER EVENT TRIGGER teams_guard_schema ENABLE ALWAYS;

COMMENT ON EVENT TRIGGER teams_guard_schema IS
'keeps the schema of teams_proactive from being renamed, or given to others than superusers';

------------------------------------------------------------------------------
-- Bots
------------------------------------------------------------------------------

CREATE FUNCTION @extschema@.teams_home() RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'teams_home';

COMMENT ON FUNCTION @extschema@.teams_home() IS
'identity of this database: the cluster''s system identifier and the database''s oid';

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
	chat_limits		integer[]	NOT NULL DEFAULT '{7,8,60,1800}'
					CHECK (coalesce(array_dims(chat_limits), '') = '[1:4]'
						   AND array_position(chat_limits, NULL) IS NULL
						   AND 0 < ALL (chat_limits)),
	reinstall		boolean		NOT NULL DEFAULT false,
	dry_run			boolean		NOT NULL DEFAULT false,
	home			text		NOT NULL DEFAULT @extschema@.teams_home(),
	paused_at		timestamptz,
	paused_reason	text,
	paused_by		text
					CHECK (paused_by IN ('operator', 'worker', 'copy')),
	trouble			text,
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
COMMENT ON COLUMN @extschema@.teams_bot.home IS
'identity of the database that sends for this bot; a copy of it does not';
COMMENT ON COLUMN @extschema@.teams_bot.paused_reason IS
'why nothing is sent for this bot; see teams_resume()';
COMMENT ON COLUMN @extschema@.teams_bot.paused_by IS
'operator; worker, which tries again now and then; copy: the database is one';
COMMENT ON COLUMN @extschema@.teams_bot.app_version IS
'version of the app in the organisation''s catalog, as far as it is known';
COMMENT ON COLUMN @extschema@.teams_bot.trouble IS
'why nothing gets through at the moment, such as a host that cannot be reached; it is tried again for as long as it takes';

------------------------------------------------------------------------------
-- What is known of the people and teams that the bots talk to
------------------------------------------------------------------------------

CREATE TABLE @extschema@.teams_installation (
	bot				text		NOT NULL,
	scope			text		NOT NULL
					CHECK (scope IN ('user', 'team', 'chat')),
	target			text		NOT NULL,
	state			text		NOT NULL
					CHECK (state IN ('installed', 'installing', 'stale', 'absent',
									 'removed', 'uninstalled', 'blocked',
									 'refused', 'unknown', 'failed')),
	installation_id	text,
	app_version		text,
	chat_id			text,
	service_url		text,
	user_id			text,
	verify_at		timestamptz,
	installed_by_us	boolean		NOT NULL DEFAULT false,
	error_code		text,
	error			text,
	hint			text,
	uninstalled_by	name,
	since			timestamptz	NOT NULL DEFAULT now(),
	checked_at		timestamptz	NOT NULL DEFAULT now(),
	PRIMARY KEY (bot, scope, target),
	CHECK (state <> 'installed'
		   OR (installation_id IS NOT NULL
			   AND (chat_id IS NOT NULL OR scope = 'team')))
);

-- For finding a person's names.
CREATE INDEX teams_installation_user ON @extschema@.teams_installation
	(bot, user_id) WHERE user_id IS NOT NULL;

-- For the service URL of the chat where a message is that is changed.
CREATE INDEX teams_installation_service ON @extschema@.teams_installation
	(bot, chat_id) WHERE service_url IS NOT NULL;

COMMENT ON TABLE @extschema@.teams_installation IS
'cache of what Microsoft Graph knows: for whom a bot is installed, and the chat';
COMMENT ON COLUMN @extschema@.teams_installation.target IS
'of a user the Entra object id or user principal name, of a team the id of its group, both in lower case; of a chat its id';
COMMENT ON COLUMN @extschema@.teams_installation.state IS
'installed; installing: it is tried again; stale: to be looked up again; absent; removed by somebody there; uninstalled from here; blocked by the recipient; refused by a policy; unknown to Teams; failed';
COMMENT ON COLUMN @extschema@.teams_installation.app_version IS
'version of the app that is installed';
COMMENT ON COLUMN @extschema@.teams_installation.chat_id IS
'where messages go; of a team, its General channel, once it was needed';
COMMENT ON COLUMN @extschema@.teams_installation.uninstalled_by IS
'name of the role that called teams_uninstall()';
COMMENT ON COLUMN @extschema@.teams_installation.since IS
'when the state became what it is';
COMMENT ON COLUMN @extschema@.teams_installation.service_url IS
'root for messages to this chat, if not the bot''s';
COMMENT ON COLUMN @extschema@.teams_installation.user_id IS
'of a user known by name, the Entra object id of the person whose chat it is';
COMMENT ON COLUMN @extschema@.teams_installation.verify_at IS
'of a user known by name: from then on, Graph is asked whose name it is before the next message';
COMMENT ON COLUMN @extschema@.teams_installation.installed_by_us IS
'whether this database installed the bot, rather than found it installed';

------------------------------------------------------------------------------
-- Outbox, ledger and history
------------------------------------------------------------------------------

-- What a row may have in it the trigger teams_accept says, and not CHECK
-- constraints: those would cost a message as much as all the rest.
CREATE TABLE @extschema@.teams_outbox (
	id				bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	bot				text		NOT NULL DEFAULT 'default',
	kind			text		NOT NULL DEFAULT 'send',
	scope			text		NOT NULL DEFAULT 'user',
	target			text		NOT NULL,
	team			text,
	activity		json,
	broadcast		bigint,
	refers_to		bigint,
	priority		text		NOT NULL DEFAULT 'normal',
	delivery		text		NOT NULL DEFAULT 'at-least-once',
	sender			name		NOT NULL DEFAULT current_user,
	created_at		timestamptz	NOT NULL DEFAULT now(),
	due_at			timestamptz,
	expires_at		timestamptz,
	attempts		integer		NOT NULL DEFAULT 0,
	retrying		boolean		NOT NULL DEFAULT false,
	doubtful		boolean		NOT NULL DEFAULT false,
	error_code		text,
	error			text,
	held_due_at		timestamptz
) WITH (autovacuum_vacuum_scale_factor = 0.05,
		autovacuum_vacuum_threshold = 2000);

COMMENT ON TABLE @extschema@.teams_outbox IS
'pending work; rows leave it for teams_delivery when their fate is known';
COMMENT ON COLUMN @extschema@.teams_outbox.kind IS
'send, edit, delete, install, upgrade, uninstall or check';
COMMENT ON COLUMN @extschema@.teams_outbox.scope IS
'what the target is: user, team, chat or channel';
COMMENT ON COLUMN @extschema@.teams_outbox.team IS
'the team of a channel';
COMMENT ON COLUMN @extschema@.teams_outbox.broadcast IS
'the broadcast that the message is of; without an activity, it has that one''s';
COMMENT ON COLUMN @extschema@.teams_outbox.refers_to IS
'the message that is edited, deleted or replied to';
COMMENT ON COLUMN @extschema@.teams_outbox.sender IS
'name of the role that sent the message, which need not be there any more';
COMMENT ON COLUMN @extschema@.teams_outbox.due_at IS
'not before this time; null means at once';
COMMENT ON COLUMN @extschema@.teams_outbox.priority IS
'which conversations come first; it never changes the order within one';
COMMENT ON COLUMN @extschema@.teams_outbox.expires_at IS
'what has not gone on the wire by then expires';
COMMENT ON COLUMN @extschema@.teams_outbox.retrying IS
'whether an attempt failed; later messages to the same target wait for it';
COMMENT ON COLUMN @extschema@.teams_outbox.doubtful IS
'whether an earlier attempt may have succeeded without our learning of it';
COMMENT ON COLUMN @extschema@.teams_outbox.created_at IS
'time of the transaction that wrote the message; a row with another time has been loaded, and waits for teams_resume()';
COMMENT ON COLUMN @extschema@.teams_outbox.held_due_at IS
'of a row that was loaded from a dump or replicated: what due_at becomes with teams_resume(), -infinity for null';

-- The worker sweeps what is ready by (bot, priority, id), so that neither what
-- is not yet due nor another bot's backlog costs it anything.
CREATE INDEX teams_outbox_ready ON @extschema@.teams_outbox (bot, priority, id)
	WHERE due_at IS NULL;
CREATE INDEX teams_outbox_target
	ON @extschema@.teams_outbox (bot, scope, target, priority, id);
CREATE INDEX teams_outbox_retrying
	ON @extschema@.teams_outbox (bot, scope, target, id)
	WHERE retrying OR kind IN ('install', 'upgrade', 'uninstall', 'check');
CREATE INDEX teams_outbox_team ON @extschema@.teams_outbox (bot, team, id)
	WHERE team IS NOT NULL;
CREATE INDEX teams_outbox_due ON @extschema@.teams_outbox (due_at)
	WHERE due_at IS NOT NULL;
CREATE INDEX teams_outbox_expiry ON @extschema@.teams_outbox (expires_at)
	WHERE expires_at IS NOT NULL;
CREATE INDEX teams_outbox_broadcast ON @extschema@.teams_outbox (broadcast)
	WHERE broadcast IS NOT NULL;
CREATE INDEX teams_outbox_refers_to ON @extschema@.teams_outbox (refers_to)
	WHERE refers_to IS NOT NULL;

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
	team			text,
	broadcast		bigint,
	refers_to		bigint,
	sender			name		NOT NULL,
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
	activity		json,
	priority		text,
	delivery		text,
	retried_as		bigint,
	created_at		timestamptz	NOT NULL,
	settled_at		timestamptz	NOT NULL DEFAULT now()
);

-- For removing what is old.
CREATE INDEX teams_delivery_settled ON @extschema@.teams_delivery
	USING brin (settled_at) WITH (pages_per_range = 32, autosummarize = on);

-- For changing what a broadcast has sent.
CREATE INDEX teams_delivery_broadcast ON @extschema@.teams_delivery
	(broadcast, id) WHERE broadcast IS NOT NULL;

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

COMMENT ON COLUMN @extschema@.teams_delivery.activity IS
'the message, unless it was sent; like priority and delivery, for teams_retry()';
COMMENT ON COLUMN @extschema@.teams_delivery.retried_as IS
'id of the message that teams_retry() made of this one';

CREATE TABLE @extschema@.teams_dedupe (
	bot				text		NOT NULL,
	sender			name		NOT NULL,
	dedupe_key		text		NOT NULL
					CHECK (length(dedupe_key) BETWEEN 1 AND 255),
	id				bigint		NOT NULL,
	PRIMARY KEY (bot, sender, dedupe_key)
);

CREATE INDEX teams_dedupe_id ON @extschema@.teams_dedupe (id);

COMMENT ON TABLE @extschema@.teams_dedupe IS
'each sender''s keys of messages that must not be written twice; kept as long as the message is, and given to the next one if it came to nothing';

CREATE TABLE @extschema@.teams_thread (
	bot				text		NOT NULL,
	scope			text		NOT NULL,
	target			text		NOT NULL,
	sender			name		NOT NULL,
	thread			text		NOT NULL,
	root			bigint		NOT NULL,
	PRIMARY KEY (bot, scope, target, sender, thread)
);

CREATE INDEX teams_thread_root ON @extschema@.teams_thread (root);

COMMENT ON TABLE @extschema@.teams_thread IS
'threads in channels by each sender''s keys; see teams_post()';
COMMENT ON COLUMN @extschema@.teams_thread.root IS
'id of the message that started it, which the history keeps';

-- Each transaction adds what it has accepted or settled, so that senders do
-- not wait for each other; the worker adds it up now and then.  It is not
-- dumped: restoring the outbox counts what is pending, and with that the
-- account of the copy begins.
CREATE TABLE @extschema@.teams_account (
	id				bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	bot				text		NOT NULL,
	broadcast		bigint,
	entry			text		NOT NULL,
	messages		bigint		NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0,
		autovacuum_vacuum_threshold = 1000);

CREATE INDEX teams_account_entry ON @extschema@.teams_account
	(coalesce(broadcast, 0), bot, entry);

COMMENT ON TABLE @extschema@.teams_account IS
'how many messages were accepted, and what became of them; see teams_accounting';
COMMENT ON COLUMN @extschema@.teams_account.entry IS
'accepted, sent, failed, cancelled or expired';

------------------------------------------------------------------------------
-- Broadcasts
------------------------------------------------------------------------------

CREATE TABLE @extschema@.teams_broadcast (
	id				bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	bot				text		NOT NULL,
	kind			text		NOT NULL DEFAULT 'send'
					CHECK (kind IN ('send', 'edit', 'delete')),
	refers_to		bigint,
	title			text,
	topic			text,
	state			text		NOT NULL
					CHECK (state IN ('draft', 'running', 'paused', 'cancelled',
									 'done')),
	sender			name		NOT NULL,
	activity		json,
	template		text,
	data			jsonb		NOT NULL DEFAULT '{}',
	held			boolean		NOT NULL DEFAULT false,
	priority		text		NOT NULL DEFAULT 'low',
	delivery		text		NOT NULL DEFAULT 'at-least-once',
	send_at			timestamptz,
	expires_at		timestamptz,
	rate			integer		CHECK (rate > 0),
	dedupe_key		text,
	recipients		bigint		NOT NULL DEFAULT 0,
	excluded		bigint		NOT NULL DEFAULT 0,
	up_to			bigint,
	ends_with		bigint,
	position		bigint		NOT NULL DEFAULT 0,
	fed				bigint		NOT NULL DEFAULT 0,
	fed_at			timestamptz,
	created_at		timestamptz	NOT NULL DEFAULT now(),
	started_at		timestamptz,
	finished_at		timestamptz,
	UNIQUE (bot, sender, dedupe_key)
);

-- Those that are due come first, and those for later are not looked at.
CREATE INDEX teams_broadcast_running
	ON @extschema@.teams_broadcast (coalesce(send_at, '-infinity'), id)
	WHERE state = 'running';

COMMENT ON TABLE @extschema@.teams_broadcast IS
'messages to many: what is said, stored once, and how far it has come';
COMMENT ON COLUMN @extschema@.teams_broadcast.kind IS
'send; or edit or delete what the broadcast refers_to has sent';
COMMENT ON COLUMN @extschema@.teams_broadcast.topic IS
'people who have opted out of it are excluded';
COMMENT ON COLUMN @extschema@.teams_broadcast.rate IS
'messages a second, if less than the bot''s';
COMMENT ON COLUMN @extschema@.teams_broadcast.held IS
'whether it was loaded from a dump while it was running, and is paused until teams_resume()';
COMMENT ON COLUMN @extschema@.teams_broadcast.up_to IS
'the last message that is edited or deleted';
COMMENT ON COLUMN @extschema@.teams_broadcast.ends_with IS
'of one that was cancelled or recalled: the last message that is not sent any more';
COMMENT ON COLUMN @extschema@.teams_broadcast.position IS
'up to here recipients have been handed over to the outbox';
COMMENT ON COLUMN @extschema@.teams_broadcast.fed IS
'how many of those have become messages';

-- No constraint judges a body: a dump has to be restored even where a later
-- parser would not take it.
CREATE TABLE @extschema@.teams_broadcast_template (
	broadcast		bigint		NOT NULL,
	locale			text		NOT NULL,
	kind			text		NOT NULL,
	body			jsonb		NOT NULL,
	summary			text,
	PRIMARY KEY (broadcast, locale)
);

COMMENT ON TABLE @extschema@.teams_broadcast_template IS
'the template of each broadcast in all its locales, as it was when the broadcast was made';

CREATE TABLE @extschema@.teams_recipient (
	broadcast		bigint		NOT NULL,
	n				bigint		NOT NULL,
	target			text		NOT NULL,
	user_id			text,
	locale			text,
	data			jsonb,
	excluded		text,
	PRIMARY KEY (broadcast, n)
);

COMMENT ON TABLE @extschema@.teams_recipient IS
'the audience of each broadcast, as it was when the broadcast was made';
COMMENT ON COLUMN @extschema@.teams_recipient.user_id IS
'of a recipient given by name, the Entra object id, if it was known';
COMMENT ON COLUMN @extschema@.teams_recipient.excluded IS
'why the recipient gets nothing: duplicate, opted out, guest, disabled, no licence, invalid user id, invalid locale, data is too large, data is no object, or what went wrong with the template';

CREATE TABLE @extschema@.teams_opt_out (
	target			text		NOT NULL,
	topic			text		NOT NULL,
	since			timestamptz	NOT NULL DEFAULT now(),
	PRIMARY KEY (target, topic)
);

COMMENT ON TABLE @extschema@.teams_opt_out IS
'people who do not want broadcasts about a topic';

------------------------------------------------------------------------------
-- Notifications that failed
------------------------------------------------------------------------------

CREATE TABLE @extschema@.teams_notify_error (
	id				bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at				timestamptz	NOT NULL DEFAULT clock_timestamp(),
	schema_name		text		NOT NULL,
	table_name		text		NOT NULL,
	trigger_name	text		NOT NULL,
	template		text		NOT NULL,
	error_code		text		NOT NULL,
	error			text		NOT NULL,
	hint			text,
	data			json
);

-- For removing what is old.
CREATE INDEX teams_notify_error_at ON @extschema@.teams_notify_error (at);

COMMENT ON TABLE @extschema@.teams_notify_error IS
'messages that triggers with on_error=warn could not write; kept as long as the history';
COMMENT ON COLUMN @extschema@.teams_notify_error.error_code IS
'SQLSTATE';
COMMENT ON COLUMN @extschema@.teams_notify_error.data IS
'what the template was given';

------------------------------------------------------------------------------
-- The directory: people, and who is in a group or team
------------------------------------------------------------------------------

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
COMMENT ON COLUMN @extschema@.teams_person.id IS
'Entra object id, in lower case';
COMMENT ON COLUMN @extschema@.teams_person.locale IS
'preferred language';
COMMENT ON COLUMN @extschema@.teams_person.is_licensed IS
'whether any licence is assigned; null in these columns: not told';

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
COMMENT ON COLUMN @extschema@.teams_group_member.source IS
'members of a group, also by groups within it; its owners; or the roster of a team';
COMMENT ON COLUMN @extschema@.teams_group_member.container IS
'id of the group, which is that of its team';

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
COMMENT ON COLUMN @extschema@.teams_directory.source IS
'people: all of the directory; or as in teams_group_member';
COMMENT ON COLUMN @extschema@.teams_directory.people IS
'how many there were at finished_at';
COMMENT ON COLUMN @extschema@.teams_directory.pages IS
'how many were read this time';
COMMENT ON COLUMN @extschema@.teams_directory.link IS
'the next page';
COMMENT ON COLUMN @extschema@.teams_directory.delta_link IS
'what tells of changes the next time';
COMMENT ON COLUMN @extschema@.teams_directory.next_at IS
'after an error: when it goes on';
COMMENT ON COLUMN @extschema@.teams_directory.finished_at IS
'when all of it was read for the last time';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_bot', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_installation', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_outbox', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_outbox_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_inflight', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_inflight_batch_seq', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_delivery', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_dedupe', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_thread', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_broadcast', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_broadcast_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_broadcast_template', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_recipient', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_opt_out', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_person', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_group_member', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_directory', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_notify_error', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_notify_error_id_seq', '');

-- Whoever writes to these tables wakes the worker when the transaction
-- commits: teams_send(), but also a plain INSERT, COPY or UPDATE.

CREATE FUNCTION @extschema@.teams_accept() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_accept';

COMMENT ON FUNCTION @extschema@.teams_accept() IS
'trigger function: judges a new row, counts it as accepted, and wakes the worker at commit';

CREATE FUNCTION @extschema@.teams_judge() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_judge';

COMMENT ON FUNCTION @extschema@.teams_judge() IS
'trigger function: judges a row that was changed';

CREATE FUNCTION @extschema@.teams_wake() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_wake';

COMMENT ON FUNCTION @extschema@.teams_wake() IS
'trigger function: wakes the worker at commit';

CREATE TRIGGER teams_accept AFTER INSERT ON @extschema@.teams_outbox
	FOR EACH ROW EXECUTE FUNCTION @extschema@.teams_accept();
CREATE TRIGGER teams_judge
	AFTER UPDATE OF bot, kind, scope, target, team, activity, broadcast, refers_to,
		priority, delivery ON @extschema@.teams_outbox
	FOR EACH ROW EXECUTE FUNCTION @extschema@.teams_judge();

-- A broadcast that another database had running must not run here as well.
CREATE FUNCTION @extschema@.teams_hold_loaded() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	NEW.state := 'paused';
	NEW.held := true;
	RETURN NEW;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_hold_loaded() IS
'trigger function: pauses a broadcast that was loaded from a dump until teams_resume()';

CREATE TRIGGER teams_hold_loaded BEFORE INSERT ON @extschema@.teams_broadcast
	FOR EACH ROW WHEN (NEW.state = 'running' AND NEW.created_at <> now())
	EXECUTE FUNCTION @extschema@.teams_hold_loaded();
CREATE TRIGGER teams_wake AFTER UPDATE ON @extschema@.teams_outbox
	FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.teams_wake('outbox');
CREATE TRIGGER teams_wake AFTER UPDATE OR DELETE OR TRUNCATE
	ON @extschema@.teams_installation
	FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.teams_wake('outbox');
CREATE TRIGGER teams_wake AFTER INSERT OR UPDATE ON @extschema@.teams_broadcast
	FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.teams_wake('broadcast');
CREATE TRIGGER teams_wake AFTER INSERT OR UPDATE ON @extschema@.teams_directory
	FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.teams_wake('directory');
CREATE TRIGGER teams_wake AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
	ON @extschema@.teams_bot
	FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.teams_wake('bot');

-- Triggers that send may be enabled for what replication applies: what they
-- write is to be counted and sent like all else.
ALTER TABLE @extschema@.teams_outbox ENABLE ALWAYS TRIGGER teams_accept;
ALTER TABLE @extschema@.teams_outbox ENABLE ALWAYS TRIGGER teams_judge;
ALTER TABLE @extschema@.teams_outbox ENABLE ALWAYS TRIGGER teams_wake;
ALTER TABLE @extschema@.teams_installation ENABLE ALWAYS TRIGGER teams_wake;
ALTER TABLE @extschema@.teams_broadcast ENABLE ALWAYS TRIGGER teams_wake;
ALTER TABLE @extschema@.teams_broadcast ENABLE ALWAYS TRIGGER teams_hold_loaded;
ALTER TABLE @extschema@.teams_directory ENABLE ALWAYS TRIGGER teams_wake;
ALTER TABLE @extschema@.teams_bot ENABLE ALWAYS TRIGGER teams_wake;

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

	IF array_dims(chat_limits) IS DISTINCT FROM '[1:4]'
	   OR array_position(chat_limits, NULL) IS NOT NULL
	   OR NOT 0 < ALL (chat_limits) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'chat_limits must be four numbers greater than zero',
			DETAIL = 'They limit the messages to one chat within 1, 2, 30 and 3600 seconds.';
	END IF;

	PERFORM @extschema@.teams_check_credential(credential);
	PERFORM @extschema@.teams_check_url('login_url'::text, login_url);
	PERFORM @extschema@.teams_check_url('graph_url'::text, graph_url);
	PERFORM @extschema@.teams_check_url('connector_url'::text, connector_url);

	-- Whoever forgets to name a bot must not lose another one by that.
	IF replace IS NOT TRUE AND EXISTS (
		SELECT FROM @extschema@.teams_bot AS b
		WHERE b.bot = teams_configure.bot AND b.dry_run)
	   AND EXISTS (SELECT FROM @extschema@.teams_delivery AS d
				   WHERE d.bot = teams_configure.bot
					 AND d.conversation_id LIKE 'dry-run:%') THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('bot "%s" is a dry-run bot that has recorded messages', bot),
			DETAIL = 'As a real bot it would send to people, and the dedupe keys and threads of what it has recorded would be forgotten.',
			HINT = 'Give the real bot another name, or say replace => true.';
	END IF;
	IF replace IS NOT TRUE AND EXISTS (
		SELECT FROM @extschema@.teams_bot AS b
		WHERE b.bot = teams_configure.bot AND NOT b.dry_run
		  AND b.tenant_id <> teams_configure.tenant_id)
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
	UPDATE @extschema@.teams_installation AS i
	SET state = 'stale', since = now(), error_code = NULL, error = NULL,
		hint = NULL, uninstalled_by = NULL, user_id = NULL, verify_at = NULL
	FROM @extschema@.teams_bot AS b
	WHERE b.bot = teams_configure.bot AND i.bot = b.bot
	  AND (b.tenant_id, b.client_id) IS DISTINCT FROM
		  (teams_configure.tenant_id, teams_configure.client_id);
	UPDATE @extschema@.teams_installation AS i
	SET state = 'stale', since = now(), error_code = NULL, error = NULL,
		hint = NULL, uninstalled_by = NULL
	FROM @extschema@.teams_bot AS b
	WHERE b.bot = teams_configure.bot AND i.bot = b.bot
	  AND b.teams_app_id <> teams_configure.teams_app_id;

	-- So is what was read of a directory, in its tenant.
	IF EXISTS (SELECT FROM @extschema@.teams_bot AS b
			   WHERE b.bot = teams_configure.bot
				 AND b.tenant_id <> teams_configure.tenant_id) THEN
		DELETE FROM @extschema@.teams_directory AS d
			WHERE d.bot = teams_configure.bot;
		DELETE FROM @extschema@.teams_group_member AS m
			WHERE m.bot = teams_configure.bot;
		DELETE FROM @extschema@.teams_person AS p
			WHERE p.bot = teams_configure.bot;
	END IF;

	-- What was only recorded must not keep real messages from being sent, nor
	-- be answered by them.
	IF EXISTS (SELECT FROM @extschema@.teams_bot AS b
			   WHERE b.bot = teams_configure.bot AND b.dry_run) THEN
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
		home = excluded.home,
		paused_at = NULL,
		paused_reason = NULL,
		paused_by = NULL,
		trouble = NULL,
		app_version = CASE WHEN (b.tenant_id, b.teams_app_id)
								IS NOT DISTINCT FROM
								(excluded.tenant_id, excluded.teams_app_id)
						   THEN b.app_version END,
		updated_at = now();
END
$$;

COMMENT ON FUNCTION @extschema@.teams_configure(uuid, uuid, uuid, text, text,
	uuid, text, boolean, text, text, text, integer, integer, integer[],
	boolean, boolean) IS
'creates or changes a bot, and lets it go on if it was paused';

CREATE FUNCTION @extschema@.teams_configure_dry_run(
	bot			text DEFAULT 'default',
	replace		boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	nil	CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
	IF bot IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'bot must be given';
	END IF;
	IF bot !~ '^[A-Za-z0-9_.-]{1,63}$' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('invalid name for a bot: "%s"', bot),
			HINT = 'Use up to 63 letters, digits, dots, hyphens and underscores.';
	END IF;
	IF replace IS NOT TRUE AND EXISTS (
		SELECT FROM @extschema@.teams_bot AS b
		WHERE b.bot = teams_configure_dry_run.bot AND NOT b.dry_run) THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('bot "%s" is a real bot', bot),
			DETAIL = 'As a dry-run bot it would send nothing any more, and lose its tenant, its credential and what was read of the directory.',
			HINT = 'Give the dry-run bot another name, or say replace => true.';
	END IF;
	IF EXISTS (SELECT FROM @extschema@.teams_outbox AS o
			   WHERE o.bot = teams_configure_dry_run.bot)
	   OR EXISTS (SELECT FROM @extschema@.teams_broadcast AS b
				  WHERE b.bot = teams_configure_dry_run.bot
					AND b.state IN ('running', 'paused')) THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('bot "%s" has messages that are pending', bot),
			DETAIL = 'They would be recorded as sent, and never arrive.',
			HINT = 'Wait for them, cancel them, or give the dry-run bot another name.';
	END IF;

	INSERT INTO @extschema@.teams_bot AS b
		(bot, tenant_id, client_id, teams_app_id, credential, dry_run)
	VALUES (bot, nil, nil, nil, '', true)
	ON CONFLICT ON CONSTRAINT teams_bot_pkey DO UPDATE SET
		tenant_id = excluded.tenant_id,
		client_id = excluded.client_id,
		teams_app_id = excluded.teams_app_id,
		manifest_id = NULL,
		credential = excluded.credential,
		dry_run = true,
		home = excluded.home,
		paused_at = NULL,
		paused_reason = NULL,
		paused_by = NULL,
		trouble = NULL,
		updated_at = now();
END
$$;

COMMENT ON FUNCTION @extschema@.teams_configure_dry_run(text, boolean) IS
'creates a bot that records messages as sent at once and sends nothing, for tests; or makes one of a real bot, if told to replace it';

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
		paused_by = NULL,
		home = @extschema@.teams_home()
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
END
$$;

COMMENT ON FUNCTION @extschema@.teams_resume(text) IS
'lets a paused bot go on, in this database, with what was loaded into it';

------------------------------------------------------------------------------
-- Building messages
------------------------------------------------------------------------------

-- Backslashes take from punctuation what it means in Markdown; some means
-- something only where a line begins.  A mention is of <at> and </at>, and
-- teams_text() makes it of @{...}, so neither must be left.
CREATE FUNCTION @extschema@.teams_escape(
	text	text,
	format	text DEFAULT 'markdown')
RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
	escaped	text := replace(replace(replace(text,
		'&', '&amp;'), '<', '&lt;'), '>', '&gt;');
BEGIN
	CASE format
		WHEN 'plain' THEN
			RETURN text;
		WHEN 'markdown' THEN
			escaped := regexp_replace(escaped, '([][\\`*_{}~|])', '\\\1', 'g');
			escaped := regexp_replace(escaped, '^[ \t]+', ' ', 'gn');
			escaped := regexp_replace(escaped, '^( ?)([-+=#])', '\1\\\2', 'gn');
			RETURN regexp_replace(escaped, '^( ?\d+)([.)])', '\1\\\2', 'gn');
		WHEN 'html' THEN
			RETURN replace(replace(replace(escaped,
				'"', '&quot;'), '''', '&#39;'), '{', '&#123;');
		ELSE
			RAISE invalid_parameter_value USING
				MESSAGE = format('unknown format: "%s"', format),
				HINT = 'Give "plain", "markdown" or "html".';
	END CASE;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_escape(text, text) IS
'makes a text read as it is where Markdown or HTML is expected, without mentions';

-- Escaped punctuation goes through the removal of markup as control
-- characters: there are some in every encoding.
CREATE FUNCTION @extschema@.teams_summary(
	text	text,
	format	text DEFAULT 'markdown')
RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
	escapable	CONSTANT text := '\`*_{}[]~|-+=#.)';
	hidden		CONSTANT text :=
		E'\x01\x02\x03\x04\x05\x06\x07\x0e\x0f\x10\x11\x12\x13\x14\x15\x16';
	-- more is not shown, and what looks for markup takes ever longer for more
	summary		text := translate(left(text, 2000), hidden, '');
	place		integer;
BEGIN
	IF format = 'markdown' THEN
		FOR place IN 1 .. length(escapable)
		LOOP
			summary := replace(summary, '\' || substr(escapable, place, 1),
							   substr(hidden, place, 1));
		END LOOP;
		summary := regexp_replace(summary, '!?\[([^]]*)\]\([^)]*\)', '\1', 'g');
		summary := regexp_replace(summary, '^\s*(#{1,6}|[-+*>]|\d+[.)])\s+', '', 'gn');
		summary := regexp_replace(summary, '\*+|~~|`+|\m_+|_+\M', '', 'g');
		summary := translate(summary, hidden, escapable);
	END IF;
	IF format IN ('markdown', 'html') THEN
		summary := regexp_replace(summary, '<(br|p|li|div|tr)\M[^>]*>', ' ', 'gi');
		summary := regexp_replace(summary, '</?[a-z][^>]*>', '', 'gi');
		summary := replace(replace(replace(replace(replace(replace(summary,
			'&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&#39;', ''''),
			'&#123;', '{'), '&amp;', '&');
	END IF;
	summary := btrim(regexp_replace(summary, '\s+', ' ', 'g'));
	IF length(summary) > 150 THEN
		summary := rtrim(left(summary, 147)) || '...';
	END IF;
	RETURN nullif(summary, '');
END
$$;

COMMENT ON FUNCTION @extschema@.teams_summary(text, text) IS
'a text as its notification shows it: without markup, and not too long';

-- The same <at>...</at> has to be in the text and in the entity.
CREATE FUNCTION @extschema@.teams_mentions(mentions jsonb, content text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
	entities	jsonb := '[]';
	mention		record;
	tag			text;
	forgotten	text;
BEGIN
	IF mentions IS NULL THEN
		RETURN NULL;
	END IF;
	IF jsonb_typeof(mentions) <> 'object' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'mentions must be a JSON object',
			HINT = 'Give user ids and names, such as {"ada@contoso.com": "Ada"}.';
	END IF;
	FOR mention IN SELECT m.key AS id, m.value #>> '{}' AS name,
						  jsonb_typeof(m.value) AS type
				   FROM jsonb_each(mentions) AS m
	LOOP
		IF mention.type <> 'string' OR btrim(mention.name) = '' THEN
			RAISE invalid_parameter_value USING
				MESSAGE = format('the mention of "%s" has no name', mention.id),
				HINT = 'Give user ids and names, such as {"ada@contoso.com": "Ada"}.';
		END IF;
		IF position(format('@{%s}', mention.id) IN content) = 0 THEN
			RAISE invalid_parameter_value USING
				MESSAGE = format('"%s" is mentioned nowhere', mention.id),
				HINT = format('Write @{%s} where the name shall stand.', mention.id);
		END IF;
		tag := format('<at>%s</at>', @extschema@.teams_escape(mention.name, 'html'::text));
		IF entities @> jsonb_build_array(jsonb_build_object('text', tag)) THEN
			RAISE invalid_parameter_value USING
				MESSAGE = format('two people are mentioned as "%s"', mention.name),
				DETAIL = 'Teams tells them apart by their names alone.';
		END IF;
		entities := entities || jsonb_build_object('type', 'mention', 'text', tag,
			'mentioned', jsonb_build_object('id', mention.id, 'name', mention.name));
	END LOOP;
	SELECT m[1] INTO forgotten
		FROM regexp_matches(content, '@\{([^{}\s]+)\}', 'g') AS m
		WHERE NOT mentions ? m[1] LIMIT 1;
	IF FOUND THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('"%s" is not among the mentions', forgotten),
			HINT = 'Add it with a name, or escape what is not a mention with teams_escape().';
	END IF;
	RETURN entities;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_mentions(jsonb, text) IS
'entities of the people who are mentioned, after judging that the content has them all';

CREATE FUNCTION @extschema@.teams_mark(content text, entities jsonb, is_json boolean)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	entity	jsonb;
	tag		text;
BEGIN
	FOR entity IN SELECT * FROM jsonb_array_elements(entities)
	LOOP
		tag := entity ->> 'text';
		IF is_json THEN
			tag := btrim(to_jsonb(tag)::text, '"');
		END IF;
		content := replace(content, format('@{%s}', entity #>> '{mentioned,id}'), tag);
	END LOOP;
	RETURN content;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_mark(text, jsonb, boolean) IS
'content with names where people are mentioned';

CREATE FUNCTION @extschema@.teams_activity(
	content		jsonb,
	summary		text,
	importance	text,
	alert		boolean)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF importance NOT IN ('low', 'normal', 'high') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('unknown importance: "%s"', importance),
			HINT = 'Give "low", "normal" or "high".';
	END IF;
	RETURN jsonb_strip_nulls(jsonb_build_object('type', 'message',
			'summary', summary, 'importance', importance))
		|| content
		|| CASE WHEN alert
				THEN '{"channelData": {"notification": {"alert": true}}}'::jsonb
				ELSE '{}' END;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_activity(jsonb, text, text, boolean) IS
'a Bot Framework activity with what all kinds of messages have';

CREATE FUNCTION @extschema@.teams_text(
	text				text,
	format				text DEFAULT 'markdown',
	mentions			jsonb DEFAULT NULL,
	summary				text DEFAULT NULL,
	importance			text DEFAULT NULL,
	alert				boolean DEFAULT false,
	suggested_actions	text[] DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
	entities	jsonb;
	marked		text := text;
	content		jsonb;
BEGIN
	IF text IS NULL OR format IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'text and format must not be null';
	END IF;
	IF text !~ '\S' THEN
		RAISE invalid_parameter_value USING MESSAGE = 'message text is empty';
	END IF;
	IF format NOT IN ('plain', 'markdown', 'html') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('unknown format: "%s"', format),
			HINT = 'Give "plain", "markdown" or "html".';
	END IF;
	IF mentions IS NOT NULL AND format = 'plain' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'a plain text cannot mention anybody',
			HINT = 'Give another format, and escape the text with teams_escape().';
	END IF;
	IF array_ndims(suggested_actions) > 1 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'suggested_actions must be a list of texts, not of lists';
	END IF;
	IF array_position(suggested_actions, NULL) IS NOT NULL
	   OR '' = ANY (suggested_actions) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'suggested actions must not be null or empty';
	END IF;

	entities := @extschema@.teams_mentions(mentions, text);
	IF entities IS NOT NULL THEN
		marked := @extschema@.teams_mark(text, entities, false);
	END IF;
	content := jsonb_build_object('text', marked, 'textFormat',
		CASE format WHEN 'html' THEN 'xml' ELSE format END);
	IF entities IS NOT NULL THEN
		content := content || jsonb_build_object('entities', entities);
	END IF;
	IF cardinality(suggested_actions) > 0 THEN
		content := content || jsonb_build_object('suggestedActions',
			jsonb_build_object('actions',
				(SELECT jsonb_agg(jsonb_build_object('type', 'imBack',
					'title', a.action, 'value', a.action) ORDER BY a.number)
				 FROM unnest(suggested_actions) WITH ORDINALITY AS a (action, number))));
	END IF;
	RETURN @extschema@.teams_activity(content,
		coalesce(summary, @extschema@.teams_summary(marked, format)),
		importance, alert);
END
$$;

COMMENT ON FUNCTION @extschema@.teams_text(text, text, jsonb, text, text,
	boolean, text[]) IS
'an activity of a text, with its format, mentions and how it notifies';

-- What Teams cannot show it does not refuse: it shows nothing.
CREATE FUNCTION @extschema@.teams_card(
	card		jsonb,
	summary		text DEFAULT NULL,
	mentions	jsonb DEFAULT NULL,
	importance	text DEFAULT NULL,
	alert		boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
	entities	jsonb;
	marked		jsonb := card;
	preview		text := summary;
BEGIN
	IF card IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'card must not be null';
	END IF;
	IF jsonb_typeof(card) <> 'object'
	   OR card ->> 'type' IS DISTINCT FROM 'AdaptiveCard' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'invalid card',
			DETAIL = 'It is not a JSON object of "type": "AdaptiveCard".';
	END IF;
	IF jsonb_typeof(card -> 'version') IS DISTINCT FROM 'string'
	   OR card ->> 'version' !~ '^1\.\d$' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'invalid card',
			DETAIL = 'It has no "version" such as "1.5".';
	END IF;

	entities := @extschema@.teams_mentions(mentions, card::text);
	IF entities IS NOT NULL THEN
		marked := @extschema@.teams_mark(card::text, entities, true)::jsonb;
		marked := marked || jsonb_build_object('msteams',
			coalesce(marked -> 'msteams', '{}') || jsonb_build_object('entities',
				coalesce(marked #> '{msteams,entities}', '[]') || entities));
	END IF;
	IF preview IS NULL THEN
		SELECT s.preview INTO preview
			FROM jsonb_path_query(marked,
				'strict $.body.** ? (@.type == "TextBlock" && exists (@.text)).text',
				silent => true) WITH ORDINALITY AS b (block, number),
				 @extschema@.teams_summary(b.block #>> '{}', 'markdown'::text) AS s (preview)
			WHERE s.preview IS NOT NULL
			ORDER BY b.number LIMIT 1;
	END IF;
	IF preview IS NULL THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'the card has no text to notify with',
			HINT = 'Give a summary: it is what people see before they open the chat.';
	END IF;
	RETURN @extschema@.teams_activity(jsonb_build_object('attachments',
			jsonb_build_array(jsonb_build_object(
				'contentType', 'application/vnd.microsoft.card.adaptive',
				'content', marked))),
		preview, importance, alert);
END
$$;

COMMENT ON FUNCTION @extschema@.teams_card(jsonb, text, jsonb, text, boolean) IS
'an activity of an Adaptive Card';

CREATE FUNCTION @extschema@.teams_image(
	url			text,
	alt			text DEFAULT NULL,
	summary		text DEFAULT NULL,
	importance	text DEFAULT NULL,
	alert		boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $$
BEGIN
	IF url IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'url must not be null';
	END IF;
	IF url !~* '^https://[^/?#\s]+\S*$' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('invalid URL of an image: "%s"', url),
			DETAIL = 'Teams fetches images by https only.';
	END IF;
	IF coalesce(alt, summary) IS NULL THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'the image has no text to notify with',
			HINT = 'Give alt, what the image shows, or a summary.';
	END IF;
	RETURN @extschema@.teams_activity(jsonb_build_object('attachments',
			jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
				'contentType',
				CASE
					WHEN url ~* '\.png($|[?#])' THEN 'image/png'
					WHEN url ~* '\.jpe?g($|[?#])' THEN 'image/jpeg'
					WHEN url ~* '\.gif($|[?#])' THEN 'image/gif'
					ELSE 'image/*'
				END,
				'contentUrl', url, 'name', alt)))),
		coalesce(summary, @extschema@.teams_summary(alt, 'plain'::text)),
		importance, alert);
END
$$;

COMMENT ON FUNCTION @extschema@.teams_image(text, text, text, text, boolean) IS
'an activity of an image, which Teams fetches from its URL';

------------------------------------------------------------------------------
-- Sending
------------------------------------------------------------------------------

CREATE FUNCTION @extschema@.teams_send(
	user_id		text,
	text		text,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_send_text';

COMMENT ON FUNCTION @extschema@.teams_send(text, text, text, timestamptz,
	timestamptz, text, text, text) IS
'sends a text to a person when the transaction commits; returns the message''s id';

CREATE FUNCTION @extschema@.teams_send(
	user_id		text,
	activity	jsonb,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_send_activity';

COMMENT ON FUNCTION @extschema@.teams_send(text, jsonb, text, timestamptz,
	timestamptz, text, text, text) IS
'sends a Bot Framework activity to a person when the transaction commits; returns the message''s id';

CREATE FUNCTION @extschema@.teams_send_chat(
	chat_id		text,
	text		text,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_send_chat_text';

COMMENT ON FUNCTION @extschema@.teams_send_chat(text, text, text, timestamptz,
	timestamptz, text, text, text) IS
'sends a text to a group chat in which the bot is, or can be installed';

CREATE FUNCTION @extschema@.teams_send_chat(
	chat_id		text,
	activity	jsonb,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_send_chat_activity';

COMMENT ON FUNCTION @extschema@.teams_send_chat(text, jsonb, text, timestamptz,
	timestamptz, text, text, text) IS
'sends a Bot Framework activity to a group chat';

CREATE FUNCTION @extschema@.teams_post(
	team		text,
	channel		text,
	text		text,
	thread		text DEFAULT NULL,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_post_text';

COMMENT ON FUNCTION @extschema@.teams_post(text, text, text, text, text,
	timestamptz, timestamptz, text, text, text) IS
'posts a text to a channel, null for General: a new thread, or with a key for the thread, an answer in it';

CREATE FUNCTION @extschema@.teams_post(
	team		text,
	channel		text,
	activity	jsonb,
	thread		text DEFAULT NULL,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_post_activity';

COMMENT ON FUNCTION @extschema@.teams_post(text, text, jsonb, text, text,
	timestamptz, timestamptz, text, text, text) IS
'posts a Bot Framework activity to a channel';

CREATE FUNCTION @extschema@.teams_notify() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_notify';

COMMENT ON FUNCTION @extschema@.teams_notify() IS
'trigger function: tells people of rows that are inserted, updated or deleted, in the name of the table''s owner';

CREATE FUNCTION @extschema@.teams_edit(id bigint, text text)
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_edit_text';

COMMENT ON FUNCTION @extschema@.teams_edit(bigint, text) IS
'gives a message another text, before it is sent or where it is; returns the job''s id';

CREATE FUNCTION @extschema@.teams_edit(id bigint, activity jsonb)
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_edit_activity';

COMMENT ON FUNCTION @extschema@.teams_edit(bigint, jsonb) IS
'the same with a Bot Framework activity';

CREATE FUNCTION @extschema@.teams_edit(ids bigint[], text text)
RETURNS SETOF bigint
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_edit_all_text';

COMMENT ON FUNCTION @extschema@.teams_edit(bigint[], text) IS
'the same for all of the messages that can be edited; returns the jobs'' ids';

CREATE FUNCTION @extschema@.teams_edit(ids bigint[], activity jsonb)
RETURNS SETOF bigint
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_edit_all_activity';

COMMENT ON FUNCTION @extschema@.teams_edit(bigint[], jsonb) IS
'the same with a Bot Framework activity';

CREATE FUNCTION @extschema@.teams_delete(id bigint)
RETURNS bigint
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_delete';

COMMENT ON FUNCTION @extschema@.teams_delete(bigint) IS
'deletes a message that was sent; returns the job''s id, null if the message was still pending and is cancelled';

CREATE FUNCTION @extschema@.teams_delete(ids bigint[])
RETURNS SETOF bigint
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_delete_all';

COMMENT ON FUNCTION @extschema@.teams_delete(bigint[]) IS
'deletes those of the messages that were sent, and cancels those that are pending; returns the jobs'' ids';

CREATE FUNCTION @extschema@.teams_message_url(id bigint)
RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'teams_message_url';

COMMENT ON FUNCTION @extschema@.teams_message_url(bigint) IS
'link that opens Teams at a message; null if it was not sent';

CREATE FUNCTION @extschema@.teams_ensure_installed(
	target		text,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	scope		text DEFAULT 'user')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_ensure_installed';

COMMENT ON FUNCTION @extschema@.teams_ensure_installed(text, text, timestamptz, timestamptz,
	text, text, text) IS
'installs the bot for a user, team or chat unless it is there, without sending anything; returns the job''s id';

CREATE FUNCTION @extschema@.teams_upgrade(
	target		text,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	scope		text DEFAULT 'user')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_upgrade';

COMMENT ON FUNCTION @extschema@.teams_upgrade(text, text, timestamptz, timestamptz,
	text, text, text) IS
'gives the bot there the version that the catalog has; returns the job''s id';

CREATE FUNCTION @extschema@.teams_uninstall(
	target		text,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	scope		text DEFAULT 'user')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_uninstall';

COMMENT ON FUNCTION @extschema@.teams_uninstall(text, text, timestamptz, timestamptz,
	text, text, text) IS
'takes the bot away; nothing is sent there until teams_ensure_installed() is called; returns the job''s id';

CREATE FUNCTION @extschema@.teams_check_installed(
	target		text,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	scope		text DEFAULT 'user')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_check_installed';

COMMENT ON FUNCTION @extschema@.teams_check_installed(text, text, timestamptz, timestamptz,
	text, text, text) IS
'asks Microsoft Graph whether the bot is there, and in which version, for teams_installation; returns the job''s id';

CREATE FUNCTION @extschema@.teams_cancel(ids bigint[])
RETURNS bigint
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_cancel';

COMMENT ON FUNCTION @extschema@.teams_cancel(bigint[]) IS
'cancels pending messages that are not on the wire; returns how many';

CREATE FUNCTION @extschema@.teams_cancel(id bigint)
RETURNS boolean
LANGUAGE sql STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT @extschema@.teams_cancel(ARRAY[id]) = 1 $$;

COMMENT ON FUNCTION @extschema@.teams_cancel(bigint) IS
'cancels a pending message; false if it is on the wire or has a fate';

CREATE FUNCTION @extschema@.teams_retry(ids bigint[])
RETURNS SETOF bigint
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_retry';

COMMENT ON FUNCTION @extschema@.teams_retry(bigint[]) IS
'sends messages that failed, expired or were cancelled once more, as new ones; returns their ids';

CREATE FUNCTION @extschema@.teams_retry(id bigint)
RETURNS bigint
LANGUAGE sql STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT @extschema@.teams_retry(ARRAY[id]) $$;

COMMENT ON FUNCTION @extschema@.teams_retry(bigint) IS
'the same for one message; null if there is nothing to retry';

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
-- Templates
------------------------------------------------------------------------------

CREATE FUNCTION @extschema@.teams_expand(
	template	jsonb,
	data		jsonb DEFAULT '{}',
	name		text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'teams_expand';

COMMENT ON FUNCTION @extschema@.teams_expand(jsonb, jsonb, text) IS
'what a template in the Adaptive Card Templating language becomes with the data; the name is for errors';

CREATE FUNCTION @extschema@.teams_check_template(
	template	jsonb,
	name		text DEFAULT NULL)
RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'teams_check_template';

COMMENT ON FUNCTION @extschema@.teams_check_template(jsonb, text) IS
'raises an error if an expression in a template cannot be understood';

CREATE FUNCTION @extschema@.teams_activity_problem(activity jsonb)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'teams_activity_problem';

COMMENT ON FUNCTION @extschema@.teams_activity_problem(jsonb) IS
'why nobody would see the activity; null if they would';

-- Expressions are judged by teams_set_template(), and when they are used: a
-- constraint would keep a dump from being restored if what understands them
-- has become stricter.
CREATE TABLE @extschema@.teams_template (
	name			text		NOT NULL
					CHECK (name <> '' AND name !~ '[[:cntrl:]]'),
	locale			text		NOT NULL DEFAULT ''
					CHECK (locale ~ '^([a-z]{2,8}(-[a-z0-9]{1,8})*)?$'),
	kind			text		NOT NULL GENERATED ALWAYS AS
					(CASE
						 WHEN jsonb_typeof(body) = 'string' THEN 'text'
						 WHEN body ->> 'type' = 'AdaptiveCard' THEN 'card'
						 ELSE 'activity'
					 END) STORED,
	body			jsonb		NOT NULL,
	summary			text,
	comment			text,
	updated_at		timestamptz	NOT NULL DEFAULT now(),
	PRIMARY KEY (name, locale),
	CONSTRAINT teams_template_body_check
		CHECK (jsonb_typeof(body) = 'string' OR body ? 'type')
);

COMMENT ON TABLE @extschema@.teams_template IS
'templates of messages, written by teams_set_template() and used by teams_render()';
COMMENT ON COLUMN @extschema@.teams_template.locale IS
'language in lower case, such as de or de-at; empty for those that have no template of their own';
COMMENT ON COLUMN @extschema@.teams_template.kind IS
'text; card: an Adaptive Card; activity: a Bot Framework activity';
COMMENT ON COLUMN @extschema@.teams_template.body IS
'in the Adaptive Card Templating language';
COMMENT ON COLUMN @extschema@.teams_template.summary IS
'template of what a notification shows; null: the card''s own words';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_template', '');

CREATE FUNCTION @extschema@.teams_set_template(
	name		text,
	body		jsonb,
	locale		text DEFAULT '',
	summary		text DEFAULT NULL,
	comment		text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	IF name IS NULL OR body IS NULL OR locale IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'name, body and locale must not be null';
	END IF;
	locale := lower(replace(locale, '_', '-'));
	IF name = '' OR name ~ '[[:cntrl:]]' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('invalid name for a template: "%s"', name);
	END IF;
	IF locale !~ '^([a-z]{2,8}(-[a-z0-9]{1,8})*)?$' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('invalid locale: "%s"', locale),
			HINT = 'Give a language such as de or de-AT, or nothing for all.';
	END IF;
	IF jsonb_typeof(body) <> 'string' AND NOT body ? 'type' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('template "%s" is neither a text, an Adaptive Card nor an activity', name),
			HINT = 'Give a card or activity as an object with a "type".';
	END IF;
	PERFORM @extschema@.teams_check_template(body, name);
	PERFORM @extschema@.teams_check_template(to_jsonb(summary), name || ' (summary)');
	-- an expression is judged when it is filled in
	IF body ->> 'type' NOT IN ('AdaptiveCard', 'message')
	   AND body ->> 'type' NOT LIKE '%${%' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('template "%s" is of type "%s", of which people see nothing', name, body ->> 'type'),
			HINT = 'Write "AdaptiveCard" for a card and "message" for an activity; case matters.';
	END IF;
	IF EXISTS (SELECT FROM @extschema@.teams_template AS t
			   WHERE t.name = teams_set_template.name
				 AND t.locale = teams_set_template.locale
				 AND (t.body, t.summary) IS DISTINCT FROM
					 (teams_set_template.body, teams_set_template.summary)) THEN
		RAISE NOTICE USING MESSAGE = format('template "%s"%s is replaced', name,
			CASE WHEN locale <> '' THEN format(' for the locale "%s"', locale) ELSE '' END);
	END IF;
	INSERT INTO @extschema@.teams_template AS t
		(name, locale, body, summary, comment)
	VALUES (name, locale, body, summary, comment)
	ON CONFLICT ON CONSTRAINT teams_template_pkey DO UPDATE SET
		body = excluded.body,
		summary = excluded.summary,
		comment = excluded.comment,
		updated_at = now();
END
$$;

COMMENT ON FUNCTION @extschema@.teams_set_template(text, jsonb, text, text, text) IS
'creates or replaces a template for a locale, from an Adaptive Card or activity';

-- A card that is not marked as JSON is one nevertheless.
CREATE FUNCTION @extschema@.teams_set_template(
	name		text,
	text		text,
	locale		text DEFAULT '',
	summary		text DEFAULT NULL,
	comment		text DEFAULT NULL)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT @extschema@.teams_set_template($1,
		CASE WHEN $2 ~ '^\s*\{' THEN $2::jsonb ELSE to_jsonb($2) END,
		$3, $4, $5)
$$;

COMMENT ON FUNCTION @extschema@.teams_set_template(text, text, text, text, text) IS
'the same from a text';

CREATE FUNCTION @extschema@.teams_drop_template(
	name		text,
	locale		text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	dropped	bigint;
BEGIN
	DELETE FROM @extschema@.teams_template AS t
	WHERE t.name = teams_drop_template.name
	  AND (teams_drop_template.locale IS NULL
		   OR t.locale = lower(replace(teams_drop_template.locale, '_', '-')));
	GET DIAGNOSTICS dropped = ROW_COUNT;
	RETURN dropped;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_drop_template(text, text) IS
'drops a template for a locale, or for all; returns how many there were';

-- The words that stand first in a card, for a notification.
CREATE FUNCTION @extschema@.teams_card_summary(card jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	block	jsonb;
	summary	text := coalesce(@extschema@.teams_summary(card ->> 'fallbackText', 'markdown'::text),
							 @extschema@.teams_summary(card ->> 'speak', 'markdown'::text));
BEGIN
	IF summary IS NULL THEN
		FOR block IN SELECT jsonb_path_query(card,
			'strict $.body.**?(@.type == "TextBlock").text', silent => true)
		LOOP
			summary := @extschema@.teams_summary(block #>> '{}', 'markdown'::text);
			EXIT WHEN summary IS NOT NULL;
		END LOOP;
	END IF;
	RETURN summary;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_card_summary(jsonb) IS
'what a notification shows of a card that has no summary';

-- An array is several cards.  What is an activity stays one.
CREATE FUNCTION @extschema@.teams_as_activity(
	content		jsonb,
	summary		text DEFAULT NULL,
	name		text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	cards		jsonb;
	activity	jsonb;
BEGIN
	IF jsonb_typeof(content) = 'array' THEN
		cards := nullif(content, '[]');
	ELSIF content ->> 'type' = 'AdaptiveCard' THEN
		cards := jsonb_build_array(content);
	ELSIF jsonb_typeof(content) = 'object' THEN
		activity := content;
	ELSIF jsonb_typeof(content) <> 'null' THEN
		activity := jsonb_build_object('type', 'message', 'text', content #>> '{}');
	END IF;
	IF cards IS NOT NULL THEN
		activity := jsonb_build_object('type', 'message', 'attachments',
			(SELECT jsonb_agg(jsonb_build_object(
						'contentType', 'application/vnd.microsoft.card.adaptive',
						'content', c.card) ORDER BY c.number)
			 FROM jsonb_array_elements(cards) WITH ORDINALITY AS c (card, number)));
		summary := coalesce(summary, @extschema@.teams_card_summary(cards -> 0), name);
	END IF;
	IF summary <> '' AND NOT activity ? 'summary' THEN
		activity := activity || jsonb_build_object('summary', summary);
	END IF;
	RETURN activity;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_as_activity(jsonb, text, text) IS
'the activity that sends a text or an Adaptive Card; a notification shows the summary, words of the card or else the name';

CREATE FUNCTION @extschema@.teams_fill(
	name text, kind text, body jsonb, summary text, data jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	content	jsonb;
BEGIN
	content := @extschema@.teams_expand(body, data, name);

	-- data in a text does not become a card
	IF kind = 'text' THEN
		content := to_jsonb(content #>> '{}');
	END IF;
	RETURN @extschema@.teams_as_activity(content,
		@extschema@.teams_expand(coalesce(to_jsonb(summary), 'null'),
			data, name || ' (summary)') #>> '{}',
		name);
END
$$;

COMMENT ON FUNCTION @extschema@.teams_fill(text, text, jsonb, text, jsonb) IS
'the activity that one variant of a template becomes with the data';

-- Runs with the privileges of whoever calls it, since the name may be that of
-- any function: nothing may call it as somebody else.
CREATE FUNCTION @extschema@.teams_render(
	template	text,
	data		jsonb DEFAULT '{}',
	locale		text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted	text := lower(replace(coalesce(locale, ''), '_', '-'));
	chosen	@extschema@.teams_template;
	others	text;
	f		regprocedure;
	content	jsonb;
BEGIN
	IF template IS NULL OR data IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'template and data must not be null';
	END IF;
	SELECT t.* INTO chosen
	FROM @extschema@.teams_template AS t
	WHERE t.name = template
	  AND (t.locale = '' OR t.locale = wanted
		   OR starts_with(wanted, t.locale || '-'))
	ORDER BY length(t.locale) DESC LIMIT 1;
	IF FOUND THEN
		RETURN @extschema@.teams_fill(template, chosen.kind, chosen.body,
			chosen.summary, data);
	END IF;

	SELECT string_agg(t.locale, ', ' ORDER BY t.locale) INTO others
	FROM @extschema@.teams_template AS t WHERE t.name = template;
	IF others IS NOT NULL THEN
		RAISE undefined_object USING
			MESSAGE = format('template "%s" does not exist for the locale "%s"', template, wanted),
			HINT = format('It exists for %s. Give it with the locale '''' to have it used for all others.', others);
	END IF;

	IF template ~ '^("[^"]+"|[[:alpha:]_][[:alnum:]_$]*)\.("[^"]+"|[[:alpha:]_][[:alnum:]_$]*)$' THEN
		SELECT p.oid INTO f FROM pg_proc AS p
		WHERE p.oid = to_regprocedure(template || '(jsonb)')
		  AND p.prorettype = 'jsonb'::regtype AND p.prokind = 'f'
		  AND NOT p.proretset;
	END IF;
	IF f IS NULL THEN
		RAISE undefined_object USING
			MESSAGE = format('template "%s" does not exist', template),
			HINT = 'See teams_template for those that do; a function from jsonb to jsonb is given with its schema.';
	END IF;
	EXECUTE format('SELECT %s($1)', f::oid::regproc) INTO content USING data;
	RETURN @extschema@.teams_as_activity(content, NULL::text, template);
END
$$;

COMMENT ON FUNCTION @extschema@.teams_render(text, jsonb, text) IS
'the activity that a template becomes with the data, for teams_send()';

------------------------------------------------------------------------------
-- The directory: synchronising it, and audiences from it
------------------------------------------------------------------------------

-- Have the worker read a list.  One that it reads already just goes on.
CREATE FUNCTION @extschema@.teams_sync_list(
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
	WHERE b.bot = teams_sync_list.bot;
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
	WHERE dry_run AND d.bot = teams_sync_list.bot
	  AND d.source = teams_sync_list.source
	  AND d.container = teams_sync_list.container;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_sync_list(text, text, text) IS
'for teams_sync_directory(), teams_sync_group() and teams_sync_roster()';

-- The id of a group, as it is stored.
CREATE FUNCTION @extschema@.teams_group_id(group_id text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
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

COMMENT ON FUNCTION @extschema@.teams_group_id(text) IS
'checks the id of a group';

CREATE FUNCTION @extschema@.teams_sync_directory(bot text DEFAULT 'default')
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT @extschema@.teams_sync_list('people'::text, ''::text, bot) $$;

COMMENT ON FUNCTION @extschema@.teams_sync_directory(text) IS
'has the worker read all people of the bot''s tenant into teams_person, or what has changed since the last time';

CREATE FUNCTION @extschema@.teams_sync_group(
	group_id	text,
	owners		boolean DEFAULT false,
	bot			text DEFAULT 'default')
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT @extschema@.teams_sync_list(
		CASE WHEN owners THEN 'owners' ELSE 'members' END,
		@extschema@.teams_group_id(group_id), bot)
$$;

COMMENT ON FUNCTION @extschema@.teams_sync_group(text, boolean, text) IS
'has the worker read the members of a group, also those of groups within it, or its owners';

CREATE FUNCTION @extschema@.teams_sync_roster(
	team	text,
	bot		text DEFAULT 'default')
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT @extschema@.teams_sync_list('roster'::text,
		@extschema@.teams_group_id(team), bot)
$$;

COMMENT ON FUNCTION @extschema@.teams_sync_roster(text, text) IS
'has the worker read who is in a team in which the bot is installed';

-- An audience that nobody has read yet must not pass for an empty one.
CREATE FUNCTION @extschema@.teams_check_list(
	source text, container text, bot text)
RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	list	record;
BEGIN
	SELECT * INTO list FROM @extschema@.teams_directory AS d
	WHERE d.bot = teams_check_list.bot AND d.source = teams_check_list.source
	  AND d.container = teams_check_list.container;
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
				WHEN 'people' THEN 'Call teams_sync_directory(), and see teams_directory for when it is done.'
				WHEN 'roster' THEN 'Call teams_sync_roster(), and see teams_directory for when it is done.'
				ELSE 'Call teams_sync_group(), and see teams_directory for when it is done.' END;
	END IF;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_check_list(text, text, text) IS
'raises an error if a list has never been read to its end';

CREATE FUNCTION @extschema@.teams_people(bot text DEFAULT 'default')
RETURNS TABLE (user_id text, user_principal_name text, display_name text,
			   locale text, is_guest boolean, is_enabled boolean,
			   is_licensed boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM @extschema@.teams_check_list('people'::text, ''::text, teams_people.bot);
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
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	group_id	text := @extschema@.teams_group_id(container);
BEGIN
	IF teams_members.source IS NULL
	   OR teams_members.source NOT IN ('members', 'owners', 'roster') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('unknown source: "%s"', teams_members.source),
			HINT = 'Give "members", "owners" or "roster".';
	END IF;
	PERFORM @extschema@.teams_check_list(teams_members.source, group_id,
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

------------------------------------------------------------------------------
-- Broadcasts: making and steering them
------------------------------------------------------------------------------

CREATE FUNCTION @extschema@.teams_broadcast(
	audience	text,
	text		text DEFAULT NULL,
	activity	jsonb DEFAULT NULL,
	template	text DEFAULT NULL,
	data		jsonb DEFAULT '{}',
	title		text DEFAULT NULL,
	topic		text DEFAULT NULL,
	draft		boolean DEFAULT false,
	rate		integer DEFAULT NULL,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'low',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_broadcast_query';

COMMENT ON FUNCTION @extschema@.teams_broadcast(text, text, jsonb, text, jsonb,
	text, text, boolean, integer, text, timestamptz, timestamptz, text, text,
	text) IS
'sends to all that a query returns: user_id, and if it has them, locale and data; returns the broadcast''s id';

CREATE FUNCTION @extschema@.teams_broadcast(
	audience	text[],
	text		text DEFAULT NULL,
	activity	jsonb DEFAULT NULL,
	template	text DEFAULT NULL,
	data		jsonb DEFAULT '{}',
	title		text DEFAULT NULL,
	topic		text DEFAULT NULL,
	draft		boolean DEFAULT false,
	rate		integer DEFAULT NULL,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'low',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_broadcast_array';

COMMENT ON FUNCTION @extschema@.teams_broadcast(text[], text, jsonb, text, jsonb,
	text, text, boolean, integer, text, timestamptz, timestamptz, text, text,
	text) IS
'sends to all of the people in an array; returns the broadcast''s id';

CREATE FUNCTION @extschema@.teams_start_broadcast(broadcast bigint)
RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_start_broadcast';

COMMENT ON FUNCTION @extschema@.teams_start_broadcast(bigint) IS
'begins to send a draft';

CREATE FUNCTION @extschema@.teams_pause_broadcast(broadcast bigint)
RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_pause_broadcast';

COMMENT ON FUNCTION @extschema@.teams_pause_broadcast(bigint) IS
'stops a broadcast; what is on the wire arrives';

CREATE FUNCTION @extschema@.teams_resume_broadcast(broadcast bigint)
RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_resume_broadcast';

COMMENT ON FUNCTION @extschema@.teams_resume_broadcast(bigint) IS
'lets a paused broadcast go on';

CREATE FUNCTION @extschema@.teams_cancel_broadcast(broadcast bigint)
RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_cancel_broadcast';

COMMENT ON FUNCTION @extschema@.teams_cancel_broadcast(bigint) IS
'ends a broadcast: nothing more is sent';

CREATE FUNCTION @extschema@.teams_recall(broadcast bigint)
RETURNS bigint
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_recall';

COMMENT ON FUNCTION @extschema@.teams_recall(bigint) IS
'ends a broadcast and deletes what it has sent; returns the id of the broadcast that does so';

CREATE FUNCTION @extschema@.teams_edit_broadcast(
	broadcast	bigint,
	text		text DEFAULT NULL,
	activity	jsonb DEFAULT NULL)
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_edit_broadcast';

COMMENT ON FUNCTION @extschema@.teams_edit_broadcast(bigint, text, jsonb) IS
'gives all that a broadcast has sent another text or activity; returns the id of the broadcast that does so';

CREATE FUNCTION @extschema@.teams_preview(broadcast bigint, user_id text)
RETURNS bigint
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_preview';

COMMENT ON FUNCTION @extschema@.teams_preview(bigint, text) IS
'sends to one person what the first recipient of a broadcast would get; returns the message''s id';

CREATE FUNCTION @extschema@.teams_opt_out(user_id text, topic text)
RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_opt_out';

COMMENT ON FUNCTION @extschema@.teams_opt_out(text, text) IS
'the person gets no more broadcasts about the topic';

CREATE FUNCTION @extschema@.teams_opt_in(user_id text, topic text)
RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_opt_in';

COMMENT ON FUNCTION @extschema@.teams_opt_in(text, text) IS
'the person gets broadcasts about the topic again';

CREATE FUNCTION @extschema@.teams_plan(
	broadcast bigint,
	OUT known bigint, OUT to_install bigint, OUT unreachable bigint,
	OUT excluded jsonb, OUT seconds bigint, OUT done_at timestamptz)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'teams_plan';

COMMENT ON FUNCTION @extschema@.teams_plan(bigint) IS
'rehearses a broadcast: who has the bot, who gets it installed, who gets nothing and why, and when it will be done at the quotas';

CREATE FUNCTION @extschema@.teams_watch_line(
	broadcast bigint, OUT line text, OUT is_over boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	width	CONSTANT integer := 40;
	p		record;
BEGIN
	SELECT * INTO p FROM @extschema@.teams_progress AS t
	WHERE t.broadcast = teams_watch_line.broadcast;
	IF NOT FOUND THEN
		RAISE undefined_object USING
			MESSAGE = format('broadcast %s does not exist', broadcast),
			HINT = 'See teams_progress for those that do.';
	END IF;
	line := format('%s %s %s%% %s/%s sent%s%s',
		rpad(p.state, 9),
		rpad(repeat('#', (p.percent * width / 100)::integer), width, '.'),
		p.percent, p.sent, p.recipients - p.excluded,
		CASE WHEN p.failed > 0 THEN format(', %s failed', p.failed) ELSE '' END,
		CASE WHEN p.expected_at IS NOT NULL
			 THEN format(', %s/s, done at %s', p.rate,
						 to_char(p.expected_at, 'HH24:MI:SS'))
			 ELSE '' END);
	is_over := p.state IN ('draft', 'cancelled', 'done');
END
$$;

COMMENT ON FUNCTION @extschema@.teams_watch_line(bigint) IS
'what teams_watch() shows of a broadcast, and whether that is the end';

-- It commits after each look, to see what others commit, and what commits can
-- have no search_path of its own: every name is qualified, those of types, too.
CREATE PROCEDURE @extschema@.teams_watch(broadcast bigint)
LANGUAGE plpgsql
AS $$
DECLARE
	line	pg_catalog.text;
	last	pg_catalog.text := '';
	is_over	pg_catalog.bool;
BEGIN
	LOOP
		SELECT w.line, w.is_over INTO line, is_over
			FROM @extschema@.teams_watch_line(teams_watch.broadcast) AS w;
		IF line OPERATOR(pg_catalog.<>) last THEN
			RAISE INFO '%', line;
		END IF;
		last := line;
		EXIT WHEN is_over;
		COMMIT;
		PERFORM pg_catalog.pg_sleep(1);
	END LOOP;
END
$$;

COMMENT ON PROCEDURE @extschema@.teams_watch(bigint) IS
'draws a broadcast''s progress once a second until it is done';

CREATE FUNCTION @extschema@.teams_unsendable(activity json)
RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'teams_unsendable';

COMMENT ON FUNCTION @extschema@.teams_unsendable(json) IS
'why an activity cannot be sent: its size, its encoding or JSON that jsonb does not take; null if it can';

-- What a recipient gets; null and the reason if the template fails.  The
-- template is that of the broadcast: a function in place of one would be called
-- with the worker's privileges, not with those of whoever made the broadcast.
CREATE FUNCTION @extschema@.teams_render_for(
	broadcast bigint, template text, data jsonb, locale text,
	OUT activity json, OUT problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted	text := lower(replace(coalesce(locale, ''), '_', '-'));
	chosen	@extschema@.teams_broadcast_template;
BEGIN
	SELECT t.* INTO chosen
	FROM @extschema@.teams_broadcast_template AS t
	WHERE t.broadcast = teams_render_for.broadcast
	  AND (t.locale = '' OR t.locale = wanted
		   OR starts_with(wanted, t.locale || '-'))
	ORDER BY length(t.locale) DESC LIMIT 1;
	IF NOT FOUND THEN
		problem := format('template "%s" does not exist for the locale "%s"', template, wanted);
		RETURN;
	END IF;
	activity := @extschema@.teams_fill(template, chosen.kind, chosen.body,
		chosen.summary, data)::json;
	problem := @extschema@.teams_activity_problem(activity::jsonb);
	IF activity IS NULL THEN
		problem := format('template "%s" leaves nothing to say', template);
	ELSIF problem IS NOT NULL THEN
		activity := NULL;
	ELSIF @extschema@.teams_unsendable(activity) IS NOT NULL THEN
		problem := format('template "%s" becomes what cannot be sent: %s',
			template, @extschema@.teams_unsendable(activity));
		activity := NULL;
	END IF;
EXCEPTION WHEN OTHERS THEN
	problem := left(SQLERRM, 500);
END
$$;

COMMENT ON FUNCTION @extschema@.teams_render_for(bigint, text, jsonb, text) IS
'renders a template for one recipient of a broadcast';

-- The next recipients of a broadcast, and what they get: so many, and no more
-- than there is time and room for in one step of the worker.
CREATE FUNCTION @extschema@.teams_render_part(
	broadcast bigint, after bigint, most bigint,
	OUT n bigint, OUT target text, OUT activity json, OUT problem text,
	OUT is_excluded boolean)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	deadline	timestamptz := clock_timestamp() + interval '50 ms';
	size		bigint := 0;
	b			record;
	r			record;
BEGIN
	SELECT e.template, e.data INTO b FROM @extschema@.teams_broadcast AS e
	WHERE e.id = teams_render_part.broadcast;
	FOR r IN SELECT a.* FROM @extschema@.teams_recipient AS a
			 WHERE a.broadcast = teams_render_part.broadcast
			   AND a.n > teams_render_part.after
			 ORDER BY a.n LIMIT most
	LOOP
		n := r.n;
		target := r.target;
		is_excluded := r.excluded IS NOT NULL;
		activity := NULL;
		problem := NULL;
		IF NOT is_excluded THEN
			SELECT f.activity, f.problem INTO activity, problem
			FROM @extschema@.teams_render_for(teams_render_part.broadcast, b.template,
				CASE WHEN jsonb_typeof(b.data) = 'object'
						  AND jsonb_typeof(r.data) = 'object'
					 THEN b.data || r.data ELSE b.data END, r.locale) AS f;
			size := size + coalesce(length(activity::text), 0);
		END IF;
		RETURN NEXT;
		EXIT WHEN clock_timestamp() > deadline OR size > 1000000;
	END LOOP;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_render_part(bigint, bigint, bigint) IS
'renders a template for the next recipients of a broadcast, as many as one step allows';

------------------------------------------------------------------------------
-- Views
------------------------------------------------------------------------------

-- A sender sees its own messages; who may read the outbox sees all.
CREATE VIEW @extschema@.teams_message WITH (security_barrier) AS
	SELECT m.*
	FROM (SELECT o.id, o.bot, o.kind, o.scope, o.target, o.team,
				 o.refers_to, o.broadcast, o.sender,
				 'pending' AS state, o.attempts, o.doubtful,
				 CASE
					 WHEN b.bot IS NULL THEN 'bot_not_configured'
					 WHEN b.paused_at IS NOT NULL THEN 'bot_paused'
					 WHEN o.held_due_at IS NOT NULL THEN 'loaded'
					 WHEN b.trouble IS NOT NULL THEN 'bot_in_trouble'
					 ELSE o.error_code
				 END AS error_code,
				 CASE
					 WHEN b.bot IS NULL
					 THEN format('bot "%s" does not exist', o.bot)
					 WHEN b.paused_at IS NOT NULL THEN b.paused_reason
					 WHEN o.held_due_at IS NOT NULL
					 THEN 'it was loaded from a dump or replicated, and waits for teams_resume()'
					 WHEN b.trouble IS NOT NULL THEN b.trouble
					 ELSE o.error
				 END AS error,
				 NULL::text AS hint,
				 NULL::text AS conversation_id, NULL::text AS activity_id,
				 NULL::text AS correlation_id,
				 o.priority, o.created_at, o.due_at, o.expires_at,
				 NULL::timestamptz AS settled_at, NULL::bigint AS retried_as
		  FROM @extschema@.teams_outbox AS o
		  LEFT JOIN @extschema@.teams_bot AS b ON b.bot = o.bot
		  UNION ALL
		  SELECT d.id, d.bot, d.kind, d.scope, d.target, d.team,
				 d.refers_to, d.broadcast, d.sender,
				 d.fate, d.attempts, d.doubtful, d.error_code, d.error, d.hint,
				 d.conversation_id, d.activity_id, d.correlation_id,
				 d.priority, d.created_at, NULL, NULL, d.settled_at,
				 d.retried_as
		  FROM @extschema@.teams_delivery AS d) AS m
	WHERE m.sender IN (SELECT r.rolname FROM pg_roles AS r
					   WHERE pg_has_role(r.oid, 'USAGE'))
	   OR has_table_privilege('@extschema@.teams_outbox'::regclass, 'SELECT');

COMMENT ON VIEW @extschema@.teams_message IS
'messages and jobs, pending and finished; senders see their own';

-- What json takes and jsonb does not, in this database's encoding or at all,
-- becomes a question mark, or null; it must not hide the other rows.
CREATE FUNCTION @extschema@.teams_as_jsonb(activity json)
RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $$
BEGIN
	RETURN activity::jsonb;
EXCEPTION WHEN OTHERS THEN
	BEGIN
		RETURN regexp_replace(activity::text, '\\u[0-9a-f]{4}', '?', 'gi')::jsonb;
	EXCEPTION WHEN OTHERS THEN
		RETURN NULL;
	END;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_as_jsonb(json) IS
'an activity as jsonb, without an error';

-- What a test looks at.  A broadcast's messages have their activity in common.
CREATE VIEW @extschema@.teams_recorded WITH (security_barrier) AS
	SELECT d.id, d.bot, d.kind, d.scope, d.target, d.team, d.refers_to,
		   d.broadcast, d.sender, d.priority,
		   a.activity ->> 'text' AS text, a.activity ->> 'summary' AS summary,
		   a.activity, d.created_at
	FROM @extschema@.teams_delivery AS d
	LEFT JOIN @extschema@.teams_broadcast AS b ON b.id = d.broadcast
	CROSS JOIN LATERAL @extschema@.teams_as_jsonb(
		coalesce(d.activity, b.activity)) AS a (activity)
	WHERE d.conversation_id LIKE 'dry-run:%'
	  AND (d.sender IN (SELECT r.rolname FROM pg_roles AS r
						WHERE pg_has_role(r.oid, 'USAGE'))
		   OR has_table_privilege('@extschema@.teams_outbox'::regclass, 'SELECT'));

COMMENT ON VIEW @extschema@.teams_recorded IS
'what dry-run bots have recorded, with the activities; senders see their own';

-- What became of a broadcast's messages is counted in the account, so that
-- looking costs the same however many there are.
CREATE VIEW @extschema@.teams_progress WITH (security_barrier) AS
	SELECT b.id AS broadcast, b.title, b.kind, b.bot, b.state, b.recipients,
		   b.excluded,
		   CASE WHEN b.state IN ('cancelled', 'done') THEN 0
				ELSE greatest(0, b.recipients - b.excluded - b.fed)
		   END AS waiting,
		   q.pending,
		   a.sent, a.failed, a.cancelled, a.expired,
		   CASE WHEN b.state IN ('cancelled', 'done')
				THEN greatest(0, b.recipients - b.excluded - b.fed)
				ELSE 0
		   END AS not_sent,
		   p.percent, r.rate,
		   CASE WHEN b.state = 'running' AND r.rate > 0
				THEN now() + interval '1 second'
					* ((b.recipients - b.excluded - a.settled) / r.rate)
		   END AS expected_at,
		   b.started_at, b.finished_at
	FROM @extschema@.teams_broadcast AS b
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(messages) FILTER (WHERE entry = 'sent'), 0)::bigint AS sent,
			   coalesce(sum(messages) FILTER (WHERE entry = 'failed'), 0)::bigint AS failed,
			   coalesce(sum(messages) FILTER (WHERE entry = 'cancelled'), 0)::bigint AS cancelled,
			   coalesce(sum(messages) FILTER (WHERE entry = 'expired'), 0)::bigint AS expired,
			   coalesce(sum(messages) FILTER (WHERE entry <> 'accepted'), 0)::bigint AS settled
		FROM @extschema@.teams_account AS e
		WHERE coalesce(e.broadcast, 0) = b.id) AS a
	-- Of one that is done, what teams_retry() has written; a restored database
	-- does not know what was settled.
	CROSS JOIN LATERAL (
		SELECT CASE WHEN b.state = 'done'
					THEN (SELECT count(*) FROM @extschema@.teams_outbox AS o
						  WHERE o.broadcast = b.id)
					ELSE greatest(0, b.fed - a.settled) END AS pending) AS q
	CROSS JOIN LATERAL (
		SELECT CASE WHEN b.recipients <= b.excluded THEN 100.0
					WHEN b.state = 'done'
					THEN round(100.0 - least(100.0, 100.0 * q.pending
						/ (b.recipients - b.excluded)), 1)
					ELSE round(100.0 * a.settled / (b.recipients - b.excluded), 1)
			   END AS percent) AS p
	LEFT JOIN LATERAL (
		SELECT round((a.settled / greatest(1, extract(epoch FROM
			coalesce(b.finished_at, now()) - b.started_at)))::numeric, 1) AS rate
		WHERE b.started_at IS NOT NULL) AS r ON true
	WHERE b.sender IN (SELECT r.rolname FROM pg_roles AS r
					   WHERE pg_has_role(r.oid, 'USAGE'))
	   OR has_table_privilege('@extschema@.teams_broadcast'::regclass, 'SELECT');

COMMENT ON VIEW @extschema@.teams_progress IS
'how far each broadcast has come: counts, messages a second so far, and when it will be done at that rate';

-- Both sides are kept apart: what was accepted is counted by whoever wrote it,
-- what was settled by whoever settled it, and what is pending is there.
CREATE VIEW @extschema@.teams_accounting AS
	SELECT a.bot, a.accepted, coalesce(o.pending, 0) AS pending,
		   a.sent, a.failed, a.cancelled, a.expired,
		   a.accepted = coalesce(o.pending, 0)
			   + a.sent + a.failed + a.cancelled + a.expired AS balanced
	FROM (SELECT bot,
				 coalesce(sum(messages) FILTER (WHERE entry = 'accepted'), 0)::bigint AS accepted,
				 coalesce(sum(messages) FILTER (WHERE entry = 'sent'), 0)::bigint AS sent,
				 coalesce(sum(messages) FILTER (WHERE entry = 'failed'), 0)::bigint AS failed,
				 coalesce(sum(messages) FILTER (WHERE entry = 'cancelled'), 0)::bigint AS cancelled,
				 coalesce(sum(messages) FILTER (WHERE entry = 'expired'), 0)::bigint AS expired
		  FROM @extschema@.teams_account GROUP BY bot) AS a
	LEFT JOIN (SELECT bot, count(*) AS pending
			   FROM @extschema@.teams_outbox GROUP BY bot) AS o USING (bot);

COMMENT ON VIEW @extschema@.teams_accounting IS
'for each bot: accepted = pending + sent + failed + cancelled + expired, at every instant';

-- Those that wait for their first installation have no row yet.
CREATE VIEW @extschema@.teams_installed AS
	SELECT i.bot, i.scope, i.target, i.state,
		   coalesce(i.error, r.reason,
			   CASE WHEN i.state = 'installed' AND i.verify_at <= now()
				THEN 'whose name it is, is looked up with the next message'
				END) AS reason,
		   CASE WHEN i.state = 'installed' AND i.app_version <> b.app_version
				THEN 'Call teams_upgrade().'
				ELSE coalesce(i.hint, r.hint) END AS hint,
		   i.since, i.checked_at, i.app_version,
		   b.app_version AS catalog_version,
		   CASE WHEN i.state = 'installed'
				THEN i.app_version <> b.app_version END AS outdated,
		   i.installed_by_us, i.uninstalled_by, i.user_id, i.verify_at
	FROM @extschema@.teams_installation AS i
	LEFT JOIN @extschema@.teams_bot AS b ON b.bot = i.bot
	LEFT JOIN (VALUES
		('installing', 'the installation is being tried', NULL),
		('stale', 'it is looked up again with the next message', NULL),
		('absent', 'the bot is not there, and nobody has taken it away',
		 'Call teams_ensure_installed(), or send a message.'),
		('removed', 'somebody has taken the bot away',
		 'Call teams_ensure_installed() if it is wanted again.'),
		('uninstalled', 'the bot was taken away by teams_uninstall()',
		 'Call teams_ensure_installed() to install it again.'),
		('blocked', 'the recipient has blocked, muted or removed the bot',
		 'Call teams_ensure_installed() when messages are wanted again.'))
		AS r (state, reason, hint) ON r.state = i.state
	UNION ALL
	SELECT DISTINCT ON (o.bot, o.scope, o.target)
		   o.bot, o.scope, o.target, 'installing',
		   coalesce(b.paused_reason, b.trouble, o.error,
					'it is waiting to be installed'), NULL,
		   o.created_at, NULL, NULL, b.app_version, NULL, false, NULL, NULL,
		   NULL
	FROM @extschema@.teams_outbox AS o
	LEFT JOIN @extschema@.teams_bot AS b ON b.bot = o.bot
	WHERE o.kind = 'install'
	  AND NOT EXISTS (SELECT FROM @extschema@.teams_installation AS i
					  WHERE i.bot = o.bot AND i.scope = o.scope
						AND i.target = o.target)
	ORDER BY 1, 2, 3;

COMMENT ON VIEW @extschema@.teams_installed IS
'where the bots are installed, or why not, since when, and what to do about it';

CREATE FUNCTION @extschema@.teams_throttles(
	OUT client_id uuid, OUT tenant_id uuid, OUT scope text,
	OUT left_now integer, OUT share real, OUT until timestamptz,
	OUT complaints bigint)
RETURNS SETOF record
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_throttles';

COMMENT ON FUNCTION @extschema@.teams_throttles() IS
'the pace of each bot in shared memory; see the view teams_throttle';

CREATE VIEW @extschema@.teams_throttle AS
	SELECT b.bot, t.scope,
		   CASE t.scope WHEN 'connector' THEN b.connector_rate
				WHEN 'graph delete' THEN greatest(b.graph_rate / 2, 1)
				ELSE b.graph_rate END AS quota,
		   t.share, t.left_now, t.until, t.complaints
	FROM @extschema@.teams_throttles() AS t
	JOIN @extschema@.teams_bot AS b USING (client_id, tenant_id);

COMMENT ON VIEW @extschema@.teams_throttle IS
'what limits each bot now: requests in the last second, the share of the quota in use, and 429s';

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
'the worker of this database; for pg_read_all_stats, the workers of the cluster, one for each database that has the extension';

------------------------------------------------------------------------------
-- Privileges: PUBLIC gets nothing
------------------------------------------------------------------------------

-- What a kind of role may do with what belongs to the extension, for
-- teams_grant() and teams_revoke(); a name stands for all functions that have
-- it.  What is not named is for nobody.
CREATE FUNCTION @extschema@.teams_privileges(kind text)
RETURNS TABLE (privilege text, object text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT g.privilege,
		   coalesce('ROUTINE ' || p.oid::regprocedure, 'TABLE ' || c.oid::regclass)
	FROM pg_extension AS e
	JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass
		AND d.refobjid = e.oid AND d.deptype = 'e'
	LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
	LEFT JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
	JOIN (VALUES
		(1, 'EXECUTE', 'teams_escape'),
		(1, 'EXECUTE', 'teams_summary'),
		(1, 'EXECUTE', 'teams_mentions'),
		(1, 'EXECUTE', 'teams_mark'),
		(1, 'EXECUTE', 'teams_activity'),
		(1, 'EXECUTE', 'teams_text'),
		(1, 'EXECUTE', 'teams_card'),
		(1, 'EXECUTE', 'teams_image'),
		(1, 'EXECUTE', 'teams_send'),
		(1, 'EXECUTE', 'teams_send_chat'),
		(1, 'EXECUTE', 'teams_post'),
		(1, 'EXECUTE', 'teams_notify'),
		(1, 'EXECUTE', 'teams_edit'),
		(1, 'EXECUTE', 'teams_delete'),
		(1, 'EXECUTE', 'teams_message_url'),
		(1, 'EXECUTE', 'teams_broadcast'),
		(1, 'EXECUTE', 'teams_start_broadcast'),
		(1, 'EXECUTE', 'teams_pause_broadcast'),
		(1, 'EXECUTE', 'teams_resume_broadcast'),
		(1, 'EXECUTE', 'teams_cancel_broadcast'),
		(1, 'EXECUTE', 'teams_recall'),
		(1, 'EXECUTE', 'teams_edit_broadcast'),
		(1, 'EXECUTE', 'teams_preview'),
		(1, 'EXECUTE', 'teams_plan'),
		(1, 'EXECUTE', 'teams_opt_out'),
		(1, 'EXECUTE', 'teams_opt_in'),
		(1, 'EXECUTE', 'teams_watch'),
		(1, 'EXECUTE', 'teams_watch_line'),
		(1, 'SELECT', 'teams_progress'),
		(1, 'EXECUTE', 'teams_ensure_installed'),
		(1, 'EXECUTE', 'teams_upgrade'),
		(1, 'EXECUTE', 'teams_uninstall'),
		(1, 'EXECUTE', 'teams_check_installed'),
		(1, 'EXECUTE', 'teams_people'),
		(1, 'EXECUTE', 'teams_members'),
		(1, 'EXECUTE', 'teams_cancel'),
		(1, 'EXECUTE', 'teams_retry'),
		(1, 'EXECUTE', 'teams_wait'),
		(1, 'SELECT', 'teams_message'),
		(1, 'SELECT', 'teams_recorded'),
		(1, 'EXECUTE', 'teams_as_jsonb'),
		(1, 'EXECUTE', 'teams_render'),
		(1, 'EXECUTE', 'teams_expand'),
		(1, 'EXECUTE', 'teams_as_activity'),
		(1, 'EXECUTE', 'teams_fill'),
		(1, 'EXECUTE', 'teams_card_summary'),
		(1, 'SELECT', 'teams_template'),
		(2, 'EXECUTE', 'teams_pause'),
		(2, 'EXECUTE', 'teams_resume'),
		(2, 'EXECUTE', 'teams_drain'),
		(2, 'EXECUTE', 'teams_sync_directory'),
		(2, 'EXECUTE', 'teams_sync_group'),
		(2, 'EXECUTE', 'teams_sync_roster'),
		(2, 'EXECUTE', 'teams_workers'),
		(2, 'EXECUTE', 'teams_throttles'),
		(2, 'SELECT', 'teams_bot'),
		(2, 'SELECT', 'teams_installation'),
		(2, 'SELECT', 'teams_outbox'),
		(2, 'SELECT', 'teams_inflight'),
		(2, 'SELECT', 'teams_delivery'),
		(2, 'SELECT', 'teams_dedupe'),
		(2, 'SELECT', 'teams_thread'),
		(2, 'SELECT', 'teams_notify_error'),
		(2, 'SELECT', 'teams_broadcast'),
		(2, 'SELECT', 'teams_recipient'),
		(2, 'SELECT', 'teams_broadcast_template'),
		(2, 'SELECT', 'teams_opt_out'),
		(2, 'SELECT', 'teams_person'),
		(2, 'SELECT', 'teams_group_member'),
		(2, 'SELECT', 'teams_directory'),
		(2, 'SELECT', 'teams_account'),
		(2, 'SELECT', 'teams_accounting'),
		(2, 'SELECT', 'teams_installed'),
		(2, 'SELECT', 'teams_throttle'),
		(2, 'SELECT', 'teams_worker'),
		(3, 'EXECUTE', 'teams_configure'),
		(3, 'EXECUTE', 'teams_configure_dry_run'),
		(3, 'EXECUTE', 'teams_check_url'),
		(3, 'EXECUTE', 'teams_check_credential'),
		(3, 'EXECUTE', 'teams_set_template'),
		(3, 'EXECUTE', 'teams_drop_template'),
		(3, 'EXECUTE', 'teams_check_template'),
		(3, 'EXECUTE', 'teams_grant'),
		(3, 'EXECUTE', 'teams_revoke'))
		AS g (level, privilege, name)
		ON (g.privilege = 'EXECUTE' AND p.proname = g.name)
		   OR (g.privilege = 'SELECT' AND c.relname = g.name)
	WHERE e.extname = 'teams_proactive'
	  AND g.level <= array_position('{sender,operator,administrator}'::text[], kind)
$$;

COMMENT ON FUNCTION @extschema@.teams_privileges(text) IS
'what teams_grant() grants to a sender, an operator or an administrator';

CREATE FUNCTION @extschema@.teams_grant(role text, kind text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p	record;
BEGIN
	IF role IS NULL OR kind IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'role and kind must be given';
	END IF;
	IF role = 'public' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'PUBLIC must not be given any of this',
			HINT = 'Give it to roles.';
	END IF;
	IF kind NOT IN ('sender', 'operator', 'administrator') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('unknown kind of role: "%s"', kind),
			HINT = 'Give "sender", "operator" or "administrator".';
	END IF;
	FOR p IN SELECT * FROM @extschema@.teams_privileges(kind)
	LOOP
		EXECUTE format('GRANT %s ON %s TO %I', p.privilege, p.object, role);
	END LOOP;

	-- Who has EXECUTE on teams_privileges() has USAGE on the schema from here,
	-- and not from somebody who granted it for another purpose.
	IF NOT EXISTS (
		SELECT FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
		WHERE n.oid = '@extschema@'::regnamespace AND a.privilege_type = 'USAGE'
		  AND pg_get_userbyid(a.grantee) = role) THEN
		EXECUTE format('GRANT USAGE ON SCHEMA %s TO %I',
					   '@extschema@'::regnamespace, role);
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I',
					   '@extschema@.teams_privileges(text)'::regprocedure, role);
	END IF;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_grant(text, text) IS
'lets a role send, operate or administer; each kind may do what those before it may';

CREATE FUNCTION @extschema@.teams_revoke(role text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p	record;
BEGIN
	IF role IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'role must be given';
	END IF;
	IF role = 'public' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'PUBLIC has none of this',
			HINT = 'Take it from roles.';
	END IF;
	FOR p IN SELECT * FROM @extschema@.teams_privileges('administrator'::text)
	LOOP
		EXECUTE format('REVOKE %s ON %s FROM %I', p.privilege, p.object, role);
	END LOOP;

	-- see teams_grant()
	IF EXISTS (
		SELECT FROM pg_proc AS f, aclexplode(f.proacl) AS a
		WHERE f.oid = '@extschema@.teams_privileges(text)'::regprocedure
		  AND pg_get_userbyid(a.grantee) = role AND a.grantee <> f.proowner) THEN
		EXECUTE format('REVOKE USAGE ON SCHEMA %s FROM %I',
					   '@extschema@'::regnamespace, role);
		EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM %I',
					   '@extschema@.teams_privileges(text)'::regprocedure, role);
	END IF;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_revoke(text) IS
'takes from a role all that teams_grant() may have granted';

-- Whatever function there is, PUBLIC may not call it.
DO $$
DECLARE
	f	regprocedure;
BEGIN
	FOR f IN
		SELECT d.objid FROM pg_depend AS d
		WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
		  AND d.refclassid = 'pg_extension'::regclass
		  AND d.refobjid = (SELECT e.oid FROM pg_extension AS e
							WHERE e.extname = 'teams_proactive')
	LOOP
		EXECUTE format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', f);
	END LOOP;
END
$$;
