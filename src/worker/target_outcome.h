/*
 * target_outcome.h
 *	  What becomes of those that wait for a target when it cannot be reached, or
 *	  when Graph has answered about it.
 */
#ifndef TP_TARGET_OUTCOME_H
#define TP_TARGET_OUTCOME_H

#include "worker/retry.h"
#include "worker/settle.h"

/* Nothing is sent to the target until somebody asks for its installation. */
extern bool verdict_is_unreachable(const Target *target);

/* Ask whose name it is now, before anything more is sent to a target. */
extern void verdict_verify(Target *target);

/* The message's target is such a one. */
extern void verdict_unreachable(Message *message);

/* Try again, or if that was the last attempt, it has failed. */
extern void verdict_retry(Message *message, Failure *failure, Retry retry);

/* It has failed; those behind it ask for the target anew. */
extern void verdict_fail_and_ask_again(Message *message,
									   const Failure *failure);

/* All that queue for a target fail for the same reason, up to the next job. */
extern void verdict_fail_all(Target *target, Failure *failure);

/* Graph has been asked about a target, or it was to no avail. */
extern void verdict_of_graph(Target *target);

/* The first that queues for a target that is known is a job: see to it. */
extern void verdict_begin_jobs(Target *target);

#endif							/* TP_TARGET_OUTCOME_H */
