/*
 * fuzz_auth.c
 *	  Replies of the token endpoint.
 */
#include "postgres_fe.h"

#include "protocol/auth.h"
#include "fuzz.h"

void
fuzz_one(const char *input, size_t length)
{
	AuthReply	reply;
	ServiceError error;
	const char *p;

	auth_token_reply(input, length, &reply);
	if (reply.access_token == NULL)
		REQUIRE(reply.expires_in == 0);
	else
	{
		/* it goes into a header line */
		REQUIRE(reply.access_token[0] != '\0');
		for (p = reply.access_token; *p != '\0'; p++)
			REQUIRE(*p > ' ' && *p <= '~');
		REQUIRE(reply.expires_in > 0 && reply.expires_in <= 86400);
	}

	auth_error(input, length, &error);
	require_error(&error);
}
