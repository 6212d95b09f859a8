-- What the notice says, written by an administrator.  Who has another language
-- gets the first.

SELECT teams_set_template('maintenance',
	'Hello ${name}, **${system}** is down on ${formatDateTime(day, ''d MMMM'')} from 18:00 to 20:00 UTC.');
SELECT teams_set_template('maintenance',
	'Hallo ${name}, **${system}** steht am ${formatDateTime(day, ''dd.MM.'')} von 18 bis 20 Uhr (UTC) nicht zur Verfügung.', 'de');
SELECT teams_set_template('maintenance',
	'Bonjour ${name}, **${system}** sera arrêté le ${formatDateTime(day, ''dd/MM'')} de 18 h à 20 h (UTC).', 'fr');
