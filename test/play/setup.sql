-- What the playground's superuser prepares.
\set ON_ERROR_STOP on
CREATE SCHEMA teams;
CREATE EXTENSION teams_proactive SCHEMA teams;
ALTER DATABASE play SET search_path = "$user", public, teams;
SET search_path = public, teams;

SELECT teams_configure(
	tenant_id    => '6b1f0c2a-8d3e-4f57-9b60-1a2b3c4d5e6f',
	client_id    => '2d0c7d7f-5b1e-4a3c-9a59-0c3b1f6a7e01',
	teams_app_id => '7b1c0a0e-0c55-4a7c-9d0a-9a2f8b0d4a11',
	credential   => 'ops-bot',
	login_url     => :'login_url',
	graph_url     => :'graph_url',
	connector_url => :'connector_url');

CREATE ROLE developer LOGIN CREATEROLE;
SELECT teams_grant('developer', 'administrator');
GRANT CREATE ON SCHEMA public TO developer;

SET ROLE developer;
CREATE TABLE employee (
	email      text PRIMARY KEY,
	name       text NOT NULL,
	locale     text,
	on_call    boolean NOT NULL DEFAULT false,
	leaves_on  date);
INSERT INTO employee (email, name, locale, on_call) VALUES
	('ada@contoso.com', 'Ada', 'en-GB', true),
	('grace@contoso.com', 'Grace', 'en-US', false),
	('margaret@contoso.com', 'Margaret', 'en-US', true),
	('edsger@contoso.com', 'Edsger', 'nl-NL', false),
	('konrad@contoso.com', 'Konrad', 'de-DE', false);
