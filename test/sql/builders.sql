-- What builds the activities of messages.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;

--
-- Escaping
--

SELECT teams_escape('a *b* _c_ `d` [e](f) ~g~ h|i \j {k}');
SELECT teams_escape(E'# one\n  - two\n1. three\n    four\n== five\nsix # 7. - x = 8');
SELECT teams_escape('<at>Everyone</at> & "co"');
SELECT teams_escape('@{ada@contoso.com}');
SELECT teams_escape('<at>E</at> & "co" ''x'' @{ada@contoso.com} *b*', 'html');
SELECT teams_escape('<at> *b*', 'plain');
SELECT teams_escape(NULL) IS NULL AS null_stays_null, teams_escape('') = '' AS empty_stays_empty;
SELECT teams_escape('x', 'rtf');
-- what it makes reads as it was
SELECT t, teams_summary(teams_escape(t)) = btrim(t) AS markdown,
	   teams_summary(teams_escape(t, 'html'), 'html') = btrim(t) AS html
	FROM unnest(ARRAY['a *b* _c_ `d` [e](f) \j {k}', '# one', '1. two', '- three',
					  '<b>four</b> &lt; & "5"', '&amp;lt;', 'snake_case_name',
					  '**', '![x](y)', E'C:\\temp\\*.*']) AS t;
-- also where a backslash in a literal is an escape
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SELECT teams_escape('*b*'), teams_summary('**b**  c');
RESET standard_conforming_strings;
RESET escape_string_warning;

--
-- Texts
--

SELECT jsonb_pretty(teams_text('Build **214** is _green_, see [the log](https://ci.contoso.com/214).'));
SELECT teams_text('2 * 3 < 7', 'plain');
SELECT teams_text('<b>Build 214</b><br>is &lt;green&gt;', 'html');
SELECT jsonb_pretty(teams_text('Fire on floor 3', importance => 'high', alert => true,
							   suggested_actions => ARRAY['On my way', 'Not me']));
SELECT teams_text('details follow', summary => 'Build 214 is red') ->> 'summary' AS summary;
SELECT length(teams_text(repeat('many words ', 50)) ->> 'summary');
SELECT teams_text(E'## Report\n\n- one\n- two\n\n```\ncode\n```') ->> 'summary' AS summary;
SELECT teams_text('***') ? 'summary' AS has_summary;

-- mentions
SELECT jsonb_pretty(teams_text('@{ada@contoso.com}, ask @{grace@contoso.com}; thanks @{ada@contoso.com}',
							   mentions => '{"ada@contoso.com": "Ada", "grace@contoso.com": "Grace <Q&A>"}'));
SELECT teams_text('@{7b1c0a0e-0c55-4a7c-9d0a-9a2f8b0d4a11}: <i>done</i>', 'html',
				  '{"7b1c0a0e-0c55-4a7c-9d0a-9a2f8b0d4a11": "Ada"}');
-- only those who were meant: neither the text of others nor a name adds one
SELECT teams_text('@{ada@contoso.com} wrote: ' || teams_escape('<at>Grace</at> @{ada@contoso.com}'),
				  mentions => '{"ada@contoso.com": "A</at><at>B"}');
SELECT teams_text('no @{placeholder} without mentions') ->> 'text' AS text;

SELECT teams_text(NULL);
SELECT teams_text(E' \n');
SELECT teams_text('x', 'rtf');
SELECT teams_text('x', NULL);
SELECT teams_text('x', importance => 'urgent');
SELECT teams_text('x', suggested_actions => ARRAY['yes', NULL]);
SELECT teams_text('x', mentions => '["ada@contoso.com"]');
SELECT teams_text('x', mentions => '{"ada@contoso.com": "Ada"}');
SELECT teams_text('@{ada@contoso.com}', mentions => '{"ada@contoso.com": null}');
SELECT teams_text('@{ada@contoso.com}', mentions => '{"ada@contoso.com": " "}');
SELECT teams_text('@{a@b.com} @{c@d.com}', mentions => '{"a@b.com": "Ada", "c@d.com": "Ada"}');
SELECT teams_text('@{a@b.com} @{c@d.com}', mentions => '{"a@b.com": "Ada"}');
SELECT teams_text('@{a@b.com}', 'plain', '{"a@b.com": "Ada"}');
\echo :LAST_ERROR_SQLSTATE

--
-- Cards
--

\set card '''{"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "Container", "items": [{"type": "TextBlock", "text": " "}, {"type": "TextBlock", "text": "Invoice **44** of @{ada@contoso.com}"}]}, {"type": "TextBlock", "text": "is overdue"}]}'''
SELECT jsonb_pretty(teams_card(:card, mentions => '{"ada@contoso.com": "Ada \"the\" Countess"}',
							   importance => 'high', alert => true));
SELECT teams_card(:card, 'An invoice is overdue') ->> 'summary' AS summary;
SELECT teams_card(:card) ->> 'summary' AS summary;
-- what the card says of Teams stays
SELECT teams_card('{"type": "AdaptiveCard", "version": "1.5",
					"msteams": {"width": "Full", "entities": [{"type": "mention"}]},
					"body": [{"type": "TextBlock", "text": "@{a@b.com}"}]}',
				  mentions => '{"a@b.com": "Ada"}') #> '{attachments,0,content,msteams}' AS msteams;
SELECT teams_card(NULL);
SELECT teams_card('[]');
SELECT teams_card('"AdaptiveCard"');
SELECT teams_card('{"type": "message", "text": "x"}');
SELECT teams_card('{"type": "AdaptiveCard", "body": []}');
SELECT teams_card('{"type": "AdaptiveCard", "version": 1.5, "body": []}');
SELECT teams_card('{"type": "AdaptiveCard", "version": "1.5", "body": []}');
SELECT teams_card('{"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock"}, "x"]}');
SELECT teams_card('{"type": "AdaptiveCard", "version": "1.5"}', 'x', importance => 'urgent');
SELECT teams_card(:card, mentions => '{"grace@contoso.com": "Grace"}');

--
-- Images
--

SELECT jsonb_pretty(teams_image('https://ci.contoso.com/load.PNG?day=1', 'Load of the week'));
SELECT teams_image('https://ci.contoso.com/load', summary => 'The load');
SELECT teams_image('https://ci.contoso.com/load.jpeg', 'Load', alert => true)
	#> '{attachments,0,contentType}' AS type;
SELECT teams_image(NULL, 'x');
SELECT teams_image('http://ci.contoso.com/load.png', 'x');
SELECT teams_image('data:image/png;base64,AAAA', 'x');
SELECT teams_image('https:///load.png', 'x');
SELECT teams_image('https://ci.contoso.com/load.png');

--
-- They can be sent, and a sender can build them
--

INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('default', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');
CREATE ROLE builder;
SET ROLE builder;
SELECT teams_text('x');
RESET ROLE;
SELECT teams_grant('builder', 'sender');
SET ROLE builder;
SELECT teams_send('ada@contoso.com', teams_text('Hello @{ada@contoso.com}', mentions => '{"ada@contoso.com": "Ada"}'));
SELECT teams_send('ada@contoso.com', teams_card(:card));
SELECT teams_send('ada@contoso.com', teams_image('https://ci.contoso.com/load.png', 'Load'));
-- but not text and attachments in one
SELECT teams_send('ada@contoso.com', teams_text('See:') || teams_card(:card));
RESET ROLE;
SELECT teams_revoke('builder');
DROP ROLE builder;

DROP EXTENSION teams_proactive;
