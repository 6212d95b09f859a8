-- A broadcast that was loaded, whose sender has decided otherwise since: what
-- teams_resume() lets go on is only what waits for it.
SET client_min_messages = warning;
CREATE EXTENSION teams_proactive;
RESET client_min_messages;
BEGIN;
SELECT teams_configure_dry_run('held');

INSERT INTO teams_broadcast (bot, state, sender, activity, created_at)
	SELECT 'held', 'running', current_user, '{"type": "message", "text": "x"}', now() - interval '1 day'
	FROM generate_series(1, 5000);
SELECT state, held, count(*) FROM teams_broadcast WHERE bot = 'held' GROUP BY 1, 2;

-- A third of them goes on and is paused, a third is cancelled.
SELECT count(teams_resume_broadcast(id)), count(teams_pause_broadcast(id))
	FROM teams_broadcast WHERE bot = 'held' AND id % 3 = 0;
SELECT count(teams_cancel_broadcast(id))
	FROM teams_broadcast WHERE bot = 'held' AND id % 3 = 1;
SELECT teams_resume('held');
SELECT id % 3 AS third, state, held, count(*) > 1600 AS all_of_it
	FROM teams_broadcast WHERE bot = 'held' GROUP BY 1, 2, 3 ORDER BY 1;

ROLLBACK;
DROP EXTENSION teams_proactive;
