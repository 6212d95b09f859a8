/*
 * settings.h
 *	  The extension's configuration parameters.
 */
#ifndef TP_SETTINGS_H
#define TP_SETTINGS_H

/* The extension's name in pg_extension, and the prefix of its parameters. */
#define EXTENSION_NAME "teams_proactive"

typedef enum HttpVersion
{
	HTTP_VERSION_1_1,
	HTTP_VERSION_2
} HttpVersion;

extern int	settings_max_databases;
extern char *settings_credential_directory;
extern char *settings_ca_file;
extern char *settings_proxy;
extern char *settings_proxy_credential;
extern int	settings_http_version;
extern int	settings_max_in_flight;
extern int	settings_connect_timeout;	/* ms */
extern int	settings_request_timeout;	/* ms */
extern int	settings_shutdown_grace;	/* ms */
extern int	settings_max_attempts;
extern int	settings_retry_base_delay;	/* ms */
extern int	settings_retry_max_delay;	/* ms */
extern int	settings_probe_interval;	/* ms */
extern int	settings_retention; /* minutes; -1: for ever */
extern bool settings_keep_text;
extern int	settings_name_lifetime; /* seconds; -1: for ever */

extern bool settings_allow_host(const char *host);
extern void settings_define(void);

#endif							/* TP_SETTINGS_H */
