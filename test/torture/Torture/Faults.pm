# What the simulated services can do wrong: kinds of faults by name, with how
# often each is chosen.

package Torture::Faults;

use strict;
use warnings;

use JSON::PP;
use POSIX qw(strftime);

my $true = JSON::PP::true;
my %html = (body => '<html><h1>Gateway</h1></html>', content_type => 'text/html');
my $half = '{"id": "17", "responses": [{"id": "1"';

# Retry-After: 'date' stands for a date two seconds ahead; there is none if it
# is left out.
my @kinds = (

	# Bot Connector, without the message being taken
	[ 'send: 429, Retry-After 0', 3, { operation => 'send', status => 429, retry_after => '0' } ],
	[ 'send: 429, Retry-After 0.7', 3, { operation => 'send', status => 429, retry_after => '0.7' } ],
	[ 'send: 429, Retry-After a date', 3, { operation => 'send', status => 429, retry_after => 'date' } ],
	[ 'send: 429, Retry-After missing', 3, { operation => 'send', status => 429 } ],
	[ 'send: 429, Retry-After "soon"', 2, { operation => 'send', status => 429, retry_after => 'soon' } ],
	[ 'send: 429, Retry-After -5', 2, { operation => 'send', status => 429, retry_after => '-5' } ],
	[ 'send: 429, Retry-After 99999999', 0.5, { operation => 'send', status => 429, retry_after => '99999999', at_most => 1 } ],
	[ 'send: 412', 2, { operation => 'send', status => 412 } ],
	[ 'send: 400', 1, { operation => 'send', status => 400, code => 'BadArgument' } ],
	[ 'send: 401', 2, { operation => 'send', status => 401 } ],
	[ 'send: 403 in HTML', 1, { operation => 'send', status => 403, %html } ],
	[ 'send: 404 ConversationNotFound', 2, { operation => 'send', status => 404, code => 'ConversationNotFound' } ],
	[ 'send: 500', 2, { operation => 'send', status => 500 } ],
	[ 'send: 200 in HTML', 2, { operation => 'send', status => 200, %html } ],
	[ 'send: 502', 3, { operation => 'send', status => 502 } ],
	[ 'send: 503', 3, { operation => 'send', status => 503 } ],
	[ 'send: 503, Retry-After 1', 2, { operation => 'send', status => 503, retry_after => '1' } ],
	[ 'send: 504', 3, { operation => 'send', status => 504 } ],
	[ 'send: reset before', 5, { operation => 'send', close => 'before' } ],

	# Bot Connector, after it took the message
	[ 'send: 500, taken', 2, { operation => 'send', status => 500, carry_out => $true } ],
	[ 'send: 502, taken', 4, { operation => 'send', status => 502, carry_out => $true } ],
	[ 'send: 504 in HTML, taken', 4, { operation => 'send', status => 504, carry_out => $true, %html } ],
	[ 'send: reset after, taken', 6, { operation => 'send', close => 'after' } ],
	[ 'send: truncated', 4, { operation => 'send', truncate => 5 } ],
	[ 'send: malformed JSON, taken', 3, { operation => 'send', status => 201, carry_out => $true, body => $half } ],
	[ 'send: HTML, taken', 2, { operation => 'send', status => 201, carry_out => $true, %html } ],
	[ 'send: slow', 5, { operation => 'send', delay_ms => 400 } ],
	[ 'send: too slow, taken', 4, { operation => 'send', delay_ms => 2500 } ],

	# The same for posts that begin a thread
	[ 'create: 429, Retry-After 0.7', 1, { operation => 'create', status => 429, retry_after => '0.7' } ],
	[ 'create: 503', 1, { operation => 'create', status => 503 } ],
	[ 'create: 200 in HTML', 1, { operation => 'create', status => 200, %html } ],
	[ 'create: 500, taken', 1, { operation => 'create', status => 500, carry_out => $true } ],
	[ 'create: reset after, taken', 2, { operation => 'create', close => 'after' } ],
	[ 'create: malformed JSON, taken', 1, { operation => 'create', status => 201, carry_out => $true, body => $half } ],

	# And for edits and deletes
	[ 'edit: 429, Retry-After 0.7', 1, { operation => 'edit', status => 429, retry_after => '0.7' } ],
	[ 'edit: 200 in HTML', 1, { operation => 'edit', status => 200, %html } ],
	[ 'edit: 503', 1, { operation => 'edit', status => 503 } ],
	[ 'edit: 404', 0.5, { operation => 'edit', status => 404, code => 'ActivityNotFoundInConversation' } ],
	[ 'edit: reset before', 1, { operation => 'edit', close => 'before' } ],
	[ 'edit: reset after, taken', 2, { operation => 'edit', close => 'after' } ],
	[ 'edit: 502, taken', 1, { operation => 'edit', status => 502, carry_out => $true } ],
	[ 'edit: too slow, taken', 1, { operation => 'edit', delay_ms => 2500 } ],
	[ 'delete: 429, Retry-After 0', 1, { operation => 'delete', status => 429, retry_after => '0' } ],
	[ 'delete: 200 in HTML', 1, { operation => 'delete', status => 200, %html } ],
	[ 'delete: 500', 1, { operation => 'delete', status => 500 } ],
	[ 'delete: reset before', 1, { operation => 'delete', close => 'before' } ],
	[ 'delete: reset after, taken', 2, { operation => 'delete', close => 'after' } ],
	[ 'delete: 504 in HTML, taken', 1, { operation => 'delete', status => 504, carry_out => $true, %html } ],

	# Microsoft Graph
	[ 'lookup: 429, Retry-After 0.5', 1, { operation => 'lookup', status => 429, retry_after => '0.5' } ],
	[ 'lookup: 503', 1, { operation => 'lookup', status => 503 } ],
	[ 'lookup: 404', 0.5, { operation => 'lookup', status => 404 } ],
	[ 'install: 429, Retry-After missing', 1, { operation => 'install', status => 429 } ],
	[ 'install: 500', 1, { operation => 'install', status => 500 } ],
	[ 'install: 502, done', 1, { operation => 'install', status => 502, carry_out => $true } ],
	[ 'install: 409, done', 1, { operation => 'install', status => 409, carry_out => $true } ],
	[ 'chat: 404', 1, { operation => 'chat', status => 404 } ],
	[ 'chat: 504', 1, { operation => 'chat', status => 504 } ],
	[ 'batch: 429, Retry-After a date', 1, { operation => 'batch', status => 429, retry_after => 'date' } ],
	[ 'batch: 401', 1, { operation => 'batch', status => 401 } ],
	[ 'batch: 503', 1, { operation => 'batch', status => 503 } ],
	[ 'batch: reset before', 1, { operation => 'batch', close => 'before' } ],
	[ 'batch: reset after', 1, { operation => 'batch', close => 'after' } ],
	[ 'batch: truncated', 1, { operation => 'batch', truncate => 100 } ],
	[ 'batch: malformed JSON', 1, { operation => 'batch', status => 200, body => $half } ],
	[ 'batch: HTML', 1, { operation => 'batch', status => 200, %html } ],
	[ 'batch: slow', 1, { operation => 'batch', delay_ms => 400 } ],
	[ 'batch: too slow', 1, { operation => 'batch', delay_ms => 2500 } ],

	# Entra ID; each of these keeps the bot waiting for a second or more
	[ 'token: 429, Retry-After 1', 0.4, { operation => 'token', status => 429, retry_after => '1', at_most => 1 } ],
	[ 'token: 500', 0.4, { operation => 'token', status => 500, at_most => 1 } ],
	[ 'token: 503 in HTML', 0.4, { operation => 'token', status => 503, at_most => 1, %html } ],
	[ 'token: reset before', 0.4, { operation => 'token', close => 'before', at_most => 1 } ],
	[ 'token: reset after', 0.4, { operation => 'token', close => 'after', at_most => 1 } ],
	[ 'token: truncated', 0.4, { operation => 'token', truncate => 20, at_most => 1 } ],
	[ 'token: malformed JSON', 0.4, { operation => 'token', status => 200, body => $half, at_most => 1 } ],
	[ 'token: slow', 0.6, { operation => 'token', delay_ms => 400, at_most => 1 } ],
	[ 'token: wrong secret', 0.3, { operation => 'token', status => 401, code => 'invalid_client', at_most => 1 } ],
);
my %by_name = map { $_->[0] => $_->[2] } @kinds;

# After such an answer nothing is sent for an hour, and rightly so.
sub is_for_an_hour { return $_[0] =~ /99999999/; }

# One fault as a schedule has it: of what kind, and which calls it hits.
sub choose
{
	my ($random) = @_;
	my $kind = $random->weighted([ map { [ $_->[0], $_->[1] ] } @kinds ]);
	my $count = 1 + $random->below(3);
	my $skip = $random->below(4);

	$count = 1 if $by_name{$kind}{at_most};
	return (kind => $kind, count => $count,
		skip => $by_name{$kind}{operation} =~ /^(?:send|create|edit|delete)$/ ? $skip : 0);
}

# The same for the simulator, now.
sub describe
{
	my ($action) = @_;
	my %fault = (%{ $by_name{ $action->{kind} } },
		count => $action->{count}, skip => $action->{skip});
	my $retry_after = delete $fault{retry_after};

	delete $fault{at_most};
	if (defined $retry_after)
	{
		$retry_after = strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + 2))
		  if $retry_after eq 'date';
		$fault{headers} = { 'Retry-After' => $retry_after };
	}
	return %fault;
}

1;
