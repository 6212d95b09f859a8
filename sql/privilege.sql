------------------------------------------------------------------------------
-- Privileges: PUBLIC gets nothing
------------------------------------------------------------------------------

-- Returns what a kind of role may do with what belongs to the extension, for
-- teams_grant() and teams_revoke(); a name stands for all functions that have
-- it.  What is not named is for nobody.
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
		(1, 'EXECUTE', 'teams_escape'),
		(1, 'EXECUTE', 'teams_summary'),
		(1, 'EXECUTE', '_teams_mentions'),
		(1, 'EXECUTE', '_teams_mark'),
		(1, 'EXECUTE', '_teams_activity'),
		(1, 'EXECUTE', 'teams_text'),
		(1, 'EXECUTE', 'teams_card'),
		(1, 'EXECUTE', 'teams_image'),
		(1, 'EXECUTE', 'teams_send'),
		(1, 'EXECUTE', 'teams_send_chat'),
		(1, 'EXECUTE', 'teams_post'),
		(1, 'EXECUTE', 'teams_notify'),
		(1, 'EXECUTE', 'teams_edit'),
		(1, 'EXECUTE', 'teams_delete'),
		(1, 'EXECUTE', 'teams_message_url'),
		(1, 'EXECUTE', 'teams_broadcast'),
		(1, 'EXECUTE', 'teams_start_broadcast'),
		(1, 'EXECUTE', 'teams_pause_broadcast'),
		(1, 'EXECUTE', 'teams_resume_broadcast'),
		(1, 'EXECUTE', 'teams_cancel_broadcast'),
		(1, 'EXECUTE', 'teams_recall'),
		(1, 'EXECUTE', 'teams_edit_broadcast'),
		(1, 'EXECUTE', 'teams_preview'),
		(1, 'EXECUTE', 'teams_plan'),
		(1, 'EXECUTE', 'teams_opt_out'),
		(1, 'EXECUTE', 'teams_opt_in'),
		(1, 'EXECUTE', 'teams_watch'),
		(1, 'EXECUTE', '_teams_watch_line'),
		(1, 'SELECT', 'teams_progress'),
		(1, 'EXECUTE', 'teams_ensure_installed'),
		(1, 'EXECUTE', 'teams_upgrade'),
		(1, 'EXECUTE', 'teams_uninstall'),
		(1, 'EXECUTE', 'teams_check_installed'),
		(1, 'EXECUTE', 'teams_people'),
		(1, 'EXECUTE', 'teams_members'),
		(1, 'EXECUTE', 'teams_cancel'),
		(1, 'EXECUTE', 'teams_retry'),
		(1, 'EXECUTE', 'teams_wait'),
		(1, 'SELECT', 'teams_message'),
		(1, 'SELECT', 'teams_recorded'),
		(1, 'EXECUTE', '_teams_as_jsonb'),
		(1, 'EXECUTE', 'teams_render'),
		(1, 'EXECUTE', 'teams_expand'),
		(1, 'EXECUTE', '_teams_as_activity'),
		(1, 'EXECUTE', '_teams_fill'),
		(1, 'EXECUTE', '_teams_card_summary'),
		(1, 'SELECT', 'teams_template'),
		(2, 'EXECUTE', 'teams_pause'),
		(2, 'EXECUTE', 'teams_resume'),
		(2, 'EXECUTE', 'teams_drain'),
		(2, 'EXECUTE', 'teams_sync_directory'),
		(2, 'EXECUTE', 'teams_sync_group'),
		(2, 'EXECUTE', 'teams_sync_roster'),
		(2, 'EXECUTE', '_teams_workers'),
		(2, 'EXECUTE', '_teams_throttles'),
		(2, 'SELECT', 'teams_bot'),
		(2, 'SELECT', 'teams_installation'),
		(2, 'SELECT', 'teams_outbox'),
		(2, 'SELECT', 'teams_inflight'),
		(2, 'SELECT', 'teams_delivery'),
		(2, 'SELECT', 'teams_dedupe'),
		(2, 'SELECT', 'teams_thread'),
		(2, 'SELECT', 'teams_notify_error'),
		(2, 'SELECT', 'teams_broadcast'),
		(2, 'SELECT', 'teams_recipient'),
		(2, 'SELECT', 'teams_broadcast_template'),
		(2, 'SELECT', 'teams_opt_out'),
		(2, 'SELECT', 'teams_person'),
		(2, 'SELECT', 'teams_group_member'),
		(2, 'SELECT', 'teams_directory'),
		(2, 'SELECT', 'teams_account'),
		(2, 'SELECT', 'teams_accounting'),
		(2, 'SELECT', 'teams_installed'),
		(2, 'SELECT', 'teams_throttle'),
		(2, 'SELECT', 'teams_worker'),
		(3, 'EXECUTE', 'teams_configure'),
		(3, 'EXECUTE', 'teams_configure_dry_run'),
		(3, 'EXECUTE', 'teams_check_url'),
		(3, 'EXECUTE', 'teams_check_credential'),
		(3, 'EXECUTE', 'teams_set_template'),
		(3, 'EXECUTE', 'teams_drop_template'),
		(3, 'EXECUTE', '_teams_check_template'),
		(3, 'EXECUTE', 'teams_grant'),
		(3, 'EXECUTE', 'teams_revoke'))
		AS g (level, privilege, name)
		ON (g.privilege = 'EXECUTE' AND p.proname = g.name)
		   OR (g.privilege = 'SELECT' AND c.relname = g.name)
	WHERE e.extname = 'teams_proactive'
	  AND g.level <= array_position('{sender,operator,administrator}'::text[], kind)
$$;

COMMENT ON FUNCTION @extschema@._teams_privileges(text) IS
'what teams_grant() grants to a sender, an operator or an administrator';

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
	IF kind NOT IN ('sender', 'operator', 'administrator') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('unknown kind of role: "%s"', kind),
			HINT = 'Give "sender", "operator" or "administrator".';
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
'lets a role send, operate or administer; each kind may do what those before it may';

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
	FOR p IN SELECT * FROM @extschema@._teams_privileges('administrator'::text)
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

-- Whatever function there is, PUBLIC may not call it; and whatever domain,
-- nobody else's table is made of it, so that none keeps it from being dropped.
DO $$
DECLARE
	object	text;
BEGIN
	FOR object IN
		SELECT coalesce('ROUTINE ' || p.oid::regprocedure, 'DOMAIN ' || t.oid::regtype)
		FROM pg_extension AS e
		JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass
			AND d.refobjid = e.oid AND d.deptype = 'e'
		LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
		LEFT JOIN pg_type AS t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
			AND t.typtype = 'd'
		WHERE e.extname = 'teams_proactive' AND coalesce(p.oid, t.oid) IS NOT NULL
	LOOP
		EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', object);
	END LOOP;
END
$$;
