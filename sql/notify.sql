------------------------------------------------------------------------------
-- Notifications of triggers
------------------------------------------------------------------------------

-- teams_notify() is a trigger of users' tables.  With on_error=warn it never
-- keeps a row from being written: what it could not send is in
-- teams_notify_error.

CREATE TABLE @extschema@.teams_notify_error (
	id				bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at				timestamptz	NOT NULL DEFAULT clock_timestamp(),
	schema_name		text		NOT NULL,
	table_name		text		NOT NULL,
	trigger_name	text		NOT NULL,
	template		text		NOT NULL,
	error_code		text		NOT NULL,
	error			text		NOT NULL,
	hint			text,
	data			json
);

-- The worker finds by it what is too old to be kept.
CREATE INDEX teams_notify_error_at ON @extschema@.teams_notify_error (at);

COMMENT ON TABLE @extschema@.teams_notify_error IS
'messages that triggers with on_error=warn, and digests over time, could not write; kept as long as the history';
COMMENT ON COLUMN @extschema@.teams_notify_error.id IS
'order in which they were written';
COMMENT ON COLUMN @extschema@.teams_notify_error.at IS
'when the trigger failed';
COMMENT ON COLUMN @extschema@.teams_notify_error.schema_name IS
'schema of the table';
COMMENT ON COLUMN @extschema@.teams_notify_error.table_name IS
'table that has the trigger';
COMMENT ON COLUMN @extschema@.teams_notify_error.trigger_name IS
'trigger that failed';
COMMENT ON COLUMN @extschema@.teams_notify_error.template IS
'template that it was given';
COMMENT ON COLUMN @extschema@.teams_notify_error.error_code IS
'SQLSTATE';
COMMENT ON COLUMN @extschema@.teams_notify_error.error IS
'what was wrong, in a sentence';
COMMENT ON COLUMN @extschema@.teams_notify_error.hint IS
'what to do about it';
COMMENT ON COLUMN @extschema@.teams_notify_error.data IS
'what the template was given';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_notify_error', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_notify_error_id_seq', '');

CREATE FUNCTION @extschema@.teams_notify() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_notify';

COMMENT ON FUNCTION @extschema@.teams_notify() IS
'trigger function: tells people of rows that are inserted, updated or deleted, in the name of the table''s owner';

-- PostgreSQL does not ask a trigger's function what it thinks of the arguments.
CREATE FUNCTION @extschema@._teams_check_notify() RETURNS event_trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_check_notify';

COMMENT ON FUNCTION @extschema@._teams_check_notify() IS
'event trigger function: judges the arguments of a trigger that calls teams_notify()';

CREATE EVENT TRIGGER teams_check_notify ON ddl_command_end
	WHEN TAG IN ('CREATE TRIGGER')
	EXECUTE FUNCTION @extschema@._teams_check_notify();

COMMENT ON EVENT TRIGGER teams_check_notify IS
'tells whoever creates a trigger that calls teams_notify() what is wrong with its arguments';
