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
		(bot, tenant_id, client_id, teams_app_id, credential, dry_run,
		 dry_run_since)
	VALUES (bot, nil, nil, nil, '', true, now())
	ON CONFLICT ON CONSTRAINT teams_bot_pkey DO UPDATE SET
		tenant_id = excluded.tenant_id,
		client_id = excluded.client_id,
		teams_app_id = excluded.teams_app_id,
		manifest_id = NULL,
		credential = excluded.credential,
		dry_run = true,
		dry_run_since = CASE WHEN b.dry_run THEN b.dry_run_since
							 ELSE excluded.dry_run_since END,
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

-- A bot that was real has a history from that time, which stays.
CREATE FUNCTION @extschema@.teams_reset_dry_run(bot text DEFAULT 'default')
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	known		@extschema@.teams_bot;
	since		timestamptz;
	broadcasts	bigint[];
BEGIN
	IF bot IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'bot must be given';
	END IF;
	SELECT b.* INTO known FROM @extschema@.teams_bot AS b
	WHERE b.bot = teams_reset_dry_run.bot FOR UPDATE;
	IF NOT FOUND THEN
		RAISE undefined_object USING
			MESSAGE = format('bot "%s" does not exist', bot),
			HINT = 'Create it with teams_configure_dry_run().';
	END IF;
	IF NOT known.dry_run THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('bot "%s" is a real bot', bot),
			DETAIL = 'What it has sent has arrived, and must not be forgotten.',
			HINT = 'Give the name of a dry-run bot, as teams_configure_dry_run() creates them.';
	END IF;
	-- Of one that was made by hand only what was recorded is surely not real.
	since := coalesce(known.dry_run_since, 'infinity');

	-- Without them the worker hands over nothing more.
	WITH gone AS (DELETE FROM @extschema@.teams_broadcast AS b
				  WHERE b.bot = teams_reset_dry_run.bot AND b.created_at >= since
				  RETURNING b.id)
	SELECT array_agg(g.id) INTO broadcasts FROM gone AS g;
	DELETE FROM @extschema@.teams_recipient AS r
		WHERE r.broadcast = ANY (broadcasts);
	DELETE FROM @extschema@.teams_broadcast_template AS t
		WHERE t.broadcast = ANY (broadcasts);
	UPDATE @extschema@.teams_account AS a SET broadcast = NULL
		WHERE coalesce(a.broadcast, 0) = ANY (broadcasts);

	-- What this transaction has written is not counted before it commits, so
	-- there is nothing to delete: it is counted the other way.
	WITH pending AS (
		DELETE FROM @extschema@.teams_outbox AS o
		WHERE o.bot = teams_reset_dry_run.bot AND o.created_at >= since
		  AND NOT EXISTS (SELECT FROM @extschema@.teams_inflight AS f
						  WHERE o.id = ANY (f.ids))
		RETURNING o.id),
	settled AS (
		DELETE FROM @extschema@.teams_delivery AS d
		WHERE d.bot = teams_reset_dry_run.bot
		  AND (d.created_at >= since OR d.conversation_id LIKE 'dry-run:%')
		RETURNING d.fate),
	entries AS (
		SELECT s.fate AS entry FROM settled AS s
		UNION ALL
		SELECT 'accepted' FROM settled
		UNION ALL
		SELECT 'accepted' FROM pending)
	INSERT INTO @extschema@.teams_account (bot, entry, messages)
	SELECT teams_reset_dry_run.bot, e.entry, - count(*)
	FROM entries AS e GROUP BY e.entry;

	DELETE FROM @extschema@.teams_dedupe AS k
		WHERE k.bot = teams_reset_dry_run.bot
		  AND NOT EXISTS (SELECT FROM @extschema@.teams_outbox AS o
						  WHERE o.id = k.id)
		  AND NOT EXISTS (SELECT FROM @extschema@.teams_delivery AS d
						  WHERE d.id = k.id);
	DELETE FROM @extschema@.teams_thread AS t
		WHERE t.bot = teams_reset_dry_run.bot
		  AND NOT EXISTS (SELECT FROM @extschema@.teams_outbox AS o
						  WHERE o.id = t.root)
		  AND NOT EXISTS (SELECT FROM @extschema@.teams_delivery AS d
						  WHERE d.id = t.root);
	DELETE FROM @extschema@.teams_installation AS i
		WHERE i.bot = teams_reset_dry_run.bot AND i.since >= since;
	DELETE FROM @extschema@.teams_digest_row AS r
		WHERE r.bot = teams_reset_dry_run.bot AND r.created_at >= since;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_reset_dry_run(text) IS
'forgets what a dry-run bot has recorded, and all that followed from it, so that a test begins anew; never touches a real bot';

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
		   a.activity, d.created_at, d.reference
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
COMMENT ON COLUMN @extschema@.teams_recorded_detail.reference IS
'what the application calls what the message is about';

CREATE VIEW @extschema@.teams_recorded AS
	SELECT r.id, r.bot, r.kind, r.target, r.text, r.summary
	FROM @extschema@.teams_recorded_detail AS r;

COMMENT ON VIEW @extschema@.teams_recorded IS
'what dry-run bots have recorded, newest first; teams_recorded_detail has the activities; senders see their own';
