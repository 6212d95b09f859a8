------------------------------------------------------------------------------
-- Outbox and ledger
------------------------------------------------------------------------------

-- A message or job is a row of teams_outbox from when it is accepted until its
-- fate is known: then the worker moves it to teams_delivery.  Before it sends
-- anything it commits a row of teams_inflight, so that a crash leaves no doubt
-- about which messages are in doubt.

-- What a row may have in it the trigger teams_accept says, and not CHECK
-- constraints: those would cost a message as much as all the rest.
CREATE TABLE @extschema@.teams_outbox (
	id				bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	bot				text		NOT NULL DEFAULT 'default',
	kind			text		NOT NULL DEFAULT 'send',
	scope			text		NOT NULL DEFAULT 'user',
	target			text		NOT NULL,
	team			text,
	activity		json,
	broadcast		bigint,
	refers_to		bigint,
	priority		text		NOT NULL DEFAULT 'normal',
	delivery		text		NOT NULL DEFAULT 'at-least-once',
	sender			name		NOT NULL DEFAULT current_user,
	created_at		timestamptz	NOT NULL DEFAULT now(),
	due_at			timestamptz,
	expires_at		timestamptz,
	attempts		integer		NOT NULL DEFAULT 0,
	retrying		boolean		NOT NULL DEFAULT false,
	doubtful		boolean		NOT NULL DEFAULT false,
	error_code		text,
	error			text,
	held_due_at		timestamptz,
	was_due_at		timestamptz,
	reference		text,
	notify			boolean,
	application_name	text	DEFAULT nullif(current_setting('application_name'), '')
) WITH (autovacuum_vacuum_scale_factor = 0.05,
		autovacuum_vacuum_threshold = 2000);

COMMENT ON TABLE @extschema@.teams_outbox IS
'pending work; rows leave it for teams_delivery when their fate is known';
COMMENT ON COLUMN @extschema@.teams_outbox.id IS
'id that teams_send() and the others return; the later message has the higher one';
COMMENT ON COLUMN @extschema@.teams_outbox.bot IS
'bot that sends it';
COMMENT ON COLUMN @extschema@.teams_outbox.kind IS
'send, edit or delete for a message; else the job that it is, such as install';
COMMENT ON COLUMN @extschema@.teams_outbox.scope IS
'what the target is: user, team, chat or channel';
COMMENT ON COLUMN @extschema@.teams_outbox.target IS
'whom it is for: a person''s user principal name or object id, or the id of a chat, channel or team; users and teams in lower case';
COMMENT ON COLUMN @extschema@.teams_outbox.team IS
'the team of a channel';
COMMENT ON COLUMN @extschema@.teams_outbox.activity IS
'what is said, as a Bot Framework activity';
COMMENT ON COLUMN @extschema@.teams_outbox.broadcast IS
'the broadcast that the message is of; without an activity, it has that one''s';
COMMENT ON COLUMN @extschema@.teams_outbox.refers_to IS
'the message that is edited, deleted or replied to';
COMMENT ON COLUMN @extschema@.teams_outbox.priority IS
'which conversations come first; it never changes the order within one';
COMMENT ON COLUMN @extschema@.teams_outbox.delivery IS
'what to do if nobody knows whether it was sent: at-least-once sends it again, at-most-once does not';
COMMENT ON COLUMN @extschema@.teams_outbox.sender IS
'name of the role that sent the message, which need not be there any more';
COMMENT ON COLUMN @extschema@.teams_outbox.created_at IS
'time of the transaction that wrote the message; a row with another time has been loaded, and waits for teams_resume()';
COMMENT ON COLUMN @extschema@.teams_outbox.due_at IS
'not before this time; null means at once';
COMMENT ON COLUMN @extschema@.teams_outbox.expires_at IS
'what has not gone on the wire by then expires';
COMMENT ON COLUMN @extschema@.teams_outbox.attempts IS
'how often it was tried';
COMMENT ON COLUMN @extschema@.teams_outbox.retrying IS
'whether an attempt failed; later messages to the same target wait for it';
COMMENT ON COLUMN @extschema@.teams_outbox.doubtful IS
'whether an earlier attempt may have succeeded without our learning of it';
COMMENT ON COLUMN @extschema@.teams_outbox.error_code IS
'why it is tried again: a code of the service, or one of ours in lower case';
COMMENT ON COLUMN @extschema@.teams_outbox.error IS
'why it is tried again, in a sentence';
COMMENT ON COLUMN @extschema@.teams_outbox.held_due_at IS
'of a row that was loaded from a dump or replicated: what due_at becomes with teams_resume(), -infinity for null';
COMMENT ON COLUMN @extschema@.teams_outbox.was_due_at IS
'what due_at was before its time had come, which makes it null';
COMMENT ON COLUMN @extschema@.teams_outbox.reference IS
'what the application calls what the message is about; edits and deletions have that of their message';
COMMENT ON COLUMN @extschema@.teams_outbox.notify IS
'true if those who LISTEN teams_message are to be told what becomes of it';
COMMENT ON COLUMN @extschema@.teams_outbox.application_name IS
'application_name of the session that sent it, if it had one';

-- The worker sweeps what is ready by (bot, priority, id), so that neither what
-- is not yet due nor another bot's backlog costs it anything.  What is for one
-- person is found by the target alone, which is why that comes first.
CREATE INDEX teams_outbox_ready ON @extschema@.teams_outbox (bot, priority, id)
	WHERE due_at IS NULL;
CREATE INDEX teams_outbox_target
	ON @extschema@.teams_outbox (target, bot, scope, priority, id);
CREATE INDEX teams_outbox_retrying
	ON @extschema@.teams_outbox (bot, scope, target, id)
	WHERE retrying OR kind NOT IN ('send', 'edit', 'delete');
CREATE INDEX teams_outbox_team ON @extschema@.teams_outbox (bot, team, id)
	WHERE team IS NOT NULL;
CREATE INDEX teams_outbox_due ON @extschema@.teams_outbox (due_at)
	WHERE due_at IS NOT NULL;
CREATE INDEX teams_outbox_expiry ON @extschema@.teams_outbox (expires_at)
	WHERE expires_at IS NOT NULL;
CREATE INDEX teams_outbox_broadcast ON @extschema@.teams_outbox (broadcast)
	WHERE broadcast IS NOT NULL;

-- Two in one: each index costs every message, also one that is not in it.
CREATE INDEX teams_outbox_reference
	ON @extschema@.teams_outbox (refers_to, reference)
	WHERE refers_to IS NOT NULL OR reference IS NOT NULL;

SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_outbox', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_outbox_id_seq', '');

CREATE FUNCTION @extschema@._teams_accept() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_accept';

COMMENT ON FUNCTION @extschema@._teams_accept() IS
'trigger function: judges a new row, counts it as accepted, and wakes the worker at commit';

CREATE FUNCTION @extschema@._teams_judge() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_judge';

COMMENT ON FUNCTION @extschema@._teams_judge() IS
'trigger function: judges a row that was changed';

CREATE TRIGGER teams_accept AFTER INSERT ON @extschema@.teams_outbox
	FOR EACH ROW EXECUTE FUNCTION @extschema@._teams_accept();
CREATE TRIGGER teams_judge
	AFTER UPDATE OF bot, kind, scope, target, team, activity, broadcast, refers_to,
		priority, delivery, reference ON @extschema@.teams_outbox
	FOR EACH ROW EXECUTE FUNCTION @extschema@._teams_judge();
CREATE TRIGGER teams_wake AFTER UPDATE ON @extschema@.teams_outbox
	FOR EACH STATEMENT EXECUTE FUNCTION @extschema@._teams_wake('outbox');
ALTER TABLE @extschema@.teams_outbox ENABLE ALWAYS TRIGGER teams_accept;
ALTER TABLE @extschema@.teams_outbox ENABLE ALWAYS TRIGGER teams_judge;
ALTER TABLE @extschema@.teams_outbox ENABLE ALWAYS TRIGGER teams_wake;

CREATE TABLE @extschema@.teams_inflight (
	batch			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	ids				bigint[]	NOT NULL,
	started_at		timestamptz	NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0,
		autovacuum_vacuum_threshold = 2000);

COMMENT ON TABLE @extschema@.teams_inflight IS
'ledger: batches of outbox ids on the wire; after a crash, those in doubt';
COMMENT ON COLUMN @extschema@.teams_inflight.batch IS
'order in which batches were entered';
COMMENT ON COLUMN @extschema@.teams_inflight.ids IS
'messages of the batch';
COMMENT ON COLUMN @extschema@.teams_inflight.started_at IS
'when it was entered, before its first byte left';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_inflight', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_inflight_batch_seq', '');
