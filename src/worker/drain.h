/*
 * drain.h
 *	  Sends from a session, without a worker.
 */
#ifndef TP_DRAIN_H
#define TP_DRAIN_H

#include "datatype/timestamp.h"

extern bool drain_outbox(TimestampTz deadline);

#endif							/* TP_DRAIN_H */
