------------------------------------------------------------------------------
-- Activities: what a message says
------------------------------------------------------------------------------

-- These functions make a Bot Framework activity, as jsonb, of a text, a card
-- or an image.  They write nothing: teams_send() and the others take what they
-- return.

CREATE FUNCTION @extschema@.teams_escape(
	text	text,
	format	text DEFAULT 'markdown')
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'teams_escape';

COMMENT ON FUNCTION @extschema@.teams_escape(text, text) IS
'makes a text read as it is where Markdown or HTML is expected, without mentions';

CREATE FUNCTION @extschema@.teams_summary(
	text	text,
	format	text DEFAULT 'markdown')
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'teams_summary';

COMMENT ON FUNCTION @extschema@.teams_summary(text, text) IS
'a text as its notification shows it: without markup, and not too long';

-- Teams shows a mention where the text has the same <at>...</at> as an entity.
CREATE FUNCTION @extschema@._teams_mentions(mentions jsonb, content text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
	entities	jsonb := '[]';
	mention		record;
	tag			text;
	forgotten	text;
BEGIN
	IF mentions IS NULL THEN
		RETURN NULL;
	END IF;
	IF jsonb_typeof(mentions) <> 'object' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'mentions must be a JSON object',
			HINT = 'Give user ids and names, such as {"ada@contoso.com": "Ada"}.';
	END IF;
	FOR mention IN SELECT m.key AS id, m.value #>> '{}' AS name,
						  jsonb_typeof(m.value) AS type
				   FROM jsonb_each(mentions) AS m
	LOOP
		IF mention.type <> 'string' OR btrim(mention.name) = '' THEN
			RAISE invalid_parameter_value USING
				MESSAGE = format('the mention of "%s" has no name', mention.id),
				HINT = 'Give user ids and names, such as {"ada@contoso.com": "Ada"}.';
		END IF;
		IF position(format('@{%s}', mention.id) IN content) = 0 THEN
			RAISE invalid_parameter_value USING
				MESSAGE = format('"%s" is mentioned nowhere', mention.id),
				HINT = format('Write @{%s} where the name shall stand.', mention.id);
		END IF;
		tag := format('<at>%s</at>', @extschema@.teams_escape(mention.name, 'html'::text));
		IF entities @> jsonb_build_array(jsonb_build_object('text', tag)) THEN
			RAISE invalid_parameter_value USING
				MESSAGE = format('two people are mentioned as "%s"', mention.name),
				DETAIL = 'Teams tells them apart by their names alone.';
		END IF;
		entities := entities || jsonb_build_object('type', 'mention', 'text', tag,
			'mentioned', jsonb_build_object('id', mention.id, 'name', mention.name));
	END LOOP;
	SELECT m[1] INTO forgotten
		FROM regexp_matches(content, '@\{([^{}\s]+)\}', 'g') AS m
		WHERE NOT mentions ? m[1] LIMIT 1;
	IF FOUND THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('"%s" is not among the mentions', forgotten),
			HINT = 'Add it with a name, or escape what is not a mention with teams_escape().';
	END IF;
	RETURN entities;
END
$$;

COMMENT ON FUNCTION @extschema@._teams_mentions(jsonb, text) IS
'entities of the people who are mentioned, after judging that the content has them all';

-- A card may have mentions of its own: the same name must be the same person.
CREATE FUNCTION @extschema@._teams_join_mentions(there jsonb, entities jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	entity	jsonb;
	same	jsonb;
BEGIN
	FOR entity IN SELECT * FROM jsonb_array_elements(entities)
	LOOP
		same := jsonb_path_query_first(there, '$[*] ? (@.text == $tag)',
			jsonb_build_object('tag', entity -> 'text'));
		IF same IS NULL THEN
			there := there || entity;
		ELSIF lower(same #>> '{mentioned,id}')
			  IS DISTINCT FROM lower(entity #>> '{mentioned,id}') THEN
			RAISE invalid_parameter_value USING
				MESSAGE = format('the card mentions somebody else as "%s"', entity #>> '{mentioned,name}'),
				DETAIL = format('It has a mention of "%s" by that name, and Teams tells people apart by their names alone.',
								same #>> '{mentioned,id}'),
				HINT = 'Give a name that only one of them has, such as the full name.';
		END IF;
	END LOOP;
	RETURN there;
END
$$;

COMMENT ON FUNCTION @extschema@._teams_join_mentions(jsonb, jsonb) IS
'entities of a card and of those who are mentioned besides, after judging that no two have one name';

CREATE FUNCTION @extschema@._teams_mark(content text, entities jsonb, is_json boolean)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	entity	jsonb;
	tag		text;
BEGIN
	FOR entity IN SELECT * FROM jsonb_array_elements(entities)
	LOOP
		tag := entity ->> 'text';
		IF is_json THEN
			tag := btrim(to_jsonb(tag)::text, '"');
		END IF;
		content := replace(content, format('@{%s}', entity #>> '{mentioned,id}'), tag);
	END LOOP;
	RETURN content;
END
$$;

COMMENT ON FUNCTION @extschema@._teams_mark(text, jsonb, boolean) IS
'content with names where people are mentioned';

CREATE FUNCTION @extschema@._teams_activity(
	content		jsonb,
	summary		text,
	importance	text,
	alert		boolean)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF importance NOT IN ('low', 'normal', 'high') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('unknown importance: "%s"', importance),
			HINT = 'Give "low", "normal" or "high".';
	END IF;
	RETURN jsonb_strip_nulls(jsonb_build_object('type', 'message',
			'summary', summary, 'importance', importance))
		|| content
		|| CASE WHEN alert
				THEN '{"channelData": {"notification": {"alert": true}}}'::jsonb
				ELSE '{}' END;
END
$$;

COMMENT ON FUNCTION @extschema@._teams_activity(jsonb, text, text, boolean) IS
'a Bot Framework activity with what all kinds of messages have';

CREATE FUNCTION @extschema@.teams_text(
	text				text,
	format				text DEFAULT 'markdown',
	mentions			@extschema@.teams_json DEFAULT NULL,
	summary				text DEFAULT NULL,
	importance			text DEFAULT NULL,
	alert				boolean DEFAULT false,
	suggested_actions	text[] DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
	entities	jsonb;
	marked		text := text;
	content		jsonb;
BEGIN
	IF text IS NULL OR format IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'text and format must not be null';
	END IF;
	IF text !~ '\S' THEN
		RAISE invalid_parameter_value USING MESSAGE = 'message text is empty';
	END IF;
	IF format NOT IN ('plain', 'markdown', 'html') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('unknown format: "%s"', format),
			HINT = 'Give "plain", "markdown" or "html".';
	END IF;
	IF mentions IS NOT NULL AND format = 'plain' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'a plain text cannot mention anybody',
			HINT = 'Give another format, and escape the text with teams_escape().';
	END IF;
	IF array_ndims(suggested_actions) > 1 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'suggested_actions must be a list of texts, not of lists';
	END IF;
	IF array_position(suggested_actions, NULL) IS NOT NULL
	   OR '' = ANY (suggested_actions) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'suggested actions must not be null or empty';
	END IF;

	entities := @extschema@._teams_mentions(mentions::jsonb, text);
	IF entities IS NOT NULL THEN
		marked := @extschema@._teams_mark(text, entities, false);
	END IF;
	content := jsonb_build_object('text', marked, 'textFormat',
		CASE format WHEN 'html' THEN 'xml' ELSE format END);
	IF entities IS NOT NULL THEN
		content := content || jsonb_build_object('entities', entities);
	END IF;
	IF cardinality(suggested_actions) > 0 THEN
		content := content || jsonb_build_object('suggestedActions',
			jsonb_build_object('actions',
				(SELECT jsonb_agg(jsonb_build_object('type', 'imBack',
					'title', a.action, 'value', a.action) ORDER BY a.number)
				 FROM unnest(suggested_actions) WITH ORDINALITY AS a (action, number))));
	END IF;
	RETURN @extschema@._teams_activity(content,
		coalesce(summary, @extschema@.teams_summary(marked, format)),
		importance, alert);
END
$$;

COMMENT ON FUNCTION @extschema@.teams_text(text, text, @extschema@.teams_json,
	text, text, boolean, text[]) IS
'an activity of a text, with its format, mentions and how it notifies';

CREATE FUNCTION @extschema@._teams_card_summary(card jsonb)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'teams_card_summary';

COMMENT ON FUNCTION @extschema@._teams_card_summary(jsonb) IS
'what a notification shows of a card that has no summary: what stands first in it, or else its fallbackText, speak, labels';

-- Macros are for cards: nobody replaces them in a notification.
CREATE FUNCTION @extschema@._teams_without_macros(text text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'teams_without_macros';

COMMENT ON FUNCTION @extschema@._teams_without_macros(text) IS
'a text with dates and times in the place of {{DATE(...)}} and {{TIME(...)}}';

-- Of a card without one, Teams shows nothing.
CREATE FUNCTION @extschema@._teams_has_version(card jsonb)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $$
BEGIN
	RETURN coalesce(jsonb_typeof(card -> 'version') = 'string'
					AND card ->> 'version' ~ '^1\.\d$', false);
END
$$;

COMMENT ON FUNCTION @extschema@._teams_has_version(jsonb) IS
'whether an Adaptive Card has a version that Teams understands';

-- The card is judged here, since Teams does not refuse what it cannot show: it
-- shows nothing.
CREATE FUNCTION @extschema@.teams_card(
	card		@extschema@.teams_json,
	summary		text DEFAULT NULL,
	mentions	@extschema@.teams_json DEFAULT NULL,
	importance	text DEFAULT NULL,
	alert		boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
	entities	jsonb;
	marked		jsonb := card;
	preview		text;
BEGIN
	IF card IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'card must not be null';
	END IF;
	IF jsonb_typeof(marked) <> 'object'
	   OR marked ->> 'type' IS DISTINCT FROM 'AdaptiveCard' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'invalid card',
			DETAIL = 'It is not a JSON object of "type": "AdaptiveCard".';
	END IF;
	IF NOT @extschema@._teams_has_version(marked) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'invalid card',
			DETAIL = 'It has no "version" such as "1.5".';
	END IF;

	entities := @extschema@._teams_mentions(mentions::jsonb, marked::text);
	IF entities IS NOT NULL THEN
		marked := @extschema@._teams_mark(marked::text, entities, true)::jsonb;
		marked := marked || jsonb_build_object('msteams',
			coalesce(marked -> 'msteams', '{}') || jsonb_build_object('entities',
				@extschema@._teams_join_mentions(
					coalesce(marked #> '{msteams,entities}', '[]'), entities)));
	END IF;
	preview := coalesce(@extschema@._teams_without_macros(summary),
		@extschema@._teams_card_summary(marked));
	IF preview IS NULL THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'the card has no text to notify with',
			HINT = 'Give a summary: it is what people see before they open the chat.';
	END IF;
	RETURN @extschema@._teams_activity(jsonb_build_object('attachments',
			jsonb_build_array(jsonb_build_object(
				'contentType', 'application/vnd.microsoft.card.adaptive',
				'content', marked))),
		preview, importance, alert);
END
$$;

COMMENT ON FUNCTION @extschema@.teams_card(@extschema@.teams_json, text,
	@extschema@.teams_json, text, boolean) IS
'an activity of an Adaptive Card';

CREATE FUNCTION @extschema@.teams_image(
	url			text,
	alt			text DEFAULT NULL,
	summary		text DEFAULT NULL,
	importance	text DEFAULT NULL,
	alert		boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $$
BEGIN
	IF url IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'url must not be null';
	END IF;
	IF url !~* '^https://[^/?#\s]+\S*$' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('invalid URL of an image: "%s"', url),
			DETAIL = 'Teams fetches images by https only.';
	END IF;
	IF coalesce(alt, summary) IS NULL THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'the image has no text to notify with',
			HINT = 'Give alt, what the image shows, or a summary.';
	END IF;
	RETURN @extschema@._teams_activity(jsonb_build_object('attachments',
			jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
				'contentType',
				CASE
					WHEN url ~* '\.png($|[?#])' THEN 'image/png'
					WHEN url ~* '\.jpe?g($|[?#])' THEN 'image/jpeg'
					WHEN url ~* '\.gif($|[?#])' THEN 'image/gif'
					ELSE 'image/*'
				END,
				'contentUrl', url, 'name', alt)))),
		coalesce(summary, @extschema@.teams_summary(alt, 'plain'::text)),
		importance, alert);
END
$$;

COMMENT ON FUNCTION @extschema@.teams_image(text, text, text, text, boolean) IS
'an activity of an image, which Teams fetches from its URL';

CREATE FUNCTION @extschema@._teams_activity_problem(activity jsonb)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'teams_activity_problem';

COMMENT ON FUNCTION @extschema@._teams_activity_problem(jsonb) IS
'why nobody would see the activity; null if they would';

CREATE FUNCTION @extschema@._teams_unsendable(activity json)
RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'teams_unsendable';

COMMENT ON FUNCTION @extschema@._teams_unsendable(json) IS
'why an activity cannot be sent: its size, its encoding or JSON that jsonb does not take; null if it can';

-- An array is several cards.  What is an activity stays one.  Of a template,
-- people are notified with what its card says for those who do not see it.
CREATE FUNCTION @extschema@._teams_as_activity(
	content		jsonb,
	summary		text DEFAULT NULL,
	name		text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	cards		jsonb;
	activity	jsonb;
BEGIN
	IF jsonb_typeof(content) = 'array' THEN
		cards := nullif(content, '[]');
	ELSIF content ->> 'type' = 'AdaptiveCard' THEN
		cards := jsonb_build_array(content);
	ELSIF jsonb_typeof(content) = 'object' THEN
		activity := content;
		summary := coalesce(@extschema@._teams_without_macros(summary),
			@extschema@._teams_card_summary(content #> '{attachments,0,content}'));
	ELSIF jsonb_typeof(content) <> 'null' THEN
		activity := jsonb_build_object('type', 'message', 'text', content #>> '{}');
	END IF;
	IF cards IS NOT NULL THEN
		IF EXISTS (SELECT FROM jsonb_array_elements(cards) AS c (card)
				   WHERE c.card ->> 'type' = 'AdaptiveCard'
					 AND NOT @extschema@._teams_has_version(c.card)) THEN
			RAISE invalid_parameter_value USING
				MESSAGE = CASE WHEN name IS NULL THEN 'invalid card'
					ELSE format('template "%s" becomes an Adaptive Card without a version', name) END,
				DETAIL = 'Teams shows nothing of a card that has no "version" such as "1.5".';
		END IF;
		activity := jsonb_build_object('type', 'message', 'attachments',
			(SELECT jsonb_agg(jsonb_build_object(
						'contentType', 'application/vnd.microsoft.card.adaptive',
						'content', c.card) ORDER BY c.number)
			 FROM jsonb_array_elements(cards) WITH ORDINALITY AS c (card, number)));
		summary := coalesce(@extschema@._teams_without_macros(summary),
			@extschema@.teams_summary(@extschema@._teams_without_macros(
				cards -> 0 ->> 'fallbackText'), 'markdown'::text),
			@extschema@.teams_summary(@extschema@._teams_without_macros(
				cards -> 0 ->> 'speak'), 'markdown'::text),
			@extschema@._teams_card_summary(cards -> 0), name);
	END IF;
	IF summary <> '' AND NOT activity ? 'summary' THEN
		activity := activity || jsonb_build_object('summary', summary);
	END IF;
	RETURN activity;
END
$$;

COMMENT ON FUNCTION @extschema@._teams_as_activity(jsonb, text, text) IS
'the activity that sends a text or an Adaptive Card; a notification shows the summary, words of the card or else the name';
