-- Templates: teams_template, teams_render() and teams_expand().  What the
-- language means is tested in template_cases.
SET client_min_messages = warning;
\set VERBOSITY default
CREATE EXTENSION teams_proactive;

--
-- Stored and rendered
--

SELECT teams_set_template('build', jsonb '{
	"type": "AdaptiveCard", "version": "1.5",
	"body": [
		{"type": "TextBlock", "weight": "Bolder", "text": "Build ${number} failed"},
		{"type": "FactSet", "facts": [
			{"$data": "${facts}", "title": "${name}", "value": "${value}"}]},
		{"type": "TextBlock", "$when": "${exists(hint)}", "text": "${hint}"}],
	"actions": [{"type": "Action.OpenUrl", "title": "Log", "url": "${url}"}]}',
	comment => 'as the card designer exports it');
SELECT name, locale, kind, summary, comment FROM teams_template;

\set data '{"number": 812, "url": "https://ci.contoso.com/812", "facts": [{"name": "Branch", "value": "main"}, {"name": "Tests", "value": 1214}]}'
SELECT jsonb_pretty(teams_render('build', :'data'));

-- It is an activity that can be sent.
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('default', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');
SELECT teams_send('ada@contoso.com', teams_render('build', :'data')) > 0 AS is_an_id;
SELECT activity -> 'summary' AS summary FROM teams_outbox;

-- A text, and one for each language.
SELECT teams_set_template('due', 'Invoice ${invoice} is due on ${formatDateTime(due, ''yyyy-MM-dd'')}');
SELECT teams_set_template('due', 'Rechnung ${invoice} ist am ${formatDateTime(due, ''dd.MM.yyyy'')} fällig', 'de');
SELECT teams_set_template('due', 'Rechnung ${invoice} ist per ${formatDateTime(due, ''dd.MM.yyyy'')} fällig', 'de_CH');
SELECT name, locale, kind FROM teams_template ORDER BY name, locale;
SELECT locale, teams_render('due', '{"invoice": 17, "due": "2026-05-01"}', locale)
	FROM unnest(ARRAY[NULL, '', 'de', 'DE', 'de-AT', 'de-CH', 'de-ch-1996', 'deu', 'fr'])
		WITH ORDINALITY AS l (locale, i) ORDER BY i;

-- What stands in a notification.
SELECT teams_set_template('summary', jsonb '{"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "Image", "url": "x"}]}',
	summary => '${count(items)} items for ${name}');
SELECT teams_render('summary', '{"items": [1, 2], "name": "Ada"}') ->> 'summary';
SELECT teams_set_template('summary', jsonb '{"type": "AdaptiveCard", "version": "1.5", "fallbackText": "${name}, look", "body": [{"type": "TextBlock", "text": "x"}]}');
SELECT teams_render('summary', '{"name": "Ada"}') ->> 'summary';
SELECT teams_set_template('summary', jsonb '{"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "ColumnSet", "columns": [
	{"type": "Column", "items": [{"type": "TextBlock", "text": ""}]},
	{"type": "Column", "items": [{"type": "TextBlock", "text": "for **${name}**"}]}]}]}');
SELECT teams_render('summary', '{"name": "Ada"}') ->> 'summary';
SELECT teams_set_template('summary', jsonb '{"type": "AdaptiveCard", "version": "1.5", "body": []}');
SELECT teams_render('summary');

-- An activity says all itself.
SELECT teams_set_template('activity', jsonb '{"type": "message", "text": "**${what}**", "importance": "${if(urgent, ''high'', ''normal'')}"}');
SELECT teams_render('activity', '{"what": "Fire", "urgent": true}');

-- A card for each element; and nothing, if there is nothing to say.
SELECT teams_set_template('cards', '{"$data": "${items}", "$when": "${$data > 0}",
	"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "no. ${$data}"}]}');
SELECT jsonb_array_length(teams_render('cards', '{"items": [1, 2, 3]}') -> 'attachments') AS cards,
	teams_render('cards', '{"items": [1, 2, 3]}') ->> 'summary' AS summary;
SELECT jsonb_array_length(teams_render('cards', '{"items": [0, 7]}') -> 'attachments') AS cards;
SELECT teams_render('cards', '{"items": []}') IS NULL AS nothing;

-- A text that is one expression is a text nevertheless.
SELECT teams_set_template('value', '${value}');
SELECT v, teams_render('value', v) FROM unnest(ARRAY['{"value": 7}', '{"value": "x"}',
	'{"value": true}', '{"value": null}', '{}', '{"value": [1]}',
	'{"value": {"type": "AdaptiveCard"}}']::jsonb[]) AS v;

-- A function is a template too.
CREATE FUNCTION public.greet(data jsonb) RETURNS jsonb LANGUAGE sql AS
	$$ SELECT to_jsonb('Hello ' || (data ->> 'name') || ', not ${name}') $$;
CREATE FUNCTION public.greet_card(data jsonb) RETURNS jsonb LANGUAGE sql AS
	$$ SELECT jsonb_build_object('type', 'AdaptiveCard', 'version', '1.5', 'body', '[]'::jsonb, 'speak', 'Hello') $$;
SELECT teams_render('public.greet', '{"name": "Ada"}');
SELECT teams_render('public.greet_card');

-- Numbers of the data keep their digits.
SELECT teams_expand('["${id}", "no. ${id}", "${amount}", "${rate}", "${rate * 2}"]',
	'{"id": 12345678901234567890, "amount": 1234567.10, "rate": 0.12345678901234567890}');

-- Letters are those of Unicode, whatever the database's collation knows, if the
-- server was built with ICU.
SELECT EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') AS has_icu \gset
SELECT CASE WHEN :'has_icu'
	THEN teams_expand('"${toUpper(''äßéω'')} ${toLower(''ÄÉΩ'')}"')
	ELSE '"ÄSSÉΩ äéω"' END AS teams_expand;

-- Dropped
SELECT teams_drop_template('due', 'de-CH') AS dropped;
SELECT teams_render('due', '{"invoice": 17, "due": "2026-05-01"}', 'de-CH');
SELECT teams_drop_template('due') AS dropped;
SELECT teams_drop_template('due') AS dropped;

--
-- Functions for many elements
--
-- a text that lists rows
SELECT teams_expand('"${count(rows)} alerts, ${count(where(rows, r, r.prio == 1))} of them urgent:\n${join(foreach(sortBy(rows, ''prio''), r, concat(''- '', r.title, '' on '', r.host)), ''\n'')}"',
    '{"rows": [{"title": "Slow queries", "host": "db2", "prio": 2}, {"title": "Disk full", "host": "db1", "prio": 1}]}') #>> '{}' AS text;
-- 5,000 of them
SELECT length(teams_expand('"${join(foreach(sortBy(rows, ''title''), r, r.title), '', '')}"', d) #>> '{}') AS characters,
	teams_expand('"${count(unique(rows))} ${count(union(rows, rows))} ${sum(foreach(rows, r, r.n))}"', d) AS counts
	FROM (SELECT jsonb_build_object('rows', jsonb_agg(jsonb_build_object('title', 'row ' || i, 'n', i))) AS d
		FROM generate_series(1, 5000) AS i) AS data;
-- when the transaction began
SELECT teams_expand('"${utcNow(''yyyy-MM-dd HH:mm'')}"') #>> '{}' = to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS now,
	teams_expand('"${getFutureTime(1, ''Day'', ''yyyy-MM-dd'')}"') #>> '{}' = to_char(now() AT TIME ZONE 'UTC' + interval '1 day', 'YYYY-MM-DD') AS tomorrow,
	teams_expand('"${getPastTime(1, ''Week'', ''yyyy-MM-dd'')}"') #>> '{}' = to_char(now() AT TIME ZONE 'UTC' - interval '7 days', 'YYYY-MM-DD') AS last_week;
-- what is no date stays as it is written, or is told
SELECT teams_expand('"due ${formatDateTime(d, ''HH:mm'')}"', '{"d": "soon"}');
SELECT teams_expand('"${formatDateTime(d, ''HH:mm'')}"', '{"d": "soon"}');
-- beyond all times there are
SELECT teams_expand('"${addDays(''9999-12-31'', 1)}"');
SELECT teams_expand('"${addToTime(''2018-01-01'', 0 - 99999999999999, ''Year'')}"');
-- nobody can have it take all time or memory
CREATE FUNCTION long_loop(expression text, elements int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN 'done: ' || teams_expand(to_jsonb('${' || expression || '}'::text),
		jsonb_build_object('l', (SELECT jsonb_agg(i) FROM generate_series(1, elements) AS i),
			's', repeat('a', 1000000)))::text;
EXCEPTION WHEN program_limit_exceeded THEN
	RETURN sqlerrm;
END
$$;
SELECT e, long_loop(e, n) FROM (VALUES
	('count(foreach(l, x, foreach(l, y, foreach(l, z, x))))', 1000),
	('any(l, x, any(l, y, any(l, z, false)))', 1000),
	('count(foreach(l, x, $root))', 1000),
	('count(where(l, x, indexOf(l, x) < 0))', 20000),
	('count(where(l, x, count(sortBy(l)) > 5))', 20000),
	('count(range(1, 2000000000))', 1),
	('count(split(s))', 1),
	('lastIndexOf(s, substring(s, 1000))', 1),
	('all(l, x, isDateTime(utcNow()))', 1000000),
	('count(merge(foreach(l, x, setProperty($root, ''t'', x))))', 1000)) AS t (e, n);
DROP FUNCTION long_loop;

--
-- Refused when they are stored
--

SELECT teams_set_template('wrong', jsonb '{"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "${shout(name)}"}]}');
\echo :LAST_ERROR_SQLSTATE
-- the nearest one, a word that is used elsewhere, an iterator that is no name
SELECT teams_set_template('wrong', '${formatDateTim(t)}');
SELECT teams_set_template('wrong', '${map(rows, r, r.title)}');
SELECT teams_set_template('wrong', '${foreach(rows, ''r'', r.title)}');
SELECT teams_set_template('wrong', 'Hello ${first name}');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_set_template('wrong', 'Hello ${größe}');
SELECT teams_set_template('wrong', 'Hello ${name +}');
SELECT teams_set_template('wrong', 'Hello ${substring(name)}');
SELECT teams_set_template('wrong', 'Hello ${length(7)}');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_set_template('wrong', jsonb '{"type": "AdaptiveCard", "version": "1.5", "body": [{"$when": "${a &&& b}"}]}');
SELECT teams_set_template('wrong', 'x', summary => '${oops(}');
-- ... but a restored one that cannot be understood any more is not lost.
INSERT INTO teams_template (name, body) VALUES ('wrong', '"${oops(}"');
SELECT teams_render('wrong');
DELETE FROM teams_template WHERE name = 'wrong';
\set VERBOSITY terse
SELECT teams_set_template('wrong', jsonb '{"body": []}');
SELECT teams_set_template('wrong', jsonb '[1]');
SELECT teams_set_template('wrong', '{"type": "AdaptiveCard"');
SELECT teams_set_template('wrong', NULL::jsonb);
SELECT teams_set_template(NULL, 'x');
SELECT teams_set_template('', 'x');
SELECT teams_set_template('wrong', 'x', 'no locale');
SELECT count(*) FROM teams_template WHERE name = 'wrong';

--
-- Failing with the data
--

\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT teams_render('nothing');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_render('greet');
SELECT teams_render('public.greet(jsonb); SELECT 1; --');
SELECT teams_render('pg_catalog.jsonb_array_elements');
SELECT teams_set_template('only_german', 'Hallo', 'de');
SELECT teams_render('only_german', locale => 'fr');
\set SHOW_CONTEXT errors
SELECT teams_set_template('ratio', jsonb '{"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "${done / total}"}]}');
SELECT teams_render('ratio', '{"done": 1, "total": 0}');
\echo :LAST_ERROR_SQLSTATE
SELECT teams_expand('{"a": [{"b": "${items[3]}"}]}', '{"items": []}');
\set VERBOSITY terse
SELECT teams_render(NULL);
SELECT teams_render('ratio', NULL);
SELECT teams_expand(NULL);
SELECT teams_expand('1', NULL);

--
-- Limits
--

-- Loops within loops end.
SELECT teams_expand('[{"$data": "${$root}", "a": [{"$data": "${$root}", "b": "${$index}"}]}]',
	(SELECT jsonb_agg(i) FROM generate_series(1, 2000) AS i));
SELECT teams_expand('[{"$data": "${$root}", "a": [{"$data": "${$root}", "$when": "${$data > $index + 1}"}]}]',
	(SELECT jsonb_agg(i) FROM generate_series(1, 2000) AS i));
-- A number of many digits is kept in a few bytes, and takes time as a long text.
SELECT teams_expand('[{"$data": "${$root.list}", "$when": "${$root.n > $root.n}"}]',
	jsonb_build_object('n', 1e131000, 'list', (SELECT jsonb_agg(i) FROM generate_series(1, 2000) AS i)));
SELECT teams_expand(to_jsonb('${' || repeat('replace(', 20) || '''aa''' || repeat(', ''a'', ''aaaaaaaaaa'')', 20) || '}'));
SELECT teams_expand(to_jsonb('${concat(' || repeat('a, ', 90) || 'a)}'),
	jsonb_build_object('a', repeat('x', 1000000)));
-- Depth is limited by the stack, and not by a crash.
SELECT teams_expand(to_jsonb('${' || repeat('(', 1000000) || '}'));
SELECT teams_expand(to_jsonb('${' || repeat('!', 1000000) || 'a}'));
SELECT teams_expand(to_jsonb('${' || repeat('(', 1000) || '1' || repeat(')', 1000) || ' + 1}')) AS deep;
SELECT teams_expand(to_jsonb('${' || repeat('createArray(', 500) || '1' || repeat(')', 500) || '}')) #>>
	array_fill('0'::text, ARRAY[500]) AS deep;
-- A text may have many expressions.
SELECT length(teams_expand(to_jsonb(repeat('${a},', 10000)), '{"a": 12}') #>> '{}');

-- Garbage is refused or rendered, and breaks nothing.
CREATE FUNCTION garbage(pieces text[], length integer) RETURNS jsonb LANGUAGE sql AS $$
	SELECT to_jsonb('${' || string_agg(pieces[1 + floor(random() * cardinality(pieces))], '') || '}')
	FROM generate_series(1, length) $$;
DO $$
DECLARE
	pieces text[] := ARRAY['(', ')', '[', ']', '{', '}', '$', '.', ',', '''', '"', '\', '`',
		'ä', '😀', ' ', E'\n', '!', '-', '+', '*', '/', '%', '^', '&', '&&', '|', '||', '=', '==',
		'<', '>', '?', ':', '??', '0', '1.5', '99999999999999999999', 'a', 'a.b', '$root', '$data',
		'$index', 'true', 'null', 'undefined', 'if(', 'concat(', 'length(', 'count(', 'join(',
		'substring(', 'replace(', 'first(', 'last(', 'json(', 'string(', 'int(', 'formatNumber(',
		'formatDateTime(', '''2024-03-05T10:20:30Z''', '''''', 'a[0]', 'exists(', 'empty(', '${', '@#_'];
	rendered	integer := 0;
	refused		integer := 0;
BEGIN
	PERFORM setseed(0.5);
	FOR i IN 1..20000 LOOP
		BEGIN
			PERFORM teams_expand(garbage(pieces, 1 + i % 12), '{"a": [1, "x", {"b": null}]}');
			rendered := rendered + 1;
		EXCEPTION
			WHEN syntax_error OR undefined_function OR datatype_mismatch OR data_exception THEN
				refused := refused + 1;
		END;
	END LOOP;
	RAISE WARNING 'some rendered: %, some refused: %', rendered > 100, refused > 100;
END $$;

--
-- Who may
--

CREATE ROLE regress_teams_sender;
SELECT teams_grant('regress_teams_sender', 'sender');
SET ROLE regress_teams_sender;
SELECT teams_render('activity', '{"what": "Fire"}');
SELECT teams_expand('"${a}"', '{"a": 1}');
SELECT teams_set_template('mine', 'x');
SELECT teams_drop_template('activity');
INSERT INTO teams_template (name, body) VALUES ('mine', '"x"');
RESET ROLE;
-- A function is called with the caller's rights.
REVOKE EXECUTE ON FUNCTION public.greet(jsonb) FROM PUBLIC;
SET ROLE regress_teams_sender;
SELECT teams_render('public.greet', '{"name": "Ada"}');
RESET ROLE;
SELECT teams_revoke('regress_teams_sender');
DROP ROLE regress_teams_sender;
-- Of a card without a version, Teams shows nothing: one that is known is
-- refused where it is written, others where they are filled in.
SELECT teams_set_template('no version', '{"type": "AdaptiveCard", "body": []}');
SELECT teams_set_template('no version', jsonb '{"type": "AdaptiveCard", "version": 1.5, "body": []}');
SELECT teams_set_template('no version', '{"type": "AdaptiveCard", "version": "${v}", "body": []}');
SELECT teams_render('no version', '{"v": "1.5"}') #>> '{attachments,0,content,version}' AS version;
SELECT teams_render('no version', '{"v": "new"}');
CREATE FUNCTION no_version(data jsonb) RETURNS jsonb LANGUAGE sql AS
	$$ SELECT '[{"type": "AdaptiveCard", "version": "1.5"}, {"type": "AdaptiveCard"}]'::jsonb $$;
SELECT teams_render('public.no_version');
DROP FUNCTION no_version(jsonb);
-- A notification has no macros, whichever way it is made.
SELECT teams_set_template('due', '{"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "Due {{DATE(${at}, SHORT)}}"}]}');
SELECT teams_render('due', '{"at": "2027-01-02T08:00:00Z"}') ->> 'summary' AS summary;
SELECT teams_set_template('due', '{"type": "AdaptiveCard", "version": "1.5", "fallbackText": "At {{TIME(${at})}}"}');
SELECT teams_render('due', '{"at": "2027-01-02T08:00:00+01:00"}') ->> 'summary' AS summary;
SELECT teams_set_template('due', '{"type": "AdaptiveCard", "version": "1.5"}', summary => 'Till {{DATE(${at})}}');
SELECT teams_render('due', '{"at": "2027-01-02T08:00:00Z"}') ->> 'summary' AS summary;

DROP EXTENSION teams_proactive;
DROP FUNCTION garbage, public.greet, public.greet_card;
