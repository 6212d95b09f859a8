/*
 * valgrind/memcheck.h
 *	  In the place of valgrind's: what PostgreSQL tells valgrind of its memory,
 *	  told to AddressSanitizer instead.
 *
 * A server that is built with USE_VALGRIND says which parts of its blocks are
 * anybody's, and which of its buffers are pinned.  ASan by itself sees only
 * the blocks, since these alone are malloc'd: what was pfree'd, belongs to a
 * context that was reset, or lies beyond what was asked for, would look like
 * any other memory to it.
 *
 * ASan does not know what is undefined, so that is defined here.  pfree() has
 * said that the memory is nobody's before it ends the chunk.
 */
#ifndef ASAN_MEMCHECK_H
#define ASAN_MEMCHECK_H

#include <sanitizer/asan_interface.h>

#include "valgrind.h"

#define VALGRIND_MAKE_MEM_NOACCESS(address, size) \
	__asan_poison_memory_region((address), (size))
#define VALGRIND_MAKE_MEM_UNDEFINED(address, size) \
	__asan_unpoison_memory_region((address), (size))
#define VALGRIND_MAKE_MEM_DEFINED(address, size) \
	__asan_unpoison_memory_region((address), (size))
#define VALGRIND_CHECK_MEM_IS_DEFINED(address, size) do {} while (0)

#define VALGRIND_CREATE_MEMPOOL(pool, redzone, zeroed) do {} while (0)
#define VALGRIND_DESTROY_MEMPOOL(pool) do {} while (0)
#define VALGRIND_MEMPOOL_TRIM(pool, address, size) do {} while (0)
#define VALGRIND_MEMPOOL_ALLOC(pool, address, size) \
	__asan_unpoison_memory_region((address), (size))
#define VALGRIND_MEMPOOL_FREE(pool, address) do {} while (0)
#define VALGRIND_MEMPOOL_CHANGE(pool, old, address, size) \
	__asan_unpoison_memory_region((address), (size))

#endif							/* ASAN_MEMCHECK_H */
