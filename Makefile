EXTENSION = teams_proactive

# The sources' directory, "./" unless this is a VPATH build.
TOP := $(dir $(lastword $(MAKEFILE_LIST)))
ifneq ($(TOP),./)
VPATH := $(TOP:/=)
$(shell mkdir -p sql $(patsubst $(TOP)%,%,$(wildcard $(TOP)src $(TOP)src/*/)))
endif

EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" '$(TOP)teams_proactive.control')
MODULE_big = teams_proactive
SOURCES = $(patsubst $(TOP)%,%,$(sort $(wildcard $(TOP)src/*.c $(TOP)src/*/*.c)))
OBJS = $(SOURCES:.c=.o)
DATA_built = sql/$(EXTENSION)--$(EXTVERSION).sql
DATA = $(filter-out $(DATA_built),$(patsubst $(TOP)%,%,$(wildcard $(TOP)sql/$(EXTENSION)--*.sql)))
EXTRA_CLEAN = $(DATA_built) test/log
NO_INSTALLCHECK = yes

# What PostgreSQL was compiled with is for gcc.
FOR_CLANG = $(if $(findstring clang,$(CC)),-Wno-unknown-warning-option \
	-Wno-ignored-optimization-argument -Wno-ignored-attributes)
# PostgreSQL's headers are the system's: warnings are for ours alone.
PG_CPPFLAGS = -I$(TOP)src -isystem $(shell $(PG_CONFIG) --includedir-server) \
	$(shell curl-config --cflags 2>/dev/null)
PG_CFLAGS = -std=gnu11 -fvisibility=hidden -Wextra $(FOR_CLANG) \
	$(if $(WERROR),-Werror)
SHLIB_LINK = $(shell curl-config --libs 2>/dev/null)

# On a fresh machine there is no PostgreSQL yet: test and demo install it, and
# then make starts again with it.
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
SERVER_HEADER := $(shell $(PG_CONFIG) --includedir-server 2>/dev/null)/postgres.h
ifeq ($(MAKECMDGOALS),check)
# PGXS has a target of that name which says that it is not supported.
else ifneq ($(and $(wildcard $(PGXS)),$(wildcard $(SERVER_HEADER))),)
include $(PGXS)
$(OBJS): $(wildcard $(TOP)src/*/*.h)
clean: clean-tests
else
all install:
	@echo "PostgreSQL's server headers are missing: run test/setup/packages.sh" >&2
	@exit 1
endif

# The extension's script, in parts by subject, each after those that it needs.
PARTS = guard json domain wake bot outbox account delivery installation activity send \
	notify template directory digest broadcast dry_run audit worker status \
	comment privilege

$(DATA_built): $(patsubst %,$(TOP)sql/%.sql,$(PARTS)) $(TOP)Makefile
	cat $(patsubst %,'$(TOP)sql/%.sql',$(PARTS)) >$@

.PHONY: help dist test check installcheck matrix lint fuzz demo play picture sim torture bench clean-tests

help:
	@echo "make                build the extension"
	@echo "make install        install it into the server that pg_config belongs to"
	@echo "make installcheck   test the SQL of what is installed, in a running server"
	@echo "make test           build and test everything, in a private server; also: make check"
	@echo "make matrix         the same on several releases of Debian, in chroots"
	@echo "make lint           look for mistakes in the sources that no test finds"
	@echo "make demo           show the main job, against the simulator"
	@echo "make play           try everything by hand, against the simulator"
	@echo "make picture        draw the pictures of the documents anew"
	@echo "make fuzz           damaged replies and hostile templates, for a minute each"
	@echo "make torture        send while everything breaks"
	@echo "make bench          how fast it is"
	@echo "make dist           what is committed, as an archive for PGXN"
	@echo "make clean          remove what was built"
	@echo "PG_CONFIG names the pg_config of the PostgreSQL to build for; see README.md."

# Everything: build without warnings, unit tests, fuzz targets for a moment,
# pg_regress and what takes sets under ASan and UBSan, pg_regress and TAP tests;
# with SANITIZE=1 all of these under the sanitizers, with a server that is built
# for it (once: some minutes). TESTS="t/sending regress" runs these alone.
test:
	@test/setup/packages.sh fuzz
	@test -z '$(SANITIZE)' || test/setup/packages.sh server
	@test/check-layers.sh
	@test/check-names.sh
	@test/check-docs.sh
	@test/check-way.sh
	@$(MAKE) -s all sim WERROR=1 with_llvm=no
	@test/check-circles.sh
	@$(MAKE) -s -C test/resend
	@$(MAKE) -s -C test/unit check
ifeq ($(TESTS),)
	@$(MAKE) -s -j$(shell getconf _NPROCESSORS_ONLN) -C test/fuzz fuzz FUZZ_TIME=5
ifeq ($(SANITIZE),)
	@SANITIZE=quick test/run-tests.sh regress t/sending_sets
endif
endif
	@SANITIZE='$(SANITIZE)' test/run-tests.sh $(TESTS)

check: test

# pg_regress in a running server that has the extension installed.
installcheck:
	@PG_CONFIG='$(PG_CONFIG)' '$(TOP)test/installcheck.sh'

# The archive that PGXN takes.
DISTVERSION = $(shell sed -n 's/^   "version": "\(.*\)",/\1/p' META.json)
dist:
	git archive --format=zip --prefix='$(EXTENSION)-$(DISTVERSION)/' \
		-o '$(EXTENSION)-$(DISTVERSION).zip' HEAD

# make test on other releases of Debian, hence with other versions of PostgreSQL
# and libcurl, each in a chroot: make matrix RELEASES="trixie"
matrix:
	@RELEASES='$(RELEASES)' test/matrix/run.sh

# What compilers, analyzers and the rules of pgindent have against the sources.
lint:
	@test/setup/packages.sh lint
	@PG_CONFIG='$(PG_CONFIG)' test/lint/run.sh

# Fuzz all that reads bytes from outside: each target for FUZZ_TIME seconds.
fuzz:
	@test/setup/packages.sh fuzz
	@$(MAKE) -s all with_llvm=no
	@$(MAKE) -s -C test/fuzz fuzz

# The main job, shown against the simulator in a private cluster.
demo:
	@test/setup/packages.sh
	@$(MAKE) -s all sim with_llvm=no
	@test/demo/run.sh

# A psql to try everything in: make play, or make play < script.sql
play:
	@test/setup/packages.sh </dev/null
	@$(MAKE) -s all sim with_llvm=no </dev/null
	@test/play/run.sh

# The pictures of the documents: a card, and a terminal with the playground.
picture:
	@test/setup/packages.sh picture
	@$(MAKE) -s all sim with_llvm=no
	@test/picture/card.sh docs/pictures/card.png
	@test/picture/terminal.sh docs/pictures/play.txt

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

# Also what other versions than this one have left.
clean-tests:
	@for part in sim unit resend fuzz bench; do \
		[ ! -e "test/$$part/Makefile" ] || $(MAKE) -s -C "test/$$part" clean; \
	done
