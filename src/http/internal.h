/*
 * internal.h
 *	  What the modules of http share: no other includes it.
 */
#ifndef TP_HTTP_INTERNAL_H
#define TP_HTTP_INTERNAL_H

#include <signal.h>
#include <curl/curl.h>

#include "lib/ilist.h"

#include "http/http.h"

/* Header lines that requests share: http_headers.c. */
typedef struct Headers Headers;

/* A request under way, or a spare one with an easy handle to use again. */
typedef struct Transfer
{
	dlist_node	node;			/* of those under way, or spare */
	CURL	   *easy;
	Headers    *headers;
	HttpHandler handler;
	void	   *argument;

	char	   *request;		/* what is left to send is from "given" on */
	size_t		request_size;
	size_t		request_length;
	size_t		given;
	bool		connected;		/* there was a connection for it */
	bool		is_secret;
	bool		has_ca_file;

	char	   *reply;			/* malloc'd */
	size_t		reply_max;
	size_t		reply_size;
	size_t		reply_length;
	bool		reply_cut;
	char		retry_after[64];
	char		correlation_id[128];
	const char *refused;		/* why it was not started, or NULL */
	char		error[CURL_ERROR_SIZE];
} Transfer;

/*
 * Threads that libcurl starts must not run PostgreSQL's signal handlers:
 * signals are blocked while it may start some.
 */
static inline void
enter_curl(sigset_t *saved)
{
	sigset_t	all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, saved);
}

static inline void
leave_curl(const sigset_t *saved)
{
	sigprocmask(SIG_SETMASK, saved, NULL);
}

/* Headers for the request, to be released afterwards; NULL: out of memory. */
extern Headers *http_headers_find(const HttpRequest *request);
extern struct curl_slist *http_headers_list(const Headers *headers);
extern void http_headers_release(Headers *headers);	/* NULL: nothing */

/* Release those that are kept for the next request. */
extern void http_headers_close(void);

/* Is the URL's host this machine? */
extern bool http_url_is_loopback(const char *url);

/* A transfer for the request, which is copied; see "refused". */
extern Transfer *http_transfer_prepare(const HttpRequest *request);

/* What came of it, valid until the transfer is used again. */
extern void http_transfer_reply(Transfer *transfer, long status, CURLcode code,
								HttpReply *reply);

/* Wipe the secrets of a request that has ended. */
extern void http_transfer_wipe(Transfer *transfer);

/* Keep a transfer for another request, or not. */
extern void http_transfer_keep(Transfer *transfer);
extern void http_transfer_free(Transfer *transfer);

/* Free those that were kept. */
extern void http_transfer_close(void);

/* Have the multi handle tell of its sockets and its timer, and no longer. */
extern void http_sockets_open(CURLM *multi);
extern void http_sockets_close(CURLM *multi);

/* For the easy handles, to open and close sockets. */
extern curl_socket_t http_sockets_on_open(void *context, curlsocktype purpose,
										  struct curl_sockaddr *address);
extern int	http_sockets_on_close(void *context, curl_socket_t fd);

/* Have no idle connection used that its peer has closed. */
extern void http_sockets_check_idle(CURLM *multi);

/* The next wait shall end at once. */
extern void http_sockets_do_not_wait(void);

/* When a wait of that time ends, for http_sockets_wait(); negative: never. */
extern int64 http_sockets_deadline(long timeout_ms);

/*
 * Wait for sockets, the timer, the latch or the deadline, and let libcurl work.
 * Returns whether the latch was set, which is reset, or the deadline is over.
 */
extern bool http_sockets_wait(CURLM *multi, int64 deadline);

#endif							/* TP_HTTP_INTERNAL_H */
