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

/* Header lines, which several requests may share. */
typedef struct Headers Headers;

/* A request under way, or a spare one with an easy handle to use again. */
typedef struct Transfer
{
	dlist_node	node;			/* of those under way, or of the spare ones */
	CURL	   *easy;
	Headers    *headers;
	HttpHandler handler;
	void	   *argument;

	char	   *request;		/* body, malloc'd, of request_length bytes */
	size_t		request_size;	/* allocated */
	size_t		request_length;
	size_t		given;			/* so much of it has libcurl taken to send */
	bool		connected;		/* there was a connection for it */
	bool		is_secret;		/* the body is to be wiped */
	bool		has_ca_file;	/* libcurl's default CAs were replaced */

	char	   *reply;			/* body, malloc'd, of reply_length bytes */
	size_t		reply_max;		/* longer ones are cut */
	size_t		reply_size;		/* allocated */
	size_t		reply_length;
	char		retry_after[64];	/* "": there was no such header */
	char		correlation_id[128];
	const char *refused;		/* why libcurl did not get it, or NULL */
	const char *hint;			/* what to do about that, or NULL */
	char		error[CURL_ERROR_SIZE]; /* what libcurl says, or "" */
} Transfer;

/*
 * Threads that libcurl starts must not run PostgreSQL's signal handlers, and
 * inherit the mask of who starts them: so all signals are blocked while it
 * may.
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

/* Set an option that cannot fail but for want of memory. */
#define CHECK_SETOPT(easy, option, value) \
	do { \
		if (curl_easy_setopt(easy, option, value) != CURLE_OK) \
			return false; \
	} while (0)

/* headers.c: the header lines of requests. */
extern Headers *headers_find(const HttpRequest *request);
extern struct curl_slist *headers_list(const Headers *headers);
extern void headers_release(Headers *headers);
extern void headers_close(void);

/* sockets.c: the wait. */
extern void sockets_open(CURLM *multi);
extern void sockets_close(CURLM *multi);
extern curl_socket_t sockets_on_open(void *context, curlsocktype purpose,
									 struct curl_sockaddr *address);
extern int	sockets_on_close(void *context, curl_socket_t fd);
extern void sockets_check_idle(CURLM *multi);
extern void sockets_do_not_wait(void);
extern int64 sockets_deadline(long timeout_ms);
extern bool sockets_wait(CURLM *multi, int64 deadline);

/* proxy.c: the proxy, and who asks it. */
extern const char *proxy_problem(void);
extern bool proxy_set_options(CURL *easy, bool use_proxy);
extern const char *proxy_refusal(CURL *easy);
extern void proxy_close(void);

/* transfer.c: one request. */
extern Transfer *transfer_new(const HttpRequest *request);
extern bool transfer_set_request(Transfer *transfer,
								 const HttpRequest *request, bool use_proxy);
extern void transfer_reply(Transfer *transfer, long status, CURLcode code,
						   HttpReply *reply);
extern void transfer_wipe(Transfer *transfer);
extern void transfer_keep(Transfer *transfer);
extern void transfer_free(Transfer *transfer);
extern void transfer_close(void);

#endif							/* TP_HTTP_INTERNAL_H */
