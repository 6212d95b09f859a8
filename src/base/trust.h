/*
 * trust.h
 *	  What may go out, come in, or be repeated.
 */
#ifndef TP_TRUST_H
#define TP_TRUST_H

#include "lib/stringinfo.h"

#include "base/words.h"

/* The longest of each, in bytes of UTF-8. */
#define TRUST_MAX_BOT_NAME 63
#define TRUST_MAX_USER_ID 256
#define TRUST_MAX_ID 1000

/* Texts. */
extern char *trust_clean_copy(const char *text, int limit);
extern void trust_append_escaped(StringInfo out, const char *text);

/* Hosts. */
extern bool trust_host_is_listed(const char *host, const char *list);
extern const char *trust_host_problem(const char *entry);
extern bool trust_host_is_loopback(const char *host);

/*
 * Ids and names; what has a "problem" is told it as a sentence for errdetail.
 */
extern bool trust_is_guid(const char *text);
extern bool trust_is_bot_name(const char *name);
extern bool trust_is_opaque_id(const char *text);
extern bool trust_is_target(Scope scope, const char *target);
extern size_t trust_longest_target(Scope scope);
extern const char *trust_user_id_problem(const char *user_id);

#endif							/* TP_TRUST_H */
