/*
 * test_auth.c
 *	  Requests for tokens and their replies.
 */
#include "postgres_fe.h"

#include "protocol/auth.h"
#include "tap.h"

static void
test_requests(void)
{
	const AuthRequest request = {
		.client_id = "2d0c7d7f-id",
		.scope = "https://api.botframework.com/.default",
		.credential = "a+b/c=d~e&f g%\xc3\xa9"
	};
	StringInfoData form;

	is_str(auth_token_url("https://login.microsoftonline.com",
						  "6b1f0000-0000-4000-8000-000000000001"),
		   "https://login.microsoftonline.com/"
		   "6b1f0000-0000-4000-8000-000000000001/oauth2/v2.0/token",
		   "token URL");
	is_str(auth_token_url("http://localhost:8080/login/", "a/../b c"),
		   "http://localhost:8080/login/a%2F..%2Fb%20c/oauth2/v2.0/token",
		   "with a slash at its end, and a strange tenant");

	initStringInfo(&form);
	ok(auth_token_form(&form, &request) == NULL,
	   "whatever fits no other kind of credential is a client secret");
	is_str(form.data,
		   "grant_type=client_credentials&client_id=2d0c7d7f-id"
		   "&client_secret=a%2Bb%2Fc%3Dd~e%26f%20g%25%C3%A9"
		   "&scope=https%3A%2F%2Fapi.botframework.com%2F.default",
		   "form with every value encoded");
}

static void
test_credentials(void)
{
	static const struct
	{
		const char *credential;
		const char *problem;	/* a part of it; NULL: there is none */
	}			cases[] = {
		{"S3cret~with+special/chars=", NULL},
		{"with a blank in it", NULL},
		{"\xc3\xa9", NULL},
		{"\xEF\xBB\xBFS3cret", "byte order mark"},
		{"\xFF\xFES3cret", "byte order mark"},
		{"S3cret\nS3cret", "more than one line"},
		{"S3cret\r\nexpires 2027", "more than one line"},
		{" S3cret", "blanks"},
		{"S3cret\t", "blanks"},
		{"9f4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c01", "its value"},
	};

	for (int i = 0; i < (int) lengthof(cases); i++)
	{
		const char *problem = auth_credential_problem(cases[i].credential);

		ok(cases[i].problem == NULL ? problem == NULL :
		   problem != NULL && strstr(problem, cases[i].problem) != NULL &&
		   strstr(problem, "S3cret") == NULL,
		   cases[i].problem != NULL ? cases[i].problem : "a secret");
	}
}

typedef struct ReplyCase
{
	const char *body;
	const char *token;
	double		expires_in;
} ReplyCase;

static const ReplyCase replies[] = {
	{"{\"token_type\":\"Bearer\",\"expires_in\":3599,"
	"\"ext_expires_in\":3599,\"access_token\":\"eyJ0.a-b_c.d\"}",
	"eyJ0.a-b_c.d", 3599},
	{"{\"expires_in\":\"3599\",\"access_token\":\"t\"}", "t", 3599},
	{"{\"expires_in\":1e9,\"access_token\":\"t\"}", "t", 86400},
	{"{\"token_type\":\"bearer\",\"expires_in\":0.5,\"access_token\":\"t\"}",
	"t", 0.5},
	{"{\"token_type\":\"mac\",\"expires_in\":9,\"access_token\":\"t\"}",
	NULL, 0},
	{"{\"expires_in\":0,\"access_token\":\"t\"}", NULL, 0},
	{"{\"expires_in\":-5,\"access_token\":\"t\"}", NULL, 0},
	{"{\"expires_in\":\"soon\",\"access_token\":\"t\"}", NULL, 0},
	{"{\"access_token\":\"t\"}", NULL, 0},
	{"{\"expires_in\":3599}", NULL, 0},
	{"{\"expires_in\":3599,\"access_token\":\"\"}", NULL, 0},
	{"{\"expires_in\":3599,\"access_token\":\"a b\"}", NULL, 0},
	{"{\"expires_in\":3599,\"access_token\":\"a\\r\\nHost: x\"}", NULL, 0},
	{"{\"expires_in\":3599,\"access_token\":\"\\u00e9\"}", NULL, 0},
	{"{\"expires_in\":3599,\"access_token\":17}", NULL, 0},
	{"[]", NULL, 0},
	{"<html>", NULL, 0},
	{"", NULL, 0},
};

static void
test_replies(void)
{
	AuthReply	reply;
	char	   *body;
	int			i;

	for (i = 0; i < (int) lengthof(replies); i++)
	{
		memset(&reply, 0x7f, sizeof(reply));
		auth_token_reply(replies[i].body, strlen(replies[i].body), &reply);
		is_str(reply.access_token, replies[i].token, replies[i].body);
		is_num(reply.expires_in, replies[i].expires_in, "its lifetime");
	}

	body = psprintf("{\"expires_in\":1,\"access_token\":\"%0*d\"}", 16384, 1);
	auth_token_reply(body, strlen(body), &reply);
	ok(reply.access_token != NULL, "longest token");
	body = psprintf("{\"expires_in\":1,\"access_token\":\"%0*d\"}", 16385, 1);
	auth_token_reply(body, strlen(body), &reply);
	ok(reply.access_token == NULL, "token too long");
}

static void
test_errors(void)
{
	static const char *const errors[][3] = {
		{"{\"error\":\"invalid_client\",\"error_description\":"
			"\"AADSTS7000222: The secret keys are expired.\","
			"\"error_codes\":[7000222],\"timestamp\":\"2026-11-23\"}",
			"AADSTS7000222", "AADSTS7000222: The secret keys are expired."},
		{"{\"error\":\"invalid_client\",\"error_codes\":[]}",
			"invalid_client", ""},
		{"{\"error\":\"invalid_client\",\"error_codes\":[\"x\"]}",
			"invalid_client", ""},
		{"{\"error\":\"e\",\"error_codes\":7}", "e", ""},
		{"{\"error\":{\"code\":\"x\"}}", "", ""},
		{"{\"error\":\"e\",\"error_description\":\"got eyJhbGci.x.y\\r\\n\"}",
			"e", "got [removed]  "},
		{"<html>", "", ""},
		{"", "", ""},
	};
	int			i;

	for (i = 0; i < (int) lengthof(errors); i++)
	{
		ServiceError error;

		auth_error(errors[i][0], strlen(errors[i][0]), &error);
		is_str(error.code, errors[i][1], errors[i][0]);
		is_str(error.message, errors[i][2], "its message");
	}
}

int
main(void)
{
	test_requests();
	test_credentials();
	test_replies();
	test_errors();
	return done();
}
