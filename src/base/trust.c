/*
 * trust.c
 *	  What may go out, come in, or be repeated.
 *
 * Ids from SQL become parts of URLs, ids from the services do so later, their
 * texts end in tables and logs, and tokens go to hosts that somebody named.
 * Here is what is checked before, as pure functions.
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/trust.h"

#define HEX_DIGITS "0123456789ABCDEFabcdef"

/* isalnum() would follow the database's locale. */
static bool
is_ascii_alnum(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		(c >= '0' && c <= '9');
}

/* RFC 6750 section 2.1; the three segments of a JWT are of these, too. */
static bool
is_token_char(char c)
{
	return is_ascii_alnum(c) || (c != '\0' && strchr("-._~+/=", c) != NULL);
}

/* The length of what looks like a token at the start of the text. */
static size_t
token_length(const char *text)
{
	size_t		length = 0;

	while (is_token_char(text[length]))
		length++;
	return length;
}

/*
 * Length of a control character at the start of the text, else 0: ASCII's,
 * and those from U+0080 to U+009F, which a terminal may obey as well.
 */
static int
control_length(const char *text)
{
	unsigned char c = (unsigned char) text[0];

	if ((c > 0 && c < 0x20) || c == 0x7F)
		return 1;
	if (c == 0xC2 && (unsigned char) text[1] >= 0x80 &&
		(unsigned char) text[1] <= 0x9F)
		return 2;
	return 0;
}

/*
 * The length of "bearer" at the start of the text with the blanks after it,
 * else 0.  Control characters count as blanks, since they become some.
 */
static size_t
bearer_length(const char *text)
{
	size_t		length = strlen("bearer");
	size_t		blank;

	if (pg_strncasecmp(text, "bearer", length) != 0)
		return 0;
	while ((blank = text[length] == ' ' ? 1 :
			control_length(text + length)) > 0)
		length += blank;
	return length > strlen("bearer") ? length : 0;
}

/*
 * trust_clean_copy(): a service's text, fit for a log and a table, palloc'd.
 *
 * It is cut to "limit" bytes at a character boundary, control characters
 * become spaces, and anything that looks like a token ("Bearer ...", "eyJ...")
 * is blotted out (contract 11.8).  NULL means "".
 */
char *
trust_clean_copy(const char *text, int limit)
{
	StringInfoData out;

	initStringInfo(&out);
	while (text != NULL && *text != '\0' && out.len <= limit)
	{
		int			control = control_length(text);
		size_t		bearer = bearer_length(text);

		if (control > 0)
		{
			appendStringInfoChar(&out, ' ');
			text += control;
		}
		else if (strncmp(text, "eyJ", 3) == 0)
		{
			appendStringInfoString(&out, "[removed]");
			text += token_length(text);
		}
		else if (bearer > 0)
		{
			appendStringInfoString(&out, "Bearer ");
			text += bearer;
			if (token_length(text) > 0)
				appendStringInfoString(&out, "[removed]");
			text += token_length(text);
		}
		else
			appendStringInfoChar(&out, *text++);
	}

	if (out.len > limit)
	{
		/* cut before a character, not inside it */
		while (limit > 0 && ((unsigned char) out.data[limit] & 0xC0) == 0x80)
			limit--;
		out.data[limit] = '\0';
	}
	return out.data;
}

/*
 * trust_host_is_listed(): is the host one of a list?  Case of ASCII does not
 * count.  The list is of names one after the other, each with its NUL, up to
 * an empty one, as a configuration parameter that is parsed once.
 */
bool
trust_host_is_listed(const char *host, const char *list)
{
	for (; *list != '\0'; list += strlen(list) + 1)
		if (pg_strcasecmp(list, host) == 0)
			return true;
	return false;
}

/* An IPv6 address as it stands in URLs, in brackets. */
static bool
is_bracketed(const char *entry)
{
	size_t		length = strlen(entry);
	char		bare[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (length < 3 || entry[0] != '[' || entry[length - 1] != ']' ||
		length - 2 >= sizeof(bare))
		return false;
	memcpy(bare, entry + 1, length - 2);
	bare[length - 2] = '\0';
	return inet_pton(AF_INET6, bare, &address) == 1;
}

/*
 * trust_host_problem(): what is wrong with an entry of a list of hosts, which
 * no host of a URL can be equal to; a sentence for errdetail, or NULL.
 */
const char *
trust_host_problem(const char *entry)
{
	struct in6_addr address;

	if (*entry == '\0')
		return "It is empty.";
	if (is_bracketed(entry))
		return NULL;
	if (inet_pton(AF_INET6, entry, &address) == 1)
		return "An IPv6 address is written in brackets, as in URLs: [::1].";
	if (strstr(entry, "://") != NULL || strchr(entry, '/') != NULL)
		return "It is a URL or path: write the host alone.";
	if (strchr(entry, ':') != NULL)
		return "It has a port: write the host alone, which then is allowed with any port.";
	if (strchr(entry, '*') != NULL)
		return "There are no wildcards: write each host by its full name.";
	for (const char *p = entry; *p != '\0'; p++)
		if (!is_ascii_alnum(*p) && strchr("-._", *p) == NULL)
			return "It is no host name: those have ASCII letters, digits, dots and hyphens.";
	if (entry[0] == '.' || entry[strlen(entry) - 1] == '.')
		return "It begins or ends with a dot: write the full name of one host.";
	return NULL;
}

/*
 * trust_host_is_loopback(): is it "localhost", an address of 127.0.0.0/8, or
 * ::1, with or without brackets?  No name is looked up for that.
 */
bool
trust_host_is_loopback(const char *host)
{
	size_t		length = strlen(host);
	char		bare[INET6_ADDRSTRLEN];
	struct in_addr v4;
	struct in6_addr v6;

	if (pg_strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;

	if (length >= 2 && host[0] == '[' && host[length - 1] == ']')
	{
		host++;
		length -= 2;
	}
	if (length >= sizeof(bare))
		return false;
	memcpy(bare, host, length);
	bare[length] = '\0';
	return inet_pton(AF_INET6, bare, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/*
 * trust_is_guid(): is it a GUID in the usual form, 36 characters without
 * braces?
 */
bool
trust_is_guid(const char *text)
{
	const char *pattern = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (; *pattern != '\0'; pattern++, text++)
	{
		const char *wanted = *pattern == '-' ? "-" : HEX_DIGITS;

		if (*text == '\0' || strchr(wanted, *text) == NULL)
			return false;
	}
	return *text == '\0';
}

/*
 * trust_is_opaque_id(): may an id from a service be kept, and become a segment
 * of a URL's path?  Not if it is empty, longer than TRUST_MAX_ID, "." or "..",
 * or has control characters; nothing else is known of its form.
 */
bool
trust_is_opaque_id(const char *text)
{
	const char *p;

	/* dots alone would climb up the path even when percent-encoded */
	if (strcmp(text, "") == 0 || strcmp(text, ".") == 0 ||
		strcmp(text, "..") == 0)
		return false;
	for (p = text; *p != '\0'; p++)
	{
		if (control_length(p) > 0)
			return false;
	}
	return p - text <= TRUST_MAX_ID;
}

/* What no user principal name has, but what is written around addresses. */
#define AROUND_ADDRESSES "<>()[]\":;,"

/*
 * trust_user_id_problem(): what keeps a text from being a user id, that is an
 * Entra object id or a user principal name, or NULL (contract 3.0.1).  What
 * begins as a conversation does is none, for all its @ (contract 4.0.2).
 */
const char *
trust_user_id_problem(const char *user_id)
{
	const char *at = strchr(user_id, '@');
	const char *p;

	if (*user_id == '\0')
		return "The user id is empty.";
	if (strlen(user_id) > TRUST_MAX_USER_ID)
		return "The user id is too long.";
	if (strncmp(user_id, "19:", 3) == 0)
		return "The user id is that of a chat or channel, not of a person.";
	for (p = user_id; *p != '\0'; p++)
	{
		if (*p == '/' || *p == '\\' || *p == ' ' || control_length(p) > 0)
			return "The user id contains a slash, a backslash, a space or a "
				"control character.";
		if (strchr(AROUND_ADDRESSES, *p) != NULL)
			return psprintf("The user id contains the character %c, which "
							"no user principal name has.", *p);
	}
	if (strstr(user_id, "..") != NULL)
		return "The user id contains two dots in a row.";
	if (trust_is_guid(user_id))
		return NULL;
	if (at == NULL || at == user_id || at[1] == '\0' ||
		strchr(at + 1, '@') != NULL)
		return "The user id is neither an Entra object id (a UUID) nor a "
			"user principal name (name@domain).";
	return NULL;
}

/*
 * trust_longest_target(): how many bytes a target of that scope has at most.
 */
size_t
trust_longest_target(Scope scope)
{
	return scope == SCOPE_USER ? TRUST_MAX_USER_ID : TRUST_MAX_ID;
}

/*
 * trust_is_bot_name(): can a bot have that name?  The constraint of teams_bot
 * says the same.
 */
bool
trust_is_bot_name(const char *name)
{
	const char *p = name;

	while (is_ascii_alnum(*p) || (*p != '\0' && strchr("_.-", *p) != NULL))
		p++;
	return *p == '\0' && p > name && p - name <= TRUST_MAX_BOT_NAME;
}

/*
 * trust_is_target(): can the text be the target of a row of the outbox with
 * that scope, in the form in which targets are stored?  Those of which case
 * does not count are in lower case.
 */
bool
trust_is_target(Scope scope, const char *target)
{
	bool		ignores_case = scope == SCOPE_USER || scope == SCOPE_TEAM;

	if (*target == '\0' || strlen(target) > trust_longest_target(scope))
		return false;
	for (const char *p = target; *p != '\0'; p++)
	{
		if (*p == '/' || *p == '\\' || control_length(p) > 0)
			return false;
		if (ignores_case && *p >= 'A' && *p <= 'Z')
			return false;
	}
	return true;
}

/*
 * trust_append_escaped(): append a text percent-encoded, all but the
 * unreserved characters of RFC 3986: so it stays one segment of a path, or one
 * value.
 */
void
trust_append_escaped(StringInfo out, const char *text)
{
	for (; *text != '\0'; text++)
	{
		if (is_ascii_alnum(*text) || strchr("-._~", *text) != NULL)
			appendStringInfoChar(out, *text);
		else
			appendStringInfo(out, "%%%02X", (unsigned char) *text);
	}
}
