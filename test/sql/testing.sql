-- The example of docs/testing.md, which test/check-docs.sh compares with this.
SET client_min_messages = warning;

CREATE EXTENSION teams_proactive;

CREATE TABLE invoice (
	number  int PRIMARY KEY,
	state   text NOT NULL DEFAULT 'open',
	amount  numeric NOT NULL,
	owner   text NOT NULL);

CREATE FUNCTION tell_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM teams_send(NEW.owner,
					   teams_text(format('Invoice **%s** over %s is overdue.',
										 NEW.number, teams_escape(NEW.amount::text)),
								  importance => 'high'),
					   dedupe_key => 'invoice ' || NEW.number);
	RETURN NULL;
END $$;

CREATE TRIGGER tell_owner AFTER UPDATE OF state ON invoice
	FOR EACH ROW WHEN (NEW.state = 'overdue')
	EXECUTE FUNCTION tell_owner();

-- From here on messages are recorded, and errors have no context.
\set SHOW_CONTEXT never
SELECT teams_configure_dry_run();

-- The owner of an invoice learns that it is overdue, once.
BEGIN;
INSERT INTO invoice VALUES (44, 'open', 1200.00, 'ada@contoso.com'),
						   (45, 'open', 80.00, 'grace@contoso.com');
UPDATE invoice SET state = 'overdue' WHERE number = 44;
UPDATE invoice SET state = 'open' WHERE number = 44;
UPDATE invoice SET state = 'overdue' WHERE number = 44;
SELECT target, summary, activity ->> 'importance' AS importance
	FROM teams_recorded_detail ORDER BY id;
ROLLBACK;

-- Who is paid in time is not bothered.
BEGIN;
INSERT INTO invoice VALUES (44, 'open', 1200.00, 'ada@contoso.com');
UPDATE invoice SET state = 'paid';
SELECT count(*) FROM teams_recorded;
ROLLBACK;

-- What cannot be sent fails here, as it does in production.
INSERT INTO invoice VALUES (46, 'open', 10.00, 'nobody');
UPDATE invoice SET state = 'overdue' WHERE number = 46;

-- A test that commits begins anew, as often as it is run.
SELECT teams_reset_dry_run();
INSERT INTO invoice VALUES (47, 'open', 99.00, 'ada@contoso.com');
UPDATE invoice SET state = 'overdue' WHERE number = 47;
SELECT target, summary FROM teams_recorded;
UPDATE invoice SET state = 'open' WHERE number = 47;
SELECT teams_reset_dry_run();
UPDATE invoice SET state = 'overdue' WHERE number = 47;
SELECT target, summary FROM teams_recorded;

DROP TABLE invoice;
DROP FUNCTION tell_owner();
DROP EXTENSION teams_proactive;
