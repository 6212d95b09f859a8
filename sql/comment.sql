------------------------------------------------------------------------------
-- Comments of the short views
------------------------------------------------------------------------------

-- A column of teams_message means what it means in teams_message_detail, and so
-- with the others.
DO $$
DECLARE
	c	record;
BEGIN
	FOR c IN
		SELECT s.oid::regclass AS view, a.attname AS name,
			   col_description(l.oid, b.attnum) AS comment
		FROM pg_extension AS e
		JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass
			AND d.refobjid = e.oid AND d.deptype = 'e'
			AND d.classid = 'pg_class'::regclass
		JOIN pg_class AS s ON s.oid = d.objid
		JOIN pg_class AS l ON l.relnamespace = s.relnamespace
			AND l.relname = s.relname || '_detail'
		JOIN pg_attribute AS a ON a.attrelid = s.oid
		JOIN pg_attribute AS b ON b.attrelid = l.oid AND b.attname = a.attname
		WHERE e.extname = 'teams_proactive' AND a.attnum > 0
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', c.view, c.name, c.comment);
	END LOOP;
END
$$;
