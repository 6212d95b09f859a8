/*
 * timer.c
 *	  Wakes suspended connections when their time has come.
 *
 * One thread and a binary heap serve any number of delayed answers, so that
 * latency costs the simulator nothing: 200 connections that wait 50 ms each
 * are 200 entries here and no thread more.
 */
#include "http/timer.h"
#include "base/memory.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

typedef struct TimerEntry
{
	int64_t		due_ns;
	struct MHD_Connection *connection;
} TimerEntry;

static pthread_mutex_t timer_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t timer_changed;
static TimerEntry *heap;
static size_t heap_used;
static size_t heap_size;

static void
sift_up(size_t i)
{
	TimerEntry	entry = heap[i];

	while (i > 0 && heap[(i - 1) / 2].due_ns > entry.due_ns)
	{
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = entry;
}

static void
sift_down(size_t i)
{
	TimerEntry	entry = heap[i];

	for (;;)
	{
		size_t		child = 2 * i + 1;

		if (child >= heap_used)
			break;
		if (child + 1 < heap_used &&
			heap[child + 1].due_ns < heap[child].due_ns)
			child++;
		if (heap[child].due_ns >= entry.due_ns)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = entry;
}

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Sleep until the first entry is due, or for ever if there is none. */
static void
wait_for_first(void)
{
	struct timespec due;

	if (heap_used == 0)
	{
		pthread_cond_wait(&timer_changed, &timer_lock);
		return;
	}
	due.tv_sec = heap[0].due_ns / 1000000000;
	due.tv_nsec = heap[0].due_ns % 1000000000;
	pthread_cond_timedwait(&timer_changed, &timer_lock, &due);
}

static void *
timer_main(void *argument)
{
	(void) argument;
	pthread_mutex_lock(&timer_lock);
	for (;;)
	{
		while (heap_used > 0 && heap[0].due_ns <= now_ns())
		{
			struct MHD_Connection *connection = heap[0].connection;

			heap[0] = heap[--heap_used];
			if (heap_used > 0)
				sift_down(0);
			MHD_resume_connection(connection);
		}
		wait_for_first();
	}
	return NULL;
}

/* Start the thread; false if that failed. */
int
sim_timer_start(void)
{
	pthread_condattr_t attributes;
	pthread_t	thread;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&timer_changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (pthread_create(&thread, NULL, timer_main, NULL) != 0)
		return 0;
	pthread_detach(thread);
	return 1;
}

/* Resume a suspended connection at a time of CLOCK_MONOTONIC. */
void
sim_timer_add(struct MHD_Connection *connection, int64_t due_ns)
{
	pthread_mutex_lock(&timer_lock);
	if (heap_used == heap_size)
	{
		heap_size = heap_size > 0 ? heap_size * 2 : 64;
		heap = sim_realloc(heap, heap_size * sizeof(TimerEntry));
	}
	heap[heap_used].due_ns = due_ns;
	heap[heap_used].connection = connection;
	sift_up(heap_used++);
	pthread_cond_signal(&timer_changed);
	pthread_mutex_unlock(&timer_lock);
}
