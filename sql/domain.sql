------------------------------------------------------------------------------
-- Domains: what may be in a column
------------------------------------------------------------------------------

-- Each rule is here alone.  Functions ask _teams_is_valid() before they write,
-- so that they can say in words what is wrong.

CREATE DOMAIN @extschema@.teams_bot_name AS text
	CHECK (VALUE ~ '^[A-Za-z0-9_.-]{1,63}$');

COMMENT ON DOMAIN @extschema@.teams_bot_name IS
'name of a bot';

CREATE DOMAIN @extschema@.teams_cloud AS text
	CHECK (VALUE IN ('public', 'gcc', 'gcc-high', 'dod'));

COMMENT ON DOMAIN @extschema@.teams_cloud IS
'cloud of Microsoft, which has its own hosts';

CREATE DOMAIN @extschema@.teams_rate AS integer
	CHECK (VALUE > 0);

COMMENT ON DOMAIN @extschema@.teams_rate IS
'how many in a second';

CREATE DOMAIN @extschema@.teams_chat_limits AS integer[]
	CHECK (coalesce(array_dims(VALUE), '') = '[1:4]'
		   AND array_position(VALUE, NULL) IS NULL
		   AND 0 < ALL (VALUE));

COMMENT ON DOMAIN @extschema@.teams_chat_limits IS
'messages to one chat within 1, 2, 30 and 3600 seconds';

CREATE DOMAIN @extschema@.teams_template_name AS text
	CHECK (VALUE <> '' AND VALUE !~ '[[:cntrl:]]');

COMMENT ON DOMAIN @extschema@.teams_template_name IS
'name of a template';

CREATE DOMAIN @extschema@.teams_locale AS text
	CHECK (VALUE ~ '^([a-z]{2,8}(-[a-z0-9]{1,8})*)?$');

COMMENT ON DOMAIN @extschema@.teams_locale IS
'language in lower case, such as de or de-at; empty for all';

-- PostgreSQL 16 has pg_input_is_valid() for this.
CREATE FUNCTION @extschema@._teams_is_valid(value text, domain regtype)
RETURNS boolean
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('SELECT $1::%s', domain) USING value;
	RETURN true;
EXCEPTION WHEN check_violation THEN
	RETURN false;
END
$$;

COMMENT ON FUNCTION @extschema@._teams_is_valid(text, regtype) IS
'whether a value may be in a column of a domain';
