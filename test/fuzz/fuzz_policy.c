/*
 * fuzz_policy.c
 *	  What an answer means: an operation, a status and an error's body.
 *
 * The input is a letter for the operation, three digits of a status, a line
 * break and the body, as in "s403\n{...}".
 */
#include "postgres_fe.h"

#include "protocol/auth.h"
#include "protocol/connector.h"
#include "fuzz.h"
#include "protocol/graph.h"

#define HEAD 5

static Operation
operation_of(char letter)
{
	static const char letters[] = {
		[OP_TOKEN] = 't', [OP_CATALOG] = 'a', [OP_LOOKUP] = 'l',
		[OP_INSTALL] = 'i', [OP_CHAT] = 'h', [OP_CHANNEL] = 'c',
		[OP_UPGRADE] = 'u', [OP_UNINSTALL] = 'x', [OP_SEND] = 's',
		[OP_THREAD] = 'n', [OP_EDIT] = 'e', [OP_DELETE] = 'd',
		[OP_DIRECTORY] = 'p', [OP_ROSTER] = 'r'
	};

	for (size_t i = 0; i < lengthof(letters); i++)
		if (letters[i] == letter)
			return (Operation) i;
	return (Operation) ((unsigned char) letter % lengthof(letters));
}

static bool
is_connectors(Operation op)
{
	return op >= OP_SEND && op != OP_DIRECTORY;
}

static void
read_body(Operation op, const char *body, size_t length, ServiceError *error)
{
	if (op == OP_TOKEN)
		auth_error(body, length, error);
	else if (is_connectors(op))
		connector_error(body, length, error);
	else
		graph_error(body, length, error);
}

/* A code in other spelling is the same code (contract 4.0.5). */
static char *
respell(const char *code)
{
	StringInfoData out;

	initStringInfo(&out);
	for (; *code != '\0'; code++)
	{
		appendStringInfoChar(&out, ' ');
		appendStringInfoChar(&out, (char) pg_ascii_toupper((unsigned char) *code));
	}
	return out.data;
}

static void
require_meaning(Operation op, int status, const ServiceError *error)
{
	Action		action = policy_classify(op, status, error);
	const char *hint = policy_hint(op, status, error);
	ServiceError respelt = {respell(error->code), error->message};

	REQUIRE(action >= ACTION_OK && action <= ACTION_FAIL);
	if (action == ACTION_OK)
		REQUIRE((status >= 200 && status <= 299) ||
				(op == OP_INSTALL && status == 409) ||
				(op == OP_UNINSTALL && status == 404) ||
				(op == OP_DELETE && status == 404));
	if (status >= 200 && status <= 202)
		REQUIRE(action == ACTION_OK && hint == NULL);
	if (status > 202 && status <= 299)
		REQUIRE(action == (is_connectors(op) && op != OP_ROSTER ?
						   ACTION_RETRY : ACTION_OK));

	/* a redirect is never followed, and never tried again */
	if (status >= 300 && status <= 399 && op != OP_TOKEN)
		REQUIRE(action == ACTION_FAIL || action == ACTION_PAUSE_BOT);
	if (action == ACTION_THROTTLED)
		REQUIRE(status == 429);
	if (action == ACTION_REAUTH)
		REQUIRE(status == 401);

	/* only a message can arrive twice, or be refused by its reader */
	if (policy_is_ambiguous(op, status))
		REQUIRE((op == OP_SEND || op == OP_THREAD) &&
				(action == ACTION_RETRY || action == ACTION_FAIL ||
				 status <= 202));
	if (action == ACTION_BLOCKED || action == ACTION_INSTALL_AGAIN)
		REQUIRE(is_connectors(op) && op != OP_ROSTER);
	if (action == ACTION_LOOK_UP_AGAIN)
		REQUIRE(op >= OP_SEND);

	/* nothing that is only read for audiences may pause a bot */
	if (op == OP_DIRECTORY || op == OP_ROSTER)
		REQUIRE(action != ACTION_PAUSE_BOT);

	if (hint != NULL)
	{
		REQUIRE(hint[0] != '\0' && hint[strlen(hint) - 1] == '.');
		require_printable(hint);
	}
	REQUIRE(policy_classify(op, status, &respelt) == action);
	REQUIRE(policy_hint(op, status, &respelt) == hint);
}

void
fuzz_one(const char *input, size_t length)
{
	Operation	op;
	int			status;
	ServiceError error;

	if (length < HEAD)
		return;
	op = operation_of(input[0]);
	status = (input[1] - '0') * 100 + (input[2] - '0') * 10 + input[3] - '0';
	read_body(op, input + HEAD, length - HEAD, &error);
	require_error(&error);
	require_meaning(op, status, &error);
}
