/*
 * commit_clock.c
 *	  Sends messages from one session and says when each COMMIT returned.
 *
 *	  commit_clock CONNINFO TARGET COUNT LEAST_MS MOST_MS
 *
 * Between two of them it pauses for a time between the two given.  The text of
 * a message is its number, and for each a line "NUMBER NANOSECONDS" is
 * printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <libpq-fe.h>

static void
run(PGconn *connection, PGresult *result, ExecStatusType expected)
{
	if (PQresultStatus(result) != expected)
	{
		fprintf(stderr, "commit_clock: %s", PQerrorMessage(connection));
		exit(1);
	}
	PQclear(result);
}

int
main(int argc, char **argv)
{
	PGconn	   *connection;
	int			count,
				least,
				most;

	if (argc != 6)
		return 2;
	connection = PQconnectdb(argv[1]);
	count = atoi(argv[3]);
	least = atoi(argv[4]);
	most = atoi(argv[5]);
	run(connection, PQprepare(connection, "send", "SELECT teams_send($1, $2)",
							  0, NULL), PGRES_COMMAND_OK);
	srand(1);
	for (int i = 1; i <= count; i++)
	{
		int			ms = least + rand() % (most - least + 1);
		struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};
		struct timespec now;
		char		text[20];
		const char *values[] = {argv[2], text};

		nanosleep(&pause, NULL);
		snprintf(text, sizeof(text), "%d", i);
		run(connection, PQexec(connection, "BEGIN"), PGRES_COMMAND_OK);
		run(connection, PQexecPrepared(connection, "send", 2, values, NULL,
									   NULL, 0), PGRES_TUPLES_OK);
		run(connection, PQexec(connection, "COMMIT"), PGRES_COMMAND_OK);
		clock_gettime(CLOCK_REALTIME, &now);
		printf("%d %lld\n", i, now.tv_sec * 1000000000LL + now.tv_nsec);
	}
	PQfinish(connection);
	return 0;
}
