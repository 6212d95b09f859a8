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
-- a carriage return ends a line, too
SELECT replace(teams_escape(E'a\r# b\r\n- c'), E'\r', '<cr>');
-- an address that somebody has typed stays one, and is no way to anything else
SELECT a, teams_escape(a) FROM unnest(ARRAY[
	'https://x.test/a_b_c', 'see https://x.test/~ada/_layouts/?a=1&b=2.', '**https://x.test**',
	'https://x/](http://evil)', 'https://x.test/**bold**', 'https://x/<at>Ada</at>', 'https://x/@{ada@contoso.com}',
	'https://x/a|b`c\d', 'https://x/"[a](b)', 'ada_l@contoso.com', 'https://**x**', 'https://x/&lt;b&gt;']) AS a;
-- what it makes reads as it was
SELECT t, teams_summary(teams_escape(t)) = btrim(t) AS markdown,
	   teams_summary(teams_escape(t, 'html'), 'html') = btrim(t) AS html
	FROM unnest(ARRAY['a *b* _c_ `d` [e](f) \j {k}', '# one', '1. two', '- three',
					  '<b>four</b> &lt; & "5"', '&amp;lt;', 'snake_case_name',
					  '**', '![x](y)', E'C:\\temp\\*.*']) AS t;
-- Markup is what clients take for it.
SELECT t, teams_summary(t) FROM unnest(ARRAY[
	'Result: 2 * 3 = 6', '**2** * 3', 'a*b*c', '*.txt and *.log', '5 ** 2', 'snake_case and _it_', '~5 min ~~gone~~',
	'`a * b`', '[a **b**](x "y")!', 'a[0] (b)', '1. one', E'- one\n- two', E'a\rb', 'Hello&nbsp;World &#8364; &unknown; &amp;lt;',
	'<https://x.test/a_b>', '2 < 3 > 1 <b>x</b>', E'```sql\nSELECT *\n```', '***']) AS t;
SELECT teams_summary('Hello&nbsp;World<br>2 * 3 <img src="data:image/png;base64,AAAA" alt="Load &amp; more">', 'html');
SELECT teams_summary('**a** &amp; b', 'plain');
SELECT teams_summary('x', 'rtf');
SELECT length(teams_summary(repeat('*x* ', 7000))), length(teams_summary('**' || repeat('x', 28000) || '**'));
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
-- what a notification shows of a card: what is seen first
CREATE FUNCTION card_summary(body jsonb, more jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT teams_card(jsonb_build_object('type', 'AdaptiveCard', 'version', '1.5', 'body', body) || more) ->> 'summary'
$$;
SELECT n, card_summary(body) FROM unnest(ARRAY[
	'[{"type": "TextBlock", "text": "Due {{DATE(2027-01-02T08:00:00Z, SHORT)}} at {{TIME(2027-01-02T08:05:00+02:00)}}"}]',
	'[{"type": "TextBlock", "text": "{{TIME(2027-01-02T08:05:00Z)}} {{DATE(soon)}} {{name}}"}]',
	'[{"type": "TextBlock", "text": "ref 99", "isVisible": false}, {"type": "TextBlock", "text": "Shown"}]',
	'[{"type": "Container", "isVisible": false, "items": [{"type": "TextBlock", "text": "ref 99"}]}, {"type": "TextBlock", "text": "Shown"}]',
	'[{"type": "ColumnSet", "columns": [{"type": "Column", "isVisible": "false", "items": [{"type": "TextBlock", "text": "ref 99"}]}, {"type": "Column", "items": [{"type": "TextBlock", "text": "Shown"}]}]}]',
	'[{"type": "ActionSet", "actions": [{"type": "Action.ShowCard", "title": "More", "card": {"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "not yet"}]}}]}, {"type": "TextBlock", "text": "Shown"}]',
	'[{"type": "RichTextBlock", "inlines": ["Disk ", {"type": "TextRun", "text": "db-7"}, {"type": "TextRun", "text": " (x)", "isVisible": false}, " is *full*"]}]',
	'[{"type": "RichTextBlock", "inlines": "one"}, {"type": "FactSet", "facts": [{"title": "Customer:", "value": "**Fabrikam**"}, {"title": "Due", "value": "{{DATE(2027-01-02T08:00:00Z)}}"}, {"value": "x"}]}]',
	'[{"type": "Table", "rows": [{"type": "TableRow", "cells": [{"type": "TableCell", "items": [{"type": "TextBlock", "text": "2 * 3 &amp; more"}]}]}]}]',
	'[{"type": "Carousel", "pages": [{"type": "CarouselPage", "items": [{"type": "Image", "url": "x", "altText": "A chart"}, {"type": "TextBlock", "text": "First"}]}]}]',
	'[{"type": "ImageSet", "images": [{"type": "Image", "url": "x", "altText": "A chart"}]}]',
	'[{"type": "Input.Text", "id": "a", "label": "Your name", "placeholder": "Ada"}]',
	'[{"type": "ActionSet", "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": "https://x.test"}]}]',
	'[{"type": "Chart.Pie", "title": "Load"}]',
	'[{"type": "Novelty", "fallback": {"type": "TextBlock", "text": "Instead"}}]',
	'[{"type": "TextBlock", "text": 5}]',
	'[{"type": "CodeBlock", "codeSnippet": "SELECT *"}]']::jsonb[]) WITH ORDINALITY AS c (body, n);
SELECT card_summary('[]', '{"fallbackText": "Cannot be shown"}'), card_summary('[]', '{"speak": "<s>Hello</s>"}'),
	   card_summary('[]', '{"actions": [{"type": "Action.Submit", "title": "OK"}]}'),
	   card_summary('[{"type": "TextBlock", "text": "Seen"}]', '{"fallbackText": "Cannot be shown"}');
-- also where a summary is given, and in activities
SELECT teams_card(:card, 'Due {{DATE(2027-01-02T08:00:00Z)}}') ->> 'summary' AS summary;
SELECT _teams_as_activity(teams_card(:card) - 'summary', NULL, 'name') ->> 'summary' AS summary;
DROP FUNCTION card_summary(jsonb, jsonb);
-- and a name stays one person's
\set own '''{"type": "AdaptiveCard", "version": "1.5", "msteams": {"entities": [{"type": "mention", "text": "<at>Ada</at>", "mentioned": {"id": "other@contoso.com", "name": "Ada"}}]}, "body": [{"type": "TextBlock", "text": "<at>Ada</at> @{ada@contoso.com} @{Other@contoso.com}"}]}'''
SELECT teams_card(:own, mentions => '{"ada@contoso.com": "Ada", "Other@contoso.com": "Other"}');
\echo :LAST_ERROR_SQLSTATE
SELECT jsonb_path_query_array(teams_card(:own, mentions => '{"ada@contoso.com": "Ada L.", "Other@contoso.com": "Ada"}'),
							  '$.attachments[0].content.msteams.entities[*].mentioned.id') AS ids;
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
