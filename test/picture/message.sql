-- The message that is drawn, sent to the simulator, and how it arrived there.
SELECT teams_send('grace@contoso.com', teams_card(:'card')) AS id \gset
CALL teams_wait(:id);
\! perl -MHTTP::Tiny -e 'print "message: ", HTTP::Tiny->new(http_proxy => undef)->get("$ENV{SIMULATOR}/messages")->{content}, "\n"'
