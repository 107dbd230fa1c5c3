# SPDX-License-Identifier: Apache-2.0
# Everything that is made goes below build/: $(OUT) is build/ itself, or build/<sanitizers>/ with SAN.
# Sources are found by folder, so a new probe or test needs no change here. `make help` lists targets.

VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
SAN ?=
V ?= 0
FUZZ_SECONDS ?= 300
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
CLANG_FORMAT ?= clang-format
JOBS ?= $(shell nproc)

export PATH := $(PATH):/usr/sbin:/sbin
comma := ,
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s%s\n' $(1) $@)

BUILD := build
OUT := $(BUILD)$(if $(SAN),/$(subst $(comma),-,$(SAN)))
TEST_SAN := address,undefined
TEST_OUT := $(BUILD)/$(subst $(comma),-,$(TEST_SAN))
FUZZ_SAN := fuzzer-no-link,address,undefined
FUZZ_OUT := $(BUILD)/$(subst $(comma),-,$(FUZZ_SAN))

# One jobserver: an outer -j wins, else as many jobs as there are CPUs.
submake = +$(Q)$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes $(CFLAGS) \
	-fPIE -DTALLYMAN_VERSION='"$(VERSION)"' -I. -I$(BUILD)
ALL_LDFLAGS = -pie -Wl,--as-needed $(LDFLAGS)
ifneq ($(SAN),)
ALL_CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
ALL_LDFLAGS += -fsanitize=$(SAN)
else
ALL_CFLAGS += -fstack-protector-strong -D_FORTIFY_SOURCE=2
ALL_LDFLAGS += -Wl,-z,relro,-z,now
endif
LIBS = -lbpf -lelf -lz -lmicrohttpd -lyaml -ljansson -lpq -lm
TEST_LIBS = -lcmocka -lpg_query -lhiredis $(LIBS)

# ---- kernel side: one object a probe, linked, then made a skeleton -------------------------------

BPF_ARCH := $(subst aarch64,arm64,$(subst x86_64,x86,$(shell uname -m)))
BPF_CFLAGS = -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -mcpu=v3 -g -O2 -std=gnu11 -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-missing-field-initializers -Ivmlinux -I.
BPF_SRC := $(wildcard probes/*/*.bpf.c)
BPF_OBJ := $(BPF_SRC:%.c=$(BUILD)/bpf/%.o)
SKELETON := $(BUILD)/tallyman.skel.h

# ---- user side -----------------------------------------------------------------------------------

USER_SRC := $(filter-out %.bpf.c,$(wildcard user/lib/*.c user/*.c probes/*.c probes/*/*.c))
USER_OBJ := $(USER_SRC:%.c=$(OUT)/obj/%.o)
MAIN_OBJ := $(OUT)/obj/user/main.o
LIB := $(OUT)/libtallyman.a
BINARY := $(OUT)/tallyman
SKELETON_USERS := $(shell grep -l 'tallyman\.skel\.h' $(USER_SRC) /dev/null)
MAN_SRC := $(wildcard docs/man/*.scd)
MAN := $(MAN_SRC:docs/man/%.scd=$(BUILD)/man/%)
EXAMPLES := $(wildcard docs/*.yaml user/*.yaml)

# A test is tests/<kind>/test_*.c; other files there are what its tests share.
tests_of = $(patsubst %.c,$(OUT)/%,$(wildcard tests/$(1)/$(2)_*.c))
shared_of = $(patsubst %.c,$(OUT)/obj/%.o,$(filter-out tests/$(1)/$(2)_%,$(wildcard tests/$(1)/*.c)))
UNIT := $(call tests_of,unit,test)
LIVE := $(call tests_of,live,test)
FUZZ := $(call tests_of,fuzz,fuzz)
# Not the kernel's framing, whose steps the verifier bounds.
WORST := $(patsubst tests/fuzz/fuzz_%.c,$(OUT)/tests/worst/test_%, \
	$(filter-out %/fuzz_framing.c,$(wildcard tests/fuzz/fuzz_*.c)))
PRELOAD := $(patsubst %.c,$(OUT)/%.so,$(wildcard tests/live/preload/*.c))
GOLDEN := $(wildcard tests/golden/run.sh)
GUESTS := $(wildcard tests/vm/check.sh)
C_FILES = $(filter-out vmlinux/%,$(shell find bpf probes user tests -name '*.[ch]'))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all check demo bench bench-check accuracy lint fmt fuzz install clean help
.PHONY: arm64 check-vm check-build unit-build live-build fuzz-build unit live golden worst FORCE

all: $(BINARY) $(MAN) ## build the tracer: build/tallyman (SAN=address,undefined: its own folder)

check: ## install what is missing, build, lint, and run every test; ends in the count
	$(Q)scripts/setup.sh
	$(submake) check-build
	$(Q)FUZZ_TOTAL_SECONDS=60 CHECK_VM=$(or $(CHECK_VM),some) scripts/run-tests.sh scripts/lint.sh scripts/arm64.sh \
		$(patsubst $(OUT)/%,$(TEST_OUT)/%,$(UNIT)) $(GOLDEN) \
		$(patsubst $(OUT)/%,$(FUZZ_OUT)/%,$(FUZZ)) $(WORST) $(LIVE) $(GUESTS)

demo: ## install what is missing, then three tenants' workload on real servers for 20 seconds
	$(Q)scripts/setup.sh
	$(submake) all
	$(Q)scripts/demo.sh

bench: all ## measure what tracing costs on this machine
	$(Q)scripts/bench.sh

bench-check: all ## has a hook become more than 15 % dearer than docs/benchmarks.json says?
	$(Q)scripts/bench.sh --check

accuracy: all ## measure how true its figures are on this machine
	$(Q)scripts/accuracy.sh

lint: ## check layering, sizes, SPDX lines, format and scripts
	$(Q)scripts/lint.sh

fmt: ## apply .clang-format to all C files
	$(Q)$(CLANG_FORMAT) -i $(C_FILES)

fuzz: fuzz-build ## run each fuzz target for FUZZ_SECONDS (300), or FUZZ_RUNS=n executions if that is less
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/run-tests.sh $(patsubst $(OUT)/%,$(FUZZ_OUT)/%,$(FUZZ))

install: all ## copy binary, man pages and examples below DESTDIR and PREFIX (/usr/local)
	install -D -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/tallyman
	$(Q)for page in $(MAN); do \
		install -v -D -m 644 $$page \
			$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit 1; \
	done
	$(Q)for file in LICENSE README.md $(EXAMPLES); do [ ! -e $$file ] || \
		install -v -D -m 644 $$file $(DESTDIR)$(PREFIX)/share/doc/tallyman/$${file##*/} || exit 1; \
	done

clean: ## remove build/
	rm -rf $(BUILD)

help: ## print this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-9s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "  variables: V=1 CC=gcc|clang SAN=address,undefined CFLAGS PREFIX DESTDIR JOBS FUZZ_SECONDS"

# ---- tests: unit tests always with sanitizers, fuzz targets always with clang ------------------------

unit: unit-build ## run the unit tests
	$(Q)scripts/run-tests.sh $(patsubst $(OUT)/%,$(TEST_OUT)/%,$(UNIT))

live: all live-build ## run the tests with real servers and the running kernel (root)
	$(Q)scripts/run-tests.sh $(LIVE)

golden: all ## replay kept recordings and compare
	$(Q)scripts/run-tests.sh $(GOLDEN)

check-vm: all ## boot older and newer kernels under qemu and run the tracer there (root)
	$(Q)scripts/run-tests.sh $(GUESTS)

arm64: ## build the tracer for arm64: build/arm64/tallyman
	$(Q)scripts/run-tests.sh scripts/arm64.sh

worst: $(WORST) ## time each parser on what takes it longest: at most 1 ms for 8 KiB
	$(Q)scripts/run-tests.sh $(WORST)

check-build: all live-build unit-build fuzz-build $(WORST)

live-build: $(LIVE) $(PRELOAD)

# The skeleton first: the sub-makes would otherwise each make it, at the same time.
unit-build: $(SKELETON)
	$(submake) SAN=$(TEST_SAN) $(patsubst $(OUT)/%,$(TEST_OUT)/%,$(UNIT))

fuzz-build: $(SKELETON)
	$(submake) CC=$(CLANG) SAN=$(FUZZ_SAN) $(patsubst $(OUT)/%,$(FUZZ_OUT)/%,$(FUZZ))

# ---- how things are made -------------------------------------------------------------------------

# Holds the flags of the last build; objects are made again when they change.
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS))' | cmp -s - $@ || \
		echo '$(subst ','\'',$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS))' >$@

$(BUILD)/bpf/%.bpf.o: %.bpf.c Makefile
	$(call say,BPF)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/tallyman.bpf.o: $(BPF_OBJ)
	$(call say,BPFLINK)
	$(Q)bpftool gen object $@ $^

$(SKELETON): $(BUILD)/tallyman.bpf.o
	$(call say,SKEL)
	$(Q)bpftool gen skeleton $< name tallyman_bpf >$@

$(OUT)/obj/%.o: %.c $(OUT)/flags
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# Known from the .d files after the first build only; before it, the skeleton must be there.
$(SKELETON_USERS:%.c=$(OUT)/obj/%.o): | $(SKELETON)

# .incbin is not a dependency that the compiler tells.
$(OUT)/obj/user/config_builtin.o: $(wildcard user/*.yaml)

$(LIB): $(filter-out $(MAIN_OBJ),$(USER_OBJ))
	$(call say,AR)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BINARY): $(MAIN_OBJ) $(LIB)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ $(LIBS) -o $@

$(OUT)/tests/unit/%: $(OUT)/obj/tests/unit/%.o $(call shared_of,unit,test) $(LIB)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ $(TEST_LIBS) -o $@

$(OUT)/tests/live/%: $(OUT)/obj/tests/live/%.o $(call shared_of,live,test) $(LIB)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ $(TEST_LIBS) -o $@

# Loaded into programs that know nothing of the build's sanitizers.
$(OUT)/tests/live/preload/%.so: tests/live/preload/%.c $(wildcard tests/live/*.h) $(OUT)/flags
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -Wall -Wextra -Werror -O2 -g -I. -fPIC -shared $< -o $@

$(OUT)/tests/fuzz/%: $(OUT)/obj/tests/fuzz/%.o $(call shared_of,fuzz,fuzz) $(LIB)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer $^ $(LIBS) -o $@

$(OUT)/tests/worst/test_%: $(OUT)/obj/tests/fuzz/fuzz_%.o $(call shared_of,worst,test) $(LIB)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ $(LIBS) -o $@

$(BUILD)/man/%: docs/man/%.scd
	$(call say,MAN)
	@mkdir -p $(@D)
	$(Q)scdoc <$< >$@

-include $(BPF_OBJ:.o=.d) $(USER_OBJ:.o=.d)
-include $(patsubst %.c,$(OUT)/obj/%.d,$(wildcard tests/*/*.c))
