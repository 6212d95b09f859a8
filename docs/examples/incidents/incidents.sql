-- Incidents: who is on call is told, the manager if nobody takes it within ten
-- minutes, and one message in each chat says how it stands.

CREATE TABLE incident (
	id			int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	title		text NOT NULL,
	on_call		text[] NOT NULL,
	manager		text,				-- null: nobody is told
	taken_by	text,
	state		text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'taken', 'resolved')),
	due_at		timestamptz NOT NULL DEFAULT now() + interval '4 hours',
	overdue		boolean NOT NULL DEFAULT false,
	message		text GENERATED ALWAYS AS ('incident ' || id::text) STORED,
	escalation	text GENERATED ALWAYS AS ('escalation of incident ' || id::text) STORED);

SELECT teams_set_template('incident',
	'**${row.title}**: ${if(row.state == ''open'', ''nobody has taken it yet'', concat(row.state, '' by '', row.taken_by))}');
SELECT teams_set_template('incident_escalated',
	'**${row.title}** was taken by nobody for ten minutes. On call: ${join(row.on_call, '', '')}');
SELECT teams_set_template('incidents_overdue',
	'${count} overdue: ${join(select(rows, i, i.title), ''; '')}');
SELECT teams_set_template('incidents_resolved',
	'${count} resolved in the last hour: ${join(select(rows, i, concat(i.title, '' ('', i.taken_by, '')'')), ''; '')}');

CREATE TRIGGER tell AFTER INSERT ON incident
	FOR EACH ROW EXECUTE FUNCTION teams_notify('incident', 'to=on_call', 'reference=message');
CREATE TRIGGER escalate AFTER INSERT ON incident
	FOR EACH ROW EXECUTE FUNCTION teams_notify('incident_escalated', 'to=manager',
		'delay=10 minutes', 'priority=''high''', 'reference=escalation');

-- What has been sent says how it stands now.  The messages are those of the
-- table's owner, whoever changes a row.
CREATE FUNCTION edit_incident() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	PERFORM teams_edit(reference => NEW.message,
		activity => teams_render('incident', jsonb_build_object('row', NEW)));
	IF NEW.state <> 'open' THEN
		PERFORM teams_cancel(reference => NEW.escalation);
	END IF;
	RETURN NULL;
END $$;

CREATE TRIGGER edit AFTER UPDATE OF title, state, taken_by ON incident
	FOR EACH ROW EXECUTE FUNCTION edit_incident();

-- One message to each manager about all that have become overdue at once, and
-- one an hour about all that were resolved.
CREATE TRIGGER overdue AFTER UPDATE ON incident
	REFERENCING OLD TABLE AS before NEW TABLE AS after
	FOR EACH STATEMENT EXECUTE FUNCTION teams_notify('incidents_overdue', 'to=manager',
		'where=overdue AND NOT EXISTS (SELECT FROM before AS b WHERE b.id = new.id AND b.overdue)');
CREATE TRIGGER resolved AFTER UPDATE OF state ON incident
	FOR EACH ROW EXECUTE FUNCTION teams_notify('incidents_resolved', 'to=manager',
		'where=new.state = ''resolved'' AND old.state <> ''resolved''', 'digest=1 hour');

-- For pg_cron or whatever else runs every minute.
CREATE FUNCTION find_overdue() RETURNS void LANGUAGE sql AS $$
	UPDATE incident SET overdue = true
	WHERE NOT overdue AND state <> 'resolved' AND due_at < now();
$$;
