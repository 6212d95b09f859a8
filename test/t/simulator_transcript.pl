# What the simulator writes of what people see: texts, cards as text, edits,
# deletions and installations, as they happen.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/../perl";

use File::Temp;
use TeamsClient;
use TeamsSim;
use Test::More;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);

my $dir = File::Temp->newdir;
my $file = "$dir/transcript";
my $sim = TeamsSim->start(transcript => $file)->contoso;
my ($ada, $grace) = (TeamsSim::ADA, TeamsSim::GRACE);
my $client = TeamsSim::CLIENT_ID;
my $personal = "19:${ada}_$client\@unq.gbl.spaces";
my $team = $sim->team(display_name => 'Operations', owners => [$ada],
	channels => ['Builds']);
my $builds = $team->{channels}{Builds};
connect_to($sim);

my $seen = 0;

sub contents
{
	open my $in, '<:utf8', $file or die "could not open $file: $!";
	local $/;
	return <$in>;
}

# What was added since the last time, without the times.
sub added
{
	my $all = contents();
	my $new = substr $all, $seen;

	$seen = length $all;
	$new =~ s/─+ \d\d:\d\d:\d\d ──$/ .../mg;
	return $new;
}

# A message; returns its id.
sub say
{
	my ($text, %more) = @_;
	my $path = '/conversations/' . encode($personal) . '/activities';
	return connector('POST', $path, { type => 'message',
		defined $text ? (text => $text) : (), %more })->{json}{id};
}

sub say_card
{
	return say(undef, summary => $_[0], attachments => [{
		contentType => 'application/vnd.microsoft.card.adaptive',
		content => { type => 'AdaptiveCard', version => '1.5',
			body => $_[1], @_[2 .. $#_] } }]);
}

# What is in the box of a card.
sub drawn
{
	say_card('x', @_);
	my @lines = grep { /^│/ } split /\n/, added();
	is(scalar(grep { length(s/([日本])/$1 /gr) != 44 } @lines), 0, 'each line has its width');
	return join "\n", map { s/^│ | *│$//gr } @lines;
}

$sim->install($ada);
is(added(), <<'END', 'an installation');
── Ada Lovelace  ...
Ops Bot was installed.

END
like(contents(), qr/^── Ada Lovelace ─+ \d\d:\d\d:\d\d ──$/m, 'and when');

my $id = say('Build **214** is *green*.');
is(added(), <<'END', 'a text');
── Ada Lovelace  ...
Ops Bot: Build 214 is green.

END
my $path = '/conversations/' . encode($personal) . "/activities/$id";
connector('PUT', $path, { type => 'message', text => 'Build **214** is red.',
	importance => 'high' });
is(added(), <<'END', 'an edit');
── Ada Lovelace  ...
Ops Bot (edited) (important): Build 214 is
red.

END
connector('DELETE', $path);
is(added(), <<'END', 'a deletion');
── Ada Lovelace  ...
Ops Bot has deleted "Build 214 is red.".

END

subtest 'marks and what was escaped' => sub
{
	for (['2 \* 3 &lt; 7 \[x\]', '2 * 3 < 7 [x]'],
		['2 * 3 * 4', '2 * 3 * 4'],
		['See [the log](https://x.y/z), <at>Ada</at>', 'See the log, Ada'],
		["one\ntwo", "one\ntwo"],
		['**a', 'a'],
		['<b>a</b> *b*', '<b>a</b> *b*', 'plain'],
		['<b>a</b> *b*<br>c &amp; d', "a *b*\nc & d", 'xml'],
		["bell \a\033[31m", 'bell   [31m'],
		['größer ünd 日本語', 'größer ünd 日本語'])
	{
		my ($text, $shown, $format) = @$_;
		say($text,
			defined $format ? (textFormat => $format) : ());
		is(added(), "── Ada Lovelace  ...\nOps Bot: $shown\n\n", $shown);
	}
};

subtest 'long lines' => sub
{
	say(join ' ', ('ten chars') x 8);
	is(added(), "── Ada Lovelace  ...\nOps Bot: ten chars ten chars ten chars ten\n"
		. "chars ten chars ten chars ten chars ten\nchars\n\n",
		'broken at spaces');
	say('x' x 60);
	is(added(), "── Ada Lovelace  ...\nOps Bot:\n" . 'x' x 44 . "\n" . 'x' x 16
		. "\n\n", 'or anywhere');
};

subtest 'threads' => sub
{
	$sim->install($team->{id});
	my $root = say_to($builds, 'Deploy of **214**')->{json}{id};
	added();
	say_to("$builds;messageid=$root", 'Done');
	is(added(), <<'END', 'an answer');
── Operations > Builds  ...
in answer to "Deploy of 214"
Ops Bot: Done

END
};

my %text = (type => 'TextBlock');
say_card('What the notification shows', [{ %text, text => 'Build **214**',
	weight => 'bolder' }], actions => [{ type => 'Action.OpenUrl',
	title => 'Log', url => 'https://x.y' }, { type => 'Action.Submit',
	title => 'Stop' }]);
is(added(), <<'END', 'a card');
── Ada Lovelace  ...
Ops Bot (notification: What the notification
shows):
╭──────────────────────────────────────────╮
│ Build 214                                │
│                                          │
│ [Log]  [Stop]                            │
╰──────────────────────────────────────────╯

END

is(drawn([{ type => 'FactSet', facts => [
	{ title => 'Branch', value => 'main' },
	{ title => 'By', value => 'somebody whose name is long enough to wrap' }] }]),
	"Branch  main\nBy      somebody whose name is long\n        enough to wrap",
	'facts');
is(drawn([{ type => 'ColumnSet', columns => [
	{ width => 'auto', items => [{ %text, text => '日本' }] },
	{ items => [{ %text, text => 'one' }, { %text, text => 'two' }] },
	{ items => [{ %text, text => 'three' }] }] }]),
	"日本  one               three\n      two", 'columns');
is(drawn([{ type => 'Table', rows => [map {
	{ cells => [map { { items => [{ %text, text => $_ }] } } @$_] } }
	[qw(a b)], [qw(c d)]] }]),
	"a                    b\nc                    d", 'a table');
is(drawn([{ type => 'Container', items => [{ %text, text => 'in' },
	{ %text, text => 'not seen', isVisible => JSON::PP::false }] },
	{ type => 'RichTextBlock', inlines => ['a ', { type => 'TextRun',
		text => 'b', weight => 'bolder' }] },
	{ type => 'Image', url => 'https://x.y/z.png', altText => 'Load' },
	{ type => 'Input.Text', id => 'x', label => 'Why?' }]),
	"in\na b\n(Image: Load)\n(Input.Text: Why?)", 'containers and others');

my $deep = [{ %text, text => 'x' }];
$deep = [{ type => 'ColumnSet', columns => [{ width => 'auto',
	items => $deep }, { items => [{ %text, text => 'y' }] }] }] for 1 .. 60;
say_card('deep', $deep);
like(added(), qr/deep/, 'columns in columns');
say_card('odd', $_) for [], [{}], [7, 'x', undef], { a => 1 },
	[{ type => 'FactSet', facts => 'x' }, { type => 'ColumnSet', columns => 3 },
	{ type => 'Table', rows => [1, { cells => {} }] },
	{ type => 'ColumnSet', columns => [] }];
is(scalar(() = added() =~ /odd/g), 5, 'what is no card');

say(undef, attachments => [{ contentType => 'image/png',
	contentUrl => 'https://x.y/z.png', name => 'Load' }]);
is(added(), "── Ada Lovelace  ...\nOps Bot:\n(image/png: Load)\n\n", 'an image');

$sim->uninstall($ada);
like(added(), qr/^Ops Bot was taken away\.$/m, 'it is taken away');

my $styled = TeamsSim->start(transcript => "$dir/styled", styled => 1)->contoso;
$styled->install($ada);
connect_to($styled);
say_to($personal, 'Build **214 is** green');
like(`cat $dir/styled`, qr/Ops Bot: Build \033\[1m214 is\033\[0m green$/m,
	'for a terminal');

done_testing();
