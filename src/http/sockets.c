/*
 * sockets.c
 *	  The sockets and the timer of libcurl, and the wait for them.
 *
 * Here alone the worker waits.  The sockets stand in one WaitEventSet with the
 * process latch, so that a commit, a shutdown or a reply each end the wait at
 * once; curl_multi_poll() would not see the latch.  A WaitEventSet cannot
 * forget a socket, and libcurl withdraws a connection's socket whenever the
 * connection idles: such sockets stay in the set until they are closed, and
 * the set is made anew only when sockets come or go.  The resolver's sockets
 * are closed without a word, so they leave the set when they are withdrawn.
 *
 * libcurl's callbacks must not raise errors, so what they store is malloc'd.
 */
#include "postgres.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <curl/curl.h>

#include "base/compat.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "http/internal.h"

/* A socket in the WaitEventSet. */
typedef struct WatchedSocket
{
	curl_socket_t fd;
	uint32		wanted;			/* 0: libcurl does not care now */
	uint32		registered;		/* what the set knows */
	int			position;		/* in the set, or -1 */
	bool		is_connection;	/* else libcurl's own: the end is not told */
	bool		is_dead;		/* while idle, and that has been told */
} WatchedSocket;

static MemoryContext wait_context = NULL;	/* of the set, before 17 */
static WaitEventSet *wait_set = NULL;
static bool wait_set_stale = true;	/* must be made anew before a wait */
static WatchedSocket *sockets = NULL;	/* malloc'd: grown in callbacks */
static int	socket_count = 0;
static int	socket_capacity = 0;

/* When libcurl wants to be called, by now_ms(); negative: it does not. */
static int64 timer_at = -1;

/* Milliseconds of a clock that nobody sets. */
static int64
now_ms(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MILLISEC(now);
}

/* ----------
 * The sockets that are watched
 * ----------
 */

/* There are as many as connections: few enough to look at each. */
static WatchedSocket *
find_socket(curl_socket_t fd)
{
	for (int i = 0; i < socket_count; i++)
		if (sockets[i].fd == fd)
			return &sockets[i];
	return NULL;
}

/* Watch another one; NULL: out of memory. */
static WatchedSocket *
add_socket(curl_socket_t fd)
{
	WatchedSocket *socket;

	if (socket_count == socket_capacity)
	{
		int			capacity = Max(16, socket_capacity * 2);
		WatchedSocket *grown;

		grown = realloc(sockets, capacity * sizeof(WatchedSocket));
		if (grown == NULL)
			return NULL;
		sockets = grown;
		socket_capacity = capacity;
	}
	socket = &sockets[socket_count++];
	socket->fd = fd;
	socket->wanted = 0;
	socket->registered = 0;
	socket->position = -1;
	socket->is_connection = false;
	socket->is_dead = false;
	wait_set_stale = true;
	return socket;
}

static void
drop_socket(WatchedSocket *socket)
{
	*socket = sockets[--socket_count];
	wait_set_stale = true;
}

/* ----------
 * Callbacks of libcurl
 * ----------
 */

/*
 * sockets_on_open(): CURLOPT_OPENSOCKETFUNCTION of all handles, which learns
 * of a connection's socket from its beginning to its end.
 *
 * The kernel gives the number of a socket that was closed to the next one, so
 * there may be an entry of that number still.
 */
curl_socket_t
sockets_on_open(void *context pg_attribute_unused(),
				curlsocktype purpose pg_attribute_unused(),
				struct curl_sockaddr *address)
{
	curl_socket_t fd = socket(address->family, address->socktype,
							  address->protocol);
	WatchedSocket *watched;

	if (fd == CURL_SOCKET_BAD)
		return CURL_SOCKET_BAD;
	(void) fcntl(fd, F_SETFD, FD_CLOEXEC);
	watched = find_socket(fd);
	if (watched == NULL)
		watched = add_socket(fd);
	if (watched == NULL)
	{
		close(fd);
		return CURL_SOCKET_BAD;
	}
	watched->is_connection = true;
	watched->is_dead = false;
	wait_set_stale = true;
	return fd;
}

/*
 * CURLMOPT_SOCKETFUNCTION: what libcurl wants to know of a socket from now on.
 * A connection that idles is not watched, but stays in the set.
 */
static int
on_socket(CURL *easy pg_attribute_unused(), curl_socket_t fd, int what,
		  void *context pg_attribute_unused(),
		  void *socket_context pg_attribute_unused())
{
	WatchedSocket *socket = find_socket(fd);

	if (what == CURL_POLL_REMOVE && (socket == NULL || !socket->is_connection))
	{
		if (socket != NULL)
			drop_socket(socket);
		return 0;
	}
	if (socket == NULL)
		socket = add_socket(fd);
	if (socket == NULL)
		return -1;
	socket->wanted = 0;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		socket->wanted |= WL_SOCKET_READABLE;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		socket->wanted |= WL_SOCKET_WRITEABLE;
	return 0;
}

/*
 * sockets_on_close(): CURLOPT_CLOSESOCKETFUNCTION of all handles.  A closed
 * socket has left the kernel's set; ours must not believe in it.
 */
int
sockets_on_close(void *context pg_attribute_unused(), curl_socket_t fd)
{
	WatchedSocket *socket = find_socket(fd);

	if (socket != NULL)
		drop_socket(socket);
	return close(fd);
}

/*
 * CURLMOPT_TIMERFUNCTION: it only takes down when libcurl is to be called,
 * since it must not be called from here.
 */
static int
on_timer(CURLM *handle pg_attribute_unused(), long timeout_ms,
		 void *context pg_attribute_unused())
{
	timer_at = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	return 0;
}

/* ----------
 * Set-up
 * ----------
 */

/*
 * sockets_open(): have the multi handle tell of its sockets and its timer.
 * Its easy handles must have the callbacks above.
 */
void
sockets_open(CURLM *multi)
{
	wait_context = AllocSetContextCreate(TopMemoryContext,
										 "teams_proactive http",
										 ALLOCSET_DEFAULT_SIZES);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	timer_at = -1;
	wait_set_stale = true;
}

/*
 * sockets_close(): forget all sockets, before the multi handle is cleaned up:
 * that calls back for cached connections, of which nobody wants to know.
 */
void
sockets_close(CURLM *multi)
{
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, NULL);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, NULL);
	if (wait_set != NULL)
		FreeWaitEventSet(wait_set);
	wait_set = NULL;
	free(sockets);
	sockets = NULL;
	socket_count = socket_capacity = 0;
	MemoryContextDelete(wait_context);
	wait_context = NULL;
}

/* ----------
 * The wait
 * ----------
 */

/*
 * Make the set anew: the latch, the death of the postmaster, and the sockets
 * of which libcurl wants to know something.
 */
static void
rebuild_wait_set(void)
{
	if (wait_set != NULL)
		FreeWaitEventSet(wait_set);
	wait_set = NULL;
	wait_set = compat_create_wait_set(wait_context, socket_count + 2);
	AddWaitEventToSet(wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET,
					  NULL, NULL);
	for (int i = 0; i < socket_count; i++)
	{
		sockets[i].registered = sockets[i].wanted;
		sockets[i].position = -1;
		if (sockets[i].wanted != 0)
			sockets[i].position =
				AddWaitEventToSet(wait_set, sockets[i].wanted, sockets[i].fd,
								  NULL, NULL);
	}
	wait_set_stale = false;
}

/* Make the set agree with what libcurl wants to know. */
static void
update_wait_set(void)
{
	for (int i = 0; i < socket_count && !wait_set_stale; i++)
	{
		WatchedSocket *socket = &sockets[i];

		if (socket->wanted == 0 || socket->wanted == socket->registered)
			continue;
		if (socket->position < 0)
			wait_set_stale = true;
		else
			ModifyWaitEvent(wait_set, socket->position, socket->wanted, NULL);
		socket->registered = socket->wanted;
	}
	if (wait_set_stale)
		rebuild_wait_set();
}

/*
 * The peer has closed an idle connection.  What is sent on it is lost and in
 * doubt for nothing, and libcurl 8.22 looks only once a second.  It can be
 * told only of all of them.
 */
static void
forget_dead(CURLM *multi, WatchedSocket *socket)
{
	if (!socket->is_connection || socket->is_dead)
		return;
	socket->is_dead = true;
	compat_curl_forget_connections(multi);
}

/*
 * sockets_check_idle(): have no idle connection used that its peer has closed.
 * To be called before each request; it looks once a millisecond at most.
 */
void
sockets_check_idle(CURLM *multi)
{
	static int64 checked_at = 0;
	int64		now = now_ms();

	if (now == checked_at)
		return;
	checked_at = now;
	for (int i = 0; i < socket_count; i++)
	{
		struct pollfd poll_one = {sockets[i].fd, POLLIN, 0};

		if (sockets[i].wanted == 0 && !sockets[i].is_dead &&
			poll(&poll_one, 1, 0) > 0)
		{
			forget_dead(multi, &sockets[i]);
			return;				/* the callback may have moved the others */
		}
	}
}

/* Let libcurl read or write on a socket that is ready. */
static void
drive_socket(CURLM *multi, curl_socket_t fd, uint32 events)
{
	WatchedSocket *socket = find_socket(fd);
	int			mask = 0;
	int			running;

	/* An idle connection that the peer closes: stop watching it. */
	if (socket == NULL || socket->wanted == 0)
		wait_set_stale = true;
	if (socket != NULL && socket->wanted == 0)
		forget_dead(multi, socket);
	if (events & WL_SOCKET_READABLE)
		mask |= CURL_CSELECT_IN;
	if (events & WL_SOCKET_WRITEABLE)
		mask |= CURL_CSELECT_OUT;
	curl_multi_socket_action(multi, fd, mask, &running);
}

/* Call libcurl if its time has come; that may set the timer again. */
static void
drive_timer(CURLM *multi)
{
	int			running;

	if (timer_at < 0 || timer_at > now_ms())
		return;
	timer_at = -1;
	curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

/* sockets_do_not_wait(): the next sockets_wait() shall end at once. */
void
sockets_do_not_wait(void)
{
	timer_at = 0;
}

/*
 * sockets_deadline(): when a wait that begins now ends after timeout_ms, for
 * sockets_wait(); negative: it does not.
 */
int64
sockets_deadline(long timeout_ms)
{
	return timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
}

/* How long the wait may last, for the timer of libcurl and the caller. */
static long
time_to_wait(int64 deadline)
{
	int64		until = deadline;

	if (timer_at >= 0 && (until < 0 || timer_at < until))
		until = timer_at;
	if (until < 0)
		return -1;

	/* Max() evaluates an argument twice; -1 would mean for ever. */
	until -= now_ms();
	return (long) Max(0, until);
}

/* Wait for events and see to those of sockets; was the latch among them? */
static bool
take_events(CURLM *multi, long timeout_ms)
{
	WaitEvent	events[64];
	bool		latch_was_set = false;
	int			count;
	sigset_t	saved;

	update_wait_set();
	count = WaitEventSetWait(wait_set, timeout_ms, events, lengthof(events),
							 compat_wait_event());
	enter_curl(&saved);
	for (int i = 0; i < count; i++)
	{
		if (events[i].events & WL_LATCH_SET)
		{
			ResetLatch(MyLatch);
			latch_was_set = true;
		}
		else
			drive_socket(multi, events[i].fd, events[i].events);
	}
	drive_timer(multi);
	leave_curl(&saved);
	return latch_was_set;
}

/*
 * sockets_wait(): wait for a socket, the timer, the latch or the deadline, and
 * let libcurl do what there is to do.  Returns whether the wait is over for
 * the caller: the latch was set, and is reset, or the deadline has passed.
 * Else libcurl may have ended a request, or not.
 *
 * A latch that is set hides what sockets have.  Each transaction sets it, so
 * that while there is always another one to run, answers would wait for ever:
 * hence the second look.
 */
bool
sockets_wait(CURLM *multi, int64 deadline)
{
	bool		latch_was_set = take_events(multi, time_to_wait(deadline));

	if (latch_was_set)
		(void) take_events(multi, 0);
	return latch_was_set || (deadline >= 0 && now_ms() >= deadline);
}
