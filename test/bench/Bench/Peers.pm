# Against what else sends messages from a queue in PostgreSQL.

package Bench::Peers;

use strict;
use warnings;

sub run
{
	my ($setup) = @_;
	my $node = "$setup->{work}/node";
	my $reason = _missing($node);

	return $setup->goals->skip('peer-graphile-50', $reason) if $reason;
	my $count = $setup->amount(20_000, 5000);
	my $session = $setup->cluster->session('postgres');
	$session->ask('CREATE DATABASE graphile');
	$session->close;
	my $loop = $setup->nginx_loop;
	my ($ours, $peers) = Bench::Goals::alternate($setup->amount(3, 1),
		sub { $setup->database->drain($count) },
		sub { _graphile($setup, $loop->{file}, $count) });
	$setup->goals->at_least('peer-graphile-50', 4, $ours, $peers, 'rate',
		'messages/s');
	return;
}

sub _missing
{
	my ($node) = @_;

	return 'see install.sh of node' unless -d $node;
	return unless -f "$node/missing";
	open my $file, '<', "$node/missing" or die $!;
	chomp(my $reason = <$file>);
	return $reason;
}

sub _graphile
{
	my ($setup, $conversations, $count) = @_;

	local $ENV{NODE_EXTRA_CA_CERTS} = "$setup->{work}/ca.pem";
	open my $pipe, '-|', 'node', "$setup->{work}/node/graphile.js",
	  "postgres://postgres\@/graphile?host=$setup->{cluster}{host}",
	  $setup->nginx->connector_url, $conversations, $count, 50
	  or die "node: $!";
	my $seconds = <$pipe> // '';
	close $pipe or die 'graphile.js failed';
	return { rate => $count / $seconds };
}

1;
