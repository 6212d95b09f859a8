/*
 * fault.h
 *	  Faults that a test scripts beforehand.
 */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include "tenant/tenant.h"

typedef struct SimFault SimFault;

/* The administration's part. */
extern int	sim_fault_add(const json_t *description, char **problem);
extern json_t *sim_faults_json(void);
extern void sim_faults_clear(void);

/* The services' part. */
extern SimFault *sim_fault_match(SimCall *call);
extern bool sim_fault_carries_out(const SimFault *fault);
extern void sim_fault_apply(const SimFault *fault, SimCall *call);

#endif							/* SIM_FAULT_H */
