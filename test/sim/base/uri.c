/*
 * uri.c
 *	  The request target, taken apart as RFC 3986 has it.
 *
 * libmicrohttpd hands out decoded arguments, but it takes "+" for a space as
 * HTML forms do.  OData and the Bot Connector do not (contract 3.0), so the
 * raw target is read here, and strictly: a client that forgets to encode a
 * space or writes "%zz" has to see that in its tests.
 */
#include "base/uri.h"
#include "base/memory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What RFC 3986 allows in a path or query, besides "%". */
static bool
is_uri_char(unsigned char c)
{
	return c < 0x80 && c != '\0' &&
		(isalnum(c) || strchr("-._~!$&'()*+,;=:@/?", c) != NULL);
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode in place; escapes were checked before. */
static char *
decode(char *string)
{
	char	   *to = string;

	for (const char *from = string; *from != '\0'; to++)
	{
		if (*from == '%')
		{
			*to = (char) (hex_value(from[1]) << 4 | hex_value(from[2]));
			from += 3;
		}
		else
			*to = *from++;
	}
	*to = '\0';
	return string;
}

static const char *
check(const char *raw)
{
	if (raw[0] != '/')
		return "The request target must start with a slash.";
	for (const char *p = raw; *p != '\0'; p++)
	{
		if (*p == '%')
		{
			if (hex_value(p[1]) < 0 || hex_value(p[2]) < 0)
				return "The URI has a percent sign without two hex digits.";
			if (p[1] == '0' && p[2] == '0')
				return "The URI holds an encoded NUL.";
			p += 2;
		}
		else if (!is_uri_char((unsigned char) *p))
			return "The URI holds a character that must be percent-encoded.";
	}
	return NULL;
}

static bool
split_path(SimUri *uri, char *path)
{
	char	   *rest = path;
	char	   *segment;

	while ((segment = strsep(&rest, "/")) != NULL)
	{
		/* What is before the first slash, or after the last, is nothing. */
		if (*segment == '\0' && (segment == path || rest == NULL))
			continue;
		if (uri->nsegments == SIM_URI_MAX_SEGMENTS)
			return false;
		uri->segments[uri->nsegments++] = decode(segment);
	}
	return true;
}

static bool
split_query(SimUri *uri, char *query)
{
	char	   *pair;

	while ((pair = strsep(&query, "&")) != NULL)
	{
		char	   *value = strchr(pair, '=');

		if (*pair == '\0')
			continue;
		if (uri->nparameters == SIM_URI_MAX_PARAMETERS)
			return false;
		if (value != NULL)
			*value++ = '\0';
		else
			value = strchr(pair, '\0');
		uri->names[uri->nparameters] = decode(pair);
		uri->values[uri->nparameters++] = decode(value);
	}
	return true;
}

/*
 * Take apart "/a/b?c=d".  False if it is no valid target: then *problem says
 * why, and there is nothing to free.
 */
bool
sim_uri_parse(SimUri *uri, const char *raw, const char **problem)
{
	char	   *query;

	memset(uri, 0, sizeof(*uri));
	*problem = check(raw);
	if (*problem != NULL)
		return false;
	uri->memory = sim_strdup(raw);
	query = strchr(uri->memory, '?');
	if (query != NULL)
		*query++ = '\0';
	if (split_path(uri, uri->memory) &&
		(query == NULL || split_query(uri, query)))
		return true;
	*problem = "The URI has too many parts.";
	sim_uri_free(uri);
	return false;
}

/* Free what sim_uri_parse() has made; not the structure itself. */
void
sim_uri_free(SimUri *uri)
{
	free(uri->memory);
	memset(uri, 0, sizeof(*uri));
}

/* The value of a query parameter, or NULL; the last one if it repeats. */
const char *
sim_uri_parameter(const SimUri *uri, const char *name)
{
	for (int i = uri->nparameters - 1; i >= 0; i--)
	{
		if (strcmp(uri->names[i], name) == 0)
			return uri->values[i];
	}
	return NULL;
}

/* Are the segments from "first" on these?  "*" stands for any one. */
bool
sim_uri_matches(const SimUri *uri, int first, const char *pattern)
{
	int			i = first;

	while (*pattern != '\0')
	{
		size_t		length = strcspn(pattern, "/");

		if (i >= uri->nsegments)
			return false;
		if (length == 1 && *pattern == '*' ? *uri->segments[i] == '\0' :
			(strlen(uri->segments[i]) != length ||
			 strncasecmp(uri->segments[i], pattern, length) != 0))
			return false;
		pattern += length;
		if (*pattern == '/')
			pattern++;
		i++;
	}
	return i == uri->nsegments;
}
