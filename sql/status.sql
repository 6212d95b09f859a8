------------------------------------------------------------------------------
-- Is it well?
------------------------------------------------------------------------------

-- Answers without reading what is long: the account has what is pending and
-- when something was sent, indexes have what is due first and what failed.

CREATE FUNCTION @extschema@.teams_version() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'teams_proactive'
$$;

COMMENT ON FUNCTION @extschema@.teams_version() IS
'version of the extension in this database';

-- What concerns all bots of this database, in words; the first that is true.
-- With the rights of a superuser, as it looks at all of the server's workers.
CREATE FUNCTION @extschema@._teams_server_status(
	OUT state text, OUT why text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	most	integer;	-- workers
	w		record;
BEGIN
	state := 'not running';
	SELECT s.setting INTO most FROM pg_settings AS s
	WHERE s.name = 'teams_proactive.max_databases' AND s.context = 'postmaster';
	SELECT t.* INTO w FROM @extschema@._teams_workers() AS t
	WHERE t.database = (SELECT d.oid FROM pg_database AS d
						WHERE d.datname = current_database());
	IF pg_is_in_recovery() THEN
		state := 'standby';
		why := 'nothing is sent from a standby; ask the primary';
	ELSIF NOT EXISTS (SELECT FROM @extschema@.teams_bot) THEN
		state := 'not configured';
		why := 'there is no bot: see teams_configure()';
	ELSIF NOT EXISTS (SELECT FROM @extschema@.teams_bot AS b WHERE NOT b.dry_run) THEN
		state := 'well';
		why := 'there are only dry-run bots, which send nothing';
	ELSIF NOT EXISTS (SELECT FROM @extschema@.teams_bot AS b
					  WHERE NOT b.dry_run AND b.home = @extschema@._teams_home()) THEN
		state := 'paused';
		why := 'this database is a copy; teams_resume() for each bot, if it shall send in place of the original';
	ELSIF most IS NULL THEN
		why := 'set shared_preload_libraries = ''teams_proactive'' and restart the server, or call teams_drain()';
	ELSIF w.state = 'starting' THEN
		state := 'well';
		why := 'the worker is starting';
	ELSIF w.state = 'running' AND w.last_error_at > now() - interval '1 minute' THEN
		state := 'in trouble';
		why := w.last_error;
	ELSIF w.state = 'running' THEN
		state := 'well';
		why := 'a worker sends';
	ELSIF w.last_error IS NOT NULL THEN
		why := w.last_error;
	ELSIF w.state IS NOT NULL THEN
		why := format('the worker has %s and is started again; the server''s log may say why', w.state);
	ELSIF (SELECT count(*) FROM @extschema@._teams_workers()) >= most THEN
		why := format('all %s workers of teams_proactive.max_databases are used up: raise it and restart the server', most);
	ELSIF NOT EXISTS (SELECT FROM pg_stat_activity AS a
					  WHERE a.backend_type = 'teams_proactive launcher') THEN
		why := 'there is no launcher: raise max_worker_processes and restart the server, or see its log';
	ELSE
		why := 'no worker has come yet; if none does, the server''s log says why';
	END IF;
END
$$;

COMMENT ON FUNCTION @extschema@._teams_server_status() IS
'what teams_status() says of all bots together';

CREATE FUNCTION @extschema@.teams_status(
	OUT bot text, OUT state text, OUT pending bigint, OUT late interval,
	OUT last_sent timestamptz, OUT failed bigint, OUT why text)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	WITH account AS (
		SELECT a.bot,
			   sum(CASE WHEN a.entry = 'accepted' THEN a.messages ELSE - a.messages END)::bigint AS pending,
			   date_trunc('second', max(a.latest) FILTER (WHERE a.entry = 'sent')) AS last_sent
		FROM @extschema@.teams_account AS a GROUP BY a.bot),
	failures AS (
		SELECT d.bot, count(*) AS failed, max(d.settled_at) AS last_failed
		FROM @extschema@.teams_delivery AS d
		WHERE d.fate = 'failed' AND d.settled_at > now() - interval '1 hour'
		GROUP BY d.bot),
	server AS MATERIALIZED (
		SELECT s.state, s.why FROM @extschema@._teams_server_status() AS s)
	-- No bot has a name that comes before an asterisk.
	SELECT '*' COLLATE "C", s.state,
		   (SELECT coalesce(sum(a.pending), 0)::bigint FROM account AS a), NULL,
		   (SELECT max(a.last_sent) FROM account AS a),
		   (SELECT coalesce(sum(f.failed), 0)::bigint FROM failures AS f), s.why
	FROM server AS s
	UNION ALL
	(SELECT n.bot COLLATE "C", w.state, coalesce(a.pending, 0),
			CASE WHEN w.state NOT IN ('paused', 'standby') THEN l.late END,
			a.last_sent, coalesce(f.failed, 0), w.why
	 FROM (SELECT b.bot::text FROM @extschema@.teams_bot AS b
		   UNION
		   SELECT a.bot FROM account AS a WHERE a.pending > 0) AS n (bot)
	 CROSS JOIN server AS s
	 LEFT JOIN @extschema@.teams_bot AS b ON b.bot = n.bot
	 LEFT JOIN account AS a ON a.bot = n.bot
	 LEFT JOIN failures AS f ON f.bot = n.bot
	 -- The first ones without a time in each priority, and of those whose time
	 -- has come: in the order of indexes that have nothing else.
	 CROSS JOIN LATERAL (
		SELECT date_trunc('second', now() - least(
			(SELECT min(q.since)
			 FROM unnest('{high,normal,low}'::text[]) AS p (priority)
			 CROSS JOIN LATERAL (
				SELECT o.bot, o.priority,
					   coalesce(o.was_due_at, o.created_at) AS since
				FROM @extschema@.teams_outbox AS o
				WHERE o.due_at IS NULL AND (o.bot, o.priority) >= (n.bot, p.priority)
				ORDER BY o.bot, o.priority, o.id LIMIT 30) AS q
			 WHERE q.bot = n.bot AND q.priority = p.priority),
			(SELECT o.due_at FROM @extschema@.teams_outbox AS o
			 WHERE o.bot = n.bot AND o.due_at <= now()
			 ORDER BY o.due_at LIMIT 1))) AS late
		OFFSET 0) AS l
	 LEFT JOIN LATERAL (
		SELECT concat_ws(': ', d.error_code, coalesce(d.hint, d.error)) AS reason
		FROM @extschema@.teams_delivery AS d
		WHERE d.bot = n.bot AND d.fate = 'failed' AND d.settled_at = f.last_failed
		LIMIT 1) AS d ON true
	 CROSS JOIN LATERAL (
		SELECT CASE
				   WHEN b.bot IS NULL THEN 'not configured'
				   WHEN b.dry_run THEN 'well'
				   WHEN b.paused_at IS NOT NULL OR b.home <> @extschema@._teams_home() THEN 'paused'
				   WHEN s.state IN ('not running', 'standby') THEN s.state
				   WHEN b.trouble IS NOT NULL THEN 'in trouble'
				   WHEN f.failed >= 5
						AND coalesce(a.last_sent, '-infinity') < now() - interval '1 hour' THEN 'failing'
				   WHEN l.late > interval '1 minute' THEN 'waiting'
				   ELSE 'well'
			   END OFFSET 0) AS c (state)
	 CROSS JOIN LATERAL (
		SELECT c.state,
			   CASE
				   WHEN b.bot IS NULL
				   THEN 'there is no bot of this name: configure it, or cancel what waits for it'
				   WHEN b.dry_run THEN 'it records messages and sends none'
				   WHEN b.paused_by = 'worker'
				   THEN concat_ws('. ', rtrim(b.paused_reason, '. '), b.paused_hint)
						|| ' (It is tried again by itself; teams_resume() tries at once.)'
				   WHEN b.paused_by = 'operator' THEN b.paused_reason || ' (Until teams_resume().)'
				   WHEN c.state = 'paused'
				   THEN 'this database is a copy; teams_resume(), if it shall send in place of the original'
				   WHEN c.state IN ('not running', 'standby') THEN s.why
				   WHEN c.state = 'in trouble'
				   THEN concat_ws('. ', rtrim(b.trouble, '. '), b.trouble_hint)
				   WHEN c.state = 'failing'
				   THEN format('nothing was sent within the hour; the last failure: %s', d.reason)
				   WHEN c.state = 'waiting'
				   THEN 'more is due than can be sent: teams_throttle shows the quotas, teams_message_detail what waits'
				   WHEN f.failed > 0 THEN 'teams_message_detail says why some have failed'
				   WHEN a.pending > 0 THEN 'what is pending is on its way, or for later'
				   ELSE 'nothing waits'
			   END) AS w (state, why))
	ORDER BY 1
$$;

COMMENT ON FUNCTION @extschema@.teams_status() IS
'is it well? a line for all of this database, and one for each bot: its state, what waits and for how long, when it has sent, failures of the last hour, and why or what to do';
