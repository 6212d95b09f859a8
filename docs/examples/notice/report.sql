-- Whom a notice has reached: psql --csv -v notice=1 -f report.sql >report.csv
SELECT target AS person, state AS fate, settled_at AS at, error_code, hint
FROM teams_message_detail
WHERE broadcast = :notice AND kind = 'send'
ORDER BY target;
