# To be sourced: makes the directory $WORK for a run, removes it at the end with
# all processes that were started from it, and says how to run as a user that
# may run PostgreSQL.

WORK=$(mktemp -d /tmp/teams_proactive.XXXXXX)
chmod 755 "$WORK"

clean_up()
{
	# Programs are started from copies in $WORK, so its name finds them.
	pkill -KILL -f "$WORK/" 2>/dev/null || true
	rm -rf "$WORK"
}
trap clean_up EXIT
trap 'exit 130' HUP INT TERM
# A shell that is killed by it does not do what EXIT says: make play | head.
trap 'exit 141' PIPE

# root cannot run postgres.  Not the package's user either: PostgreSQL's superuser
# in the tests is named as the user who runs them, and no test may rely on the
# name, since on a laptop it is another.
if [ "$(id -u)" -eq 0 ]
then
	AS_USER='runuser -u nobody --'
	hand_over()
	{
		chown -R nobody "$WORK"
	}
else
	AS_USER=
	hand_over()
	{
		:
	}
fi

as_user()
{
	# shellcheck disable=SC2086
	(cd "$WORK" && $AS_USER "$@")
}

# Keep the logs of a failed run where one can look at them.
keep_logs()
{
	rm -rf test/log
	cp -R "$1" test/log 2>/dev/null || return 0
	echo "The servers' logs are in test/log." >&2
}
