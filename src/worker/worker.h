/*
 * worker.h
 *	  The process that sends the messages of one database.
 */
#ifndef TP_WORKER_H
#define TP_WORKER_H

#include "datatype/timestamp.h"

/*
 * Send what is due from this session, committing as it goes.  Ends when there
 * is nothing more to do, or at the deadline (0: none) when what is on the wire
 * has come back.  Returns whether all was done.
 */
extern bool worker_drain(TimestampTz deadline);

#endif							/* TP_WORKER_H */
