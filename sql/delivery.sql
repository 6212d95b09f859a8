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
	settled_at		timestamptz	NOT NULL DEFAULT now()
);

-- The worker finds by it what is too old to be kept.
CREATE INDEX teams_delivery_settled ON @extschema@.teams_delivery
	USING brin (settled_at) WITH (pages_per_range = 32, autosummarize = on);

-- By it a broadcast that edits or deletes finds what another one has sent.
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

SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_delivery', '');

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
