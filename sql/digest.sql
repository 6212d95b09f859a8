------------------------------------------------------------------------------
-- Digests over time
------------------------------------------------------------------------------

-- What is collected for digests over time.  A row is here from when the change
-- that it tells of commits, until the message commits that has it.
CREATE TABLE @extschema@.teams_digest_row (
	id				bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	digest			bytea		NOT NULL,
	sender			name		NOT NULL,
	bot				text		NOT NULL,
	scope			text		NOT NULL,
	target			text		NOT NULL,
	team			text,
	thread			text,
	locale			text,
	priority		text		NOT NULL,
	template		text		NOT NULL,
	expires			interval,
	schema_name		text		NOT NULL,
	table_name		text		NOT NULL,
	trigger_name	text		NOT NULL,
	operation		text		NOT NULL,
	data			json		NOT NULL,
	created_at		timestamptz	NOT NULL DEFAULT now(),
	due_at			timestamptz	NOT NULL,
	held			boolean		NOT NULL DEFAULT false
) WITH (autovacuum_vacuum_scale_factor = 0.05,
		autovacuum_vacuum_threshold = 2000);

CREATE INDEX teams_digest_row_due ON @extschema@.teams_digest_row (due_at)
	WHERE NOT held;
CREATE INDEX teams_digest_row_digest
	ON @extschema@.teams_digest_row (digest, target);

COMMENT ON TABLE @extschema@.teams_digest_row IS
'rows that triggers with digest= have collected, until their message is written; see teams_digest';
COMMENT ON COLUMN @extschema@.teams_digest_row.id IS
'order in which the message has them';
COMMENT ON COLUMN @extschema@.teams_digest_row.digest IS
'what tells which rows may go into one message: those of one recipient do';
COMMENT ON COLUMN @extschema@.teams_digest_row.sender IS
'name of the role that owned the table, in whose name it is sent';
COMMENT ON COLUMN @extschema@.teams_digest_row.bot IS
'bot that will send it';
COMMENT ON COLUMN @extschema@.teams_digest_row.scope IS
'what the target is: user, chat, channel, or team for its General channel';
COMMENT ON COLUMN @extschema@.teams_digest_row.target IS
'whom it is for: a person''s user principal name or object id, or the id of a chat, channel or team';
COMMENT ON COLUMN @extschema@.teams_digest_row.team IS
'id of the channel''s team';
COMMENT ON COLUMN @extschema@.teams_digest_row.thread IS
'key of the thread that it is posted to';
COMMENT ON COLUMN @extschema@.teams_digest_row.locale IS
'language for the template';
COMMENT ON COLUMN @extschema@.teams_digest_row.priority IS
'high, normal or low; that of the message''s first row counts';
COMMENT ON COLUMN @extschema@.teams_digest_row.template IS
'name of the template that makes the message';
COMMENT ON COLUMN @extschema@.teams_digest_row.expires IS
'for how long the message may wait when it is written; null: for ever';
COMMENT ON COLUMN @extschema@.teams_digest_row.schema_name IS
'schema of the table';
COMMENT ON COLUMN @extschema@.teams_digest_row.table_name IS
'table that has the trigger';
COMMENT ON COLUMN @extschema@.teams_digest_row.trigger_name IS
'trigger that has collected the row';
COMMENT ON COLUMN @extschema@.teams_digest_row.operation IS
'what was done to the row: INSERT, UPDATE or DELETE';
COMMENT ON COLUMN @extschema@.teams_digest_row.data IS
'the row, for the template';
COMMENT ON COLUMN @extschema@.teams_digest_row.created_at IS
'when the transaction began that has changed the row; one with another time has been loaded';
COMMENT ON COLUMN @extschema@.teams_digest_row.due_at IS
'when the message is sent, unless it has an earlier row';
COMMENT ON COLUMN @extschema@.teams_digest_row.held IS
'whether it was loaded from a dump or replicated, and waits for teams_resume()';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_digest_row', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_digest_row_id_seq', '');

CREATE FUNCTION @extschema@._teams_hold_row() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	NEW.held := true;
	RETURN NEW;
END
$$;

COMMENT ON FUNCTION @extschema@._teams_hold_row() IS
'trigger function: holds a row for a digest that was loaded from a dump until teams_resume()';

CREATE TRIGGER teams_hold_row BEFORE INSERT ON @extschema@.teams_digest_row
	FOR EACH ROW WHEN (NEW.created_at <> now())
	EXECUTE FUNCTION @extschema@._teams_hold_row();
ALTER TABLE @extschema@.teams_digest_row ENABLE ALWAYS TRIGGER teams_hold_row;

CREATE FUNCTION @extschema@._teams_send_digest(digest bytea, bot text, target text)
RETURNS bigint
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_send_digest';

COMMENT ON FUNCTION @extschema@._teams_send_digest(bytea, text, text) IS
'the worker''s: writes the message of a digest; returns its id, null if somebody has locked its rows';

-- A sender sees its own; who may read teams_accounting sees all.
CREATE VIEW @extschema@.teams_digest WITH (security_barrier) AS
	SELECT min(d.bot) AS bot,
		   (array_agg(d.target ORDER BY d.first))[1] AS target,
		   min(d.template) AS template, sum(d.rows)::bigint AS rows,
		   CASE WHEN d.held THEN NULL
				ELSE date_trunc('second', min(d.due_at)) END AS due_at,
		   d.sender, min(d.table_name) AS table_name
	FROM (SELECT r.digest, r.held, r.bot, r.scope, r.target, r.sender,
				 min(r.template) AS template,
				 min(r.schema_name || '.' || r.table_name) AS table_name,
				 count(*) AS rows, min(r.id) AS first,
				 min(r.due_at) AS due_at
		  FROM @extschema@.teams_digest_row AS r
		  GROUP BY r.digest, r.held, r.bot, r.scope, r.target, r.sender) AS d
	WHERE (SELECT has_table_privilege('@extschema@.teams_accounting'::regclass, 'SELECT'))
	   OR d.sender IN (SELECT r.rolname FROM pg_roles AS r
					   WHERE pg_has_role(r.oid, 'USAGE'))
	GROUP BY d.digest, d.held, d.sender,
			 coalesce((SELECT i.user_id FROM @extschema@.teams_installation AS i
					   WHERE i.bot = d.bot AND i.scope = 'user'
						 AND d.scope = 'user' AND i.target = d.target),
					  (SELECT p.id FROM @extschema@.teams_person AS p
					   WHERE p.bot = d.bot AND p.user_principal_name = d.target
						 AND d.scope = 'user'
					   ORDER BY p.synced_at DESC LIMIT 1),
					  d.target)
	ORDER BY min(d.due_at);

COMMENT ON VIEW @extschema@.teams_digest IS
'digests over time that triggers are collecting, the next one first; senders see their own';
COMMENT ON COLUMN @extschema@.teams_digest.bot IS
'bot that will send it';
COMMENT ON COLUMN @extschema@.teams_digest.target IS
'whom it is for: a person''s user principal name or object id, or the id of a chat, channel or team';
COMMENT ON COLUMN @extschema@.teams_digest.template IS
'name of the template that makes the message';
COMMENT ON COLUMN @extschema@.teams_digest.rows IS
'how many rows it has so far';
COMMENT ON COLUMN @extschema@.teams_digest.due_at IS
'when it is sent; null: it was loaded from a dump or replicated, and waits for teams_resume()';
COMMENT ON COLUMN @extschema@.teams_digest.sender IS
'name of the role that owned the table, in whose name it is sent';
COMMENT ON COLUMN @extschema@.teams_digest.table_name IS
'table that has the trigger';
