/*
 * test_policy.c
 *	  Classification, waiting times and redaction.
 */
#include "postgres_fe.h"

#include <limits.h>

#include "base/trust.h"
#include "protocol/policy.h"
#include "tap.h"

typedef struct Case
{
	Operation	op;
	int			status;
	const char *code;
	const char *message;
	Action		action;
	const char *hint;			/* a part of it; NULL: there is none */
} Case;

static const Case token_cases[] = {
	{OP_TOKEN, 200, "", "", ACTION_OK, NULL},
	{OP_TOKEN, 401, "AADSTS7000215", "", ACTION_PAUSE_BOT, "its value"},
	{OP_TOKEN, 401, "AADSTS7000222", "", ACTION_PAUSE_BOT, "expired"},
	{OP_TOKEN, 400, "AADSTS700016", "", ACTION_PAUSE_BOT, "client_id"},
	{OP_TOKEN, 400, "AADSTS7000229", "", ACTION_PAUSE_BOT, "consent"},
	{OP_TOKEN, 400, "AADSTS500011", "", ACTION_PAUSE_BOT, "cloud"},
	{OP_TOKEN, 400, "AADSTS90002", "", ACTION_PAUSE_BOT, "tenant_id"},
	{OP_TOKEN, 400, "AADSTS90038", "", ACTION_PAUSE_BOT, "cloud"},
	{OP_TOKEN, 401, "AADSTS700027", "", ACTION_PAUSE_BOT, "certificate"},
	{OP_TOKEN, 401, "AADSTS700024", "", ACTION_PAUSE_BOT, "clock"},
	{OP_TOKEN, 400, "AADSTS90033", "", ACTION_RETRY, "passing"},
	{OP_TOKEN, 400, "AADSTS90024", "", ACTION_RETRY, "passing"},
	{OP_TOKEN, 400, "AADSTS90006", "", ACTION_RETRY, "passing"},
	{OP_TOKEN, 400, "AADSTS90012", "", ACTION_RETRY, "passing"},
	{OP_TOKEN, 400, "AADSTS90090", "", ACTION_RETRY, "passing"},
	{OP_TOKEN, 400, "AADSTS90091", "", ACTION_RETRY, "passing"},
	{OP_TOKEN, 400, "AADSTS90055", "", ACTION_RETRY, "fewer requests"},
	{OP_TOKEN, 400, "AADSTS50196", "", ACTION_RETRY, "equal requests"},
	{OP_TOKEN, 429, "AADSTS90055", "", ACTION_THROTTLED, "fewer requests"},
	{OP_TOKEN, 400, "temporarily_unavailable", "", ACTION_RETRY, "passing"},
	{OP_TOKEN, 401, "invalid_client", "", ACTION_PAUSE_BOT, "credential"},
	{OP_TOKEN, 400, "AADSTS1", "", ACTION_PAUSE_BOT, "credential"},
	{OP_TOKEN, 404, "", "", ACTION_PAUSE_BOT, "credential"},
	{OP_TOKEN, 302, "", "", ACTION_PAUSE_BOT, "Redirects"},
	{OP_TOKEN, 408, "", "", ACTION_RETRY, "passing"},
	{OP_TOKEN, 500, "", "", ACTION_RETRY, "passing"},
	{OP_TOKEN, 503, "", "", ACTION_RETRY, "passing"},
	{OP_TOKEN, 504, "", "", ACTION_RETRY, "passing"},
};

#define MISSING_ROLE \
	"Missing role permissions on the request. API requires one of " \
	"'TeamsAppInstallation.ReadWriteSelfForUser.All, ...'. Roles on the " \
	"request ''."

static const Case graph_cases[] = {
	{OP_LOOKUP, 200, "", "", ACTION_OK, NULL},
	{OP_INSTALL, 201, "", "", ACTION_OK, NULL},
	{OP_INSTALL, 409, "Conflict", "(text varies)", ACTION_OK, NULL},
	{OP_LOOKUP, 409, "Conflict", "", ACTION_FAIL, "not documented"},
	{OP_INSTALL, 400, "BadRequest", "", ACTION_FAIL, "teams_app_id"},
	{OP_INSTALL, 400, "invalidRequest", "", ACTION_FAIL, "teams_app_id"},
	{OP_INSTALL, 401, "InvalidAuthenticationToken", "", ACTION_REAUTH,
	"token"},
	{OP_LOOKUP, 401, "", "", ACTION_REAUTH, "token"},
	{OP_CATALOG, 401, "", "", ACTION_REAUTH, "token"},
	{OP_INSTALL, 403, "Forbidden", MISSING_ROLE, ACTION_PAUSE_BOT,
	"TeamsAppInstallation.ReadWriteSelfForUser.All"},
	{OP_LOOKUP, 403, "Forbidden", MISSING_ROLE, ACTION_PAUSE_BOT,
	"TeamsAppInstallation.ReadWriteSelfForUser.All"},
	{OP_CHAT, 403, "Authorization_RequestDenied", "", ACTION_PAUSE_BOT,
	"TeamsAppInstallation.ReadWriteSelfForUser.All"},
	{OP_CATALOG, 403, "Forbidden", MISSING_ROLE, ACTION_PAUSE_BOT,
	"AppCatalog.Read.All"},
	{OP_INSTALL, 403, "Forbidden", "blocked", ACTION_FAIL, "policies"},
	{OP_INSTALL, 404, "NotFound", "", ACTION_FAIL, "Either the app"},
	{OP_INSTALL, 404, "NotFound", "Failed to execute Skype backend request X",
	ACTION_RETRY, "passing"},
	{OP_INSTALL, 403, "Forbidden", "Failed to execute Skype backend request",
	ACTION_FAIL, "policies"},
	{OP_LOOKUP, 404, "NotFound", "", ACTION_FAIL, "not known to Teams"},
	{OP_CHAT, 404, "NotFound", "", ACTION_RETRY, "does not exist yet"},
	{OP_UNINSTALL, 204, "", "", ACTION_OK, NULL},
	{OP_UNINSTALL, 404, "NotFound", "", ACTION_OK, NULL},
	{OP_UNINSTALL, 503, "", "", ACTION_RETRY, "passing"},
	{OP_UPGRADE, 409, "Conflict", "", ACTION_RETRY, "passing"},
	{OP_UPGRADE, 403, "Forbidden", "", ACTION_FAIL, "policies"},
	{OP_CHANNEL, 404, "NotFound", "", ACTION_FAIL, "General"},
	{OP_CATALOG, 404, "", "", ACTION_PAUSE_BOT, "manifest_id"},
	{OP_CATALOG, 400, "", "", ACTION_PAUSE_BOT, "manifest_id"},
	{OP_CATALOG, 301, "", "", ACTION_PAUSE_BOT, "Redirects"},
	{OP_LOOKUP, 408, "", "", ACTION_RETRY, "passing"},
	{OP_INSTALL, 424, "FailedDependency", "", ACTION_RETRY, "passing"},
	{OP_LOOKUP, 429, "TooManyRequests", "", ACTION_THROTTLED, "fewer"},
	{OP_CATALOG, 429, "", "", ACTION_THROTTLED, "fewer"},
	{OP_INSTALL, 500, "", "", ACTION_RETRY, "passing"},
	{OP_INSTALL, 501, "", "", ACTION_RETRY, "passing"},
	{OP_CHAT, 502, "", "", ACTION_RETRY, "passing"},
	{OP_CATALOG, 503, "", "", ACTION_RETRY, "passing"},
	{OP_LOOKUP, 504, "", "", ACTION_RETRY, "passing"},
	{OP_LOOKUP, 302, "", "", ACTION_FAIL, "Redirects"},
	{OP_LOOKUP, 418, "", "", ACTION_FAIL, "not documented"},
	{OP_LOOKUP, 0, "", "", ACTION_RETRY, NULL},
	{OP_LOOKUP, 100, "", "", ACTION_RETRY, NULL},
	{OP_LOOKUP, 999, "", "", ACTION_FAIL, NULL},
};

static const Case directory_cases[] = {
	{OP_DIRECTORY, 200, "", "", ACTION_OK, NULL},
	{OP_DIRECTORY, 410, "syncStateNotFound", "", ACTION_LOOK_UP_AGAIN, "anew"},
	{OP_DIRECTORY, 410, "", "", ACTION_LOOK_UP_AGAIN, "anew"},
	{OP_DIRECTORY, 400, "Directory_ExpiredPageToken", "",
	ACTION_LOOK_UP_AGAIN, "anew"},
	{OP_DIRECTORY, 400, "BadRequest", "", ACTION_FAIL, "not documented"},
	{OP_DIRECTORY, 401, "InvalidAuthenticationToken", "", ACTION_REAUTH,
	"token"},
	{OP_DIRECTORY, 403, "Authorization_RequestDenied", "", ACTION_FAIL,
	"User.Read.All"},
	{OP_DIRECTORY, 404, "Request_ResourceNotFound", "", ACTION_FAIL,
	"no such group"},
	{OP_DIRECTORY, 429, "TooManyRequests", "", ACTION_THROTTLED, "fewer"},
	{OP_DIRECTORY, 503, "", "", ACTION_RETRY, "passing"},
	{OP_DIRECTORY, 302, "", "", ACTION_FAIL, "Redirects"},
	{OP_ROSTER, 200, "", "", ACTION_OK, NULL},
	{OP_ROSTER, 400, "BadArgument", "", ACTION_LOOK_UP_AGAIN, "anew"},
	{OP_ROSTER, 401, "BotNotRegistered", "", ACTION_REAUTH, "token"},
	{OP_ROSTER, 403, "BotNotInConversationRoster", "", ACTION_FAIL, "Install"},
	{OP_ROSTER, 404, "ConversationNotFound", "", ACTION_FAIL, "Install"},
	{OP_ROSTER, 412, "PreconditionFailed", "", ACTION_RETRY, "passing"},
	{OP_ROSTER, 429, "Throttled", "", ACTION_THROTTLED, "fewer"},
	{OP_ROSTER, 500, "ServiceError", "", ACTION_RETRY, "passing"},
	{OP_ROSTER, 307, "", "", ACTION_FAIL, "Redirects"},
	{OP_ROSTER, 418, "", "", ACTION_FAIL, "not documented"},
};

static const Case send_cases[] = {
	{OP_SEND, 200, "", "", ACTION_OK, NULL},
	{OP_SEND, 201, "", "", ACTION_OK, NULL},
	{OP_SEND, 202, "", "", ACTION_OK, NULL},
	{OP_SEND, 203, "", "", ACTION_RETRY, "proxy"},
	{OP_DELETE, 204, "", "", ACTION_RETRY, "proxy"},
	{OP_THREAD, 299, "", "", ACTION_RETRY, "proxy"},
	{OP_SEND, 403, "TenantNoPermission", "", ACTION_PAUSE_BOT, "disabled"},
	{OP_EDIT, 403, "TenantNoPermission", "", ACTION_PAUSE_BOT, "disabled"},
	{OP_EDIT, 400, "ConversationNotFound", "", ACTION_FAIL, "understand"},
	{OP_EDIT, 400, "MessageWritesBlocked", "", ACTION_FAIL, "understand"},
	{OP_DELETE, 400, "BotNotInConversationRoster", "", ACTION_FAIL, "understand"},
	{OP_DELETE, 400, "BadArgument", "failed to decrypt conversation id",
	ACTION_FAIL, "another bot's"},
	{OP_DELETE, 403, "InvalidBotApiHost", "", ACTION_PAUSE_BOT, "infra.gcc"},
	{OP_ROSTER, 403, "TenantNoPermission", "", ACTION_FAIL, "disabled"},
	{OP_SEND, 400, "BadArgument", "", ACTION_FAIL, "attachments"},
	{OP_SEND, 400, "Bad Argument", "Failed to decrypt conversation id",
	ACTION_LOOK_UP_AGAIN, "another bot"},
	{OP_SEND, 403, "", "X: failed to decrypt Conversation id.",
	ACTION_LOOK_UP_AGAIN, "another bot"},
	{OP_SEND, 400, "BadArgument", "Failed to decrypt pairwise id",
	ACTION_FAIL, "attachments"},
	{OP_SEND, 400, "BadSyntax", "", ACTION_FAIL, "attachments"},
	{OP_SEND, 400, "MissingProperty", "", ACTION_FAIL, "attachments"},
	{OP_SEND, 401, "BotNotRegistered", "", ACTION_REAUTH, "Register"},
	{OP_SEND, 401, "AuthorizationError", "", ACTION_REAUTH, "token"},
	{OP_SEND, 401, "", "", ACTION_REAUTH, "token"},
	{OP_SEND, 403, "BotDisabledByAdmin", "", ACTION_BLOCKED,
	"administrator"},
	{OP_SEND, 403, "BotNotInConversationRoster", "", ACTION_INSTALL_AGAIN,
	"not installed"},
	{OP_SEND, 404, "botnot inconversationroster ", "", ACTION_INSTALL_AGAIN,
	"not installed"},
	{OP_SEND, 403, "ConversationBlockedByUser", "", ACTION_BLOCKED, "user"},
	{OP_SEND, 403, "MessageWritesBlocked", "", ACTION_BLOCKED, "user"},
	{OP_SEND, 403, "209", "", ACTION_BLOCKED, "user"},
	{OP_SEND, 403, "ForbiddenOperationException", "", ACTION_INSTALL_AGAIN,
	"not installed"},
	{OP_SEND, 403, "InvalidBotApiHost", "", ACTION_PAUSE_BOT, "infra.gcc"},
	{OP_SEND, 403, "NotEnoughPermissions", "", ACTION_FAIL, "may not write"},
	{OP_SEND, 403, "", "", ACTION_FAIL, "connector_url"},
	{OP_SEND, 404, "ConversationNotFound", "", ACTION_LOOK_UP_AGAIN,
	"looked up again"},
	{OP_SEND, 404, "ActivityNotFoundInConversation", "", ACTION_FAIL,
	"connector_url"},
	{OP_SEND, 404, "", "", ACTION_FAIL, "connector_url"},
	{OP_SEND, 408, "", "", ACTION_FAIL, "not documented"},
	{OP_SEND, 412, "PreconditionFailed", "", ACTION_RETRY, "same time"},
	{OP_SEND, 413, "MessageSizeTooBig", "", ACTION_FAIL, "100 kB"},
	{OP_SEND, 429, "Throttled", "", ACTION_THROTTLED, "fewer"},
	{OP_SEND, 500, "ServiceError", "", ACTION_FAIL, "must not be retried"},
	{OP_SEND, 501, "", "", ACTION_FAIL, "not documented"},
	{OP_SEND, 502, "ServiceError", "", ACTION_RETRY, "passing"},
	{OP_SEND, 503, "", "", ACTION_RETRY, "passing"},
	{OP_SEND, 504, "", "", ACTION_RETRY, "passing"},
	{OP_SEND, 505, "", "", ACTION_FAIL, "not documented"},
	{OP_SEND, 307, "", "", ACTION_FAIL, "Redirects"},
	{OP_SEND, 410, "Whatever", "", ACTION_FAIL, "not documented"},
};

static void
test_classes(const Case *cases, int ncases)
{
	int			i;

	for (i = 0; i < ncases; i++)
	{
		const Case *c = &cases[i];
		ServiceError error = {c->code, c->message};
		const char *hint = policy_hint(c->op, c->status, &error);
		char	   *name = psprintf("operation %d, %d %s", c->op, c->status,
									c->code);

		is_int(policy_classify(c->op, c->status, &error), c->action, name);
		if (c->hint == NULL)
			is_str(hint, NULL, "no hint");
		else if (ok(hint != NULL && strstr(hint, c->hint) != NULL, "hint"))
			ok(hint[strlen(hint) - 1] == '.', "is a sentence");
	}
}

/*
 * Whom each answer concerns that is not for its message alone, and some that
 * are.
 */
static void
test_concerns(void)
{
	static const struct
	{
		Operation	op;
		int			status;
		const char *code;
		Concern		concern;
	}			cases[] = {
		{OP_TOKEN, 401, "AADSTS7000215", CONCERNS_BOT},
		{OP_TOKEN, 503, "", CONCERNS_BOT},
		{OP_CATALOG, 403, "Forbidden", CONCERNS_BOT},
		{OP_LOOKUP, 401, "", CONCERNS_BOT},
		{OP_INSTALL, 403, "Authorization_RequestDenied", CONCERNS_BOT},
		{OP_INSTALL, 429, "", CONCERNS_BOT},
		{OP_INSTALL, 403, "Forbidden", CONCERNS_INSTALLATION},
		{OP_INSTALL, 404, "NotFound", CONCERNS_INSTALLATION},
		{OP_LOOKUP, 404, "NotFound", CONCERNS_INSTALLATION},
		{OP_CHANNEL, 404, "NotFound", CONCERNS_INSTALLATION},
		{OP_CHAT, 404, "NotFound", CONCERNS_INSTALLATION},
		{OP_UNINSTALL, 503, "", CONCERNS_INSTALLATION},
		{OP_SEND, 401, "BotNotRegistered", CONCERNS_BOT},
		{OP_SEND, 401, "", CONCERNS_BOT},
		{OP_SEND, 403, "InvalidBotApiHost", CONCERNS_BOT},
		{OP_SEND, 403, "BotDisabledByAdmin", CONCERNS_CONVERSATION},
		{OP_SEND, 403, "ConversationBlockedByUser", CONCERNS_CONVERSATION},
		{OP_THREAD, 403, "MessageWritesBlocked", CONCERNS_CONVERSATION},
		{OP_THREAD, 403, "209", CONCERNS_CONVERSATION},
		{OP_SEND, 404, "ConversationNotFound", CONCERNS_CONVERSATION},
		{OP_SEND, 429, "Throttled", CONCERNS_CONVERSATION},
		{OP_SEND, 403, "ForbiddenOperationException", CONCERNS_INSTALLATION},
		{OP_THREAD, 403, "BotNotInConversationRoster", CONCERNS_INSTALLATION},
		{OP_SEND, 403, "NotEnoughPermissions", CONCERNS_MESSAGE},
		{OP_SEND, 413, "MessageSizeTooBig", CONCERNS_MESSAGE},
		{OP_SEND, 412, "PreconditionFailed", CONCERNS_MESSAGE},
		{OP_EDIT, 404, "ActivityNotFoundInConversation", CONCERNS_MESSAGE},
		{OP_EDIT, 403, "BotDisabledByAdmin", CONCERNS_MESSAGE},
		{OP_DELETE, 404, "", CONCERNS_MESSAGE},
		{OP_SEND, 201, "", CONCERNS_MESSAGE},
	};

	for (int i = 0; i < (int) lengthof(cases); i++)
	{
		ServiceError error = {cases[i].code, ""};

		is_int(policy_concern(cases[i].op, cases[i].status, &error),
			   cases[i].concern, psprintf("concern of operation %d, %d %s",
										  cases[i].op, cases[i].status,
										  cases[i].code));
	}
}

static void
test_ambiguity(void)
{
	ok(policy_is_ambiguous(OP_SEND, 502), "502 for a send");
	ok(policy_is_ambiguous(OP_SEND, 504), "504 for a send");
	ok(!policy_is_ambiguous(OP_SEND, 503), "503 for a send");
	ok(policy_is_ambiguous(OP_THREAD, 500), "500 for a thread");
	ok(policy_is_ambiguous(OP_SEND, 520), "a gateway's own status");
	ok(policy_is_ambiguous(OP_SEND, 204), "a success that is not documented");
	ok(!policy_is_ambiguous(OP_SEND, 408), "408: it was not read to its end");
	ok(!policy_is_ambiguous(OP_EDIT, 500), "500 for an edit");
	ok(policy_may_be_done(500), "which may be done nevertheless");
	ok(!policy_is_ambiguous(OP_SEND, 429), "429 for a send");
	ok(!policy_is_ambiguous(OP_INSTALL, 502), "502 for an installation");
}

static void
test_retry_after(void)
{
	/* 784111777 is Sun, 06 Nov 1994 08:49:37 GMT */
	static const struct
	{
		const char *header;
		double		seconds;
	}			cases[] = {
		{NULL, -1}, {"", -1}, {" ", -1},
		{"0", -1}, {"0.0", -1}, {"-1", -1}, {"+1", -1},
		{"3", 3}, {" 3\t", 3}, {"2.128", 2.128}, {"2.", 2}, {"007", 7},
		{"120", 100}, {"99999999999999999999999999", 100},
		{".5", -1}, {"1e3", -1}, {"0x10", -1}, {"inf", -1}, {"nan", -1},
		{"3s", -1}, {"3 4", -1}, {"1.2.3", -1}, {"soon", -1},
		{"Sun, 06 Nov 1994 08:49:37 GMT", 17},
		{" Sun, 06 Nov 1994 08:49:20 GMT ", -1},
		{"Sun, 06 Nov 1994 08:49:21 GMT", 1},
		{"Sunday, 06-Nov-94 08:49:37 GMT", 17},
		{"Sun, 06-Nov-94 08:49:37 GMT", 17},
		{"Sunday, 06-Nov-94 08:49:19 GMT", -1},
		{"Sun Nov  6 08:49:37 1994", 17}, {"Sun Nov 6 08:49:37 1994 ", 17},
		{"Sunday, 06-Nov-94 08:49:37", -1}, {"Sunday, 06-Nov-94 08:49:37 GMT+1", -1},
		{"Sun Nov  6 08:49:37 94 GMT", -1}, {"Sunday, 31-Dec-43 00:00:00 GMT", 100},
		{"Sunday, 31-Dec-45 00:00:00 GMT", -1},
		{"Sun, 06 Nov 1994 08:00:00 GMT", -1},
		{"Sun, 06 Nov 2094 08:49:37 GMT", 100},
		{"Sun, 06 Nov 1994 08:49:37 CET", -1},
		{"Sun, 06 Nov 1994 08:49:37 GMT+1", -1},

		{"Sun, 06 Nuv 1994 08:49:37 GMT", -1},
		{"\xff\xfe", -1},
	};
	int			i;

	for (i = 0; i < (int) lengthof(cases); i++)
		is_num(policy_retry_after(cases[i].header, 784111760.0, 100),
			   cases[i].seconds,
			   cases[i].header != NULL ? cases[i].header : "no header");
	is_num(policy_retry_after(psprintf("%0*d", 5000, 9), 0, 60), 9,
		   "many zeros");
}

/* The delay that chance makes of an attempt of a message, by the limits. */
static double
backoff(int attempt, double uniform)
{
	static const RetryLimits limits = {2, 300, INT_MAX};

	return policy_retry(RETRY_MESSAGE, ACTION_RETRY, attempt, -1, &limits,
						uniform).delay;
}

static void
test_backoff(void)
{
	is_num(backoff(1, 0.5), 1, "first");
	is_num(backoff(2, 0.5), 2, "second");
	is_num(backoff(5, 1), 32, "fifth");
	is_num(backoff(9, 1), 300, "capped");
	is_num(backoff(INT_MAX, 0.25), 75, "late");
	is_num(backoff(0, 1), 2, "before the first");
	is_num(backoff(INT_MIN, 1), 2, "long before it");
	is_num(backoff(3, 0), 0, "no luck needed");
}

/* Whether, as what, and when something is tried again. */
static void
test_retries(void)
{
	static const struct
	{
		RetrySubject subject;
		Action		action;
		int			attempt;
		double		told;
		bool		again;
		bool		counts;
		double		delay;		/* if again */
	}			cases[] = {
		{RETRY_MESSAGE, ACTION_RETRY, 1, -1, true, true, 1},
		{RETRY_MESSAGE, ACTION_RETRY, 2, 7, true, true, 7},
		{RETRY_MESSAGE, ACTION_RETRY, 9, -1, true, true, 150},
		{RETRY_MESSAGE, ACTION_RETRY, 10, 7, false, true, 0},
		{RETRY_MESSAGE, ACTION_THROTTLED, 10, 7, true, false, 7},
		{RETRY_MESSAGE, ACTION_REAUTH, 10, 7, true, false, 0},
		{RETRY_MESSAGE, ACTION_PAUSE_BOT, 1, -1, true, false, 0},
		{RETRY_MESSAGE, ACTION_LOOK_UP_AGAIN, 1, 7, true, true, 0},
		{RETRY_MESSAGE, ACTION_LOOK_UP_AGAIN, 10, 7, false, true, 0},
		{RETRY_MESSAGE, ACTION_BLOCKED, 1, 7, false, true, 0},
		{RETRY_MESSAGE, ACTION_FAIL, 1, 7, false, true, 0},
		{RETRY_MESSAGE, ACTION_OK, 1, 7, false, true, 0},
		{RETRY_LIST, ACTION_RETRY, 10, -1, false, true, 0},
		{RETRY_FETCH, ACTION_RETRY, 99, -1, true, true, 30},
		{RETRY_FETCH, ACTION_RETRY, 99, 600, true, true, 600},
		{RETRY_FETCH, ACTION_RETRY, 1, -1, true, true, 1},
		{RETRY_HOST, ACTION_RETRY, 1, -1, true, true, 1.5},
		{RETRY_HOST, ACTION_RETRY, 99, -1, true, true, 45},
	};
	static const RetryLimits limits = {2, 300, 10};
	RetryLimits quick = {0.01, 0.02, 10};

	for (int i = 0; i < (int) lengthof(cases); i++)
	{
		Retry		retry = policy_retry(cases[i].subject, cases[i].action,
										 cases[i].attempt, cases[i].told,
										 &limits, 0.5);
		char	   *name = psprintf("subject %d, action %d, attempt %d",
									cases[i].subject, cases[i].action,
									cases[i].attempt);

		ok(retry.again == cases[i].again, name);
		ok(retry.counts == cases[i].counts, name);
		if (retry.again)
			is_num(retry.delay, cases[i].delay, name);
	}
	is_num(policy_retry(RETRY_FETCH, ACTION_RETRY, 1, -1, &quick, 0.5).delay, 1,
		   "what all wait for is asked for once a second at most");
	is_num(policy_retry(RETRY_LIST, ACTION_THROTTLED, 1, -1, &quick, 0.5).delay,
		   1, "and a list after a 429");
	is_num(policy_retry(RETRY_LIST, ACTION_RETRY, 1, -1, &quick, 0.5).delay,
		   0.005, "but not after a failure");
}

static void
test_redaction(void)
{
	static const char *const cases[][2] = {
		{NULL, ""},
		{"", ""},
		{"plain", "plain"},
		{"a\r\nb\tc\x7f", "a  b c "},
		{"a\xc2\x85" "b\xc2\xa0", "a b\xc2\xa0"},
		{"token eyJhbGciOi.J9-_.x== end", "token [removed] end"},
		{"\"eyJ0\",'eyJ1'", "\"[removed]\",'[removed]'"},
		{"Authorization: bearer  abc.def, x",
		"Authorization: Bearer [removed], x"},
		{"BEARER eyJ0", "Bearer [removed]"},
		{"Bearer ", "Bearer "},
		{"the bearer (of)", "the Bearer (of)"},
		{"Bearer\tabc.def, x", "Bearer [removed], x"},
		{"Bearer \r\n abc", "Bearer [removed]"},
		{"Bearer\xc2\x85" "abc", "Bearer [removed]"},
		{"eyJ", "[removed]"},
		{"ey", "ey"},
		{"\xff\x80", "\xff\x80"},
	};
	ServiceError error;
	char		text[3000];
	int			i;

	for (i = 0; i < (int) lengthof(cases); i++)
	{
		policy_set_error(&error, cases[i][0], cases[i][0]);
		is_str(error.code, cases[i][1], cases[i][1]);
		is_str(error.message, cases[i][1], "the same");
	}

	/* U+20AC has three bytes; 100 and 1000 are one more than a multiple */
	for (i = 0; i < 2997; i += 3)
		memcpy(text + i, "\xe2\x82\xac", 3);
	text[2997] = '\0';
	policy_set_error(&error, text, text);
	is_int(strlen(error.code), 99, "code cut between characters");
	is_int(strlen(error.message), 999, "message cut between characters");

	memset(text, 0x80, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	policy_set_error(&error, text, text);
	is_int(strlen(error.message), 0, "no boundary at all");

	/* a token that straddles the limit leaves nothing behind */
	memset(text, ' ', sizeof(text) - 1);
	memset(text + 990, 'S', 500);
	memcpy(text + 990, "eyJ", 3);
	policy_set_error(&error, "", text);
	ok(strchr(error.message, 'S') == NULL, "token at the limit");
	is_int(strlen(error.message), SERVICE_ERROR_MAX_MESSAGE,
		   "longest message");
}

int
main(void)
{
	test_classes(token_cases, lengthof(token_cases));
	test_classes(graph_cases, lengthof(graph_cases));
	test_classes(directory_cases, lengthof(directory_cases));
	test_classes(send_cases, lengthof(send_cases));
	test_concerns();
	test_ambiguity();
	test_retry_after();
	test_backoff();
	test_retries();
	test_redaction();
	return done();
}
