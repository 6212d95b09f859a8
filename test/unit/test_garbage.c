/*
 * test_garbage.c
 *	  Readers survive whatever a service, or a proxy before it, answers.
 *
 * Real replies are damaged at random, always with the same seed.  There is
 * nothing to compare: what counts is to come to the end, above all with
 * SANITIZE=1, and that whatever is kept is fit to be kept.
 */
#include "postgres_fe.h"

#include "base/json.h"
#include "base/trust.h"
#include "protocol/auth.h"
#include "protocol/connector.h"
#include "protocol/graph.h"
#include "protocol/people.h"
#include "tap.h"

#define ROUNDS 4000
#define MAX_SAMPLE 600

static const char *const samples[] = {
	"{\"responses\":[{\"id\":\"2\",\"status\":424,\"body\":{\"error\":{"
	"\"code\":\"FailedDependency\",\"message\":\"m\"}}},{\"id\":\"1\","
	"\"status\":200,\"headers\":{\"Retry-After\":\"7\"},\"body\":{\"value\":"
	"[{\"id\":\"OWY0\",\"teamsAppDefinition\":{\"version\":\"1.4.0\"}}]}},"
	"{\"id\":\"3\",\"status\":200,\"body\":{\"id\":\"19:a_b@unq\"}}]}",
	"{\"value\":[{\"id\":\"7b1c0a0e-0c55-4a7c-9d0a-9a2f8b0d4a11\","
	"\"distributionMethod\":\"organization\"},{\"id\":\"7b1c\"}]}",
	"{\"error\":{\"code\":\"Forbidden\",\"message\":\"Bearer eyJ0.x \\u20ac"
	"\\ud83d\\ude00\",\"innerError\":{\"date\":\"...\"}}}",
	"{\"errorCode\":209,\"message\":\"{\\r\\n  \\\"subCode\\\": \\\"Message"
	"WritesBlocked\\\",\\r\\n  \\\"details\\\": \\\"Thread\\\"}\"}",
	"{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"eyJ\"}",
	"{\"error\":\"invalid_client\",\"error_description\":\"AADSTS\","
	"\"error_codes\":[7000222]}",
	"{\"id\":\"1795461600123\"}",
	"{\"value\":[{\"id\":\"9f4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c01\","
	"\"userPrincipalName\":\"Ada@contoso.com\",\"accountEnabled\":true,"
	"\"assignedLicenses\":[{}]}],\"@odata.nextLink\":\"https://g/x\"}",
	"{\"members\":[{\"aadObjectId\":\"9f4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c01\","
	"\"userPrincipalName\":\"Ada@contoso.com\"}],\"continuationToken\":\"x\"}",
};

/* xorshift: good enough, and the same everywhere. */
static uint32
next_random(void)
{
	static uint32 state = 2463534242U;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

/* Damage a sample: change, drop or repeat some bytes.  Returns the length. */
static size_t
damage(const char *sample, char *out)
{
	static const char alphabet[] = "{}[]\",:\\u0dD8 e1\xc3\xff\x80\n";
	size_t		length = strlen(sample);
	int			changes = 1 + next_random() % 6;

	memcpy(out, sample, length);
	while (changes-- > 0 && length > 1)
	{
		size_t		at = next_random() % length;
		size_t		run = 1 + next_random() % Min(20, length - at);

		switch (next_random() % 4)
		{
			case 0:
				out[at] = (char) next_random();
				break;
			case 1:
				out[at] = alphabet[next_random() % sizeof(alphabet)];
				break;
			case 2:
				memmove(out + at, out + at + run, length - at - run);
				length -= run;
				break;
			default:
				if (length + run > MAX_SAMPLE)
					break;
				memmove(out + at + run, out + at, length - at);
				length += run;
				break;
		}
	}
	return length;
}

static bool
is_sane_error(const ServiceError *error)
{
	return strlen(error->code) <= SERVICE_ERROR_MAX_CODE &&
		strlen(error->message) <= SERVICE_ERROR_MAX_MESSAGE &&
		strstr(error->message, "eyJ") == NULL;
}

static bool
is_sane_page(bool good, const PeoplePage *page, const char *problem)
{
	if (!good)
		return problem != NULL;
	for (int i = 0; i < page->count; i++)
		if (!trust_is_target(SCOPE_USER, page->people[i].id))
			return false;
	return true;
}

static bool
survives(const char *text, size_t length)
{
	static const GraphItem items[] = {
		{OP_LOOKUP, "a@b", NULL, SCOPE_USER}, {OP_INSTALL, "a@b", NULL, SCOPE_USER},
		{OP_CHAT, "a@b", "x", SCOPE_USER},
	};
	GraphReply	replies[3];
	AuthReply	token;
	PeoplePage	page;
	ServiceError error;
	char	   *id = NULL;
	const char *problem = NULL;
	bool		is_read;
	bool		fine;

	fine = json_read(text, length, &problem) != NULL || problem != NULL;

	problem = NULL;
	fine &= graph_batch_reply(text, length, items, 3, replies, &problem) ||
		problem != NULL;
	fine &= graph_catalog_reply(text, length, &id) != GRAPH_CATALOG_FOUND ||
		trust_is_guid(id);
	id = connector_send_reply(text, length);
	fine &= id == NULL || trust_is_opaque_id(id);
	auth_token_reply(text, length, &token);
	fine &= token.access_token == NULL || token.expires_in > 0;

	is_read = people_graph_reply(text, length, &page, &problem);
	fine &= is_sane_page(is_read, &page, problem);
	is_read = people_roster_reply(text, length, &page, &problem);
	fine &= is_sane_page(is_read, &page, problem);

	graph_error(text, length, &error);
	fine &= is_sane_error(&error);
	connector_error(text, length, &error);
	fine &= is_sane_error(&error);
	auth_error(text, length, &error);
	return fine && is_sane_error(&error);
}

int
main(void)
{
	int			i;

	for (i = 0; i < (int) lengthof(samples); i++)
	{
		bool		fine = survives(samples[i], strlen(samples[i]));
		int			round;

		for (round = 0; round < ROUNDS && fine; round++)
		{
			/* of the exact size, so that ASan sees a byte too many */
			char		buffer[MAX_SAMPLE];
			size_t		length = damage(samples[i], buffer);
			char	   *text = palloc(length);

			memcpy(text, buffer, length);
			fine = survives(text, length);
			pfree(text);
		}
		ok(fine, samples[i]);
	}
	return done();
}
