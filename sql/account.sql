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
	messages		bigint		NOT NULL,
	latest			timestamptz	NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0,
		autovacuum_vacuum_threshold = 1000);

CREATE INDEX teams_account_entry ON @extschema@.teams_account
	(coalesce(broadcast, 0), bot, entry);

COMMENT ON TABLE @extschema@.teams_account IS
'how many messages were accepted, and what became of them; see teams_accounting';
COMMENT ON COLUMN @extschema@.teams_account.id IS
'order in which entries were written; the worker adds up those that are new';
COMMENT ON COLUMN @extschema@.teams_account.bot IS
'bot whose messages are counted';
COMMENT ON COLUMN @extschema@.teams_account.broadcast IS
'broadcast that they are of, if any';
COMMENT ON COLUMN @extschema@.teams_account.entry IS
'accepted, sent, failed, cancelled or expired';
COMMENT ON COLUMN @extschema@.teams_account.messages IS
'how many messages and jobs';
COMMENT ON COLUMN @extschema@.teams_account.latest IS
'time of the last transaction that is counted here';

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
COMMENT ON COLUMN @extschema@.teams_accounting.bot IS
'bot whose messages and jobs are counted';
COMMENT ON COLUMN @extschema@.teams_accounting.accepted IS
'messages and jobs that were written and committed, since the extension was created or the database restored';
COMMENT ON COLUMN @extschema@.teams_accounting.pending IS
'how many of them have no fate yet';
COMMENT ON COLUMN @extschema@.teams_accounting.sent IS
'how many of them were sent, or carried out';
COMMENT ON COLUMN @extschema@.teams_accounting.failed IS
'how many of them failed';
COMMENT ON COLUMN @extschema@.teams_accounting.cancelled IS
'how many of them were cancelled';
COMMENT ON COLUMN @extschema@.teams_accounting.expired IS
'how many of them expired';
COMMENT ON COLUMN @extschema@.teams_accounting.balanced IS
'whether accepted is the sum of the others; if not, somebody has changed teams_outbox by hand, or there is a bug';
