/*
 * credential.h
 *	  The files that hold the bots' client secrets.
 */
#ifndef TP_CREDENTIAL_H
#define TP_CREDENTIAL_H

/* Longer ones are refused. */
#define CREDENTIAL_MAX_LENGTH 1024

/*
 * What is wrong with a credential, as a message for errdetail, palloc'd, or
 * NULL: its name must be that of a regular file that only the server's user
 * can read.  It is looked for in the directory that has the database's name in
 * teams_proactive.credential_directory, which is the database's own, and then
 * in that itself, which is everybody's.
 */
extern char *credential_problem(const char *database, const char *name);

/*
 * The client secret, without the newline at its end, palloc'd; the caller
 * wipes it after use.  NULL if there is a problem, told in *problem.
 */
extern char *credential_read(const char *database, const char *name,
							 char **problem);

#endif							/* TP_CREDENTIAL_H */
