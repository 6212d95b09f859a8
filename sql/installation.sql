------------------------------------------------------------------------------
-- Installations: where the bots are
------------------------------------------------------------------------------

-- teams_installation keeps where the bots are, as far as it is known from
-- Microsoft Graph and from what the services answered.  Functions have the
-- worker install them, upgrade them, take them away or look them up, and the
-- view teams_installed says why one is not there.

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

-- By it all names of a person are found.
CREATE INDEX teams_installation_user ON @extschema@.teams_installation
	(bot, user_id) WHERE user_id IS NOT NULL;

-- By it the service URL of a chat is found, for a message there that is
-- changed.
CREATE INDEX teams_installation_service ON @extschema@.teams_installation
	(bot, chat_id) WHERE service_url IS NOT NULL;

COMMENT ON TABLE @extschema@.teams_installation IS
'cache of what Microsoft Graph knows: for whom a bot is installed, and the chat';
COMMENT ON COLUMN @extschema@.teams_installation.bot IS
'bot that is installed there, or not';
COMMENT ON COLUMN @extschema@.teams_installation.scope IS
'what the target is: user, team or chat; a channel is where its team is';
COMMENT ON COLUMN @extschema@.teams_installation.target IS
'of a user the Entra object id or user principal name, of a team the id of its group, both in lower case; of a chat its id';
COMMENT ON COLUMN @extschema@.teams_installation.state IS
'installed; installing: it is tried again; stale: to be looked up again; absent; removed by somebody there; uninstalled from here; blocked by the recipient; refused by a policy; unknown to Teams; failed';
COMMENT ON COLUMN @extschema@.teams_installation.installation_id IS
'id that Microsoft Graph gave the installation';
COMMENT ON COLUMN @extschema@.teams_installation.app_version IS
'version of the app that is installed';
COMMENT ON COLUMN @extschema@.teams_installation.chat_id IS
'where messages go; of a team, its General channel, once it was needed';
COMMENT ON COLUMN @extschema@.teams_installation.service_url IS
'root for messages to this chat, if not the bot''s';
COMMENT ON COLUMN @extschema@.teams_installation.user_id IS
'of a user known by name, the Entra object id of the person whose chat it is';
COMMENT ON COLUMN @extschema@.teams_installation.verify_at IS
'of a user known by name: from then on, Graph is asked whose name it is before the next message';
COMMENT ON COLUMN @extschema@.teams_installation.installed_by_us IS
'whether this database installed the bot, rather than found it installed';
COMMENT ON COLUMN @extschema@.teams_installation.error_code IS
'what went wrong: a code of the service, or one of ours in lower case';
COMMENT ON COLUMN @extschema@.teams_installation.error IS
'what the service said, in a sentence';
COMMENT ON COLUMN @extschema@.teams_installation.hint IS
'what to do about it';
COMMENT ON COLUMN @extschema@.teams_installation.uninstalled_by IS
'name of the role that called teams_uninstall()';
COMMENT ON COLUMN @extschema@.teams_installation.since IS
'when the state became what it is';
COMMENT ON COLUMN @extschema@.teams_installation.checked_at IS
'when Microsoft Graph was asked for the last time';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_installation', '');

CREATE TRIGGER teams_wake AFTER UPDATE OR DELETE OR TRUNCATE
	ON @extschema@.teams_installation
	FOR EACH STATEMENT EXECUTE FUNCTION @extschema@._teams_wake('outbox');
ALTER TABLE @extschema@.teams_installation ENABLE ALWAYS TRIGGER teams_wake;

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

-- Those that wait for their first installation have no row yet.
CREATE VIEW @extschema@.teams_installed_detail AS
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
		   i.installed_by_us, i.uninstalled_by, i.user_id, i.verify_at,
		   i.error_code
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
					'it is waiting to be installed'),
		   coalesce(b.paused_hint, b.trouble_hint),
		   o.created_at, NULL, NULL, b.app_version, NULL, false, NULL, NULL,
		   NULL,
		   CASE
			   WHEN b.bot IS NULL THEN 'bot_not_configured'
			   WHEN b.paused_at IS NOT NULL THEN 'bot_paused'
			   WHEN b.trouble IS NOT NULL THEN 'bot_in_trouble'
			   ELSE o.error_code
		   END
	FROM @extschema@.teams_outbox AS o
	LEFT JOIN @extschema@.teams_bot AS b ON b.bot = o.bot
	WHERE o.kind = 'install'
	  AND NOT EXISTS (SELECT FROM @extschema@.teams_installation AS i
					  WHERE i.bot = o.bot AND i.scope = o.scope
						AND i.target = o.target)
	ORDER BY 1, 2, 3;

COMMENT ON VIEW @extschema@.teams_installed_detail IS
'where the bots are installed, or why not, since when, and what to do about it';
COMMENT ON COLUMN @extschema@.teams_installed_detail.bot IS
'bot that is installed there, or not';
COMMENT ON COLUMN @extschema@.teams_installed_detail.scope IS
'what the target is: user, team or chat';
COMMENT ON COLUMN @extschema@.teams_installed_detail.target IS
'a person''s user principal name or object id, or the id of a team or chat';
COMMENT ON COLUMN @extschema@.teams_installed_detail.state IS
'installed; installing: it is tried again; stale: to be looked up again; absent; removed by somebody there; uninstalled from here; blocked by the recipient; refused by a policy; unknown to Teams; failed';
COMMENT ON COLUMN @extschema@.teams_installed_detail.reason IS
'why, in the service''s words if there are any';
COMMENT ON COLUMN @extschema@.teams_installed_detail.hint IS
'what to do about it';
COMMENT ON COLUMN @extschema@.teams_installed_detail.since IS
'when the state became what it is';
COMMENT ON COLUMN @extschema@.teams_installed_detail.checked_at IS
'when Microsoft Graph was asked for the last time';
COMMENT ON COLUMN @extschema@.teams_installed_detail.app_version IS
'version of the app that is installed there';
COMMENT ON COLUMN @extschema@.teams_installed_detail.catalog_version IS
'version of the app in the organisation''s catalog, as far as it is known';
COMMENT ON COLUMN @extschema@.teams_installed_detail.outdated IS
'whether these two differ; null if one of them is not known';
COMMENT ON COLUMN @extschema@.teams_installed_detail.installed_by_us IS
'whether this database installed the bot, rather than found it installed';
COMMENT ON COLUMN @extschema@.teams_installed_detail.uninstalled_by IS
'name of the role that called teams_uninstall()';
COMMENT ON COLUMN @extschema@.teams_installed_detail.user_id IS
'of a person known by name, the Entra object id, as the id of the chat tells it';
COMMENT ON COLUMN @extschema@.teams_installed_detail.verify_at IS
'of a person known by name: from then on, Graph is asked whose name it is before the next message';
COMMENT ON COLUMN @extschema@.teams_installed_detail.error_code IS
'what went wrong, or what it waits for: a code of the service, or one of ours in lower case';

CREATE VIEW @extschema@.teams_installed AS
	SELECT i.bot, i.scope, i.target, i.state, i.outdated, i.error_code,
		   date_trunc('second', i.since) AS since
	FROM @extschema@.teams_installed_detail AS i;

COMMENT ON VIEW @extschema@.teams_installed IS
'where the bots are installed, or not, and since when; teams_installed_detail says why not, and what to do about it';
