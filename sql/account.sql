------------------------------------------------------------------------------
-- Account: what was accepted, and what became of it
------------------------------------------------------------------------------

-- Each transaction adds what it has accepted or settled, so that senders do
-- not wait for each other; the worker adds it up now and then.  It is not
-- dumped: restoring the outbox counts what is pending, and with that the
-- account of the copy begins.
CREATE TABLE @extschema@.teams_account (
	id				bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	bot				text		NOT NULL,
	broadcast		bigint,
	entry			text		NOT NULL,
	messages		bigint		NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0,
		autovacuum_vacuum_threshold = 1000);

CREATE INDEX teams_account_entry ON @extschema@.teams_account
	(coalesce(broadcast, 0), bot, entry);

COMMENT ON TABLE @extschema@.teams_account IS
'how many messages were accepted, and what became of them; see teams_accounting';
COMMENT ON COLUMN @extschema@.teams_account.entry IS
'accepted, sent, failed, cancelled or expired';

-- Both sides are kept apart: what was accepted is counted by whoever wrote it,
-- what was settled by whoever settled it, and what is pending in the outbox.
CREATE VIEW @extschema@.teams_accounting AS
	SELECT a.bot, a.accepted, coalesce(o.pending, 0) AS pending,
		   a.sent, a.failed, a.cancelled, a.expired,
		   a.accepted = coalesce(o.pending, 0)
			   + a.sent + a.failed + a.cancelled + a.expired AS balanced
	FROM (SELECT bot,
				 coalesce(sum(messages) FILTER (WHERE entry = 'accepted'), 0)::bigint AS accepted,
				 coalesce(sum(messages) FILTER (WHERE entry = 'sent'), 0)::bigint AS sent,
				 coalesce(sum(messages) FILTER (WHERE entry = 'failed'), 0)::bigint AS failed,
				 coalesce(sum(messages) FILTER (WHERE entry = 'cancelled'), 0)::bigint AS cancelled,
				 coalesce(sum(messages) FILTER (WHERE entry = 'expired'), 0)::bigint AS expired
		  FROM @extschema@.teams_account GROUP BY bot) AS a
	LEFT JOIN (SELECT bot, count(*) AS pending
			   FROM @extschema@.teams_outbox GROUP BY bot) AS o USING (bot);

COMMENT ON VIEW @extschema@.teams_accounting IS
'for each bot: accepted = pending + sent + failed + cancelled + expired, at every instant';
