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

bool
trust_host_is_allowed(const char *host, const char *list)
{
	size_t		host_length = strlen(host);

	while (*list != '\0')
	{
		size_t		length;

		list += strspn(list, " \t\r\n,");
		length = strcspn(list, " \t\r\n,");
		if (length > 0 && length == host_length &&
			pg_strncasecmp(list, host, length) == 0)
			return true;
		list += length;
	}
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

static const char *
host_problem(const char *entry)
{
	struct in6_addr address;

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

const char *
trust_host_list_problem(const char *list, char **entry)
{
	for (;;)
	{
		size_t		length;
		const char *problem;

		list += strspn(list, " \t\r\n,");
		length = strcspn(list, " \t\r\n,");
		if (length == 0)
			return NULL;
		*entry = pnstrdup(list, length);
		problem = host_problem(*entry);
		if (problem != NULL)
			return problem;
		pfree(*entry);
		list += length;
	}
}

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

const char *
trust_user_id_problem(const char *user_id)
{
	const char *at = strchr(user_id, '@');
	const char *p;

	if (*user_id == '\0')
		return "The user id is empty.";
	if (strlen(user_id) > TRUST_MAX_USER_ID)
		return "The user id is too long.";
	for (p = user_id; *p != '\0'; p++)
	{
		if (*p == '/' || *p == '\\' || *p == ' ' || control_length(p) > 0)
			return "The user id contains a slash, a backslash, a space or a "
				"control character.";
	}
	if (strstr(user_id, "..") != NULL)
		return "The user id contains two dots in a row.";
	if (strncmp(user_id, "19:", 3) == 0)
		return "The user id is that of a chat or channel, not of a person.";
	if (trust_is_guid(user_id))
		return NULL;
	if (at == NULL || at == user_id || at[1] == '\0' ||
		strchr(at + 1, '@') != NULL)
		return "The user id is neither an Entra object id (a UUID) nor a "
			"user principal name (name@domain).";
	return NULL;
}

size_t
trust_longest_target(Scope scope)
{
	return scope == SCOPE_USER ? TRUST_MAX_USER_ID : TRUST_MAX_ID;
}

bool
trust_is_bot_name(const char *name)
{
	const char *p = name;

	while (is_ascii_alnum(*p) || (*p != '\0' && strchr("_.-", *p) != NULL))
		p++;
	return *p == '\0' && p > name && p - name <= TRUST_MAX_BOT_NAME;
}

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
