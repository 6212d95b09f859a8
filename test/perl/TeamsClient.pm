# Calls the services of the simulator as the extension does, for tests of the
# simulator itself.
#
#   my $sim = TeamsSim->start->contoso;
#   my ($graph_token, $bot_token) = connect_to($sim);
#   is(graph('GET', '/users')->{status}, 200);
#   answers(say_to($chat, 'x'), 404, 'ConversationNotFound', 'no chat');

package TeamsClient;

use strict;
use warnings;

use Exporter 'import';
use HTTP::Tiny;
use JSON::PP;
use Scalar::Util qw(weaken);
use TeamsSim;
use Test::More;

our @EXPORT = qw(connect_to ask_token token call graph follow batch bind_body
  encode connector send_url say_to code answers BOT_SCOPE GRAPH_SCOPE);

use constant BOT_SCOPE => 'https://api.botframework.com/.default';
use constant GRAPH_SCOPE => 'https://graph.microsoft.com/.default';

my $http = HTTP::Tiny->new(timeout => 20, max_redirect => 0);
my ($sim, $graph_token, $bot_token);

# Get a token for each service; all the other calls use them. The simulator
# ends with the last reference that the test has.
sub connect_to
{
	($sim) = @_;
	weaken($sim);
	$graph_token = token(GRAPH_SCOPE);
	$bot_token = token(BOT_SCOPE);
	return ($graph_token, $bot_token);
}

# Ask for a token; returns the response, with the decoded body as {json}.
sub ask_token
{
	my ($scope, %change) = @_;
	my $in = delete $change{tenant} // TeamsSim::TENANT_ID;
	my $response = $http->post_form($sim->login_url . "/$in/oauth2/v2.0/token",
		{ grant_type => 'client_credentials', scope => $scope,
			client_id => TeamsSim::CLIENT_ID,
			client_secret => TeamsSim::CLIENT_SECRET, %change });
	$response->{json} = eval { decode_json($response->{content}) };
	return $response;
}

sub token { return ask_token(@_)->{json}{access_token}; }

# Any call with a token; $body is JSON text or data.
sub call
{
	my ($method, $url, $token, $body, %headers) = @_;
	my %request =
	  (headers => { 'Authorization' => "Bearer $token", %headers });

	if (defined $body)
	{
		$request{content} = ref $body ? encode_json($body) : $body;
		$request{headers}{'Content-Type'} //= 'application/json';
	}
	my $response = $http->request($method, $url, \%request);
	$response->{json} = eval { decode_json($response->{content}) };
	return $response;
}

sub graph
{
	my ($method, $path, $body, $version) = @_;
	return call($method, $sim->graph_url($version) . $path, $graph_token,
		$body);
}

# Follow a link that Graph gave.
sub follow { return call('GET', $_[0], $graph_token); }

sub batch { return graph('POST', '/$batch', { requests => [@_] }); }

sub bind_body
{
	my ($id, $version) = @_;
	return { 'teamsApp@odata.bind' => $sim->graph_url($version)
		  . '/appCatalogs/teamsApps/' . $id };
}

sub encode
{
	my ($text) = @_;
	$text =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ge;
	return $text;
}

sub connector
{
	my ($method, $path, $body, $token) = @_;
	return call($method, $sim->connector_url . "/v3$path",
		$token // $bot_token, $body);
}

sub send_url
{
	return $sim->connector_url . '/v3/conversations/' . encode($_[0])
	  . '/activities';
}

sub say_to
{
	my ($chat, $text, $token) = @_;
	return call('POST', send_url($chat), $token // $bot_token,
		{ type => 'message', text => $text });
}

sub code { return $_[0]{json}{error}{code} // ''; }

# Status and code of a response, the way most checks want it.
sub answers
{
	my ($response, $status, $code, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("$response->{status} " . code($response), "$status $code", $name);
}

1;
