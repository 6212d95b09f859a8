CREATE EXTENSION teams_proactive
SELECT teams_configure_dry_run()
CREATE TABLE item (id int, a text, b text, c text, lang text, flag boolean DEFAULT true, list text[] DEFAULT '{a@contoso.com,b@contoso.com}')
SELECT teams_set_template('t', '${row.a} ${join(rows, '','')}')
SELECT teams_set_template('t', 'Deutsch ${coalesce(row.b, ''nichts'')}', 'de')
CREATE FUNCTION fuzz(text, text[]) RETURNS void LANGUAGE c AS 'fuzz_server'
