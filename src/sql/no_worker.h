/*
 * no_worker.h
 *	  Why no worker sends what this database has pending.
 */
#ifndef TP_NO_WORKER_H
#define TP_NO_WORKER_H

/* Both are sentences without and with a full stop, palloc'd or static. */
typedef struct NoWorker
{
	const char *problem;
	const char *hint;
	bool		is_final;		/* only a restart of the server ends it */
	bool		may_pass;		/* it may have begun just now, and soon end */
} NoWorker;
extern bool no_worker_find(NoWorker *found);

#endif							/* TP_NO_WORKER_H */
