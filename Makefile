EXTENSION = teams_proactive
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" teams_proactive.control)

MODULE_big = teams_proactive
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
DATA_built = sql/$(EXTENSION)--$(EXTVERSION).sql
DATA = $(filter-out $(DATA_built),$(wildcard sql/$(EXTENSION)--*.sql))
EXTRA_CLEAN = $(DATA_built) test/log

PG_CPPFLAGS = -Isrc $(shell curl-config --cflags 2>/dev/null)
PG_CFLAGS = -std=gnu11 -fvisibility=hidden -Wextra -Wno-unused-parameter \
	-Wno-sign-compare -Wno-missing-field-initializers $(if $(WERROR),-Werror)
SHLIB_LINK = $(shell curl-config --libs 2>/dev/null)

# On a fresh machine there is no PostgreSQL yet: test and demo install it, and
# then make starts again with it.
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
SERVER_HEADER := $(shell $(PG_CONFIG) --includedir-server 2>/dev/null)/postgres.h
ifneq ($(and $(wildcard $(PGXS)),$(wildcard $(SERVER_HEADER))),)
include $(PGXS)
$(OBJS): $(wildcard src/*.h)
else
all install:
	@echo "PostgreSQL's server headers are missing: run test/setup/packages.sh" >&2
	@exit 1
endif

$(DATA_built): sql/$(EXTENSION).sql
	cp $< $@

.PHONY: test fuzz demo sim torture bench

# Everything: build without warnings, unit tests, fuzz targets for a moment,
# pg_regress and what takes sets under ASan and UBSan, pg_regress and TAP tests;
# with SANITIZE=1 all of these under the sanitizers, with a server that is built
# for it (once: some minutes). TESTS="t/010 regress" runs these alone.
test:
	@test/setup/packages.sh fuzz
	@test -z '$(SANITIZE)' || test/setup/packages.sh server
	@test/check-layers.sh
	@test/check-docs.sh
	@$(MAKE) -s all sim WERROR=1 with_llvm=no
	@$(MAKE) -s -C test/resend
	@$(MAKE) -s -C test/unit check
ifeq ($(TESTS),)
	@$(MAKE) -s -C test/fuzz fuzz FUZZ_TIME=5
ifeq ($(SANITIZE),)
	@SANITIZE=quick test/run-tests.sh regress t/200
endif
endif
	@SANITIZE='$(SANITIZE)' test/run-tests.sh $(TESTS)

# Fuzz all that reads bytes from outside: each target for FUZZ_TIME seconds.
fuzz:
	@test/setup/packages.sh fuzz
	@$(MAKE) -s -C test/fuzz fuzz

# The main job, shown against the simulator in a private cluster.
demo:
	@test/setup/packages.sh
	@$(MAKE) -s all sim with_llvm=no
	@test/demo/run.sh

# Sending while everything breaks: make torture DURATION=60 SEED=7
torture:
	@test/setup/packages.sh
	@$(MAKE) -s all sim with_llvm=no
	@DURATION='$(DURATION)' SEED='$(SEED)' test/torture/run.sh

# How fast it is, against what the machine can do; BENCH=quick takes two minutes.
bench:
	@test/setup/packages.sh
	@$(MAKE) -s all sim with_llvm=no
	@$(MAKE) -s -C test/bench
	@BENCH='$(BENCH)' test/bench/run.sh $(GOALS)

sim:
	@$(MAKE) -s -C test/sim
