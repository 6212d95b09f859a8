# Templates and broadcasts in a database whose encoding is not UTF-8.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TeamsNode;
use TeamsSim;

my $node = TeamsNode->start('primary');

$node->safe_psql('postgres',
	"CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
$node->safe_psql('latin', 'CREATE EXTENSION teams_proactive');
$node->safe_psql('latin', 'SELECT teams_configure_dry_run()');

sub query
{
	my ($sql) = @_;

	return $node->psql('latin', "SET client_encoding = 'UTF8'; $sql");
}

sub expanded
{
	my ($template, $data) = @_;
	my (undef, $out) = query(
		"SELECT teams_expand('\"$template\"', '$data') #>> '{}'");

	return $out;
}

SKIP:
{
	skip 'the server was built without ICU', 1
	  unless $node->value(
		"SELECT count(*) FROM pg_collation WHERE collname = 'und-x-icu'");
	is(expanded('${toUpper(name)}', "{\"name\": \"j\xc3\xbcrgen\"}"),
		"J\xc3\x9cRGEN", 'letters beyond ASCII are letters');
}
is(expanded('${formatNumber(n, 1)}', '{"n": -1234.5}'), '-1,234.5',
	'a minus sign that the encoding does not have is one of ASCII');
is(expanded("\${formatNumber(n, 1, ''fr-FR'')}", '{"n": 1234.5}'), '1,234.5',
	'so are separators');
is(expanded("\${formatNumber(n, 1, ''de-DE'')}", '{"n": 1234.5}'), '1.234,5',
	'a locale that needs none beyond ASCII is kept');

# What is wrong with a template is told in the encoding of the database.
my (undef, undef, $error) =
  query("SELECT teams_broadcast(ARRAY['ada\@contoso.com'], template => 'gr\xc3\xbc\xc3\x9fe')");
like($error, qr/ERROR:  template "gr\xc3\xbc\xc3\x9fe" does not exist/,
	'a broadcast\'s template');
query("SELECT teams_set_template('gr\xc3\xbc\xc3\x9fe', 'x', locale => 'de')");
(undef, undef, $error) =
  query("SELECT teams_broadcast(ARRAY['ada\@contoso.com'], template => 'gr\xc3\xbc\xc3\x9fe')");
like($error, qr/DETAIL:  template "gr\xc3\xbc\xc3\x9fe" does not exist for the locale/,
	'a broadcast\'s template in a locale');
query("SELECT teams_broadcast('SELECT ''ada\@contoso.com'' AS user_id, ''de'' AS locale',"
	  . " template => 'gr\xc3\xbc\xc3\x9fe', draft => true)");
query("UPDATE teams_recipient SET locale = 'fr'");
(undef, undef, $error) =
  query("SELECT teams_preview(max(id), 'ada\@contoso.com') FROM teams_broadcast");
like($error, qr/DETAIL:  template "gr\xc3\xbc\xc3\x9fe" does not exist for the locale/,
	'a preview');

$node->stop;
done_testing();
