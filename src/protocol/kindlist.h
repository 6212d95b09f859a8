/*
 * kindlist.h
 *	  The kinds of rows of the outbox: what one can ask for.
 *
 * Whoever includes this defines the two macros first, and takes what it needs
 * of each line: kind.h the enum, kind.c the table, api.c the SQL functions.
 * There is no guard, as it is included more than once.
 *
 * MESSAGE_KIND(name, word, has_activity, has_referent) goes to the Bot
 * Connector: with content, and about a message that was sent before.
 *
 * JOB_KIND(name, word, function, operation, absence, needs_version) is asked
 * of Microsoft Graph for its target: for callers of the SQL function, what is
 * done with the installation once it has been looked up (OP_LOOKUP: nothing
 * more), what it means if there is none, and whether the version in the
 * catalog has to be known before.
 */

/* name, word, has_activity, has_referent */
MESSAGE_KIND(KIND_SEND, "send", true, false)
MESSAGE_KIND(KIND_EDIT, "edit", true, true)
MESSAGE_KIND(KIND_DELETE, "delete", false, true)

/* name, word, function, operation, absence, needs_version */
JOB_KIND(KIND_INSTALL, "install", teams_ensure_installed, OP_INSTALL, ABSENCE_IS_MENDED, false)
JOB_KIND(KIND_UPGRADE, "upgrade", teams_upgrade, OP_UPGRADE, ABSENCE_IS_FAILURE, true)
JOB_KIND(KIND_UNINSTALL, "uninstall", teams_uninstall, OP_UNINSTALL, ABSENCE_IS_SUCCESS, false)
JOB_KIND(KIND_CHECK, "check", teams_check_installed, OP_LOOKUP, ABSENCE_IS_SUCCESS, true)

#undef MESSAGE_KIND
#undef JOB_KIND
