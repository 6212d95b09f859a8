# Every query that the documents show names views, columns, functions and
# parameters that there are.  It is planned and not run: what it reads of an
# application's, and ids that it makes up, need not be there.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TeamsNode;
use TeamsSim;

my $node = TeamsNode->start('primary', undef);

# What those tables have of which the samples select.
$node->value(<<'END');
CREATE TABLE employee (email text, first_name text, manager text,
	joined_on date, leaves_on date, department text, locale text, id bigint);
CREATE TABLE staff (mail text);
END

sub queries
{
	my ($file) = @_;
	my @queries;
	my $text = slurp_file($file) =~ s/'THE [A-Z ]+'/gen_random_uuid()/gr;

	while ($text =~ /^```sql\n(.*?)^```$/msg)
	{
		push @queries, grep { /^\s*(?:--[^\n]*\n)*(?:SELECT|WITH)\b/ && !/\.\.\.|:\w+[^:\w]|\\\w/ }
		  split /;[^\n]*\n/, $1;
	}
	push @queries, grep { !/\.\.\./ } $text =~ /`(SELECT [^`]*?);?`/g;
	return @queries;
}

for my $file (map { glob("'$ENV{TESTDIR}/$_'") } 'README.md', 'docs/*.md', 'docs/reference/*.md')
{
	my ($name) = $file =~ m{^\Q$ENV{TESTDIR}\E/(.*)};
	my @errors;

	for my $query (queries($file))
	{
		my ($status, $out, $err) = $node->psql('postgres', "EXPLAIN $query");

		push @errors, "$query\n$err" if $err ne '';
	}
	is(join("\n", @errors), '', $name);
}

done_testing();
