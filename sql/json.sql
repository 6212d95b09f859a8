------------------------------------------------------------------------------
-- JSON that is given: jsonb, json or a literal
------------------------------------------------------------------------------

-- PostgreSQL casts json to jsonb only where it is assigned, so that a function
-- of jsonb does not take what json_build_object() or row_to_json() return.  A
-- second function, of json, would make each call with a literal ambiguous.  A
-- parameter of this type takes all of them: it is jsonb by another name, and
-- jsonb goes in and out of it as it is.
CREATE TYPE @extschema@.teams_json;

CREATE FUNCTION @extschema@._teams_json_in(cstring)
RETURNS @extschema@.teams_json
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'jsonb_in';

COMMENT ON FUNCTION @extschema@._teams_json_in(cstring) IS
'input function of the type teams_json: that of jsonb';

CREATE FUNCTION @extschema@._teams_json_out(@extschema@.teams_json)
RETURNS cstring
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'jsonb_out';

COMMENT ON FUNCTION @extschema@._teams_json_out(@extschema@.teams_json) IS
'output function of the type teams_json: that of jsonb';

CREATE FUNCTION @extschema@._teams_json_recv(internal)
RETURNS @extschema@.teams_json
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'jsonb_recv';

COMMENT ON FUNCTION @extschema@._teams_json_recv(internal) IS
'binary input function of the type teams_json: that of jsonb';

CREATE FUNCTION @extschema@._teams_json_send(@extschema@.teams_json)
RETURNS bytea
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'jsonb_send';

COMMENT ON FUNCTION @extschema@._teams_json_send(@extschema@.teams_json) IS
'binary output function of the type teams_json: that of jsonb';

CREATE TYPE @extschema@.teams_json (
	INPUT = @extschema@._teams_json_in,
	OUTPUT = @extschema@._teams_json_out,
	RECEIVE = @extschema@._teams_json_recv,
	SEND = @extschema@._teams_json_send,
	LIKE = pg_catalog.jsonb
);

COMMENT ON TYPE @extschema@.teams_json IS
'JSON that a function is given: jsonb, json or a literal';

-- A json whose value is known when a statement is planned, as that of a driver's
-- parameter, is cast then, by functions that the user must be allowed to call:
-- who may send may call _teams_json_in().
CREATE CAST (jsonb AS @extschema@.teams_json) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (@extschema@.teams_json AS jsonb) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (json AS @extschema@.teams_json) WITH INOUT AS IMPLICIT;

COMMENT ON CAST (jsonb AS @extschema@.teams_json) IS
'for functions of teams_proactive: as it is';
COMMENT ON CAST (@extschema@.teams_json AS jsonb) IS
'for functions of teams_proactive: as it is';
COMMENT ON CAST (json AS @extschema@.teams_json) IS
'for functions of teams_proactive: as jsonb would have it';
