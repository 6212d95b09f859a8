------------------------------------------------------------------------------
-- The worker, and what limits it
------------------------------------------------------------------------------

-- The worker's state and the paces of the bots are in shared memory, for the
-- whole cluster; functions read it there, and views say by their names which
-- bots and databases it is about.

CREATE PROCEDURE @extschema@.teams_drain(timeout interval DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_drain';

COMMENT ON PROCEDURE @extschema@.teams_drain(interval) IS
'sends what is due from this session, where no worker does';

CREATE FUNCTION @extschema@._teams_throttles(
	OUT client_id uuid, OUT tenant_id uuid, OUT scope text,
	OUT left_now integer, OUT share real, OUT until timestamptz,
	OUT complaints bigint)
RETURNS SETOF record
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_throttles';

COMMENT ON FUNCTION @extschema@._teams_throttles() IS
'the pace of each bot in shared memory; see the view teams_throttle';

CREATE VIEW @extschema@.teams_throttle AS
	SELECT b.bot, t.scope,
		   CASE t.scope WHEN 'connector' THEN b.connector_rate
				WHEN 'graph delete' THEN greatest(b.graph_rate / 2, 1)
				ELSE b.graph_rate END AS quota,
		   t.share, t.left_now, t.until, t.complaints
	FROM @extschema@._teams_throttles() AS t
	JOIN @extschema@.teams_bot AS b USING (client_id, tenant_id);

COMMENT ON VIEW @extschema@.teams_throttle IS
'what limits each bot now: requests in the last second, the share of the quota in use, and 429s';
COMMENT ON COLUMN @extschema@.teams_throttle.bot IS
'bot whose requests are counted';
COMMENT ON COLUMN @extschema@.teams_throttle.scope IS
'which requests: connector, graph read, graph chat, graph write or graph delete';
COMMENT ON COLUMN @extschema@.teams_throttle.quota IS
'requests a second that are configured';
COMMENT ON COLUMN @extschema@.teams_throttle.share IS
'part of the quota in use: less than 1 after a 429, from which it grows back';
COMMENT ON COLUMN @extschema@.teams_throttle.left_now IS
'requests that have left within the last second';
COMMENT ON COLUMN @extschema@.teams_throttle.until IS
'the service asked for nothing before that time';
COMMENT ON COLUMN @extschema@.teams_throttle.complaints IS
'how often it answered 429, since the bot was counted last';

CREATE FUNCTION @extschema@._teams_workers(
	OUT database oid, OUT pid integer, OUT state text,
	OUT started_at timestamptz, OUT in_flight integer,
	OUT sent bigint, OUT failed bigint, OUT retried bigint,
	OUT last_error text, OUT last_error_at timestamptz)
RETURNS SETOF record
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_workers';

COMMENT ON FUNCTION @extschema@._teams_workers() IS
'the slots of the workers in shared memory; see the view teams_worker';

CREATE VIEW @extschema@.teams_worker_detail AS
	SELECT d.datname AS database, w.pid, w.state, w.started_at, w.in_flight,
		   w.sent, w.failed, w.retried,
		   w.last_error, w.last_error_at
	FROM @extschema@._teams_workers() AS w
	LEFT JOIN pg_catalog.pg_database AS d ON d.oid = w.database;

COMMENT ON VIEW @extschema@.teams_worker_detail IS
'the worker of this database, with its last error; for pg_read_all_stats, the workers of the cluster, one for each database that has the extension';
COMMENT ON COLUMN @extschema@.teams_worker_detail.database IS
'database that it serves';
COMMENT ON COLUMN @extschema@.teams_worker_detail.pid IS
'process id; null unless it runs';
COMMENT ON COLUMN @extschema@.teams_worker_detail.state IS
'starting, running, stopped, or failed: it ended by an error, or could not be started, and is tried again after up to a minute';
COMMENT ON COLUMN @extschema@.teams_worker_detail.started_at IS
'when it came';
COMMENT ON COLUMN @extschema@.teams_worker_detail.in_flight IS
'requests on the wire now';
COMMENT ON COLUMN @extschema@.teams_worker_detail.sent IS
'messages and jobs that it has sent or carried out since the server started';
COMMENT ON COLUMN @extschema@.teams_worker_detail.failed IS
'messages and jobs that have failed since the server started';
COMMENT ON COLUMN @extschema@.teams_worker_detail.retried IS
'attempts that failed and were followed by another, since the server started';
COMMENT ON COLUMN @extschema@.teams_worker_detail.last_error IS
'last error of the worker itself, why it could not be started, or the last host that it could not reach';
COMMENT ON COLUMN @extschema@.teams_worker_detail.last_error_at IS
'when that was';

CREATE VIEW @extschema@.teams_worker AS
	SELECT w.database, w.pid, w.state,
		   date_trunc('second', w.started_at) AS started_at,
		   w.in_flight, w.sent, w.failed, w.retried
	FROM @extschema@.teams_worker_detail AS w;

COMMENT ON VIEW @extschema@.teams_worker IS
'the worker of this database; for pg_read_all_stats, the workers of the cluster; teams_worker_detail has the last error of each';
