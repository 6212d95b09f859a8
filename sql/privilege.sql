------------------------------------------------------------------------------
-- Privileges: PUBLIC gets nothing
------------------------------------------------------------------------------

-- Returns what a kind of role may do with what belongs to the extension, for
-- teams_grant(); for teams_revoke(), what any kind may.  A name stands for all
-- functions that have it.  What is not named is for nobody.  Each kind may do
-- what those before it may, but for a monitor, who looks and does nothing: who
-- may read teams_accounting sees everybody's messages in the views, and none
-- of them has what messages say.
CREATE FUNCTION @extschema@._teams_privileges(kind text)
RETURNS TABLE (privilege text, object text)
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT g.privilege,
		   coalesce('ROUTINE ' || p.oid::regprocedure, 'TABLE ' || c.oid::regclass)
	FROM pg_extension AS e
	JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass
		AND d.refobjid = e.oid AND d.deptype = 'e'
	LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
	LEFT JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
	JOIN (VALUES
		('monitor, sender', 'EXECUTE', 'teams_version'),
		('sender', 'EXECUTE', 'teams_escape'),
		('sender', 'EXECUTE', 'teams_summary'),
		('sender', 'EXECUTE', '_teams_mentions'),
		('sender', 'EXECUTE', '_teams_mark'),
		('sender', 'EXECUTE', '_teams_join_mentions'),
		('sender', 'EXECUTE', '_teams_has_version'),
		('sender', 'EXECUTE', '_teams_activity'),
		('sender', 'EXECUTE', '_teams_json_in'),
		('sender', 'EXECUTE', 'teams_text'),
		('sender', 'EXECUTE', 'teams_card'),
		('sender', 'EXECUTE', 'teams_image'),
		('sender', 'EXECUTE', 'teams_send'),
		('sender', 'EXECUTE', 'teams_send_chat'),
		('sender', 'EXECUTE', 'teams_post'),
		('sender', 'EXECUTE', 'teams_notify'),
		('sender', 'EXECUTE', 'teams_edit'),
		('sender', 'EXECUTE', 'teams_delete'),
		('sender', 'EXECUTE', 'teams_message_url'),
		('sender', 'EXECUTE', 'teams_broadcast'),
		('sender', 'EXECUTE', 'teams_start_broadcast'),
		('sender', 'EXECUTE', 'teams_pause_broadcast'),
		('sender', 'EXECUTE', 'teams_resume_broadcast'),
		('sender', 'EXECUTE', 'teams_cancel_broadcast'),
		('sender', 'EXECUTE', 'teams_recall'),
		('sender', 'EXECUTE', 'teams_edit_broadcast'),
		('sender', 'EXECUTE', 'teams_preview'),
		('sender', 'EXECUTE', 'teams_plan'),
		('sender', 'EXECUTE', 'teams_opt_out'),
		('sender', 'EXECUTE', 'teams_opt_in'),
		('sender', 'EXECUTE', 'teams_watch'),
		('sender', 'EXECUTE', '_teams_watch_line'),
		('monitor, sender', 'SELECT', 'teams_progress'),
		('monitor, sender', 'SELECT', 'teams_progress_detail'),
		('sender', 'EXECUTE', 'teams_ensure_installed'),
		('sender', 'EXECUTE', 'teams_upgrade'),
		('sender', 'EXECUTE', 'teams_uninstall'),
		('sender', 'EXECUTE', 'teams_check_installed'),
		('sender', 'EXECUTE', 'teams_people'),
		('sender', 'EXECUTE', 'teams_members'),
		('sender', 'EXECUTE', 'teams_cancel'),
		('sender', 'EXECUTE', 'teams_retry'),
		('sender', 'EXECUTE', 'teams_wait'),
		('monitor, sender', 'SELECT', 'teams_message'),
		('monitor, sender', 'SELECT', 'teams_message_detail'),
		('sender', 'SELECT', 'teams_said'),
		('sender', 'SELECT', 'teams_said_detail'),
		('sender', 'SELECT', 'teams_recorded'),
		('sender', 'SELECT', 'teams_recorded_detail'),
		('sender', 'EXECUTE', '_teams_as_jsonb'),
		('sender', 'EXECUTE', 'teams_render'),
		('sender', 'EXECUTE', 'teams_expand'),
		('sender', 'EXECUTE', '_teams_as_activity'),
		('sender', 'EXECUTE', '_teams_fill'),
		('sender', 'EXECUTE', '_teams_card_summary'),
		('sender', 'EXECUTE', '_teams_without_macros'),
		('sender', 'SELECT', 'teams_template'),
		('monitor, operator', 'EXECUTE', 'teams_status'),
		('operator', 'EXECUTE', 'teams_pause'),
		('operator', 'EXECUTE', 'teams_resume'),
		('operator', 'EXECUTE', 'teams_try_credential'),
		('operator', 'EXECUTE', 'teams_drain'),
		('operator', 'EXECUTE', 'teams_reset_dry_run'),
		('operator', 'EXECUTE', 'teams_sync_directory'),
		('operator', 'EXECUTE', 'teams_sync_group'),
		('operator', 'EXECUTE', 'teams_sync_roster'),
		('operator', 'EXECUTE', 'teams_wait_directory'),
		('monitor, operator', 'EXECUTE', '_teams_workers'),
		('monitor, operator', 'EXECUTE', '_teams_throttles'),
		('monitor, operator', 'SELECT', 'teams_bot'),
		('monitor, operator', 'SELECT', 'teams_installation'),
		('operator', 'SELECT', 'teams_outbox'),
		('operator', 'SELECT', 'teams_inflight'),
		('operator', 'SELECT', 'teams_delivery'),
		('operator', 'SELECT', 'teams_dedupe'),
		('operator', 'SELECT', 'teams_thread'),
		('operator', 'SELECT', 'teams_notify_error'),
		('operator', 'SELECT', 'teams_digest_row'),
		('monitor, sender', 'SELECT', 'teams_digest'),
		('monitor', 'SELECT (id, at, schema_name, table_name, trigger_name, template, error_code, error, hint)',
		 'teams_notify_error'),
		('operator', 'SELECT', 'teams_broadcast'),
		('operator', 'SELECT', 'teams_recipient'),
		('operator', 'SELECT', 'teams_broadcast_template'),
		('operator', 'SELECT', 'teams_opt_out'),
		('operator', 'SELECT', 'teams_person'),
		('operator', 'EXECUTE', 'teams_names'),
		('operator', 'SELECT', 'teams_group_member'),
		('monitor, operator', 'SELECT', 'teams_directory'),
		('operator', 'SELECT', 'teams_account'),
		('monitor, operator', 'SELECT', 'teams_accounting'),
		('monitor, operator', 'SELECT', 'teams_installed'),
		('monitor, operator', 'SELECT', 'teams_installed_detail'),
		('monitor, operator', 'SELECT', 'teams_throttle'),
		('monitor, operator', 'SELECT', 'teams_worker'),
		('monitor, operator', 'SELECT', 'teams_worker_detail'),
		('administrator', 'EXECUTE', 'teams_configure'),
		('administrator', 'EXECUTE', 'teams_configure_dry_run'),
		('administrator', 'EXECUTE', 'teams_check_url'),
		('administrator', 'EXECUTE', 'teams_check_credential'),
		('administrator', 'EXECUTE', 'teams_set_template'),
		('administrator', 'EXECUTE', 'teams_drop_template'),
		('administrator', 'EXECUTE', '_teams_check_template'),
		('administrator', 'EXECUTE', 'teams_erase_person'),
		('administrator', 'EXECUTE', 'teams_grant'),
		('administrator', 'EXECUTE', 'teams_revoke'))
		AS g (kinds, privilege, name)
		ON (g.privilege = 'EXECUTE' AND p.proname = g.name)
		   OR (starts_with(g.privilege, 'SELECT') AND c.relname = g.name)
	WHERE e.extname = 'teams_proactive'
	  AND (kind IS NULL OR string_to_array(g.kinds, ', ')
		   && CASE kind
				  WHEN 'monitor' THEN '{monitor}'
				  WHEN 'sender' THEN '{sender}'
				  WHEN 'operator' THEN '{sender,operator}'
				  WHEN 'administrator' THEN '{sender,operator,administrator}'
			  END::text[])
$$;

COMMENT ON FUNCTION @extschema@._teams_privileges(text) IS
'what teams_grant() grants to a sender, an operator, an administrator or a monitor; null: to any of them';

CREATE FUNCTION @extschema@.teams_grant(role text, kind text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p	record;
BEGIN
	IF role IS NULL OR kind IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'role and kind must be given';
	END IF;
	IF role = 'public' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'PUBLIC must not be given any of this',
			HINT = 'Give it to roles.';
	END IF;
	IF kind NOT IN ('sender', 'operator', 'administrator', 'monitor') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('unknown kind of role: "%s"', kind),
			HINT = 'Give "sender", "operator", "administrator" or "monitor".';
	END IF;
	FOR p IN SELECT * FROM @extschema@._teams_privileges(kind)
	LOOP
		EXECUTE format('GRANT %s ON %s TO %I', p.privilege, p.object, role);
	END LOOP;

	-- Who has EXECUTE on _teams_privileges() has USAGE on the schema from here,
	-- and not from somebody who granted it for another purpose.
	IF NOT EXISTS (
		SELECT FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
		WHERE n.oid = '@extschema@'::regnamespace AND a.privilege_type = 'USAGE'
		  AND pg_get_userbyid(a.grantee) = role) THEN
		EXECUTE format('GRANT USAGE ON SCHEMA %s TO %I',
					   '@extschema@'::regnamespace, role);
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I',
					   '@extschema@._teams_privileges(text)'::regprocedure, role);
	END IF;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_grant(text, text) IS
'lets a role send, operate, administer or monitor; the first three may each do what those before it may';

CREATE FUNCTION @extschema@.teams_revoke(role text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p	record;
BEGIN
	IF role IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'role must be given';
	END IF;
	IF role = 'public' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'PUBLIC has none of this',
			HINT = 'Take it from roles.';
	END IF;
	FOR p IN SELECT * FROM @extschema@._teams_privileges(NULL::text)
	LOOP
		EXECUTE format('REVOKE %s ON %s FROM %I', p.privilege, p.object, role);
	END LOOP;

	-- This tells, see teams_grant(), whose USAGE is from there.
	IF EXISTS (
		SELECT FROM pg_proc AS f, aclexplode(f.proacl) AS a
		WHERE f.oid = '@extschema@._teams_privileges(text)'::regprocedure
		  AND pg_get_userbyid(a.grantee) = role AND a.grantee <> f.proowner) THEN
		EXECUTE format('REVOKE USAGE ON SCHEMA %s FROM %I',
					   '@extschema@'::regnamespace, role);
		EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM %I',
					   '@extschema@._teams_privileges(text)'::regprocedure, role);
	END IF;
END
$$;

COMMENT ON FUNCTION @extschema@.teams_revoke(text) IS
'takes from a role all that teams_grant() may have granted';

-- Whatever function there is, PUBLIC may not call it; and whatever type or
-- domain, nobody else's table is made of it, so that none keeps it from being
-- dropped.
DO $$
DECLARE
	object	text;
BEGIN
	FOR object IN
		SELECT coalesce('ROUTINE ' || p.oid::regprocedure, CASE t.typtype WHEN 'd' THEN 'DOMAIN ' ELSE 'TYPE ' END || t.oid::regtype)
		FROM pg_extension AS e
		JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass
			AND d.refobjid = e.oid AND d.deptype = 'e'
		LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
		LEFT JOIN pg_type AS t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
			AND t.typtype IN ('b', 'd')
		WHERE e.extname = 'teams_proactive' AND coalesce(p.oid, t.oid) IS NOT NULL
	LOOP
		EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', object);
	END LOOP;
END
$$;
