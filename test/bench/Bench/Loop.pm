# The libcurl loop against a service; see curl_loop.c.
#
#   my $loop = Bench::Loop->new($program, $work, $service, @conversations);
#   my $result = $loop->run(requests => 20_000, in_flight => 50);  # {rate, cpu}

package Bench::Loop;

use strict;
use warnings;

use Bench::Database;
use TeamsSim;

my $number = 0;

sub new
{
	my ($class, $program, $work, $service, @conversations) = @_;
	my $self = bless { program => $program, work => $work,
		service => $service, file => "$work/conversations" . ++$number }, $class;

	_write($self->{file}, map { _escaped($_) . "\n" } @conversations);
	_write("$work/body.json", '{"type":"message","text":"'
		. Bench::Database::TEXT() . '"}');
	return $self;
}

sub _write
{
	my ($name, @lines) = @_;

	open my $file, '>', $name or die "$name: $!";
	print $file @lines;
	close $file;
	return;
}

sub _escaped
{
	my ($text) = @_;

	$text =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ge;
	return $text;
}

sub run
{
	my ($self, %options) = @_;
	my $service = $self->{service};
	my $form = join '&', 'grant_type=client_credentials',
	  'client_id=' . TeamsSim::CLIENT_ID(),
	  'client_secret=' . _escaped(TeamsSim::CLIENT_SECRET()),
	  'scope=' . _escaped('https://api.botframework.com/.default');

	open my $pipe, '-|', $self->{program},
	  '--prefix=' . $service->connector_url,
	  "--conversations=$self->{file}", "--body=$self->{work}/body.json",
	  "--requests=$options{requests}", "--in-flight=$options{in_flight}",
	  '--warm=' . ($options{warm} // 500), "--ca=$self->{work}/ca.pem",
	  '--token-url=' . $service->login_url . '/' . TeamsSim::TENANT_ID()
	  . '/oauth2/v2.0/token', "--token-form=$form"
	  or die "$self->{program}: $!";
	my $line = <$pipe> // '';
	close $pipe or die 'curl_loop failed';
	my ($seconds, $cpu) = split / /, $line;
	return { rate => $options{requests} / $seconds,
		cpu => $cpu / $options{requests} * 1e6, seconds => $seconds };
}

1;
