/*
 * pace.c
 *	  The pace of each bot, shared by all that send for it in the cluster.
 *
 * A quota is the bot's and the tenant's, whichever databases send for it.
 * What is counted is what leaves, so that nobody has to tell afterwards.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/timestamp.h"

#include "server/pace.h"

/* A chat is kept in one of so many places. */
#define CHAT_WAYS 8

/* After so long without a request all that has left is out of the windows. */
#define IDLE_AFTER_US INT64CONST(10000000)

static void
lock_pace(Pace *pace)
{
	if (pace->lock != NULL)
		LWLockAcquire(pace->lock, LW_EXCLUSIVE);
}

static void
unlock_pace(Pace *pace)
{
	if (pace->lock != NULL)
		LWLockRelease(pace->lock);
}

/* A new entry; without a lock it is this process's alone. */
void
pace_init(Pace *pace, const char *key, LWLock *lock)
{
	pace->lock = lock;
	pace_assign(pace, key);
}

void
pace_assign(Pace *pace, const char *key)
{
	TimestampTz now = GetCurrentTimestamp();

	lock_pace(pace);
	strlcpy(pace->key, key, PACE_KEY_SIZE);
	pace->used_at = now;
	for (int kind = 0; kind < PACE_KINDS; kind++)
		throttle_init(&pace->throttles[kind]);
	unlock_pace(pace);
}

bool
pace_is_idle(Pace *pace)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		idle;

	lock_pace(pace);
	idle = pace->used_at < now - IDLE_AFTER_US;
	for (int kind = 0; kind < PACE_KINDS; kind++)
		idle = idle && pace->throttles[kind].blocked_until < now &&
			throttle_share(&pace->throttles[kind], now) >= 1;
	unlock_pace(pace);
	return idle;
}

/* Messages flow evenly; batches to Graph are better full than even. */
static int
room_of(Throttle *throttle, PaceKind kind, int quota, TimestampTz now)
{
	return kind == PACE_CONNECTOR ?
		throttle_smooth_room(throttle, quota, now) :
		throttle_room(throttle, quota, now);
}

int
pace_room(Pace *pace, PaceKind kind, int quota)
{
	TimestampTz now = GetCurrentTimestamp();
	int			room;

	lock_pace(pace);
	room = room_of(&pace->throttles[kind], kind, quota, now);
	unlock_pace(pace);
	return room;
}

int
pace_take(Pace *pace, PaceKind kind, int quota, int wanted)
{
	TimestampTz now = GetCurrentTimestamp();
	int			count;

	lock_pace(pace);
	count = Min(wanted, room_of(&pace->throttles[kind], kind, quota, now));
	throttle_take(&pace->throttles[kind], count, now);
	pace->used_at = now;
	unlock_pace(pace);
	return count;
}

void
pace_count(Pace *pace, PaceKind kind)
{
	TimestampTz now = GetCurrentTimestamp();

	lock_pace(pace);
	throttle_take(&pace->throttles[kind], 1, now);
	pace->used_at = now;
	unlock_pace(pace);
}

void
pace_give_back(Pace *pace, PaceKind kind, int count, TimestampTz from)
{
	lock_pace(pace);
	throttle_give_back(&pace->throttles[kind], count, from);
	unlock_pace(pace);
}

void
pace_move(Pace *pace, PaceKind kind, int count, TimestampTz from,
		  TimestampTz to)
{
	lock_pace(pace);
	throttle_move(&pace->throttles[kind], count, from, to);
	unlock_pace(pace);
}

void
pace_back_off(Pace *pace, PaceKind kind, double seconds)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until = TimestampTzPlusMilliseconds(now, seconds * 1000);

	lock_pace(pace);
	throttle_back_off(&pace->throttles[kind], until, now);
	unlock_pace(pace);
}

TimestampTz
pace_next(Pace *pace, PaceKind kind, int quota)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next;

	lock_pace(pace);
	next = kind == PACE_CONNECTOR ?
		throttle_smooth_next(&pace->throttles[kind], quota, now) :
		throttle_next(&pace->throttles[kind], quota, now);
	unlock_pace(pace);
	return next;
}

PaceState
pace_state(Pace *pace, PaceKind kind)
{
	TimestampTz now = GetCurrentTimestamp();
	Throttle   *throttle = &pace->throttles[kind];
	PaceState	state;

	lock_pace(pace);
	state.left = throttle_left(throttle, now);
	state.share = throttle_share(throttle, now);
	state.until = throttle->blocked_until > now ? throttle->blocked_until : 0;
	state.complaints = throttle->throttled;
	unlock_pace(pace);
	return state;
}

/* ----------
 * Chats
 * ----------
 */

void
pace_init_chats(ChatPaces *chats, LWLock *lock)
{
	memset(chats, 0, sizeof(ChatPaces));
	chats->lock = lock;
}

/* The chat's place, or that of the one among its rivals used least lately. */
static ChatThrottle *
find_chat(ChatPaces *chats, uint64 key)
{
	ChatThrottle *ways = &chats->chats[key % (PACE_CHATS / CHAT_WAYS) * CHAT_WAYS];
	ChatThrottle *oldest = &ways[0];

	for (int i = 0; i < CHAT_WAYS; i++)
	{
		if (ways[i].key == key)
			return &ways[i];
		if (ways[i].used_at < oldest->used_at)
			oldest = &ways[i];
	}
	chat_throttle_init(oldest, key);
	return oldest;
}

TimestampTz
pace_take_chat(ChatPaces *chats, const Pace *pace, const char *chat_id,
			   const int *limits)
{
	TimestampTz now = GetCurrentTimestamp();
	uint64		key = DatumGetUInt64(hash_any_extended((const unsigned char *) pace->key,
													   strlen(pace->key), 0));
	ChatThrottle *chat;
	TimestampTz next;

	key = DatumGetUInt64(hash_any_extended((const unsigned char *) chat_id,
										   strlen(chat_id), key));
	if (chats->lock != NULL)
		LWLockAcquire(chats->lock, LW_EXCLUSIVE);
	chat = find_chat(chats, key);
	next = chat_throttle_next(chat, limits, now);
	if (next <= now)
		chat_throttle_take(chat, now);
	if (chats->lock != NULL)
		LWLockRelease(chats->lock);
	return next <= now ? 0 : next;
}
