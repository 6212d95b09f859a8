------------------------------------------------------------------------------
-- Templates
------------------------------------------------------------------------------

-- A template is a text, a card or an activity with expressions, for all
-- locales or for one.  teams_set_template() keeps it, teams_render() makes an
-- activity of it.

CREATE FUNCTION @extschema@.teams_expand(
	template	@extschema@.teams_json,
	data		@extschema@.teams_json DEFAULT '{}',
	name		text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'teams_expand';

COMMENT ON FUNCTION @extschema@.teams_expand(@extschema@.teams_json,
	@extschema@.teams_json, text) IS
'what a template in the Adaptive Card Templating language becomes with the data; the name is for errors';

CREATE FUNCTION @extschema@._teams_check_template(
	template	jsonb,
	name		text DEFAULT NULL)
RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'teams_check_template';

COMMENT ON FUNCTION @extschema@._teams_check_template(jsonb, text) IS
'raises an error if an expression in a template cannot be understood';

-- Expressions are judged by teams_set_template(), and when they are used: a
-- constraint would keep a dump from being restored if what understands them
-- has become stricter.
CREATE TABLE @extschema@.teams_template (
	name			@extschema@.teams_template_name	NOT NULL,
	locale			@extschema@.teams_locale	NOT NULL DEFAULT '',
	kind			text		NOT NULL GENERATED ALWAYS AS
					(CASE
						 WHEN jsonb_typeof(body) = 'string' THEN 'text'
						 WHEN body ->> 'type' = 'AdaptiveCard' THEN 'card'
						 ELSE 'activity'
					 END) STORED,
	body			jsonb		NOT NULL,
	summary			text,
	comment			text,
	updated_at		timestamptz	NOT NULL DEFAULT now(),
	PRIMARY KEY (name, locale),
	CONSTRAINT teams_template_body_check
		CHECK (jsonb_typeof(body) = 'string' OR body ? 'type')
);

COMMENT ON TABLE @extschema@.teams_template IS
'templates of messages, written by teams_set_template() and used by teams_render()';
COMMENT ON COLUMN @extschema@.teams_template.name IS
'name that teams_render() and the others are given';
COMMENT ON COLUMN @extschema@.teams_template.locale IS
'language in lower case, such as de or de-at; empty for those that have no template of their own';
COMMENT ON COLUMN @extschema@.teams_template.kind IS
'text; card: an Adaptive Card; activity: a Bot Framework activity';
COMMENT ON COLUMN @extschema@.teams_template.body IS
'in the Adaptive Card Templating language';
COMMENT ON COLUMN @extschema@.teams_template.summary IS
'template of what a notification shows; null: the card''s own words';
COMMENT ON COLUMN @extschema@.teams_template.comment IS
'what whoever wrote it says about it';
COMMENT ON COLUMN @extschema@.teams_template.updated_at IS
'when it was written';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.teams_template', '');

CREATE FUNCTION @extschema@.teams_set_template(
	name		text,
	body		@extschema@.teams_json,
	locale		text DEFAULT '',
	summary		text DEFAULT NULL,
	comment		text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	given	jsonb := body;
BEGIN
	IF name IS NULL OR body IS NULL OR locale IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'name, body and locale must not be null';
	END IF;
	locale := lower(replace(locale, '_', '-'));
	IF NOT @extschema@._teams_is_valid(name, '@extschema@.teams_template_name'::regtype) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('invalid name for a template: "%s"', name);
	END IF;
	IF NOT @extschema@._teams_is_valid(locale, '@extschema@.teams_locale'::regtype) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('invalid locale: "%s"', locale),
			HINT = 'Give a language such as de or de-AT, or nothing for all.';
	END IF;
	IF jsonb_typeof(given) <> 'string' AND NOT given ? 'type' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('template "%s" is neither a text, an Adaptive Card nor an activity', name),
			HINT = 'Give a card or activity as an object with a "type".';
	END IF;
	PERFORM @extschema@._teams_check_template(given, name);
	PERFORM @extschema@._teams_check_template(to_jsonb(summary), name || ' (summary)');
	IF given ->> 'type' = 'AdaptiveCard'
	   AND NOT @extschema@._teams_has_version(given)
	   AND coalesce(given ->> 'version', '') NOT LIKE '%${%' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('template "%s" is an Adaptive Card without a version', name),
			DETAIL = 'Teams shows nothing of a card that has no "version" such as "1.5".';
	END IF;

	-- An expression is judged when it is filled in.
	IF given ->> 'type' NOT IN ('AdaptiveCard', 'message')
	   AND given ->> 'type' NOT LIKE '%${%' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('template "%s" is of type "%s", of which people see nothing', name, given ->> 'type'),
			HINT = 'Write "AdaptiveCard" for a card and "message" for an activity; case matters.';
	END IF;
	IF EXISTS (SELECT FROM @extschema@.teams_template AS t
			   WHERE t.name = teams_set_template.name
				 AND t.locale = teams_set_template.locale
				 AND (t.body, t.summary) IS DISTINCT FROM
					 (given, teams_set_template.summary)) THEN
		RAISE NOTICE USING MESSAGE = format('template "%s"%s is replaced', name,
			CASE WHEN locale <> '' THEN format(' for the locale "%s"', locale) ELSE '' END);
	END IF;
	INSERT INTO @extschema@.teams_template AS t
		(name, locale, body, summary, comment)
	VALUES (name, locale, given, summary, comment)
	ON CONFLICT ON CONSTRAINT teams_template_pkey DO UPDATE SET
		body = excluded.body,
		summary = excluded.summary,
		comment = excluded.comment,
		updated_at = now();
END
$$;

COMMENT ON FUNCTION @extschema@.teams_set_template(text, @extschema@.teams_json,
	text, text, text) IS
'creates or replaces a template for a locale, from an Adaptive Card or activity';

-- A card is one also where it is given as a text.
CREATE FUNCTION @extschema@.teams_set_template(
	name		text,
	text		text,
	locale		text DEFAULT '',
	summary		text DEFAULT NULL,
	comment		text DEFAULT NULL)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT @extschema@.teams_set_template($1,
		CASE WHEN $2 ~ '^\s*\{' THEN $2::jsonb ELSE to_jsonb($2) END::@extschema@.teams_json,
		$3, $4, $5)
$$;

COMMENT ON FUNCTION @extschema@.teams_set_template(text, text, text, text, text) IS
'creates or replaces a template for a locale, from a text; one that begins with a brace is taken for a card or activity';

CREATE FUNCTION @extschema@.teams_drop_template(
	name		text,
	locale		text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	dropped	bigint;
BEGIN
	DELETE FROM @extschema@.teams_template AS t
	WHERE t.name = teams_drop_template.name
	  AND (teams_drop_template.locale IS NULL
		   OR t.locale = lower(replace(teams_drop_template.locale, '_', '-')));
	GET DIAGNOSTICS dropped = ROW_COUNT;
	RETURN dropped;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_drop_template(text, text) IS
'drops a template for a locale, or for all; returns how many there were';

CREATE FUNCTION @extschema@._teams_fill(
	name text, kind text, body jsonb, summary text, data jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	content	jsonb;
BEGIN
	content := @extschema@.teams_expand(body::@extschema@.teams_json,
		data::@extschema@.teams_json, name);

	-- Data that looks like a card does not make one of a text.
	IF kind = 'text' THEN
		content := to_jsonb(content #>> '{}');
	END IF;
	RETURN @extschema@._teams_as_activity(content,
		@extschema@.teams_expand(coalesce(to_jsonb(summary), 'null')::@extschema@.teams_json,
			data::@extschema@.teams_json, name || ' (summary)') #>> '{}',
		name);
END
$$;

COMMENT ON FUNCTION @extschema@._teams_fill(text, text, jsonb, text, jsonb) IS
'the activity that one variant of a template becomes with the data';

-- Runs with the privileges of whoever calls it, since the name may be that of
-- any function: nothing may call it as somebody else.
CREATE FUNCTION @extschema@.teams_render(
	template	text,
	data		@extschema@.teams_json DEFAULT '{}',
	locale		text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted	text := lower(replace(coalesce(locale, ''), '_', '-'));
	chosen	@extschema@.teams_template;
	others	text;
	f		regprocedure;
	content	jsonb;
BEGIN
	IF template IS NULL OR data IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'template and data must not be null';
	END IF;
	SELECT t.* INTO chosen
	FROM @extschema@.teams_template AS t
	WHERE t.name = template
	  AND (t.locale = '' OR t.locale = wanted
		   OR starts_with(wanted, t.locale || '-'))
	ORDER BY length(t.locale) DESC LIMIT 1;
	IF FOUND THEN
		RETURN @extschema@._teams_fill(template, chosen.kind, chosen.body,
			chosen.summary, data::jsonb);
	END IF;

	SELECT string_agg(t.locale, ', ' ORDER BY t.locale) INTO others
	FROM @extschema@.teams_template AS t WHERE t.name = template;
	IF others IS NOT NULL THEN
		RAISE undefined_object USING
			MESSAGE = format('template "%s" does not exist for the locale "%s"', template, wanted),
			HINT = format('It exists for %s. Give it with the locale '''' to have it used for all others.', others);
	END IF;

	IF template ~ '^("[^"]+"|[[:alpha:]_][[:alnum:]_$]*)\.("[^"]+"|[[:alpha:]_][[:alnum:]_$]*)$' THEN
		SELECT p.oid INTO f FROM pg_proc AS p
		WHERE p.oid = to_regprocedure(template || '(jsonb)')
		  AND p.prorettype = 'jsonb'::regtype AND p.prokind = 'f'
		  AND NOT p.proretset;
	END IF;
	IF f IS NULL THEN
		RAISE undefined_object USING
			MESSAGE = format('template "%s" does not exist', template),
			HINT = 'See teams_template for those that do; a function from jsonb to jsonb is given with its schema.';
	END IF;
	EXECUTE format('SELECT %s($1)', f::oid::regproc) INTO content USING data::jsonb;
	RETURN @extschema@._teams_as_activity(content, NULL::text, template);
END
$$;

COMMENT ON FUNCTION @extschema@.teams_render(text, @extschema@.teams_json, text) IS
'the activity that a template becomes with the data, for teams_send()';
