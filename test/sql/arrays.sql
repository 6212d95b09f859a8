-- Arrays whose subscripts do not start at 1, with several dimensions, empty.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION teams_proactive;
INSERT INTO teams_bot (bot, tenant_id, client_id, teams_app_id, credential)
	VALUES ('arrays', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ops');

-- The limits of a chat are four numbers, whoever writes them.
CREATE FUNCTION limits(value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE teams_bot SET chat_limits = value::int[] WHERE bot = 'arrays';
	RETURN 'accepted';
EXCEPTION WHEN check_violation THEN
	RETURN 'refused';
END $$;
SELECT value, limits(value)
FROM unnest(ARRAY['{7,8,60,1800}', '[0:3]={7,8,60,1800}', '[2:5]={7,8,60,1800}',
				  '{7,8,60}', '{7,8,60,1800,1}', '{}', '{{7,8,60,1800}}',
				  '{{7,8},{60,1800}}', '{7,8,60,NULL}', '{7,8,60,0}']) AS value;
SELECT teams_configure(bot => 'real', tenant_id => '6b1f0c2a-8d3e-4f57-9b60-1a2b3c4d5e6f',
	client_id => '2d0c7d7f-5b1e-4a3c-9a59-0c3b1f6a7e01', credential => 'ops',
	teams_app_id => '7b1c0a0e-0c55-4a7c-9d0a-9a2f8b0d4a11',
	chat_limits => '[0:3]={7,8,60,1800}');
SELECT teams_configure(bot => 'real', tenant_id => '6b1f0c2a-8d3e-4f57-9b60-1a2b3c4d5e6f',
	client_id => '2d0c7d7f-5b1e-4a3c-9a59-0c3b1f6a7e01', credential => 'ops',
	teams_app_id => '7b1c0a0e-0c55-4a7c-9d0a-9a2f8b0d4a11',
	chat_limits => '{{7,8},{60,1800}}');

-- Lists of texts, of people and of ids are read in their order.
SELECT teams_text('x', suggested_actions => '[0:1]={Yes,No}') -> 'suggestedActions' -> 'actions';
SELECT teams_text('x', suggested_actions => '{}') ? 'suggestedActions';
SELECT teams_text('x', suggested_actions => '{{Yes,No},{A,B}}');
SELECT teams_broadcast('[5:7]={a@contoso.com,b@contoso.com,c@contoso.com}'::text[],
	'hello', bot => 'arrays', draft => true) AS broadcast \gset
SELECT n, target FROM teams_recipient WHERE broadcast = :broadcast ORDER BY n;
SELECT array_agg(teams_send('a@contoso.com', 'n ' || i, bot => 'arrays',
	send_at => '2999-01-01')) AS ids
FROM generate_series(1, 4) AS i \gset
SELECT teams_cancel(('[0:3]=' || :'ids')::bigint[]) AS cancelled;
SELECT count(*) FROM teams_retry(('[-1:2]=' || :'ids')::bigint[]);
SELECT teams_cancel('{}'::bigint[]), (SELECT count(*) FROM teams_retry('{}'::bigint[]));
DROP FUNCTION limits(text);
DROP EXTENSION teams_proactive;
