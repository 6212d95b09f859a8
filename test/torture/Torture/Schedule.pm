# What is done to the server and to the services, and when: a list of actions
# that the seed alone determines.  A longer run with the same seed begins like a
# shorter one.

package Torture::Schedule;

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);

use Torture::Faults;
use Torture::Random;

my $server_actions = [
	[ kill_worker => 6 ],
	[ kill_launcher => 3 ],
	[ kill_server => 4 ],
	[ stop_immediate => 4 ],
	[ restart => 3 ],
	[ terminate_worker => 5 ],
	[ terminate_launcher => 1 ],
	[ terminate_senders => 2 ],
	[ cancel_worker => 2 ],
	[ drain => 2 ],
	[ change_setting => 4 ],
	[ configure => 2 ],
	[ lock_table => 2 ],
	[ lock_rows => 3 ],
	[ pause => 2 ],
	[ forget_installations => 2 ],
];

my $service_actions = [
	[ fault => 40 ],
	[ expire_tokens => 2 ],
	[ uninstall => 4 ],
	[ block => 2 ],
	[ latency => 3 ],
	[ quotas => 1 ],
	[ freeze => 0.5 ],
	[ cut => 0.4 ],
];

# What a setting may be changed to.
my %settings = (
	max_in_flight => [ 1, 5, 20, 50 ],
	max_attempts => [ 3, 10 ],
	request_timeout => [ '500ms', '1500ms', '3s' ],
	shutdown_grace => [ '0', '200ms', '1500ms' ],
	retry_base_delay => [ '20ms', '100ms', '1s' ],
	http_version => [ '1.1', '2' ],
);

my @tables = qw(teams_outbox teams_delivery teams_inflight teams_installation);

# What is to be undone, some time later, by which action.
my %undone_by = (block => 'unblock', quotas => 'no_quotas', cut => 'mend');

# Actions have the seconds "at" which they are due, their name, and arguments.
sub build
{
	my ($seed, $duration, $users) = @_;
	my $random = Torture::Random->new($seed, 'schedule');
	my ($server_at, $service_at) = (2, 0.5);
	my @schedule;

	while ((my $at = $server_at < $service_at ? $server_at : $service_at)
		< $duration)
	{
		my $is_server = $at == $server_at;
		my $name = $random->weighted(
			$is_server ? $server_actions : $service_actions);
		my %action = (at => $at, name => $name,
			arguments($random, $name, $users));

		push @schedule, \%action;
		push @schedule, { %action, name => $undone_by{$name},
			at => $at + $random->between(0.5, $name eq 'cut' ? 3 : 2) }
		  if $undone_by{$name};
		$server_at += $random->between(0.8, 3.5) if $is_server;
		$service_at += $random->between(0.05, 0.35) unless $is_server;
	}
	return sort { $a->{at} <=> $b->{at} } @schedule;
}

sub arguments
{
	my ($random, $name, $users) = @_;

	return Torture::Faults::choose($random) if $name eq 'fault';
	return (user => $random->pick(@$users))
	  if $name eq 'block' || $name eq 'uninstall';
	return (table => $random->pick(@tables)) if $name eq 'lock_table';
	return (ms => $random->pick(0, 5, 20, 60)) if $name eq 'latency';
	return (cut_off => $random->pick(0, 1)) if $name eq 'drain';
	return (rate => $random->pick(100, 400, 10000)) if $name eq 'configure';
	return setting($random) if $name eq 'change_setting';
	return ();
}

sub setting
{
	my ($random) = @_;
	my $name = $random->pick(sort keys %settings);

	return (setting => $name, value => $random->pick(@{ $settings{$name} }));
}

sub as_text
{
	my ($action) = @_;
	my %rest = %$action;
	my ($at, $name) = delete @rest{qw(at name)};

	return join ' ', sprintf('%8.3f', $at), $name,
	  map { "$_=$rest{$_}" } sort keys %rest;
}

# So that two runs can be told to have the same.
sub digest
{
	return substr md5_hex(join "\n", map { as_text($_) } @_), 0, 8;
}

1;
