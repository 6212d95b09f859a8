------------------------------------------------------------------------------
-- History, and what people see of messages
------------------------------------------------------------------------------

-- What has a fate is a row of teams_delivery, until the retention is over.
-- The view teams_message shows it together with what is pending.

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
	settled_at		timestamptz	NOT NULL DEFAULT now(),
	reference		text,
	notify			boolean,
	application_name	text	DEFAULT nullif(current_setting('application_name'), '')
);

-- The worker finds by it what is too old to be kept.
CREATE INDEX teams_delivery_settled ON @extschema@.teams_delivery
	USING brin (settled_at) WITH (pages_per_range = 32, autosummarize = on);

-- By it a broadcast that edits or deletes finds what another one has sent.
CREATE INDEX teams_delivery_broadcast ON @extschema@.teams_delivery
	(broadcast, id) WHERE broadcast IS NOT NULL;

-- What was said to whom.  With the id in it each message would write another
-- page of the index, instead of a few bytes, after each checkpoint.
CREATE INDEX teams_delivery_target ON @extschema@.teams_delivery (target);

-- What the application calls by a name of its own.
CREATE INDEX teams_delivery_reference ON @extschema@.teams_delivery (reference)
	WHERE reference IS NOT NULL;

-- What went wrong lately, and what may have arrived twice: few, so that they
-- cost nothing.
CREATE INDEX teams_delivery_failed ON @extschema@.teams_delivery (settled_at)
	WHERE fate = 'failed';
CREATE INDEX teams_delivery_doubtful ON @extschema@.teams_delivery (id)
	WHERE doubtful;

COMMENT ON TABLE @extschema@.teams_delivery IS
'history: what became of each message and job';
COMMENT ON COLUMN @extschema@.teams_delivery.id IS
'id that teams_send() and the others returned; the later message has the higher one';
COMMENT ON COLUMN @extschema@.teams_delivery.bot IS
'bot that sent it';
COMMENT ON COLUMN @extschema@.teams_delivery.kind IS
'send, edit or delete for a message; else the job that it is: install, upgrade, uninstall or check';
COMMENT ON COLUMN @extschema@.teams_delivery.scope IS
'what the target is: user, chat, channel, or team for its General channel';
COMMENT ON COLUMN @extschema@.teams_delivery.target IS
'whom it was for: a person''s user principal name or object id, or the id of a chat, channel or team';
COMMENT ON COLUMN @extschema@.teams_delivery.team IS
'id of the channel''s team';
COMMENT ON COLUMN @extschema@.teams_delivery.broadcast IS
'broadcast that it is of';
COMMENT ON COLUMN @extschema@.teams_delivery.refers_to IS
'message that it edits or deletes, or in whose thread it answers';
COMMENT ON COLUMN @extschema@.teams_delivery.sender IS
'name of the role that sent it, which need not be there any more';
COMMENT ON COLUMN @extschema@.teams_delivery.fate IS
'sent (for a job: carried out), failed, cancelled or expired';
COMMENT ON COLUMN @extschema@.teams_delivery.conversation_id IS
'chat or channel that it was sent to';
COMMENT ON COLUMN @extschema@.teams_delivery.activity_id IS
'id that the Bot Connector gave the message';
COMMENT ON COLUMN @extschema@.teams_delivery.attempts IS
'how often it was tried';
COMMENT ON COLUMN @extschema@.teams_delivery.doubtful IS
'whether the message may have arrived more than once, or, if failed, after all';
COMMENT ON COLUMN @extschema@.teams_delivery.error_code IS
'the service''s code, or one of ours in lower case';
COMMENT ON COLUMN @extschema@.teams_delivery.error IS
'what the service said, in a sentence';
COMMENT ON COLUMN @extschema@.teams_delivery.hint IS
'what to do about a failure';
COMMENT ON COLUMN @extschema@.teams_delivery.correlation_id IS
'id to give to Microsoft''s support (MS-CV or request-id)';
COMMENT ON COLUMN @extschema@.teams_delivery.activity IS
'what was said; of what was sent only while teams_proactive.keep_text is on, and not of a broadcast that says the same to all';
COMMENT ON COLUMN @extschema@.teams_delivery.priority IS
'high, normal or low; null if it was sent, like delivery, as they are for teams_retry()';
COMMENT ON COLUMN @extschema@.teams_delivery.delivery IS
'at-least-once or at-most-once; null if it was sent';
COMMENT ON COLUMN @extschema@.teams_delivery.retried_as IS
'id of the message that teams_retry() made of this one';
COMMENT ON COLUMN @extschema@.teams_delivery.created_at IS
'when the transaction that sent it began';
COMMENT ON COLUMN @extschema@.teams_delivery.settled_at IS
'when its fate was recorded';
COMMENT ON COLUMN @extschema@.teams_delivery.reference IS
'what the application calls what the message is about; edits and deletions have that of their message';
COMMENT ON COLUMN @extschema@.teams_delivery.notify IS
'true if those who LISTEN teams_message have been told what became of it';
COMMENT ON COLUMN @extschema@.teams_delivery.application_name IS
'application_name of the session that sent it, if it had one';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_delivery', '');

CREATE FUNCTION @extschema@._teams_tell_fate() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_tell_fate';

COMMENT ON FUNCTION @extschema@._teams_tell_fate() IS
'trigger function: tells those who LISTEN teams_message what became of a message';

-- What was settled at another time is loaded from a dump.
CREATE TRIGGER teams_tell_fate AFTER INSERT ON @extschema@.teams_delivery
	FOR EACH ROW WHEN (NEW.notify AND NEW.settled_at = now())
	EXECUTE FUNCTION @extschema@._teams_tell_fate();

-- A sender sees its own messages; who may read teams_accounting sees all.
--
-- Both tables are read by their primary keys, and merged, if few are wanted:
-- that takes an order which is the view's own, as PostgreSQL does not look into
-- a security barrier for that of a query; and it takes that each side is
-- nothing but its table.  So what a bot's state says of a message is looked up
-- where it is wanted, and no function that PostgreSQL takes for volatile may be
-- in it, as pg_is_in_recovery().  That the library is not preloaded is seen by a
-- setting that is not there then.
CREATE VIEW @extschema@.teams_message_detail WITH (security_barrier) AS
	SELECT m.*
	FROM (SELECT o.id, o.bot, o.kind, o.scope, o.target, o.team,
				 o.refers_to, o.broadcast, o.sender,
				 'pending' AS state, o.attempts, o.doubtful,
				 nullif(coalesce((SELECT CASE
							   WHEN b.paused_at IS NOT NULL THEN 'bot_paused'
							   WHEN o.held_due_at IS NOT NULL THEN 'loaded'
							   WHEN b.trouble IS NOT NULL THEN 'bot_in_trouble'
							   WHEN o.error_code IS NOT NULL THEN o.error_code
							   WHEN current_setting('teams_proactive.max_databases', true) IS NULL
									AND current_setting('in_hot_standby', true) IS DISTINCT FROM 'on' THEN 'no_worker'
							   ELSE ''
						   END
						   FROM @extschema@.teams_bot AS b WHERE b.bot = o.bot),
						  'bot_not_configured'), '') AS error_code,
				 nullif(coalesce((SELECT CASE
							   WHEN b.paused_at IS NOT NULL THEN b.paused_reason
							   WHEN o.held_due_at IS NOT NULL
							   THEN 'it was loaded from a dump or replicated, and waits for teams_resume()'
							   WHEN b.trouble IS NOT NULL THEN b.trouble
							   WHEN o.error_code IS NOT NULL THEN coalesce(o.error, '')
							   WHEN current_setting('teams_proactive.max_databases', true) IS NULL
									AND current_setting('in_hot_standby', true) IS DISTINCT FROM 'on'
							   THEN 'the library is not preloaded, so there is no worker'
							   ELSE ''
						   END
						   FROM @extschema@.teams_bot AS b WHERE b.bot = o.bot),
						  format('bot "%s" does not exist', o.bot)), '') AS error,
				 nullif(coalesce((SELECT CASE
							   WHEN b.paused_at IS NOT NULL THEN b.paused_hint
							   WHEN o.held_due_at IS NOT NULL
							   THEN 'Call teams_resume() if it shall be sent, else teams_cancel().'
							   WHEN b.trouble IS NOT NULL THEN b.trouble_hint
							   WHEN o.error_code IS NULL
									AND current_setting('in_hot_standby', true) IS DISTINCT FROM 'on'
									AND current_setting('teams_proactive.max_databases', true) IS NULL
							   THEN 'Set shared_preload_libraries = ''teams_proactive'' and restart the server, or call teams_drain().'
							   ELSE ''
						   END
						   FROM @extschema@.teams_bot AS b WHERE b.bot = o.bot),
						  CASE WHEN NOT EXISTS (SELECT FROM @extschema@.teams_bot AS b
												WHERE b.bot = o.bot)
							   THEN 'Create it with teams_configure(), or call teams_cancel().'
						  END), '') AS hint,
				 NULL::text AS conversation_id, NULL::text AS activity_id,
				 NULL::text AS correlation_id,
				 o.priority, o.created_at, o.due_at, o.expires_at,
				 NULL::timestamptz AS settled_at, NULL::bigint AS retried_as,
				 o.reference, o.application_name
		  FROM @extschema@.teams_outbox AS o
		  UNION ALL
		  SELECT d.id, d.bot, d.kind, d.scope, d.target, d.team,
				 d.refers_to, d.broadcast, d.sender,
				 d.fate, d.attempts, d.doubtful, d.error_code, d.error, d.hint,
				 d.conversation_id, d.activity_id, d.correlation_id,
				 d.priority, d.created_at, NULL, NULL, d.settled_at,
				 d.retried_as, d.reference, d.application_name
		  FROM @extschema@.teams_delivery AS d) AS m
	WHERE (SELECT has_table_privilege('@extschema@.teams_accounting'::regclass, 'SELECT'))
	   OR m.sender IN (SELECT r.rolname FROM pg_roles AS r
					   WHERE pg_has_role(r.oid, 'USAGE'))
	ORDER BY m.id DESC;

COMMENT ON VIEW @extschema@.teams_message_detail IS
'all that is known of messages and jobs, pending and finished, newest first; senders see their own';
COMMENT ON COLUMN @extschema@.teams_message_detail.id IS
'id that teams_send() and the others returned; the later message has the higher one';
COMMENT ON COLUMN @extschema@.teams_message_detail.bot IS
'bot that sends it';
COMMENT ON COLUMN @extschema@.teams_message_detail.kind IS
'send, edit or delete for a message; else the job that it is: install, upgrade, uninstall or check';
COMMENT ON COLUMN @extschema@.teams_message_detail.scope IS
'what the target is: user, chat, channel, or team for its General channel';
COMMENT ON COLUMN @extschema@.teams_message_detail.target IS
'whom it is for: a person''s user principal name or object id, or the id of a chat, channel or team';
COMMENT ON COLUMN @extschema@.teams_message_detail.team IS
'id of the channel''s team';
COMMENT ON COLUMN @extschema@.teams_message_detail.refers_to IS
'message that it edits or deletes, or in whose thread it answers';
COMMENT ON COLUMN @extschema@.teams_message_detail.broadcast IS
'broadcast that it is of';
COMMENT ON COLUMN @extschema@.teams_message_detail.sender IS
'name of the role that sent it, which need not be there any more';
COMMENT ON COLUMN @extschema@.teams_message_detail.state IS
'pending, or its fate: sent (of a job: carried out), failed, cancelled or expired';
COMMENT ON COLUMN @extschema@.teams_message_detail.attempts IS
'how often it was tried';
COMMENT ON COLUMN @extschema@.teams_message_detail.doubtful IS
'whether it may have arrived more than once, or, if it failed, after all';
COMMENT ON COLUMN @extschema@.teams_message_detail.error_code IS
'what went wrong, or what it waits for: a code of the service, or one of ours in lower case';
COMMENT ON COLUMN @extschema@.teams_message_detail.error IS
'what the service said, or what it waits for, in a sentence';
COMMENT ON COLUMN @extschema@.teams_message_detail.hint IS
'what to do about a failure, or about what it waits for';
COMMENT ON COLUMN @extschema@.teams_message_detail.conversation_id IS
'chat or channel that it was sent to';
COMMENT ON COLUMN @extschema@.teams_message_detail.activity_id IS
'id that the Bot Connector gave it';
COMMENT ON COLUMN @extschema@.teams_message_detail.correlation_id IS
'of a failure: id to give to Microsoft''s support (MS-CV or request-id)';
COMMENT ON COLUMN @extschema@.teams_message_detail.priority IS
'high, normal or low: which conversations come first; null if it was sent';
COMMENT ON COLUMN @extschema@.teams_message_detail.created_at IS
'when the transaction that sent it began';
COMMENT ON COLUMN @extschema@.teams_message_detail.due_at IS
'of a pending one: not before this time; null means at once';
COMMENT ON COLUMN @extschema@.teams_message_detail.expires_at IS
'of a pending one: it expires if it has not gone on the wire by then';
COMMENT ON COLUMN @extschema@.teams_message_detail.settled_at IS
'when its fate was recorded';
COMMENT ON COLUMN @extschema@.teams_message_detail.retried_as IS
'message that teams_retry() made of it';
COMMENT ON COLUMN @extschema@.teams_message_detail.reference IS
'what the application calls what the message is about; edits and deletions have that of their message';
COMMENT ON COLUMN @extschema@.teams_message_detail.application_name IS
'application_name of the session that sent it, if it had one';

-- The one long column is the last, so that what is before it fits.
CREATE VIEW @extschema@.teams_message AS
	SELECT m.id, m.bot, m.kind, m.target, m.state, m.error_code,
		   date_trunc('second', m.created_at) AS created_at,
		   m.conversation_id
	FROM @extschema@.teams_message_detail AS m;

COMMENT ON VIEW @extschema@.teams_message IS
'messages and jobs, pending and finished, newest first; teams_message_detail says more; senders see their own';
