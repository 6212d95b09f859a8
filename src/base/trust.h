/*
 * trust.h
 *	  What may go out, come in, or be repeated.
 */
#ifndef TP_TRUST_H
#define TP_TRUST_H

#include "lib/stringinfo.h"

#include "base/words.h"

/*
 * A service's text, fit for a log and a table: cut to "limit" bytes at a
 * character boundary, control characters turned into spaces, and anything that
 * looks like a token ("Bearer ...", "eyJ...") blotted out (contract 11.8).
 * NULL means "".  palloc'd.
 */
extern char *trust_clean_copy(const char *text, int limit);

/*
 * Is the host in a comma-separated list of exact names?  Compared without
 * regard to ASCII case; white space around names is ignored.
 */
extern bool trust_host_is_allowed(const char *host, const char *list);

/*
 * What is wrong with such a list, or NULL: entries that no host can be equal
 * to.  *entry is the first of them, palloc'd.  A sentence.
 */
extern const char *trust_host_list_problem(const char *list, char **entry);

/* "localhost", 127.0.0.0/8 or ::1 (with or without brackets). */
extern bool trust_host_is_loopback(const char *host);

/*
 * Can the string be a user id, that is an Entra object id or user principal
 * name?  Returns NULL if so, else what is wrong with it as a sentence for
 * errdetail (contract 3.0.1).  What begins as a conversation does is none, for
 * all its @ (contract 4.0.2).
 */
extern const char *trust_user_id_problem(const char *user_id);

/*
 * Can the string be the target of a row of the outbox with that scope, in the
 * form in which targets are stored?
 */
extern bool trust_is_target(Scope scope, const char *target);

/* How many bytes a target of that scope has at most, as UTF-8. */
extern size_t trust_longest_target(Scope scope);

/* Can a bot have that name?  The constraint of teams_bot says the same. */
extern bool trust_is_bot_name(const char *name);

#define TRUST_MAX_BOT_NAME 63

/* Is it a GUID in the usual form, 36 characters without braces? */
extern bool trust_is_guid(const char *text);

/*
 * May an id from a service be kept, and become a segment of a URL's path?
 * Not if it is empty, longer than TRUST_MAX_ID, "." or "..", or if it
 * contains control characters; nothing else is known of its form.
 */
extern bool trust_is_opaque_id(const char *text);

#define TRUST_MAX_ID 1000
#define TRUST_MAX_USER_ID 256

/* Append text percent-encoded: all but RFC 3986 unreserved characters. */
extern void trust_append_escaped(StringInfo out, const char *text);

#endif							/* TP_TRUST_H */
