/*
 * http.h
 *	  HTTP requests, many at a time, and the one place where the worker waits.
 */
#ifndef TP_HTTP_H
#define TP_HTTP_H

typedef enum HttpResult
{
	HTTP_ANSWERED,				/* there is a status; the body may be cut */
	HTTP_NOT_REACHED,			/* name, network, TLS or proxy: nothing left */
	HTTP_NOT_SENT,				/* a part left; nobody can have acted on it */
	HTTP_OUTCOME_UNKNOWN		/* all was sent, no answer came (4.0.4) */
} HttpResult;

typedef struct HttpReply
{
	HttpResult	result;
	int			status;			/* if answered */
	bool		is_cut;			/* the body has not come to its end */
	const char *body;			/* NUL-terminated, at most HTTP_MAX_BODY */
	size_t		length;
	const char *retry_after;	/* header, or NULL */
	const char *correlation_id; /* MS-CV or request-id, or NULL */
	const char *problem;		/* if not answered: why, in plain words */
	const char *hint;			/* and what to do, or NULL; a constant */
} HttpReply;

/* Longer bodies are cut (contract 11.11); there are calls with short ones. */
#define HTTP_MAX_BODY (1024 * 1024)
#define HTTP_SHORT_BODY (64 * 1024)

/*
 * Called from http_wait() when a request has ended; the reply is valid only
 * during the call.  It may start further requests.
 */
typedef void (*HttpHandler) (const HttpReply *reply, void *argument);

typedef struct HttpRequest
{
	const char *url;
	const char *bearer;			/* token, or NULL */
	const char *content_type;	/* of the body */
	const char *method;			/* NULL: POST if there is a body, else GET */
	const char *body;			/* or NULL */
	size_t		length;
	size_t		max_reply;		/* longer ones are cut; 0: HTTP_MAX_BODY */
	bool		is_secret;		/* wipe the copy of the body afterwards */
	HttpHandler handler;
	void	   *argument;
} HttpRequest;

/* The life of the module in a process. */
extern void http_open(void);
extern void http_close(void);

/* Requests. */
extern const char *http_url_problem(const char *url, const char **hint);
extern void http_start(const HttpRequest *request);
extern int	http_in_flight(void);
extern void http_set_proxy_login(const char *user_and_password,
								 const char *why_not);

/* The wait, in which handlers are called. */
extern void http_wait(long timeout_ms);
extern void http_poll(void);

#endif							/* TP_HTTP_H */
