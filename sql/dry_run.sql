------------------------------------------------------------------------------
-- Dry runs: bots that record what they would send
------------------------------------------------------------------------------

-- A dry-run bot is configured without a tenant.  The worker settles its
-- messages as sent and sends none; teams_recorded shows them to tests.

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
	IF NOT @extschema@._teams_is_valid(bot, '@extschema@.teams_bot_name'::regtype) THEN
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
		paused_hint = NULL,
		paused_by = NULL,
		trouble = NULL,
		trouble_hint = NULL,
		try_credential = false,
		credential_good_at = NULL,
		updated_at = now();
END
$$;

COMMENT ON FUNCTION @extschema@.teams_configure_dry_run(text, boolean) IS
'creates a bot that records messages as sent at once and sends nothing, for tests; or makes one of a real bot, if told to replace it';

-- What json takes and jsonb does not, in this database's encoding or at all,
-- becomes a question mark, or null; it must not hide the other rows.
CREATE FUNCTION @extschema@._teams_as_jsonb(activity json)
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

COMMENT ON FUNCTION @extschema@._teams_as_jsonb(json) IS
'an activity as jsonb, without an error';

-- A broadcast's messages have their activity in common, in its row.
CREATE VIEW @extschema@.teams_recorded_detail WITH (security_barrier) AS
	SELECT d.id, d.bot, d.kind, d.scope, d.target, d.team, d.refers_to,
		   d.broadcast, d.sender, d.priority,
		   a.activity ->> 'text' AS text, a.activity ->> 'summary' AS summary,
		   a.activity, d.created_at
	FROM @extschema@.teams_delivery AS d
	LEFT JOIN @extschema@.teams_broadcast AS b ON b.id = d.broadcast
	CROSS JOIN LATERAL @extschema@._teams_as_jsonb(
		coalesce(d.activity, b.activity)) AS a (activity)
	WHERE d.conversation_id LIKE 'dry-run:%'
	  AND ((SELECT has_table_privilege('@extschema@.teams_outbox'::regclass, 'SELECT'))
		   OR d.sender IN (SELECT r.rolname FROM pg_roles AS r
						   WHERE pg_has_role(r.oid, 'USAGE')))
	ORDER BY d.id DESC;

COMMENT ON VIEW @extschema@.teams_recorded_detail IS
'what dry-run bots have recorded, newest first, with the activities; senders see their own';
COMMENT ON COLUMN @extschema@.teams_recorded_detail.id IS
'id that teams_send() and the others returned; the later message has the higher one';
COMMENT ON COLUMN @extschema@.teams_recorded_detail.bot IS
'dry-run bot that would have sent it';
COMMENT ON COLUMN @extschema@.teams_recorded_detail.kind IS
'send, edit or delete for a message; else the job that it is: install, upgrade, uninstall or check';
COMMENT ON COLUMN @extschema@.teams_recorded_detail.scope IS
'what the target is: user, chat, channel, or team for its General channel';
COMMENT ON COLUMN @extschema@.teams_recorded_detail.target IS
'whom it is for: a person''s user principal name or object id, or the id of a chat, channel or team';
COMMENT ON COLUMN @extschema@.teams_recorded_detail.team IS
'id of the channel''s team';
COMMENT ON COLUMN @extschema@.teams_recorded_detail.refers_to IS
'message that it edits or deletes, or in whose thread it answers';
COMMENT ON COLUMN @extschema@.teams_recorded_detail.broadcast IS
'broadcast that it is of';
COMMENT ON COLUMN @extschema@.teams_recorded_detail.sender IS
'name of the role that sent it';
COMMENT ON COLUMN @extschema@.teams_recorded_detail.priority IS
'high, normal or low';
COMMENT ON COLUMN @extschema@.teams_recorded_detail.text IS
'text of the activity; null for a card, a job or a deletion';
COMMENT ON COLUMN @extschema@.teams_recorded_detail.summary IS
'what its notification would have shown';
COMMENT ON COLUMN @extschema@.teams_recorded_detail.activity IS
'what would have been sent; null for a job or a deletion';
COMMENT ON COLUMN @extschema@.teams_recorded_detail.created_at IS
'when the transaction that sent it began';

CREATE VIEW @extschema@.teams_recorded AS
	SELECT r.id, r.bot, r.kind, r.target, r.text, r.summary
	FROM @extschema@.teams_recorded_detail AS r;

COMMENT ON VIEW @extschema@.teams_recorded IS
'what dry-run bots have recorded, newest first; teams_recorded_detail has the activities; senders see their own';
