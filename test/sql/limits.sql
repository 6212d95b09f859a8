-- What a message may have in it: the same for a function's caller, for a loader
-- and for a recipient of a broadcast, and nothing that a reader cannot bear.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
SELECT teams_configure_dry_run();
SELECT teams_configure_dry_run('other');

-- an activity of so many characters, which are two bytes each as UTF-16
CREATE FUNCTION activity(characters integer, filler text DEFAULT 'x') RETURNS text
LANGUAGE sql AS $$
	SELECT '{"type":"message","text":"' || repeat(filler, characters - 28) || '"}'
$$;

-- the message's size, by function, by row and by change
SELECT teams_send('ada@contoso.com', activity(51200 - 3)::jsonb) > 0 AS is_sent;
SELECT teams_send('ada@contoso.com', activity(51200)::jsonb);
INSERT INTO teams_outbox (target, activity) VALUES ('ada@contoso.com', activity(51200)::json);
INSERT INTO teams_outbox (target, activity) VALUES ('ada@contoso.com', activity(51201)::json);
-- one that counts as two
INSERT INTO teams_outbox (target, activity) VALUES ('ada@contoso.com', activity(25700, U&'\+01F600')::json);
-- one that is not even read
INSERT INTO teams_outbox (target, activity) VALUES ('ada@contoso.com', activity(10000000)::json);

-- Images in base64 do not count, wherever they are, up to what is looked at.
CREATE FUNCTION image(characters integer) RETURNS text
LANGUAGE sql AS $$ SELECT 'data:image/png;base64,' || repeat('A', characters) $$;
CREATE FUNCTION card(url text, words text DEFAULT 'chart') RETURNS jsonb
LANGUAGE sql AS $$
	SELECT teams_card(jsonb_build_object('type', 'AdaptiveCard', 'version', '1.5', 'body', jsonb_build_array(
		jsonb_build_object('type', 'TextBlock', 'text', words), jsonb_build_object('type', 'Image', 'url', url))))
$$;
SELECT teams_send('ada@contoso.com', card(image(70000))) > 0 AS is_sent;
SELECT teams_send('ada@contoso.com', card(image(1000000))) > 0 AS is_sent;
SELECT teams_send('ada@contoso.com', card(image(1050000)));
SELECT teams_send('ada@contoso.com', card(image(70000), repeat('x', 52000)));
SELECT teams_send('ada@contoso.com', card('https://x.test/' || repeat('A', 70000)));
SELECT teams_send('ada@contoso.com', teams_text('<img src="' || image(70000) || '">', 'html')) > 0 AS is_sent;
SELECT teams_edit(max(id), card(image(70000))) FROM teams_message \g /dev/null
INSERT INTO teams_outbox (target, activity) VALUES ('ada@contoso.com', card(image(70000))::json);
INSERT INTO teams_outbox (target, activity) VALUES ('ada@contoso.com', replace(card(image(0))::text, 'base64,', 'base64,' || repeat('\/', 70000))::json);
INSERT INTO teams_outbox (target, activity) VALUES ('ada@contoso.com', card(image(1050000))::json);
SELECT teams_set_template('chart', '{"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "Image", "url": "${url}", "altText": "chart"}]}');
SELECT teams_send('ada@contoso.com', teams_render('chart', jsonb_build_object('url', image(70000)))) > 0 AS is_sent;
SELECT teams_broadcast(ARRAY['ada@contoso.com'], template => 'chart', data => jsonb_build_object('url', image(120000))) > 0 AS is_made;
SELECT teams_broadcast(ARRAY['ada@contoso.com'], template => 'chart', data => jsonb_build_object('url', repeat('A', 120000)));

-- Before it is too much there is a notice, once in a transaction.
SET client_min_messages = notice;
SELECT teams_send('ada@contoso.com', activity(40960 - 3)::jsonb) > 0 AS is_sent;
SELECT teams_send('ada@contoso.com', activity(40960 - 2)::jsonb) > 0 AS is_sent;
SELECT count(teams_send('ada' || i || '@contoso.com', activity(41000)::jsonb)) FROM generate_series(1, 5000) AS i;
BEGIN;
SELECT teams_send('ada@contoso.com', repeat('x', 41000)) > 0 AS is_sent;
SELECT teams_broadcast(ARRAY['ada@contoso.com'], repeat('x', 41000)) > 0 AS is_made;
ROLLBACK;
SELECT teams_broadcast(ARRAY['ada@contoso.com'], repeat('x', 41000)) > 0 AS is_made;
SELECT teams_set_template('long', '${words}');
SELECT teams_broadcast(ARRAY['ada@contoso.com'], template => 'long', data => jsonb_build_object('words', repeat('x', 41000))) > 0 AS is_made;
SELECT teams_edit(max(id), repeat('x', 41000)) IS NULL FROM teams_message;
SET client_min_messages = warning;

-- what json takes, and nobody who reads it
CREATE PROCEDURE load(activity text) LANGUAGE plpgsql AS $$
DECLARE
	problem	text;
BEGIN
	INSERT INTO teams_outbox (target, activity) VALUES ('ada@contoso.com',
		('{"type":"message","text":"x","more":' || activity || '}')::json);
	RAISE INFO 'taken: %', left(activity, 40);
EXCEPTION WHEN check_violation THEN
	GET STACKED DIAGNOSTICS problem = PG_EXCEPTION_DETAIL;
	RAISE INFO '% (%)', problem, left(activity, 40);
END
$$;
CALL load('{"text":"\u0000"}');
CALL load('{"\u0000":1}');
CALL load('{"text":"\ud83d"}');
CALL load('{"text":"\ude00\ud83d"}');
CALL load('{"text":"\ud83d\ude00"}');
CALL load('{"text":"\\u0000 \\ \" \u00fc"}');
CALL load('{"n":1e999999}');
CALL load('{"n":-1e-999999}');
CALL load('{"n":' || repeat('9', 1001) || '}');
CALL load('{"n":[1e300,-2.5E-10,"1e999999"]}');
CALL load(repeat('{"a":', 199) || '1' || repeat('}', 199));
CALL load(repeat('{"a":', 200) || '1' || repeat('}', 200));

-- ids: what a function takes, a row may have, and the other way round
SELECT count(teams_send_chat('19:' || repeat('a', n) || '@thread.v2', 'x')) FROM unnest('{300,987}'::int[]) AS n;
SELECT teams_send_chat('19:' || repeat('a', 988) || '@thread.v2', 'x') IS NULL;
SELECT teams_send(repeat('a', 244) || '@contoso.com', 'x') > 0 AS is_sent;
SELECT teams_send(repeat('a', 245) || '@contoso.com', 'x') IS NULL;
INSERT INTO teams_outbox (kind, target) VALUES ('install', repeat('a', 244) || '@contoso.com');
INSERT INTO teams_outbox (kind, target) VALUES ('install', repeat('a', 245) || '@contoso.com');
INSERT INTO teams_outbox (kind, scope, target) VALUES ('install', 'chat', repeat('a', 1000));
INSERT INTO teams_outbox (kind, scope, target) VALUES ('install', 'chat', repeat('a', 1001));
INSERT INTO teams_outbox (scope, target, team, activity) VALUES ('channel', 'a', repeat('a', 1001), '{}');
INSERT INTO teams_outbox (bot, target, activity) VALUES (repeat('b', 64), 'ada@contoso.com', '{}');
INSERT INTO teams_outbox (target, activity, error_code) VALUES ('ada@contoso.com', '{}', repeat('c', 256));
INSERT INTO teams_outbox (target, activity, error) VALUES ('ada@contoso.com', '{}', repeat('e', 10001));
-- one that is changed is judged as well
ALTER TABLE teams_outbox DISABLE TRIGGER teams_accept;
INSERT INTO teams_outbox (target, activity) VALUES ('ada@contoso.com', '{}');
ALTER TABLE teams_outbox ENABLE TRIGGER teams_accept;
UPDATE teams_outbox SET activity = activity(51201)::json;
UPDATE teams_outbox SET bot = 'no bot';
UPDATE teams_outbox SET target = repeat('a', 245) || '@contoso.com';
DELETE FROM teams_outbox;

-- What a function writes says what its caller has been judged by: neither what
-- becomes of it on its way, nor what is written beside it, goes unjudged.
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	CASE TG_ARGV[0]
		WHEN 'change' THEN
			NEW.activity := '{"type":"typing","text":"as long"}';
		WHEN 'write' THEN
			IF NEW.target <> 'eve@contoso.com' THEN
				INSERT INTO teams_outbox (target, activity)
					VALUES ('eve@contoso.com', '{"type":"typing","text":"as long"}');
			END IF;
		WHEN 'send' THEN
			IF NEW.target <> 'eve@contoso.com' THEN
				PERFORM teams_send('eve@contoso.com', 'nested');
				NEW.activity := '{"type":"message","text":"nested"}';
			END IF;
		ELSE
			RETURN NULL;
	END CASE;
	RETURN NEW;
END
$$;
CREATE TRIGGER meddle BEFORE INSERT ON teams_outbox FOR EACH ROW EXECUTE FUNCTION meddle('change');
SELECT teams_send('ada@contoso.com', 'to be lost');
DROP TRIGGER meddle ON teams_outbox;
CREATE TRIGGER meddle BEFORE INSERT ON teams_outbox FOR EACH ROW EXECUTE FUNCTION meddle('write');
SELECT teams_send('ada@contoso.com', 'all right');
DROP TRIGGER meddle ON teams_outbox;
CREATE TRIGGER meddle AFTER INSERT ON teams_outbox FOR EACH ROW EXECUTE FUNCTION meddle('write');
SELECT teams_send('ada@contoso.com', 'all right');
DROP TRIGGER meddle ON teams_outbox;
CREATE TRIGGER meddle BEFORE INSERT ON teams_outbox FOR EACH ROW EXECUTE FUNCTION meddle('send');
SELECT teams_send('ada@contoso.com', 'outer') > 0 AS is_sent;
SELECT target, text FROM teams_recorded ORDER BY id DESC LIMIT 2;
DROP TRIGGER meddle ON teams_outbox;
CREATE TRIGGER meddle BEFORE INSERT ON teams_outbox FOR EACH ROW EXECUTE FUNCTION meddle('drop');
SELECT teams_send('ada@contoso.com', 'never');
DROP FUNCTION meddle() CASCADE;
-- an error leaves nothing behind by which the next row would be judged
INSERT INTO teams_outbox (target, activity) VALUES ('ada@contoso.com', '{"type":"message"}');

-- What is there nevertheless does not hide other rows.
INSERT INTO teams_delivery (id, bot, kind, scope, target, sender, fate, attempts,
							conversation_id, activity, doubtful, created_at)
	SELECT 1000000 + n, 'other', 'send', 'user', 'ada@contoso.com', current_user, 'sent', 1,
		   'dry-run:', activity::json, false, now()
	FROM unnest(ARRAY['{"text":"a\u0000b"}', '{"text":1e999999}', '{"text":"c"}'])
		WITH ORDINALITY AS a (activity, n);
SELECT id, text, activity FROM teams_recorded_detail WHERE bot = 'other' ORDER BY id;

DROP EXTENSION teams_proactive;
DROP FUNCTION activity(integer, text), image(integer), card(text, text);
DROP PROCEDURE load(text);
