/*
 * options.h
 *	  The command line.
 */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct SimOptions
{
	uint16_t	port;
	uint16_t	admin_port;
	const char *port_file;
	const char *config;
	const char *transcript;
	const char *tls_cert;
	const char *tls_key;
	bool		exit_with_parent;
	bool		quiet;
	bool		styled;
} SimOptions;

extern void sim_read_options(SimOptions *options, int argc, char **argv);

#endif							/* SIM_OPTIONS_H */
