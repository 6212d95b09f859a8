/*
 * test_trust.c
 *	  Hosts, ids and escaping.
 */
#include "postgres_fe.h"

#include "lib/stringinfo.h"

#include "base/trust.h"
#include "tap.h"

static void
test_hosts(void)
{
	static const char *const list =
		"smba.trafficmanager.net\0SMBA.infra.gcc.teams.microsoft.com\0x\0";
	static const char *const loopback[] = {
		"localhost", "LocalHost", "127.0.0.1", "127.255.1.2", "::1", "[::1]",
		"0:0:0:0:0:0:0:1",
	};
	static const char *const elsewhere[] = {
		"", "localhost.", "localhost.example", "127.0.0.1.example", "127.1",
		"127.0.0.256", "128.0.0.1", "0x7f.0.0.1", "::2", "[::1", "::1]", "[]",
		"[", "::ffff:127.0.0.1", "127.0.0.1\xff", "[127.0.0.1]",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001",
	};
	int			i;

	ok(trust_host_is_listed("smba.trafficmanager.net", list), "first");
	ok(trust_host_is_listed("SMBA.TrafficManager.NET", list), "in any case");
	ok(trust_host_is_listed("smba.infra.gcc.teams.microsoft.com", list),
	   "second");
	ok(trust_host_is_listed("x", list), "last");
	ok(!trust_host_is_listed("evil.trafficmanager.net", list), "other");
	ok(!trust_host_is_listed("trafficmanager.net", list), "suffix");
	ok(!trust_host_is_listed("smba.trafficmanager.ne", list), "prefix");
	ok(!trust_host_is_listed("smba.trafficmanager.net.", list), "dot at end");
	ok(!trust_host_is_listed("", list), "empty host");
	ok(!trust_host_is_listed("x", ""), "empty list");
	ok(!trust_host_is_listed("", "\0"), "empty host, empty list");

	for (i = 0; i < (int) lengthof(loopback); i++)
		ok(trust_host_is_loopback(loopback[i]), loopback[i]);
	for (i = 0; i < (int) lengthof(elsewhere); i++)
		ok(!trust_host_is_loopback(elsewhere[i]), elsewhere[i]);
}

static void
test_ids(void)
{
	static const char *const good[] = {
		"9f4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c01",
		"9F4B2C1E-6D0B-4A55-9C0E-2F6F3A1B7C01",
		"ada@contoso.com", "o'neil@contoso.com",
		"bob_x.com#EXT#@contoso.onmicrosoft.com", "j\xc3\xb6rg@contoso.com",
	};
	static const struct
	{
		const char *id;
		const char *problem;
	}			bad[] = {
		{"", "empty"},
		{"ada", "neither"}, {"ada@", "neither"}, {"@contoso.com", "neither"},
		{"a@b@c", "neither"}, {"9f4b2c1e", "neither"},
		{"9f4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c0", "neither"},
		{"9f4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c012", "neither"},
		{"{9f4b2c1e-6d0b-4a55-9c0e-2f6f3a1b7c01}", "neither"},
		{"a/b@c", "slash"}, {"a\\b@c", "slash"}, {"a b@c", "space"},
		{"a\n@c", "control"}, {"a\x7f@c", "control"},
		{"a\xc2\x85@c", "control"}, {"..@c", "two dots"},
		{"19:2da4c29f6d7041@thread.v2", "chat"}, {"19:x@y", "channel"},
		{"mailto:ada@c", "character :"}, {"<ada@c>", "character <"},
		{"ada@c,bob@c", "character ,"}, {"ada@c;", "character ;"},
		{"\"ada\"@c", "character \""}, {"[ada@c]", "character ["},
	};
	char		upn[300];
	int			i;

	for (i = 0; i < (int) lengthof(good); i++)
		is_str(trust_user_id_problem(good[i]), NULL, good[i]);
	for (i = 0; i < (int) lengthof(bad); i++)
	{
		const char *problem = trust_user_id_problem(bad[i].id);

		ok(problem != NULL && strstr(problem, bad[i].problem) != NULL &&
		   problem[strlen(problem) - 1] == '.', bad[i].problem);
	}

	memset(upn, 'a', sizeof(upn));
	upn[5] = '@';
	upn[TRUST_MAX_USER_ID] = '\0';
	is_str(trust_user_id_problem(upn), NULL, "longest user id");
	upn[TRUST_MAX_USER_ID] = 'a';
	upn[TRUST_MAX_USER_ID + 1] = '\0';
	is_str(trust_user_id_problem(upn), "The user id is too long.",
		   "user id too long");

	ok(trust_is_opaque_id("19:x_y@unq.gbl.spaces"), "chat id");
	ok(trust_is_opaque_id("..."), "three dots");
	ok(!trust_is_opaque_id(""), "empty id");
	ok(!trust_is_opaque_id("."), "one dot");
	ok(!trust_is_opaque_id(".."), "two dots");
	ok(!trust_is_opaque_id("a\tb"), "tab in an id");
	ok(!trust_is_guid("") && !trust_is_guid("x"), "no GUIDs");
}

static void
test_escaping(void)
{
	StringInfoData out;

	initStringInfo(&out);
	trust_append_escaped(&out, "AZaz09-._~");
	trust_append_escaped(&out, " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}\x01\x7f\xc3"
						 "\xa9\xff");
	is_str(out.data, "AZaz09-._~%20%21%22%23%24%25%26%27%28%29%2A%2B%2C%2F"
		   "%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%5E%60%7B%7C%7D%01%7F%C3%A9%FF",
		   "all but unreserved characters");
}

int
main(void)
{
	test_hosts();
	test_ids();
	test_escaping();
	return done();
}
