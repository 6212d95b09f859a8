/*
 * fault.h
 *	  Faults that a test scripts beforehand.
 */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include "tenant/tenant.h"

typedef struct SimFault SimFault;

/*
 * Add a fault as POST /faults describes it.  Returns its number, or 0; then
 * *problem, to be freed, says what is wrong with it.
 */
extern int	sim_fault_add(const json_t *description, char **problem);
extern json_t *sim_faults_json(void);
extern void sim_faults_clear(void);

/* The fault that hits this call, or NULL; it counts as hit. */
extern SimFault *sim_fault_match(SimCall *call);

/* Is the call to be carried out all the same? */
extern bool sim_fault_carries_out(const SimFault *fault);

/* Change the answer as the fault says. */
extern void sim_fault_apply(const SimFault *fault, SimCall *call);

#endif							/* SIM_FAULT_H */
