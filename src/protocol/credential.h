/*
 * credential.h
 *	  The files that hold the bots' credentials.
 */
#ifndef TP_CREDENTIAL_H
#define TP_CREDENTIAL_H

/* Longer ones are refused. */
#define CREDENTIAL_MAX_LENGTH 1024

extern const char *credential_problem(const char *database, const char *name);
extern char *credential_read(const char *database, const char *name,
							 const char **problem);
extern uint64 credential_fingerprint(const char *credential,
									 const char *problem);

#endif							/* TP_CREDENTIAL_H */
