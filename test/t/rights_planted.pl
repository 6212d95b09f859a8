# Whatever pg_catalog has by name is planted, as traps, into the schema before
# the extension is created there, and is ahead in everybody's search_path. Then
# everything is called by everybody: no trap is called.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);
my @roles = qw(app oncall admin loader dbo);

# Without a search_path that is the database's.
sub ask
{
	my ($database, $sql) = @_;

	return $node->value("SET search_path = pg_catalog; $sql", $database);
}

# The traps that were called since the last time.
my $log_size = 0;

sub called
{
	my $log = slurp_file($node->logfile, $log_size);

	$log_size += length $log;
	return $log =~ /^.*? LOG:  (trap .*)$/mg;
}

# What everybody calls. Names are qualified and literals have no types, so that
# the caller's own words need nothing of pg_catalog. Errors are welcome.
my $card = q('{"type": "AdaptiveCard", "version": "1.5", "body": [{"type":)
  . q( "TextBlock", "text": "hello @{ada@contoso.com} ${x}"}]}'::pg_catalog.jsonb);
my $ada = q('{"ada@contoso.com": "Ada"}');
my $group = q('7d3f3f3e-1f2e-4d3c-8b4a-5c6d7e8f9a01');
my $last = 'SELECT pg_catalog.max(id) AS last FROM teams.teams_message_detail'
  . q( WHERE bot OPERATOR(pg_catalog.=) 'dry' AND kind OPERATOR(pg_catalog.=) 'send' \gset);
my $last_broadcast = 'SELECT pg_catalog.max(broadcast) AS last FROM teams.teams_progress_detail \gset';
my @calls = (
	"SELECT teams.teams_configure_dry_run('dry')",
	"SELECT teams.teams_configure('6b1f0c2a-8d3e-4f57-9b60-1a2b3c4d5e6f',"
	  . " '2d0c7d7f-5b1e-4a3c-9a59-0c3b1f6a7e01',"
	  . " '7b1c0a0e-0c55-4a7c-9d0a-9a2f8b0d4a11', 'ops', 'other',"
	  . " login_url => 'https://127.0.0.1')",
	q(SELECT teams.teams_check_url('login_url', 'https://127.0.0.1')),
	q(SELECT teams.teams_check_credential('ops')),
	q(SELECT teams.teams_pause('other')), q(SELECT teams.teams_resume('other')),
	q(SELECT teams.teams_set_template('hi', 'hello **${x}**', summary => 'hi ${x}')),
	"SELECT teams.teams_set_template('card', $card, 'de')",
	"SELECT teams.teams_set_template('card', '{\"type\": \"AdaptiveCard\", \"version\": \"1.5\"}')",
	q(SELECT teams.teams_set_template('gone', 'x')),
	q(SELECT teams.teams_drop_template('gone')),
	q(SELECT teams._teams_check_template('"${x}"')),
	q(SELECT teams.teams_expand('"${x}"', '{"x": [1]}')),
	q(SELECT teams.teams_render('hi', '{"x": 1}')),
	q(SELECT teams.teams_render('card', '{"x": 1}', 'de-AT')),
	q(SELECT teams.teams_render('card', '{"x": 1}', 'fr')),
	qq(SELECT teams._teams_as_activity($card)),
	qq(SELECT teams._teams_as_activity('[{"type": "AdaptiveCard", "version": "1.5"}, {}]')),
	qq(SELECT teams._teams_card_summary($card)),
	q(SELECT teams.teams_escape('1. *a* <b>')), q(SELECT teams.teams_escape('a', 'html')),
	q(SELECT teams.teams_summary('# **a** [b](c) ' )),
	"SELECT teams.teams_text('hello \@{ada\@contoso.com}', mentions => $ada,"
	  . " suggested_actions => ARRAY['a', 'b'], importance => 'high', alert => true)",
	qq(SELECT teams.teams_card($card, mentions => $ada)),
	q(SELECT teams.teams_image('https://contoso.com/a.png', 'a')),
	"SELECT teams._teams_mentions($ada, 'to \@{ada\@contoso.com}')",
	q(SELECT teams._teams_mark('x', '[]', true)),
	q(SELECT teams._teams_activity('{}', 'x', 'low', true)),
	q(SELECT teams.teams_send('ada@contoso.com', 'hello', 'dry', dedupe_key => 'a')),
	q(SELECT teams.teams_send('ada@contoso.com', 'hello', 'dry', dedupe_key => 'a')),
	q(SELECT teams.teams_send('ada@contoso.com', 'hello')),
	qq(SELECT teams.teams_send('grace\@contoso.com', teams.teams_card($card, 'x', NULL, NULL, false))),
	q(SELECT teams.teams_send('ada@contoso.com', 'hello', send_at => '2999-01-01')),
	q(SELECT teams.teams_send_chat('19:abc@thread.v2', 'hello', 'dry')),
	q(SELECT teams.teams_send_chat('19:abc@thread.v2', teams.teams_text('a'), 'dry')),
	qq(SELECT teams.teams_post($group, NULL, 'hello', 'thread', 'dry') FROM pg_catalog.generate_series(1, 2)),
	qq(SELECT teams.teams_post($group, NULL, teams.teams_text('a'), 'thread', 'dry')),
	$last, "CALL teams.teams_wait(:last, '10s')",
	"SELECT teams.teams_edit(:last, 'a')",
	"SELECT teams.teams_edit(:last, teams.teams_text('a'))",
	"SELECT teams.teams_edit(ARRAY[:last], 'a')",
	"SELECT teams.teams_edit(ARRAY[:last], teams.teams_text('a'))",
	"SELECT teams.teams_message_url(:last)",
	"SELECT teams.teams_delete(:last)", "SELECT teams.teams_delete(ARRAY[:last])",
	"SELECT teams.teams_cancel(:last)", "SELECT teams.teams_cancel(ARRAY[:last])",
	"SELECT teams.teams_retry(:last)", "SELECT teams.teams_retry(ARRAY[:last])",
	map({ ("SELECT teams.teams_$_($group, 'dry', scope => 'team')",
			"SELECT teams.teams_$_('ada\@contoso.com')") }
		qw(ensure_installed upgrade check_installed uninstall)),
	q(SELECT teams.teams_sync_directory('dry')),
	qq(SELECT teams.teams_sync_group($group, true, 'dry')),
	qq(SELECT teams.teams_sync_roster($group, 'dry')),
	q(SELECT teams.teams_people('dry')),
	qq(SELECT teams.teams_members($group, 'owners', 'dry')),
	q(SELECT teams.teams_opt_out('ada@contoso.com', 'news')),
	q(SELECT teams.teams_opt_in('ada@contoso.com', 'news')),
	q{SELECT teams.teams_broadcast($$SELECT 'ada@contoso.com' AS user_id,}
	  . q{ '{"x": 1}'::pg_catalog.jsonb AS data, 'de' AS locale$$, template => 'hi',}
	  . q{ data => '{"y": 2}', topic => 'news', draft => true)},
	$last_broadcast,
	map({ "SELECT teams.teams_$_(:last)" }
		qw(plan start_broadcast pause_broadcast resume_broadcast)),
	"SELECT teams.teams_preview(:last, 'grace\@contoso.com')",
	"CALL teams.teams_watch(:last)",
	"SELECT teams.teams_edit_broadcast(:last, 'a')",
	"SELECT teams.teams_recall(:last)",
	q{SELECT teams.teams_broadcast(ARRAY['ada@contoso.com', 'grace@contoso.com'],}
	  . q{ 'hello', draft => true)},
	$last_broadcast, "CALL teams.teams_watch(:last)",
	"SELECT teams.teams_cancel_broadcast(:last)",
	"CALL teams.teams_watch(:last)",
	q{INSERT INTO teams.teams_outbox (bot, target, activity) VALUES}
	  . q{ ('dry', 'ada@contoso.com', '{"type": "message", "text": "hello"}')},
	q(INSERT INTO teams.teams_outbox (target, kind) VALUES ('ada@contoso.com', 'install')),
	q(INSERT INTO public.invoice VALUES ('open', 'ada@contoso.com')),
	q(UPDATE public.invoice SET state = 'paid'), q(DELETE FROM public.invoice),
	q(SELECT teams.teams_grant('nobody_here', 'administrator')),
	q(SELECT teams.teams_revoke('nobody_here')));

# These are errors whoever calls them.
my @wrong_calls = (q(SELECT teams.teams_render('teams.nothing')),
	q(CALL teams.teams_drain('100ms')), q(SELECT teams.teams_people()),
	qq(SELECT teams.teams_members($group, 'roster')),
	q(SELECT teams.teams_send('ada', 'hello')), q(CALL teams.teams_watch(-1)));

# Functions that are not among them, with nulls; and all tables and views.
sub more_calls
{
	my ($database) = @_;

	return split /\n/, ask($database, <<'END');
SELECT format('%s teams.%I(%s)', CASE prokind WHEN 'p' THEN 'CALL' ELSE 'SELECT' END, proname,
	(SELECT string_agg(format('NULL::pg_catalog.%I', typname), ', ' ORDER BY n)
	 FROM unnest(proargtypes) WITH ORDINALITY AS a (type, n) JOIN pg_type AS t ON t.oid = a.type))
FROM pg_proc WHERE pronamespace = 'teams'::regnamespace AND proname ^@ 'teams_'
	AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
	AND EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
UNION ALL
SELECT format('SELECT * FROM teams.%I', relname) FROM pg_class
WHERE relnamespace = 'teams'::regnamespace AND relkind IN ('r', 'v')
END
}

sub script
{
	return join '', map { /\\(set|gset)/ ? "$_\n" : "$_;\n" } @_;
}

# Call it all as a role; the states of the errors that a name or type causes.
sub call_all
{
	my ($database, $role, @more) = @_;
	my $errors = $node->error_of(
		script('\set VERBOSITY sqlstate', "SET SESSION AUTHORIZATION $role",
			@calls, @wrong_calls, @more), $database);

	return join ' ', sort grep { !/42501|42704/ } $errors =~ /ERROR:  (42\w{3})/g;
}

sub set_up
{
	my ($database) = @_;

	$node->value("ALTER DATABASE $database SET search_path = teams, pg_catalog");
	$node->configure($sim, database => $database);
	ask($database, "SELECT teams.teams_grant('app', 'sender');"
		  . "SELECT teams.teams_grant('oncall', 'operator');"
		  . "SELECT teams.teams_grant('admin', 'administrator');"
		  . 'GRANT USAGE ON SCHEMA teams, public TO PUBLIC;'
		  . 'GRANT INSERT (bot, kind, target, activity) ON teams.teams_outbox TO loader;'
		  . 'CREATE TABLE public.invoice (state text, owner text);'
		  . 'GRANT ALL ON public.invoice TO PUBLIC;'
		  . 'CREATE TRIGGER overdue AFTER INSERT OR UPDATE ON public.invoice'
		  . " FOR EACH ROW EXECUTE FUNCTION teams.teams_notify('hi', 'to=owner', 'dedupe=state');"
		  . 'CREATE TRIGGER gone AFTER DELETE ON public.invoice'
		  . ' REFERENCING OLD TABLE AS gone FOR EACH STATEMENT'
		  . " EXECUTE FUNCTION teams.teams_notify('hi', 'to=owner', 'on_error=warn')");
	return;
}

sub as_owner
{
	my ($file, $schema) = @_;

	my $errors = $node->error_of("\\i test/planted/$file\n", 'planted',
		extra_params => [ '-U', 'dbo', '-v', "schema=$schema" ]);
	is($errors, '', "$file is planted");
	return;
}

$node->value("CREATE ROLE $_ LOGIN") for @roles, 'nobody_here';
$node->value('CREATE DATABASE clean');
$node->value('CREATE SCHEMA teams; CREATE EXTENSION teams_proactive SCHEMA teams',
	'clean');
set_up('clean');
my $superuser = $node->value('SELECT quote_ident(current_user)');
my @more = more_calls('clean');
is( join("\n", grep { /error:/i } split /\n/, $node->error_of(script(@calls), 'clean')),
	'', 'the calls are good');
my %errors = map { $_ => call_all('clean', $_, @more) } $superuser, @roles;

# The owner of the database had the schema once.
$node->value('CREATE DATABASE planted OWNER dbo');
ask('planted', 'CREATE SCHEMA teams AUTHORIZATION dbo');
as_owner('traps.sql', 'teams');
cmp_ok(ask('planted', "SELECT count(*) FROM pg_proc WHERE pronamespace = 'teams'::regnamespace"),
	'>', 4000, 'functions wait');
cmp_ok(ask('planted', "SELECT count(*) FROM pg_operator WHERE oprnamespace = 'teams'::regnamespace"),
	'>', 1500, 'operators wait');
cmp_ok(ask('planted', "SELECT count(*) FROM pg_type WHERE typnamespace = 'teams'::regnamespace AND typtype = 'd'"),
	'>', 40, 'types wait');
ask('planted', "ALTER SCHEMA teams OWNER TO $superuser;"
	  . ' CREATE EXTENSION teams_proactive SCHEMA teams');
is( ask('planted', <<'END'), '', 'nothing of the extension uses any of them');
WITH trap AS (
	SELECT 'pg_proc'::regclass::oid AS class, oid FROM pg_proc
	WHERE proowner = 'dbo'::regrole
	UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator
	WHERE oprowner = 'dbo'::regrole
	UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type
	WHERE typowner = 'dbo'::regrole)
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' uses '
	|| pg_describe_object(d.refclassid, d.refobjid, 0)
FROM pg_depend AS d JOIN trap AS t ON t.class = d.refclassid AND t.oid = d.refobjid
WHERE NOT EXISTS (SELECT FROM trap AS o WHERE o.class = d.classid AND o.oid = d.objid)
  AND NOT EXISTS (SELECT FROM pg_constraint AS c JOIN trap AS o ON o.oid = c.contypid
				  WHERE d.classid = 'pg_constraint'::regclass AND c.oid = d.objid)
END
called();
set_up('planted');

# The traps are good.
$node->error_of(<<'END', 'planted');
SET SESSION AUTHORIZATION app;
SELECT array_length(ARRAY[1], 1), to_jsonb('a'::pg_catalog.text), format('a', 'b');
SELECT 1 + 1;
SELECT 'a'::text;
END
my @own = called();
for my $trap ('array_length(integer[], integer)', 'to_jsonb(text)',
	'format(text, VARIADIC text[])', 'op integer(integer, integer)', 'is_type(text)')
{
	ok((grep { $_ eq "trap $trap called by app of app" } @own), "$trap is a trap");
}

# Everybody calls everything.
for my $role ($superuser, @roles)
{
	is(call_all('planted', $role, @more), $errors{$role},
		"$role has no other errors than without traps");
	is(join("\n", called()), '', "no trap was called by $role");
}
ok($node->wait_until('SELECT NOT EXISTS (SELECT FROM teams.teams_outbox'
		  . ' WHERE due_at IS NULL)', 'planted'),
	'all is sent');
is(join("\n", called()), '', 'the worker was caught by none');

# Names of the extension's own, too: the schema was open for a while. A view
# calls what it was made of, though it could mean another now.
my @views;
for my $call (grep { !/:last/ && /^SELECT teams\.\w+\(/ && !/FROM pg_catalog/ } @calls)
{
	push @views, 'public.call_' . @views;
	ask('planted', "CREATE VIEW $views[-1] AS SELECT ("
		  . substr($call, length 'SELECT ') . ') IS NULL AS is_null');
}
push @views, 'public.call_' . @views;
ask('planted', "CREATE VIEW $views[-1] AS SELECT teams.teams_broadcast(ARRAY["
	  . "'ada\@contoso.com', 'grace\@contoso.com'], template => 'hi')");
my $guard = 'ALTER EVENT TRIGGER teams_guard_schema';
ask('planted', "$guard DISABLE; GRANT CREATE ON SCHEMA teams TO dbo");
as_owner('overloads.sql', 'teams');
ask('planted', "REVOKE CREATE ON SCHEMA teams FROM dbo; $guard ENABLE ALWAYS");
cmp_ok(ask('planted', "SELECT count(*) FROM pg_proc WHERE proowner = 'dbo'::regrole"
		  . " AND proname ^@ 'teams_'"), '>', 500, 'namesakes wait');
called();
for my $role (@roles)
{
	call_all('planted', $role, @more);
	is( join("\n", grep { !/called by $role of $role$/ } called()), '',
		"nothing that was planted was called with more rights than $role\'s");
}
is( $node->error_of(join('', map { "SELECT * FROM $_;\n" } @views), 'planted'),
	'', 'and nothing is ambiguous');
is(join("\n", called()), '', 'nothing that was planted was called by a superuser');
ok($node->wait_until('SELECT NOT EXISTS (SELECT FROM teams.teams_broadcast WHERE'
		  . " state OPERATOR(pg_catalog.=) 'running')", 'planted'),
	'a broadcast with a template is sent');
is(join("\n", called()), '', 'nor by the worker');

done_testing;
