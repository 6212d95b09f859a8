/*
 * pace.c
 *	  The pace of each bot, shared by all that send for it in the cluster.
 *
 * A quota is the bot's and the tenant's (contract 5), whichever databases send
 * for it.  What is counted is what leaves, so that a process that dies owes
 * nobody anything.
 *
 * Windows are walked over slot by slot, which is too long for a spinlock.  All
 * hold the lock exclusively, as even to look moves a window on; and they look
 * at the clock when they have it, so that no window is moved back.
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
acquire(LWLock *lock)
{
	if (lock != NULL)
		LWLockAcquire(lock, LW_EXCLUSIVE);
}

static void
release(LWLock *lock)
{
	if (lock != NULL)
		LWLockRelease(lock);
}

/* Make an entry for that key; without a lock it is this process's alone. */
void
pace_init(Pace *pace, const char *key, LWLock *lock)
{
	pace->lock = lock;
	pace_assign(pace, key);
}

/* Let the entry be that key's from now on, of which nothing has left yet. */
void
pace_assign(Pace *pace, const char *key)
{
	TimestampTz now;

	acquire(pace->lock);
	now = GetCurrentTimestamp();
	strlcpy(pace->key, key, PACE_KEY_SIZE);
	pace->used_at = now;
	for (int kind = 0; kind < PACE_KINDS; kind++)
		throttle_init(&pace->throttles[kind]);
	release(pace->lock);
}

/* Would nothing be forgotten if the entry were given to somebody else? */
bool
pace_is_idle(Pace *pace)
{
	TimestampTz now;
	bool		idle;

	acquire(pace->lock);
	now = GetCurrentTimestamp();
	idle = pace->used_at < now - IDLE_AFTER_US;
	for (int kind = 0; kind < PACE_KINDS; kind++)
		idle = idle && pace->throttles[kind].blocked_until < now &&
			throttle_share(&pace->throttles[kind], now) >= 1;
	release(pace->lock);
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

/*
 * How many requests of that kind may leave now.  The quota, here and below, is
 * how many may within a second.
 */
int
pace_room(Pace *pace, PaceKind kind, int quota)
{
	TimestampTz now;
	int			room;

	acquire(pace->lock);
	now = GetCurrentTimestamp();
	room = room_of(&pace->throttles[kind], kind, quota, now);
	release(pace->lock);
	return room;
}

/*
 * Let up to "wanted" leave, as many as may, and count them as leaving now.
 * Returns how many.
 */
int
pace_take(Pace *pace, PaceKind kind, int quota, int wanted)
{
	TimestampTz now;
	int			count;

	acquire(pace->lock);
	now = GetCurrentTimestamp();
	count = Min(wanted, room_of(&pace->throttles[kind], kind, quota, now));
	throttle_take(&pace->throttles[kind], count, now);
	pace->used_at = now;
	release(pace->lock);
	return count;
}

/* One leaves, whether there is room or not. */
void
pace_count(Pace *pace, PaceKind kind)
{
	TimestampTz now;

	acquire(pace->lock);
	now = GetCurrentTimestamp();
	throttle_take(&pace->throttles[kind], 1, now);
	pace->used_at = now;
	release(pace->lock);
}

/*
 * So many that were counted as leaving at "from" do not.  Others of the same
 * kind that left then are as good, since nobody tells them apart.
 */
void
pace_give_back(Pace *pace, PaceKind kind, int count, TimestampTz from)
{
	acquire(pace->lock);
	throttle_give_back(&pace->throttles[kind], count, from);
	release(pace->lock);
}

/* So many that were counted as leaving at "from" leave at "to". */
void
pace_move(Pace *pace, PaceKind kind, int count, TimestampTz from,
		  TimestampTz to)
{
	acquire(pace->lock);
	throttle_move(&pace->throttles[kind], count, from, to);
	release(pace->lock);
}

/*
 * The service has answered 429: nothing leaves for so many seconds, and then
 * less than before for a while.
 */
void
pace_back_off(Pace *pace, PaceKind kind, double seconds)
{
	TimestampTz now;
	TimestampTz until;

	acquire(pace->lock);
	now = GetCurrentTimestamp();
	until = TimestampTzPlusMilliseconds(now, seconds * 1000);
	throttle_back_off(&pace->throttles[kind], until, now);
	release(pace->lock);
}

/* When there will be room, or more of it than now. */
TimestampTz
pace_next(Pace *pace, PaceKind kind, int quota)
{
	TimestampTz now;
	TimestampTz next;

	acquire(pace->lock);
	now = GetCurrentTimestamp();
	next = kind == PACE_CONNECTOR ?
		throttle_smooth_next(&pace->throttles[kind], quota, now) :
		throttle_next(&pace->throttles[kind], quota, now);
	release(pace->lock);
	return next;
}

/* How the pace is now, for people. */
PaceState
pace_state(Pace *pace, PaceKind kind)
{
	TimestampTz now;
	Throttle   *throttle = &pace->throttles[kind];
	PaceState	state;

	acquire(pace->lock);
	now = GetCurrentTimestamp();
	state.left = throttle_left(throttle, now);
	state.share = throttle_share(throttle, now);
	state.until = throttle->blocked_until > now ? throttle->blocked_until : 0;
	state.complaints = throttle->complaints;
	release(pace->lock);
	return state;
}

/* ----------
 * Chats
 * ----------
 */

/* No chat has got anything; without a lock they are this process's alone. */
void
pace_init_chats(ChatPaces *chats, LWLock *lock)
{
	memset(chats, 0, sizeof(ChatPaces));
	chats->lock = lock;
}

static uint64
hash_text(const char *text, uint64 seed)
{
	return DatumGetUInt64(hash_any_extended((const unsigned char *) text,
											(int) strlen(text), seed));
}

/* The chat's place, or that of the one among its rivals used least lately. */
static ChatThrottle *
find_chat(ChatPaces *chats, uint64 key)
{
	uint64		first = key % (PACE_CHATS / CHAT_WAYS) * CHAT_WAYS;
	ChatThrottle *ways = &chats->chats[first];
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

/*
 * Let a message go to a chat, and count it, if the limits of contract 5.1 for
 * each conversation allow it: limits[CHAT_LIMITS].  Returns 0 if it may go,
 * else when to ask again.  They are the limits of one bot, which is known by
 * the key of its pace.
 */
TimestampTz
pace_take_chat(ChatPaces *chats, const Pace *pace, const char *chat_id,
			   const int *limits)
{
	TimestampTz now;
	uint64		key = hash_text(chat_id, hash_text(pace->key, 0));
	ChatThrottle *chat;
	TimestampTz next;

	acquire(chats->lock);
	now = GetCurrentTimestamp();
	chat = find_chat(chats, key);
	next = chat_throttle_next(chat, limits, now);
	if (next <= now)
		chat_throttle_take(chat, now);
	release(chats->lock);
	return next <= now ? 0 : next;
}
