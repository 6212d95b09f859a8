------------------------------------------------------------------------------
-- Sending, and changing what was sent
------------------------------------------------------------------------------

-- Each function that sends is there for a text and for an activity, and each
-- that changes or cancels for one message and for many.  Keys keep a message
-- from being sent twice, and hold a thread together.

CREATE TABLE @extschema@.teams_dedupe (
	bot				text		NOT NULL,
	sender			name		NOT NULL,
	dedupe_key		text		NOT NULL
					CHECK (length(dedupe_key) BETWEEN 1 AND 255),
	id				bigint		NOT NULL,
	PRIMARY KEY (bot, sender, dedupe_key)
);

CREATE INDEX teams_dedupe_id ON @extschema@.teams_dedupe (id);

COMMENT ON TABLE @extschema@.teams_dedupe IS
'each sender''s keys of messages that must not be written twice; kept as long as the message is, and given to the next one if it came to nothing';
COMMENT ON COLUMN @extschema@.teams_dedupe.bot IS
'bot that the message is for';
COMMENT ON COLUMN @extschema@.teams_dedupe.sender IS
'name of the role whose key it is';
COMMENT ON COLUMN @extschema@.teams_dedupe.dedupe_key IS
'key that was given with the message';
COMMENT ON COLUMN @extschema@.teams_dedupe.id IS
'the message that has it';

CREATE TABLE @extschema@.teams_thread (
	bot				text		NOT NULL,
	scope			text		NOT NULL,
	target			text		NOT NULL,
	sender			name		NOT NULL,
	thread			text		NOT NULL,
	root			bigint		NOT NULL,
	PRIMARY KEY (bot, scope, target, sender, thread)
);

CREATE INDEX teams_thread_root ON @extschema@.teams_thread (root);

COMMENT ON TABLE @extschema@.teams_thread IS
'threads in channels by each sender''s keys; see teams_post()';
COMMENT ON COLUMN @extschema@.teams_thread.bot IS
'bot that posts there';
COMMENT ON COLUMN @extschema@.teams_thread.scope IS
'what the target is: channel, or team for its General channel';
COMMENT ON COLUMN @extschema@.teams_thread.target IS
'id of the channel or team';
COMMENT ON COLUMN @extschema@.teams_thread.sender IS
'name of the role whose key it is';
COMMENT ON COLUMN @extschema@.teams_thread.thread IS
'key that teams_post() was given';
COMMENT ON COLUMN @extschema@.teams_thread.root IS
'id of the message that started it, which the history keeps';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_dedupe', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_thread', '');

CREATE FUNCTION @extschema@.teams_send(
	user_id		text,
	text		text,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once',
	reference	text DEFAULT NULL,
	notify		boolean DEFAULT false,
	on_error	text DEFAULT 'fail')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_send_text';

COMMENT ON FUNCTION @extschema@.teams_send(text, text, text, timestamptz,
	timestamptz, text, text, text, text, boolean, text) IS
'sends a text to a person when the transaction commits; returns the message''s id';

CREATE FUNCTION @extschema@.teams_send(
	user_id		text,
	activity	@extschema@.teams_json,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once',
	reference	text DEFAULT NULL,
	notify		boolean DEFAULT false,
	on_error	text DEFAULT 'fail')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_send_activity';

COMMENT ON FUNCTION @extschema@.teams_send(text, @extschema@.teams_json, text, timestamptz,
	timestamptz, text, text, text, text, boolean, text) IS
'sends a Bot Framework activity to a person when the transaction commits; returns the message''s id';

CREATE FUNCTION @extschema@.teams_send_chat(
	chat_id		text,
	text		text,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once',
	reference	text DEFAULT NULL,
	notify		boolean DEFAULT false,
	on_error	text DEFAULT 'fail')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_send_chat_text';

COMMENT ON FUNCTION @extschema@.teams_send_chat(text, text, text, timestamptz,
	timestamptz, text, text, text, text, boolean, text) IS
'sends a text to a group chat in which the bot is, or can be installed; returns the message''s id';

CREATE FUNCTION @extschema@.teams_send_chat(
	chat_id		text,
	activity	@extschema@.teams_json,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once',
	reference	text DEFAULT NULL,
	notify		boolean DEFAULT false,
	on_error	text DEFAULT 'fail')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_send_chat_activity';

COMMENT ON FUNCTION @extschema@.teams_send_chat(text, @extschema@.teams_json, text, timestamptz,
	timestamptz, text, text, text, text, boolean, text) IS
'sends a Bot Framework activity to a group chat in which the bot is, or can be installed; returns the message''s id';

CREATE FUNCTION @extschema@.teams_post(
	team		text,
	channel		text,
	text		text,
	thread		text DEFAULT NULL,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once',
	reference	text DEFAULT NULL,
	notify		boolean DEFAULT false,
	on_error	text DEFAULT 'fail')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_post_text';

COMMENT ON FUNCTION @extschema@.teams_post(text, text, text, text, text,
	timestamptz, timestamptz, text, text, text, text, boolean, text) IS
'posts a text to a channel, null for General: a new thread, or with a key for the thread, an answer in it; returns the message''s id';

CREATE FUNCTION @extschema@.teams_post(
	team		text,
	channel		text,
	activity	@extschema@.teams_json,
	thread		text DEFAULT NULL,
	bot			text DEFAULT 'default',
	send_at		timestamptz DEFAULT NULL,
	expires_at	timestamptz DEFAULT NULL,
	priority	text DEFAULT 'normal',
	dedupe_key	text DEFAULT NULL,
	delivery	text DEFAULT 'at-least-once',
	reference	text DEFAULT NULL,
	notify		boolean DEFAULT false,
	on_error	text DEFAULT 'fail')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_post_activity';

COMMENT ON FUNCTION @extschema@.teams_post(text, text, @extschema@.teams_json, text, text,
	timestamptz, timestamptz, text, text, text, text, boolean, text) IS
'posts a Bot Framework activity to a channel, null for General: a new thread, or with a key for the thread, an answer in it; returns the message''s id';

-- Those for one message are told apart from those for many by the type of what
-- is given; a reference has to be named, so that no literal is taken for one.
CREATE FUNCTION @extschema@.teams_edit(
	id			bigint,
	text		text,
	on_error	text DEFAULT 'fail')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_edit_text';

COMMENT ON FUNCTION @extschema@.teams_edit(bigint, text, text) IS
'gives a message another text, before it is sent or where it is; returns the job''s id';

CREATE FUNCTION @extschema@.teams_edit(
	id			bigint,
	activity	@extschema@.teams_json,
	on_error	text DEFAULT 'fail')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_edit_activity';

COMMENT ON FUNCTION @extschema@.teams_edit(bigint, @extschema@.teams_json, text) IS
'gives a message another Bot Framework activity, before it is sent or where it is; returns the job''s id';

CREATE FUNCTION @extschema@.teams_edit(
	ids			bigint[] DEFAULT NULL,
	text		text DEFAULT NULL,
	reference	text DEFAULT NULL)
RETURNS SETOF bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_edit_all_text';

COMMENT ON FUNCTION @extschema@.teams_edit(bigint[], text, text) IS
'gives all of the messages, or those with the reference, that can be edited another text; returns the jobs'' ids';

CREATE FUNCTION @extschema@.teams_edit(
	ids			bigint[] DEFAULT NULL,
	activity	@extschema@.teams_json DEFAULT NULL,
	reference	text DEFAULT NULL)
RETURNS SETOF bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_edit_all_activity';

COMMENT ON FUNCTION @extschema@.teams_edit(bigint[], @extschema@.teams_json, text) IS
'gives all of the messages, or those with the reference, that can be edited another Bot Framework activity; returns the jobs'' ids';

CREATE FUNCTION @extschema@.teams_delete(
	id			bigint,
	on_error	text DEFAULT 'fail')
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_delete';

COMMENT ON FUNCTION @extschema@.teams_delete(bigint, text) IS
'deletes a message that was sent; returns the job''s id, null if the message was still pending and is cancelled';

CREATE FUNCTION @extschema@.teams_delete(
	ids			bigint[] DEFAULT NULL,
	reference	text DEFAULT NULL)
RETURNS SETOF bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_delete_all';

COMMENT ON FUNCTION @extschema@.teams_delete(bigint[], text) IS
'deletes those of the messages, or those with the reference, that were sent, and cancels those that are pending; returns the jobs'' ids';

CREATE FUNCTION @extschema@.teams_message_url(id bigint)
RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'teams_message_url';

COMMENT ON FUNCTION @extschema@.teams_message_url(bigint) IS
'link that opens Teams at a message; null if it was not sent';

CREATE FUNCTION @extschema@.teams_cancel(
	ids			bigint[] DEFAULT NULL,
	reference	text DEFAULT NULL)
RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_cancel';

COMMENT ON FUNCTION @extschema@.teams_cancel(bigint[], text) IS
'cancels those of the messages, or those with the reference, that are pending and not on the wire; returns how many';

CREATE FUNCTION @extschema@.teams_cancel(id bigint)
RETURNS boolean
LANGUAGE sql STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT @extschema@.teams_cancel(ARRAY[id], NULL::text) = 1 $$;

COMMENT ON FUNCTION @extschema@.teams_cancel(bigint) IS
'cancels a pending message; false if it is on the wire or has a fate';

CREATE FUNCTION @extschema@.teams_retry(
	ids			bigint[] DEFAULT NULL,
	reference	text DEFAULT NULL)
RETURNS SETOF bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_retry';

COMMENT ON FUNCTION @extschema@.teams_retry(bigint[], text) IS
'sends those of the messages, or those with the reference, that failed, expired or were cancelled once more, as new ones; returns their ids';

CREATE FUNCTION @extschema@.teams_retry(id bigint)
RETURNS bigint
LANGUAGE sql STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT @extschema@.teams_retry(ARRAY[id], NULL::text) $$;

COMMENT ON FUNCTION @extschema@.teams_retry(bigint) IS
'sends a message that failed, expired or was cancelled once more, as a new one; returns its id, null if there is nothing to retry';

CREATE PROCEDURE @extschema@.teams_wait(
	id			bigint DEFAULT 0,
	timeout		interval DEFAULT '30 seconds')
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_wait';

COMMENT ON PROCEDURE @extschema@.teams_wait(bigint, interval) IS
'waits for the fate of a message or job, by default of the last one that this session has sent, and raises what went wrong';
