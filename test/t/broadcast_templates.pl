# A broadcast says what its template said when the broadcast was made, in each
# language, whatever becomes of the template.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $sim = TeamsSim->start->contoso;
my $node = TeamsNode->start('primary', $sim);

$sim->generate_users(5000, installed => 5000);
$node->fate($node->send('ada@contoso.com', 'have tokens at hand'));

sub set_templates
{
	my ($english, $german) = @_;

	$node->value("SELECT teams_set_template('news', '$english \${n}');"
		  . " SELECT teams_set_template('news', '$german \${n}', 'de')");
	return;
}

sub broadcast
{
	my ($count, $more) = @_;

	return $node->value("SELECT teams_broadcast(\$\$SELECT format('user%s\@contoso.com', i) AS user_id,"
		  . " CASE WHEN i % 2 = 0 THEN 'de-AT' END AS locale, jsonb_build_object('n', i) AS data"
		  . " FROM generate_series(1, $count) AS i\$\$, template => 'news'$more)");
}

# What arrived of texts like these is one of each for each recipient.
sub arrived
{
	my ($count, $english, $german) = @_;
	my %wanted = map { (($_ % 2 ? $english : $german) . " $_" => 1) } 1 .. $count;
	my %got;

	$got{$_}++ for grep { /^(?:\Q$english\E|\Q$german\E) \d+$/ } map { $_->{text} } $sim->messages;
	is(keys %got, $count, "$english: all of them");
	is_deeply([ grep { ($got{$_} // 0) != 1 } keys %wanted ], [],
		'each in the language of the recipient, as it was said at the call');
	return;
}

# Changed, and then dropped, while it is being sent.
set_templates('Good news', 'Gute Nachricht');
my $id = broadcast(5000, '');
$node->wait_until("SELECT fed > 0 AND fed < 5000 FROM teams_broadcast WHERE id = $id");
set_templates('Bad news', 'Schlechte Nachricht');
$node->value("SELECT teams_pause_broadcast($id)");
isnt($node->value("SELECT fed FROM teams_broadcast WHERE id = $id"), 5000,
	'a part of it is written yet');
$node->value("SELECT teams_drop_template('news')");
$node->value("SELECT teams_resume_broadcast($id)");
ok($node->wait_for_broadcast($id), 'a broadcast whose template is dropped gets done');
is($node->value("SELECT sent, failed, excluded FROM teams_progress_detail WHERE broadcast = $id"),
	'5000|0|0', 'nobody is left out');
arrived(5000, 'Good news', 'Gute Nachricht');
is((grep { /^(?:Bad|Schlecht)/ } map { $_->{text} } $sim->messages), 0,
	'and nobody gets anything else');

# A draft, and one for later.
set_templates('A draft', 'Ein Entwurf');
my $draft = broadcast(50, ', draft => true');
set_templates('For later', 'Für später');
my $later = broadcast(50, ", send_at => now() + '1 day'");
$node->value("SELECT teams_drop_template('news')");
is($node->fate($node->value("SELECT teams_preview($draft, 'ada\@contoso.com')")), 'sent',
	'a preview is sent');
is((grep { $_->{text} eq 'A draft 1' } $sim->messages), 1,
	'of what was written down');
$node->value("SELECT teams_start_broadcast($draft)");
$node->value("UPDATE teams_broadcast SET send_at = now() WHERE id = $later");
$node->wait_for_broadcast($_) for $draft, $later;
is((grep { /^(?:A draft|Ein Entwurf) / } map { $_->{text} } $sim->messages), 51,
	'the draft is sent to all');
arrived(50, 'For later', "F\x{fc}r sp\x{e4}ter");
like($node->error_of("SELECT teams_broadcast('{ada\@contoso.com}'::text[], template => 'news')"),
	qr/ERROR:  template "news" does not exist\nHINT:  See teams_template/,
	'a template that is not there is an error at the call');

# A dump is restored where the language of templates is another.
$node->value("SELECT teams_set_template('hello', 'Hello')");
my $restored = $node->value("SELECT teams_broadcast('{ada\@contoso.com}'::text[],"
	  . " template => 'hello', draft => true)");
$node->value(<<'END');
UPDATE teams_template SET body = '"${of_another_version(1)}"', summary = '${what is this';
UPDATE teams_broadcast_template SET body = '"${of_another_version(2)}"'
	WHERE broadcast = (SELECT max(id) FROM teams_broadcast);
END
$node->value('CREATE DATABASE copy');
my ($dump, $err) = run_command([ 'pg_dump', '-d', $node->connstr('postgres') ]);
is(length($err), 0, 'dumped');
($err) = ($node->error_of($dump, 'copy'));
is($err, '', 'and restored without an error');
for my $table (qw(teams_template teams_broadcast_template))
{
	is($node->value("SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM $table AS t", 'copy'),
		$node->value("SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM $table AS t"),
		"$table is the same");
}
like($node->error_of("SELECT teams_preview($restored, 'ada\@contoso.com')", 'copy'),
	qr/cannot be shown\nDETAIL:  unknown function in an expression/,
	'which shows when it is used');

# It goes with the broadcast.
$node->set('teams_proactive.retention' => 0);
ok($node->wait_until("SELECT array_agg(DISTINCT broadcast) = '{$restored}' FROM teams_broadcast_template"),
	'what broadcasts had goes with them');

done_testing();
