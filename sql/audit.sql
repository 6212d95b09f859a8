------------------------------------------------------------------------------
-- What was said to a person, and erasing one
------------------------------------------------------------------------------

-- What messages say is not in teams_message_detail, which monitors may read, too.  A
-- broadcast that says the same to all has it in its own row.
CREATE VIEW @extschema@.teams_said_detail WITH (security_barrier) AS
	SELECT d.id, d.settled_at AS at, d.bot, d.kind, d.scope, d.target, d.team,
		   d.conversation_id, d.refers_to, d.broadcast, d.fate, d.doubtful,
		   d.sender, d.application_name,
		   a.activity ->> 'text' AS text, a.activity ->> 'summary' AS summary,
		   a.activity
	FROM @extschema@.teams_delivery AS d
	LEFT JOIN @extschema@.teams_broadcast AS b ON b.id = d.broadcast
	CROSS JOIN LATERAL @extschema@._teams_as_jsonb(
		coalesce(d.activity, b.activity)) AS a (activity)
	WHERE d.kind IN ('send', 'edit', 'delete')
	  AND (d.fate = 'sent' OR d.doubtful)
	  AND d.conversation_id NOT LIKE 'dry-run:%' IS NOT FALSE
	  AND ((SELECT has_table_privilege('@extschema@.teams_outbox'::regclass, 'SELECT'))
		   OR d.sender IN (SELECT r.rolname FROM pg_roles AS r
						   WHERE pg_has_role(r.oid, 'USAGE')))
	ORDER BY d.id DESC;

COMMENT ON VIEW @extschema@.teams_said_detail IS
'what was said to whom, newest first, with the activities: of broadcasts that say the same to all, and of all else that was sent while teams_proactive.keep_text was on; senders see their own';
COMMENT ON COLUMN @extschema@.teams_said_detail.id IS
'id that teams_send() and the others returned; the later message has the higher one';
COMMENT ON COLUMN @extschema@.teams_said_detail.at IS
'when it was recorded that it was sent';
COMMENT ON COLUMN @extschema@.teams_said_detail.bot IS
'bot that sent it';
COMMENT ON COLUMN @extschema@.teams_said_detail.kind IS
'send, edit or delete; what was edited or deleted has refers_to';
COMMENT ON COLUMN @extschema@.teams_said_detail.scope IS
'what the target is: user, chat, channel, or team for its General channel';
COMMENT ON COLUMN @extschema@.teams_said_detail.target IS
'to whom: a person''s user principal name or object id, or the id of a chat, channel or team; teams_names() returns all of a person''s';
COMMENT ON COLUMN @extschema@.teams_said_detail.team IS
'id of the channel''s team';
COMMENT ON COLUMN @extschema@.teams_said_detail.conversation_id IS
'chat or channel that it was sent to';
COMMENT ON COLUMN @extschema@.teams_said_detail.refers_to IS
'message that it edits or deletes, or in whose thread it answers';
COMMENT ON COLUMN @extschema@.teams_said_detail.broadcast IS
'broadcast that it is of';
COMMENT ON COLUMN @extschema@.teams_said_detail.fate IS
'sent; or what became of it if it is not known whether it arrived';
COMMENT ON COLUMN @extschema@.teams_said_detail.doubtful IS
'whether it may have arrived more than once, or, if it failed, after all';
COMMENT ON COLUMN @extschema@.teams_said_detail.sender IS
'name of the role that sent it, which need not be there any more';
COMMENT ON COLUMN @extschema@.teams_said_detail.application_name IS
'application_name of the session that sent it, if it had one';
COMMENT ON COLUMN @extschema@.teams_said_detail.text IS
'text that it had; null for a card, for a deletion, or if it was not kept';
COMMENT ON COLUMN @extschema@.teams_said_detail.summary IS
'what its notification showed';
COMMENT ON COLUMN @extschema@.teams_said_detail.activity IS
'all of it; null for a deletion, or if it was not kept';

CREATE VIEW @extschema@.teams_said AS
	SELECT s.id, date_trunc('second', s.at) AS at, s.kind, s.target, s.sender,
		   coalesce(s.text, s.summary) AS text
	FROM @extschema@.teams_said_detail AS s;

COMMENT ON VIEW @extschema@.teams_said IS
'what was said to whom, newest first, as text or as the card''s notification; teams_said_detail says more; senders see their own';

-- The name that is given may have been another's, and a name that a person
-- once had may be another's now: so from a name to the object id it goes by
-- what is known now, and from there to the names that are known of that.
CREATE FUNCTION @extschema@.teams_names(user_id text)
RETURNS text[]
LANGUAGE sql STABLE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	WITH ids (id) AS (
		SELECT lower($1 COLLATE "C")
		UNION
		SELECT i.user_id FROM @extschema@.teams_installation AS i
		WHERE i.scope = 'user' AND i.target = lower($1 COLLATE "C")
		UNION
		(SELECT DISTINCT ON (p.bot) p.id FROM @extschema@.teams_person AS p
		 WHERE p.user_principal_name = lower($1 COLLATE "C")
		   AND NOT EXISTS (
			SELECT FROM @extschema@.teams_installation AS i
			WHERE i.bot = p.bot AND i.scope = 'user'
			  AND i.target = p.user_principal_name AND i.user_id IS NOT NULL)
		 ORDER BY p.bot, p.synced_at DESC)),
	names (name) AS (
		SELECT ids.id FROM ids
		UNION
		SELECT p.user_principal_name FROM @extschema@.teams_person AS p
		JOIN ids ON ids.id = p.id
		UNION
		SELECT i.target FROM @extschema@.teams_installation AS i
		JOIN ids ON ids.id = i.user_id WHERE i.scope = 'user')
	SELECT array_agg(n.name ORDER BY n.name) FROM names AS n
	WHERE n.name IS NOT NULL
$$;

COMMENT ON FUNCTION @extschema@.teams_names(text) IS
'all that a person is called here: user principal names and Entra object ids, from one of them';

-- A name is one only as a whole: ada@contoso.com is not in nada@contoso.com,
-- but behind a line feed as JSON writes it.
CREATE FUNCTION @extschema@._teams_is_named(content text, names text[])
RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $$
	SELECT EXISTS (
		SELECT FROM unnest($2) AS n (name)
		WHERE $1 ~* concat('(^|[^a-z0-9._%+''#-]|\\[bfnrt])',
						   regexp_replace(n.name, '([][\\.^$*+?(){}|])', '\\\1', 'g'),
						   '($|[^a-z0-9.-]|\.($|[^a-z0-9]))'))
$$;

COMMENT ON FUNCTION @extschema@._teams_is_named(text, text[]) IS
'whether a text has one of the names in it, for teams_erase_person()';

-- What is kept of a broadcast counts its recipients, so that their rows stay,
-- without saying whose they are; the account has numbers alone, and is not
-- touched.
CREATE FUNCTION @extschema@._teams_erase_recipient(names text[])
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	erased	bigint;
BEGIN
	-- The worker hands recipients over with the broadcast locked.
	PERFORM FROM @extschema@.teams_broadcast AS b
	WHERE b.id IN (SELECT r.broadcast FROM @extschema@.teams_recipient AS r
				   WHERE lower(r.target COLLATE "C") = ANY (names)
					  OR r.user_id = ANY (names))
	ORDER BY b.id FOR UPDATE;
	WITH hit AS MATERIALIZED (
		SELECT r.broadcast, r.n,
			   r.excluded IS NULL AND r.n > b.position
			   AND b.state IN ('draft', 'running', 'paused') AS waits
		FROM @extschema@.teams_recipient AS r
		LEFT JOIN @extschema@.teams_broadcast AS b ON b.id = r.broadcast
		WHERE lower(r.target COLLATE "C") = ANY (names)
		   OR r.user_id = ANY (names)),
	gone AS (
		UPDATE @extschema@.teams_recipient AS r
		SET target = 'erased', user_id = NULL, locale = NULL, data = NULL,
			excluded = CASE WHEN h.waits OR r.excluded IS NOT NULL THEN 'erased' END
		FROM hit AS h WHERE r.broadcast = h.broadcast AND r.n = h.n
		RETURNING r.n),
	counted AS (
		UPDATE @extschema@.teams_broadcast AS b SET excluded = b.excluded + h.waiting
		FROM (SELECT broadcast, count(*) AS waiting FROM hit
			  WHERE waits GROUP BY broadcast) AS h
		WHERE b.id = h.broadcast)
	SELECT count(*) INTO erased FROM gone;
	RETURN erased;
END
$$;

COMMENT ON FUNCTION @extschema@._teams_erase_recipient(text[]) IS
'what teams_erase_person() does with recipients of broadcasts';

-- What is pending is cancelled before, so that it has been counted.  A key goes
-- with its message, as it may say whom that was for.
CREATE FUNCTION @extschema@._teams_erase_messages(names text[], chats text[])
RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	pending	bigint[];
	erased	jsonb;
BEGIN
	SELECT array_agg(o.id) INTO pending FROM @extschema@.teams_outbox AS o
	WHERE o.target = ANY (names || chats);
	pending := coalesce(pending, '{}');
	PERFORM @extschema@.teams_cancel(pending);

	-- A broadcast that edits or deletes goes by the history.
	UPDATE @extschema@.teams_broadcast AS b SET excluded = b.excluded + d.messages
	FROM (SELECT c.id, count(*) AS messages
		  FROM @extschema@.teams_broadcast AS c
		  JOIN @extschema@.teams_delivery AS d ON d.broadcast = c.refers_to
		  WHERE c.state IN ('draft', 'running', 'paused')
			AND d.id > c.position AND d.id <= c.up_to
			AND d.fate = 'sent' AND d.activity_id IS NOT NULL
			AND (d.target = ANY (names || chats) OR d.conversation_id = ANY (chats))
		  GROUP BY c.id) AS d
	WHERE b.id = d.id;
	WITH gone AS (
		DELETE FROM @extschema@.teams_delivery AS d
		WHERE d.target = ANY (names || chats) OR d.conversation_id = ANY (chats)
		RETURNING d.id),
	keys AS (
		DELETE FROM @extschema@.teams_dedupe AS k USING gone
		WHERE k.id = gone.id RETURNING k.id),
	threads AS (
		DELETE FROM @extschema@.teams_thread AS t
		WHERE t.root IN (SELECT g.id FROM gone AS g) OR t.target = ANY (chats)
		RETURNING t.root)
	SELECT jsonb_build_object(
		'teams_outbox', (SELECT count(*) FROM gone AS g WHERE g.id = ANY (pending)),
		'teams_delivery', (SELECT count(*) FROM gone AS g WHERE g.id <> ALL (pending)),
		'teams_dedupe', (SELECT count(*) FROM keys),
		'teams_thread', (SELECT count(*) FROM threads)) INTO erased;
	RETURN erased;
END
$$;

COMMENT ON FUNCTION @extschema@._teams_erase_messages(text[], text[]) IS
'what teams_erase_person() does with messages and their keys';

CREATE FUNCTION @extschema@.teams_erase_person(
	user_id			text,
	keep_opt_outs	boolean DEFAULT NULL,
	OUT table_name text, OUT erased bigint, OUT still_named bigint)
RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	names		text[];
	chats		text[];
	topics		bigint;
	counts		jsonb := '{}';
	deleted		bigint;
	t			record;
BEGIN
	IF user_id IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'user_id must be given';
	END IF;
	IF user_id !~ '^[^@[:space:]]+@[^@[:space:]]+$'
	   AND user_id !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('invalid user id: "%s"', user_id),
			HINT = 'Give a user principal name such as ada@contoso.com, or an Entra object id.';
	END IF;
	-- What the worker has committed meanwhile has to be seen.
	IF current_setting('transaction_isolation') NOT LIKE 'read %' THEN
		RAISE active_sql_transaction USING
			MESSAGE = 'a person can be erased in a READ COMMITTED transaction only';
	END IF;

	-- A chat is a person's if it is that of an object id, which is never
	-- another's.
	names := @extschema@.teams_names(user_id);
	SELECT coalesce(array_agg(DISTINCT c.id), '{}') INTO chats
	FROM (SELECT i.chat_id FROM @extschema@.teams_installation AS i
		  WHERE i.scope = 'user'
			AND (i.target = ANY (names) OR i.user_id = ANY (names))
		  UNION ALL
		  SELECT d.conversation_id FROM @extschema@.teams_delivery AS d
		  WHERE d.scope = 'user' AND d.target = ANY (names)
			AND strpos(d.target, '@') = 0) AS c (id)
	WHERE c.id IS NOT NULL AND c.id NOT LIKE 'dry-run:%';

	SELECT count(*) INTO topics FROM @extschema@.teams_opt_out AS o
	WHERE o.target = ANY (names);
	IF topics > 0 AND keep_opt_outs IS NULL THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('"%s" has opted out of topics, %s in all', user_id, topics),
			DETAIL = 'If that is erased, too, broadcasts about them may reach the person again.',
			HINT = 'Say keep_opt_outs => true to keep it, with the name that it has, or keep_opt_outs => false to erase it.';
	END IF;
	IF topics > 0 AND NOT keep_opt_outs THEN
		DELETE FROM @extschema@.teams_opt_out AS o WHERE o.target = ANY (names);
		GET DIAGNOSTICS deleted = ROW_COUNT;
		counts := counts || jsonb_build_object('teams_opt_out', deleted);
	END IF;

	counts := counts || jsonb_build_object('teams_recipient',
		@extschema@._teams_erase_recipient(names));
	counts := counts || @extschema@._teams_erase_messages(names, chats);
	DELETE FROM @extschema@.teams_installation AS i
	WHERE (i.scope = 'user' AND (i.target = ANY (names) OR i.user_id = ANY (names)))
	   OR (i.scope = 'chat' AND i.target = ANY (chats));
	GET DIAGNOSTICS deleted = ROW_COUNT;
	counts := counts || jsonb_build_object('teams_installation', deleted);
	DELETE FROM @extschema@.teams_person AS p WHERE p.id = ANY (names);
	GET DIAGNOSTICS deleted = ROW_COUNT;
	counts := counts || jsonb_build_object('teams_person', deleted);
	DELETE FROM @extschema@.teams_group_member AS m WHERE m.id = ANY (names);
	GET DIAGNOSTICS deleted = ROW_COUNT;
	counts := counts || jsonb_build_object('teams_group_member', deleted);
	DELETE FROM @extschema@.teams_digest_row AS r
	WHERE (r.scope = 'user' AND lower(r.target COLLATE "C") = ANY (names))
	   OR r.target = ANY (chats);
	GET DIAGNOSTICS deleted = ROW_COUNT;
	counts := counts || jsonb_build_object('teams_digest_row', deleted);
	DELETE FROM @extschema@.teams_notify_error AS e
	WHERE @extschema@._teams_is_named(e::text, names || chats);
	GET DIAGNOSTICS deleted = ROW_COUNT;
	counts := counts || jsonb_build_object('teams_notify_error', deleted);

	-- What names the person besides: what is on the wire, what was said to
	-- others, what was kept.
	FOR t IN
		SELECT c.relname, c.oid::regclass AS relation
		FROM pg_extension AS e
		JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass
			AND d.refobjid = e.oid AND d.deptype = 'e'
		JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
		WHERE e.extname = 'teams_proactive' AND c.relkind = 'r'
		ORDER BY c.relname
	LOOP
		table_name := t.relname;
		erased := coalesce((counts ->> t.relname)::bigint, 0);
		EXECUTE format('SELECT count(*) FROM %s AS r WHERE EXISTS ('
			'SELECT FROM unnest($1) AS n (name)'
			' WHERE strpos(lower(r::text), lower(n.name)) > 0)'
			' AND @extschema@._teams_is_named(r::text, $1)', t.relation)
			INTO still_named USING names || chats;
		IF erased > 0 OR still_named > 0 THEN
			RETURN NEXT;
		END IF;
		IF table_name = 'teams_outbox' AND EXISTS (
			SELECT FROM @extschema@.teams_outbox AS o
			WHERE o.target = ANY (names || chats)) THEN
			RAISE NOTICE USING
				MESSAGE = format('a message to "%s" is on the wire', user_id),
				HINT = 'Call teams_erase_person() again when it has arrived.';
		END IF;
	END LOOP;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_erase_person(text, boolean) IS
'erases what names a person, and cancels what is pending; returns how many rows of which tables, and how many name the person still';
