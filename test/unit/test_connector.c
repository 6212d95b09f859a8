/*
 * test_connector.c
 *	  Requests to the Bot Connector and its replies.
 */
#include "postgres_fe.h"

#include "protocol/connector.h"
#include "tap.h"

static void
test_urls(void)
{
	static const char *const urls[][3] = {
		{"https://smba.trafficmanager.net/teams/", "a:1kQ0",
			"https://smba.trafficmanager.net/teams"
			"/v3/conversations/a%3A1kQ0/activities"},
		{"https://smba.trafficmanager.net/amer/6b1f", "19:x_y@unq.gbl.spaces",
			"https://smba.trafficmanager.net/amer/6b1f"
			"/v3/conversations/19%3Ax_y%40unq.gbl.spaces/activities"},
		{"http://localhost:1234//", "19:a@thread.tacv2;messageid=17/?#",
			"http://localhost:1234/v3/conversations/"
			"19%3Aa%40thread.tacv2%3Bmessageid%3D17%2F%3F%23/activities"},
		{"", "", "/v3/conversations//activities"},
	};
	int			i;

	for (i = 0; i < (int) lengthof(urls); i++)
		is_str(connector_send_url(urls[i][0], urls[i][1]), urls[i][2],
			   urls[i][1]);
}

static void
test_replies(void)
{
	static const char *const bodies[][2] = {
		{"{\"id\":\"1795461600123\"}", "1795461600123"},
		{"{\"id\":\"\"}", NULL},
		{"{\"id\":null}", NULL},
		{"{\"id\":17}", NULL},
		{"{\"id\":\"a\\nb\"}", NULL},
		{"{}", NULL},
		{"[\"id\"]", NULL},
		{"", NULL},
		{"OK", NULL},
	};
	char	   *body;
	int			i;

	for (i = 0; i < (int) lengthof(bodies); i++)
		is_str(connector_send_reply(bodies[i][0], strlen(bodies[i][0])),
			   bodies[i][1], bodies[i][0]);

	body = psprintf("{\"id\":\"%0*d\"}", 1000, 1);
	ok(connector_send_reply(body, strlen(body)) != NULL, "longest id");
	body = psprintf("{\"id\":\"%0*d\"}", 1001, 1);
	ok(connector_send_reply(body, strlen(body)) == NULL, "id too long");
}

/* Body, code, message; most are contract 15.8, 15.9 and 4.0.5 */
static const char *const errors[][3] = {
	{"{\"error\":{\"code\":\"ForbiddenOperationException\",\"message\":"
		"\"Bot is not installed in user's personal scope\"}}",
	"ForbiddenOperationException",
	"Bot is not installed in user's personal scope"},
	{"{\"error\":{\"code\":\"Throttled\",\"message\":\"Too many requests.\"}}",
	"Throttled", "Too many requests."},
	{"{\"errorCode\":209,\"message\":\"{\\r\\n  \\\"subCode\\\": "
		"\\\"MessageWritesBlocked\\\",\\r\\n  \\\"details\\\": \\\"Thread is "
		"blocked from message writes.\\\",\\r\\n  \\\"errorCode\\\": null,"
		"\\r\\n  \\\"errorSubCode\\\": null\\r\\n}\"}",
	"MessageWritesBlocked", "Thread is blocked from message writes."},
	{"{\"errorCode\":209,\"message\":\"{\\n \\\"subCode\\\": "
		"\\\"MessageWritesBlocked\\\"}\"}", "MessageWritesBlocked",
	"{  \"subCode\": \"MessageWritesBlocked\"}"},
	{"{\"errorCode\":209,\"message\":\"{broken\"}", "209", "{broken"},
	{"{\"errorCode\":209,\"message\":\"blocked\"}", "209", "blocked"},
	{"{\"errorCode\":209}", "209", ""},
	{"{\"errorCode\":209,\"message\":\"{\\\"subCode\\\":null}\"}", "209",
	"{\"subCode\":null}"},
	{"{\"message\":\"Authorization has been denied.\"}", "",
	"Authorization has been denied."},
	{"{\"error\":{}}", "", ""},
	{"{\"error\":\"text\"}", "", ""},
	{"{\"error\":{\"code\":5,\"message\":[]}}", "", ""},
	{"[]", "", ""},
	{"<html>Bad Gateway</html>", "", ""},
	{"", "", ""},
};

static void
test_errors(void)
{
	int			i;

	for (i = 0; i < (int) lengthof(errors); i++)
	{
		ServiceError error;

		connector_error(errors[i][0], strlen(errors[i][0]), &error);
		is_str(error.code, errors[i][1], errors[i][0]);
		is_str(error.message, errors[i][2], "its message");
	}
}

static void
test_sizes(void)
{
	is_int(connector_activity_size(""), 0, "empty");
	is_int(connector_activity_size("{\"type\":\"message\"}"), 36, "ASCII");
	is_int(connector_activity_size("\xc3\xa9"), 2, "two bytes of UTF-8");
	is_int(connector_activity_size("\xe2\x82\xac"), 2, "three");
	is_int(connector_activity_size("\xf0\x9f\x98\x80"), 4, "four");
	is_int(connector_activity_size("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"),
		   12, "all of them");
	is_int(connector_activity_size("{\"url\":\"data:image/png;base64,iVBOR+/=\"}"),
		   2 * 32, "images do not count");
	is_int(connector_images_size("DATA:IMAGE/svg+xml;charset=utf-8;BASE64,AA\\/A data:image/png;base64,A"),
		   6, "wherever they are");
	is_int(connector_images_size("data:image/png,AAAA data:text/plain;base64,AAAA data:image/png;base64 data:d"),
		   0, "nothing else is one");
}

int
main(void)
{
	test_urls();
	test_replies();
	test_errors();
	test_sizes();
	return done();
}
