------------------------------------------------------------------------------
-- Waking the worker
------------------------------------------------------------------------------

-- Whoever writes to a table that has one of these triggers wakes the worker
-- when the transaction commits: teams_send(), but also a plain INSERT, COPY or
-- UPDATE.  They are enabled always: triggers that send may be enabled for what
-- replication applies, and what those write is to be counted and sent like all
-- else.
CREATE FUNCTION @extschema@._teams_wake() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'teams_wake';

COMMENT ON FUNCTION @extschema@._teams_wake() IS
'trigger function: wakes the worker at commit';
