------------------------------------------------------------------------------
-- Broadcasts
------------------------------------------------------------------------------

-- A broadcast keeps what is said, its templates and its audience as they were
-- when it was made.  The worker feeds its recipients to the outbox, so many at
-- a time: what each of them gets is rendered then, by _teams_render_part().

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
	rate			@extschema@.teams_rate,
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
	reference		text,
	application_name	text	DEFAULT nullif(current_setting('application_name'), ''),
	UNIQUE (bot, sender, dedupe_key)
);

-- The worker reads broadcasts in this order: those that are due come first,
-- and it does not look at those for later.
CREATE INDEX teams_broadcast_running
	ON @extschema@.teams_broadcast (coalesce(send_at, '-infinity'), id)
	WHERE state = 'running';

COMMENT ON TABLE @extschema@.teams_broadcast IS
'messages to many: what is said, stored once, and how far it has come';
COMMENT ON COLUMN @extschema@.teams_broadcast.id IS
'id that teams_broadcast() returned';
COMMENT ON COLUMN @extschema@.teams_broadcast.bot IS
'bot that sends it';
COMMENT ON COLUMN @extschema@.teams_broadcast.kind IS
'send; or edit or delete what the broadcast refers_to has sent';
COMMENT ON COLUMN @extschema@.teams_broadcast.refers_to IS
'broadcast whose messages are edited or deleted';
COMMENT ON COLUMN @extschema@.teams_broadcast.title IS
'title, for people who look at teams_progress';
COMMENT ON COLUMN @extschema@.teams_broadcast.topic IS
'people who have opted out of it are excluded';
COMMENT ON COLUMN @extschema@.teams_broadcast.state IS
'draft, running, paused, cancelled or done';
COMMENT ON COLUMN @extschema@.teams_broadcast.sender IS
'name of the role that made it, which need not be there any more';
COMMENT ON COLUMN @extschema@.teams_broadcast.activity IS
'what is said; null if a template says it';
COMMENT ON COLUMN @extschema@.teams_broadcast.template IS
'name of the template that says it, of which teams_broadcast_template has a copy';
COMMENT ON COLUMN @extschema@.teams_broadcast.data IS
'what the template is filled in with, beside the data of each recipient';
COMMENT ON COLUMN @extschema@.teams_broadcast.held IS
'whether it was loaded from a dump while it was running, and is paused until teams_resume()';
COMMENT ON COLUMN @extschema@.teams_broadcast.priority IS
'priority of its messages: high, normal or low';
COMMENT ON COLUMN @extschema@.teams_broadcast.delivery IS
'at-least-once or at-most-once, for its messages';
COMMENT ON COLUMN @extschema@.teams_broadcast.send_at IS
'not before this time; null means at once';
COMMENT ON COLUMN @extschema@.teams_broadcast.expires_at IS
'what has not gone on the wire by then expires';
COMMENT ON COLUMN @extschema@.teams_broadcast.rate IS
'messages a second, if less than the bot''s';
COMMENT ON COLUMN @extschema@.teams_broadcast.dedupe_key IS
'key that keeps its sender from making it twice';
COMMENT ON COLUMN @extschema@.teams_broadcast.recipients IS
'how many people its audience has';
COMMENT ON COLUMN @extschema@.teams_broadcast.excluded IS
'how many of them get nothing; teams_recipient says why';
COMMENT ON COLUMN @extschema@.teams_broadcast.up_to IS
'the last message that is edited or deleted';
COMMENT ON COLUMN @extschema@.teams_broadcast.ends_with IS
'of one that was cancelled or recalled: the last message that is not sent any more';
COMMENT ON COLUMN @extschema@.teams_broadcast.position IS
'up to here recipients have been handed over to the outbox';
COMMENT ON COLUMN @extschema@.teams_broadcast.fed IS
'how many of those have become messages';
COMMENT ON COLUMN @extschema@.teams_broadcast.fed_at IS
'when recipients were handed over for the last time';
COMMENT ON COLUMN @extschema@.teams_broadcast.created_at IS
'when it was made; one with a time that is not its transaction''s was loaded from a dump';
COMMENT ON COLUMN @extschema@.teams_broadcast.started_at IS
'when it began to be sent';
COMMENT ON COLUMN @extschema@.teams_broadcast.finished_at IS
'when the last message had its fate, or it was cancelled';
COMMENT ON COLUMN @extschema@.teams_broadcast.reference IS
'what the application calls what it is about; its messages have it, too';
COMMENT ON COLUMN @extschema@.teams_broadcast.application_name IS
'application_name of the session that made it, if it had one';

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
COMMENT ON COLUMN @extschema@.teams_broadcast_template.broadcast IS
'broadcast whose template it is';
COMMENT ON COLUMN @extschema@.teams_broadcast_template.locale IS
'language in lower case, such as de or de-at; empty for those that have no template of their own';
COMMENT ON COLUMN @extschema@.teams_broadcast_template.kind IS
'text; card: an Adaptive Card; activity: a Bot Framework activity';
COMMENT ON COLUMN @extschema@.teams_broadcast_template.body IS
'in the Adaptive Card Templating language';
COMMENT ON COLUMN @extschema@.teams_broadcast_template.summary IS
'template of what a notification shows; null: the card''s own words';

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
COMMENT ON COLUMN @extschema@.teams_recipient.broadcast IS
'broadcast whose recipient it is';
COMMENT ON COLUMN @extschema@.teams_recipient.n IS
'place in the audience';
COMMENT ON COLUMN @extschema@.teams_recipient.target IS
'user principal name or object id, as it was given';
COMMENT ON COLUMN @extschema@.teams_recipient.user_id IS
'of a recipient given by name, the Entra object id, if it was known';
COMMENT ON COLUMN @extschema@.teams_recipient.locale IS
'language that was given for the recipient';
COMMENT ON COLUMN @extschema@.teams_recipient.data IS
'what the template is filled in with for the recipient';
COMMENT ON COLUMN @extschema@.teams_recipient.excluded IS
'why the recipient gets nothing: duplicate, opted out, guest, disabled, no licence, invalid user id, invalid locale, data is too large, data is no object, data cannot be stored, or what went wrong with the template';

CREATE TABLE @extschema@.teams_opt_out (
	target			text		NOT NULL,
	topic			text		NOT NULL,
	since			timestamptz	NOT NULL DEFAULT now(),
	PRIMARY KEY (target, topic)
);

COMMENT ON TABLE @extschema@.teams_opt_out IS
'people who do not want broadcasts about a topic';
COMMENT ON COLUMN @extschema@.teams_opt_out.target IS
'user principal name as it was given, or the object id of somebody who has lost that name';
COMMENT ON COLUMN @extschema@.teams_opt_out.topic IS
'topic of the broadcasts that are not wanted';
COMMENT ON COLUMN @extschema@.teams_opt_out.since IS
'when that was said';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_broadcast', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_broadcast_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_broadcast_template', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_recipient', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_opt_out', '');

-- A broadcast that another database had running must not run here as well.
CREATE FUNCTION @extschema@._teams_hold_loaded() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	NEW.state := 'paused';
	NEW.held := true;
	RETURN NEW;
END
$$;

COMMENT ON FUNCTION @extschema@._teams_hold_loaded() IS
'trigger function: pauses a broadcast that was loaded from a dump until teams_resume()';

CREATE TRIGGER teams_hold_loaded BEFORE INSERT ON @extschema@.teams_broadcast
	FOR EACH ROW WHEN (NEW.state = 'running' AND NEW.created_at <> now())
	EXECUTE FUNCTION @extschema@._teams_hold_loaded();
CREATE TRIGGER teams_wake AFTER INSERT OR UPDATE ON @extschema@.teams_broadcast
	FOR EACH STATEMENT EXECUTE FUNCTION @extschema@._teams_wake('broadcast');
ALTER TABLE @extschema@.teams_broadcast ENABLE ALWAYS TRIGGER teams_wake;
ALTER TABLE @extschema@.teams_broadcast ENABLE ALWAYS TRIGGER teams_hold_loaded;

CREATE FUNCTION @extschema@.teams_broadcast(
	audience	text,
	text		text DEFAULT NULL,
	activity	@extschema@.teams_json DEFAULT NULL,
	template	text DEFAULT NULL,
	data		@extschema@.teams_json DEFAULT '{}',
	title		text DEFAULT NULL,
	topic		text DEFAULT NULL,
	draft		boolean DEFAULT false,
	rate		integer DEFAULT NULL,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'low',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once',
	reference	text DEFAULT NULL,
	on_error	text DEFAULT 'fail')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_broadcast_query';

COMMENT ON FUNCTION @extschema@.teams_broadcast(text, text, @extschema@.teams_json, text, @extschema@.teams_json,
	text, text, boolean, integer, text, timestamptz, timestamptz, text, text,
	text, text, text) IS
'sends to all that a query returns: user_id, and if it has them, locale and data; returns the broadcast''s id';

CREATE FUNCTION @extschema@.teams_broadcast(
	audience	text[],
	text		text DEFAULT NULL,
	activity	@extschema@.teams_json DEFAULT NULL,
	template	text DEFAULT NULL,
	data		@extschema@.teams_json DEFAULT '{}',
	title		text DEFAULT NULL,
	topic		text DEFAULT NULL,
	draft		boolean DEFAULT false,
	rate		integer DEFAULT NULL,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'low',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once',
	reference	text DEFAULT NULL,
	on_error	text DEFAULT 'fail')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_broadcast_array';

COMMENT ON FUNCTION @extschema@.teams_broadcast(text[], text, @extschema@.teams_json, text, @extschema@.teams_json,
	text, text, boolean, integer, text, timestamptz, timestamptz, text, text,
	text, text, text) IS
'sends to all of the people in an array; returns the broadcast''s id';

CREATE FUNCTION @extschema@.teams_start_broadcast(broadcast bigint)
RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_start_broadcast';

COMMENT ON FUNCTION @extschema@.teams_start_broadcast(bigint) IS
'begins to send a broadcast that was made as a draft';

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
	activity	@extschema@.teams_json DEFAULT NULL)
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_edit_broadcast';

COMMENT ON FUNCTION @extschema@.teams_edit_broadcast(bigint, text, @extschema@.teams_json) IS
'gives all that a broadcast has sent another text or activity; returns the id of the broadcast that does so';

CREATE FUNCTION @extschema@.teams_preview(
	broadcast	bigint,
	user_id		text,
	locale		text DEFAULT NULL)
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_preview';

COMMENT ON FUNCTION @extschema@.teams_preview(bigint, text, text) IS
'sends to one person what the first recipient of a broadcast would get, or those with the locale; returns the message''s id';

CREATE FUNCTION @extschema@.teams_opt_out(user_id text, topic text)
RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_opt_out';

COMMENT ON FUNCTION @extschema@.teams_opt_out(text, text) IS
'a person gets no more broadcasts about a topic';

CREATE FUNCTION @extschema@.teams_opt_in(user_id text, topic text)
RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'teams_opt_in';

COMMENT ON FUNCTION @extschema@.teams_opt_in(text, text) IS
'a person gets broadcasts about a topic again';

CREATE FUNCTION @extschema@.teams_plan(
	broadcast bigint,
	OUT known bigint, OUT to_install bigint, OUT unreachable bigint,
	OUT excluded jsonb, OUT seconds bigint, OUT done_at timestamptz)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'teams_plan';

COMMENT ON FUNCTION @extschema@.teams_plan(bigint) IS
'rehearses a broadcast: who has the bot, who gets it installed, who gets nothing and why, and when it will be done at the quotas';

-- What a recipient gets; null and the reason if the template fails.  The
-- template is that of the broadcast: a function in place of one would be
-- called with the worker's privileges, not with those of whoever made the
-- broadcast.
CREATE FUNCTION @extschema@._teams_render_for(
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
	WHERE t.broadcast = _teams_render_for.broadcast
	  AND (t.locale = '' OR t.locale = wanted
		   OR starts_with(wanted, t.locale || '-'))
	ORDER BY length(t.locale) DESC LIMIT 1;
	IF NOT FOUND THEN
		problem := format('template "%s" does not exist for the locale "%s"', template, wanted);
		RETURN;
	END IF;
	activity := @extschema@._teams_fill(template, chosen.kind, chosen.body,
		chosen.summary, data)::json;
	problem := @extschema@._teams_activity_problem(activity::jsonb);
	IF activity IS NULL THEN
		problem := format('template "%s" leaves nothing to say', template);
	ELSIF problem IS NOT NULL THEN
		activity := NULL;
	ELSIF @extschema@._teams_unsendable(activity) IS NOT NULL THEN
		problem := format('template "%s" becomes what cannot be sent: %s',
			template, @extschema@._teams_unsendable(activity));
		activity := NULL;
	END IF;
EXCEPTION WHEN OTHERS THEN
	problem := left(SQLERRM, 500);
END
$$;

COMMENT ON FUNCTION @extschema@._teams_render_for(bigint, text, jsonb, text) IS
'renders a template for one recipient of a broadcast';

-- The next recipients of a broadcast, and what they get: so many, and no more
-- than there is time and room for in one step of the worker.
CREATE FUNCTION @extschema@._teams_render_part(
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
	WHERE e.id = _teams_render_part.broadcast;
	FOR r IN SELECT a.* FROM @extschema@.teams_recipient AS a
			 WHERE a.broadcast = _teams_render_part.broadcast
			   AND a.n > _teams_render_part.after
			 ORDER BY a.n LIMIT most
	LOOP
		n := r.n;
		target := r.target;
		is_excluded := r.excluded IS NOT NULL;
		activity := NULL;
		problem := NULL;
		IF NOT is_excluded THEN
			SELECT f.activity, f.problem INTO activity, problem
			FROM @extschema@._teams_render_for(_teams_render_part.broadcast, b.template,
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

COMMENT ON FUNCTION @extschema@._teams_render_part(bigint, bigint, bigint) IS
'renders a template for the next recipients of a broadcast, as many as one step allows';

-- What became of a broadcast's messages is counted in the account, so that
-- looking costs the same however many there are.
CREATE VIEW @extschema@.teams_progress_detail WITH (security_barrier) AS
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
	WHERE (SELECT has_table_privilege('@extschema@.teams_accounting'::regclass, 'SELECT'))
	   OR b.sender IN (SELECT r.rolname FROM pg_roles AS r
					   WHERE pg_has_role(r.oid, 'USAGE'))
	ORDER BY b.id DESC;

COMMENT ON VIEW @extschema@.teams_progress_detail IS
'how far each broadcast has come, newest first: counts, messages a second so far, and when it will be done at that rate; senders see their own';
COMMENT ON COLUMN @extschema@.teams_progress_detail.broadcast IS
'id that teams_broadcast() returned';
COMMENT ON COLUMN @extschema@.teams_progress_detail.title IS
'title that it was given';
COMMENT ON COLUMN @extschema@.teams_progress_detail.kind IS
'send; or edit or delete what another broadcast has sent';
COMMENT ON COLUMN @extschema@.teams_progress_detail.bot IS
'bot that sends it';
COMMENT ON COLUMN @extschema@.teams_progress_detail.state IS
'draft, running, paused, cancelled or done';
COMMENT ON COLUMN @extschema@.teams_progress_detail.recipients IS
'how many people its audience has';
COMMENT ON COLUMN @extschema@.teams_progress_detail.excluded IS
'how many of them get nothing; teams_recipient says why';
COMMENT ON COLUMN @extschema@.teams_progress_detail.waiting IS
'how many of them have no message yet';
COMMENT ON COLUMN @extschema@.teams_progress_detail.pending IS
'how many messages have no fate yet';
COMMENT ON COLUMN @extschema@.teams_progress_detail.sent IS
'how many messages were sent';
COMMENT ON COLUMN @extschema@.teams_progress_detail.failed IS
'how many messages failed';
COMMENT ON COLUMN @extschema@.teams_progress_detail.cancelled IS
'how many messages were cancelled';
COMMENT ON COLUMN @extschema@.teams_progress_detail.expired IS
'how many messages expired';
COMMENT ON COLUMN @extschema@.teams_progress_detail.not_sent IS
'for how many people there was no message when it was cancelled or expired';
COMMENT ON COLUMN @extschema@.teams_progress_detail.percent IS
'how much of it has a fate';
COMMENT ON COLUMN @extschema@.teams_progress_detail.rate IS
'messages a second, so far';
COMMENT ON COLUMN @extschema@.teams_progress_detail.expected_at IS
'when it will be done at that rate';
COMMENT ON COLUMN @extschema@.teams_progress_detail.started_at IS
'when it began to be sent';
COMMENT ON COLUMN @extschema@.teams_progress_detail.finished_at IS
'when the last message had its fate, or it was cancelled';

CREATE VIEW @extschema@.teams_progress AS
	SELECT p.broadcast, p.title, p.state, p.percent, p.recipients, p.sent,
		   p.failed, date_trunc('second', p.expected_at) AS expected_at
	FROM @extschema@.teams_progress_detail AS p;

COMMENT ON VIEW @extschema@.teams_progress IS
'how far each broadcast has come, and when it will be done; teams_progress_detail says more; senders see their own';

CREATE FUNCTION @extschema@._teams_watch_line(
	broadcast bigint, OUT line text, OUT is_over boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	width	CONSTANT integer := 40;
	p		record;
BEGIN
	SELECT * INTO p FROM @extschema@.teams_progress_detail AS t
	WHERE t.broadcast = _teams_watch_line.broadcast;
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

COMMENT ON FUNCTION @extschema@._teams_watch_line(bigint) IS
'what teams_watch() shows of a broadcast, and whether that is the end';

-- It commits after each look, to see what others commit, and what commits can
-- have no search_path of its own: every name is qualified, those of types,
-- too.
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
			FROM @extschema@._teams_watch_line(teams_watch.broadcast) AS w;
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
