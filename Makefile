# SPDX-License-Identifier: Apache-2.0
#
#: make                  build sagentd and sagent
#: sudo make run         install what is missing, build, show accesses live with deploy/policies/host.yaml
#: sudo make check       everything below, then one line: N passed, N failed, N skipped
#: make check-unit       unit tests; needs no root
#: make lint             clang-format, clang-tidy, cppcheck, shellcheck, check-layers, check-headers
#: sudo make check-bpf   check-e2e, check-evasion, check-enforce: one suite; needs root
#: sudo make check-vm    the same accesses on Debian's 5.10, 6.1 and 6.12 kernels, in QEMU; some minutes
#: sudo make bench       measure, with ratios against nothing attached and an empty program
#: make fuzz             each fuzz target for FUZZ_SECONDS (60) with clang's libFuzzer
#: make coverage         lines that the unit tests run, per file
#: make docs             docs/configuration.md from the table of the config
#: make install          DESTDIR=, PREFIX=/usr/local, SYSCONF=/etc
#: sudo make deps        install what building and checking need (apt-get)
#: make clean            remove O
#:
#: O=DIR        where everything built goes (default: build)
#: V=1          show commands
#: SAN=address,undefined   userspace with sanitizers, in a directory of its own below O
#: WERROR=1     warnings are errors (make check sets it)
#: CC, CLANG, CFLAGS, CPPFLAGS, LDFLAGS, BPFTOOL   are yours

O        ?= build
CC       := $(if $(filter default,$(origin CC)),gcc,$(CC))
CLANG    ?= clang
PREFIX   ?= /usr/local
SYSCONF  ?= /etc
UNITDIR  ?= /lib/systemd/system
PYTHON   ?= /usr/bin/python3
FUZZ_SECONDS ?= 60

comma := ,
B     := $(O)$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
Q     := $(if $(V),,@)
say    = $(if $(V),,@printf '  %-8s %s\n' $(1) $(patsubst $(CURDIR)/%,%,$(2));)

# ---------------------------------------------------------------- what depends on what (make check-layers proves it)

# A module is a folder of userspace/; `config` is config*.c on top of it, `daemon` all else there. Each is an archive,
# and its line lists all that it may include.
MODULES       := base policy identity bus store sensor enforce export rollout cli config daemon
USES_base     :=
USES_policy   := base
USES_identity := base
USES_bus      := base
USES_config   := base
USES_store    := base bus
USES_sensor   := base policy identity
USES_enforce  := base policy identity sensor
USES_export   := base policy identity bus store sensor
USES_rollout  := base policy bus store sensor
USES_cli      := base policy identity bus store sensor rollout
USES_daemon   := base policy identity bus store sensor enforce export rollout cli config

PROGRAM_SOURCES := userspace/main.c userspace/cli/sagent.c
CONFIG_SOURCES  := $(wildcard userspace/config.c userspace/config_*.c)
DAEMON_SOURCES  := $(filter-out $(CONFIG_SOURCES) $(PROGRAM_SOURCES),$(wildcard userspace/*.c))
sources_of       = $(filter-out $(PROGRAM_SOURCES),$(wildcard userspace/$(1)/*.c) \
		   $(if $(filter config,$(1)),$(CONFIG_SOURCES)) $(if $(filter daemon,$(1)),$(DAEMON_SOURCES)))
TEST_SOURCES    := $(filter-out %.bpf.c,$(wildcard tests/unit/*.c tests/fuzz/*.c tests/bpf/*.c tests/e2e/*.c \
		     tests/evasion/*.c tests/enforce/*.c tests/bench/*.c))
C_SOURCES       := $(foreach m,$(MODULES),$(call sources_of,$(m))) $(wildcard $(PROGRAM_SOURCES)) $(TEST_SOURCES)
TEST_BPF        := $(wildcard tests/*/*.bpf.c)
HEADERS         := $(wildcard userspace/*.h userspace/*/*.h)

# A test program links the modules of which it, or a header beside it, includes a header, and what those modules use.
# INCLUDED: "file:header file:header ..."
INCLUDED := $(if $(TEST_SOURCES),$(shell awk -F'"' '/^.include "/ { sub(/^(\.\.\/)+userspace\//, "", $$2); \
	print FILENAME ":" $$2 }' $(TEST_SOURCES) $(wildcard tests/*/*.h)))
included_by = $(patsubst $(1):%,%,$(filter $(1):%,$(INCLUDED)))
TOP_HEADERS := $(notdir $(wildcard userspace/*.h))
module_of   = $(if $(findstring /,$(1)),$(filter $(MODULES),$(firstword $(subst /, ,$(1)))),$(if $(filter $(TOP_HEADERS),$(1)),\
	      $(if $(filter config%,$(1)),config,daemon)))
modules_of  = $(sort base $(foreach h,$(call included_by,$(1)) $(foreach l,$(call included_by,$(1)),$(call included_by,$(dir $(1))$(l))),\
	      $(foreach m,$(call module_of,$(h)),$(m) $(USES_$(m)))))
archives_of = $(foreach m,$(call modules_of,$(1)),$(if $(call sources_of,$(m)),$(B)/userspace/$(m).a))

# ---------------------------------------------------------------- flags; CFLAGS, CPPFLAGS, LDFLAGS are the user's

PACKAGES := libbpf libelf zlib libevent_core libevent_pthreads libsodium json-c libcyaml yaml-0.1 sqlite3 libcap-ng
NEEDS_PACKAGES := $(filter-out clean deps deps-build help,$(or $(MAKECMDGOALS),all))
ifneq ($(NEEDS_PACKAGES),)
PACKAGE_CFLAGS  := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PACKAGE_LIBS    := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)
HAVE_URING      := $(shell pkg-config --exists liburing 2>/dev/null && echo yes)
endif

MACHINE  := $(shell uname -m)
BPF_ARCH := $(or $(patsubst x86_64,x86,$(filter x86_64,$(MACHINE))),$(patsubst aarch64,arm64,$(filter aarch64,$(MACHINE))),$(MACHINE))
# Ubuntu's /usr/sbin/bpftool only works for the kernel that runs; the tools below it work for any.
BPFTOOL  ?= $(firstword $(wildcard /usr/lib/linux-tools/*/bpftool /usr/lib/linux-tools-*/bpftool /usr/sbin/bpftool \
	      /usr/local/sbin/bpftool) bpftool)

CFLAGS   ?= $(if $(SAN),-O1 -g,-O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 $(if $(WERROR),-Werror)
LANGUAGE := -std=gnu11 -D_GNU_SOURCE -Iuserspace -Ibpf -I$(O)/bpf $(PACKAGE_CFLAGS) -include userspace/base/banned.h
OWN_CFLAGS  := $(LANGUAGE) $(WARNINGS) -pthread -fPIE -fstack-protector-strong $(if $(SAN),-fsanitize=$(SAN) \
	       -fno-sanitize-recover=all -fno-omit-frame-pointer)
OWN_LDFLAGS := -pthread -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN))
BPF_CFLAGS  := -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -Ibpf -idirafter /usr/include/$(MACHINE)-linux-gnu \
	       -Wall -Wno-missing-declarations $(if $(WERROR),-Werror)

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: all programs tests tests-unit run check check-unit check-bpf check-e2e check-evasion check-enforce check-vm check-layers check-headers lint docs \
	bench fuzz coverage install deps deps-build clean help

# ---------------------------------------------------------------- programs

all: programs
programs: $(B)/sagentd $(B)/sagent

$(B)/sagentd: $(B)/userspace/main.o $(foreach m,$(MODULES),$(if $(call sources_of,$(m)),$(B)/userspace/$(m).a))
$(B)/sagent: $(B)/userspace/cli/sagent.o $(foreach m,$(USES_cli) cli,$(if $(call sources_of,$(m)),$(B)/userspace/$(m).a))
$(B)/sagentd $(B)/sagent:
	$(call say,LD,$@)
	$(Q)$(CC) $(OWN_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(PACKAGE_LIBS) -lm

define archive
$(B)/userspace/$(1).a: $(patsubst %.c,$(B)/%.o,$(call sources_of,$(1)))
endef
$(foreach m,$(MODULES),$(eval $(call archive,$(m))))
$(B)/userspace/%.a:
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && ar rcs $@ $^

$(B)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(OWN_CFLAGS) $(TEST_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(EXTRA_CFLAGS) -MMD -MP -c -o $@ $<

# ---------------------------------------------------------------- kernel programs

# Only the first build needs to be told; afterwards the compiler's own list says who includes a skeleton.
$(patsubst %.c,$(B)/%.o,$(shell grep -ls 'sensor\.skel\.h' $(C_SOURCES))): $(O)/bpf/sensor.skel.h

$(O)/%.bpf.o: %.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

# One object, one file: bpf/sensor.bpf.c includes the subjects. Passing it through the linker drops the debug sections.
$(O)/bpf/sensor.linked.o: $(O)/bpf/sensor.bpf.o
	$(call say,GEN,$@)
	$(Q)$(BPFTOOL) gen object $@ $<

$(O)/bpf/sensor.skel.h: $(O)/bpf/sensor.linked.o
	$(call say,GEN,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name sensor_bpf > $@

$(O)/tests/%.skel.h: $(O)/tests/%.bpf.o
	$(call say,GEN,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(notdir $*)_bpf > $@
$(foreach f,$(TEST_BPF),$(eval $(patsubst %.c,$(B)/%.o,$(filter $(dir $(f))%,$(TEST_SOURCES))): $(O)/$(f:.bpf.c=.skel.h)))

# ---------------------------------------------------------------- test programs: each .c is one

# Names that end in _32 are 32-bit programs, built where the compiler can.
CAN_32       := $(if $(filter %_32.c,$(TEST_SOURCES)),$(shell echo 'int main(void){return 0;}' | \
		  $(CC) -m32 -x c -o /dev/null - 2>/dev/null && echo yes))
TEST_PROGRAM_SOURCES := $(filter-out tests/fuzz/driver.c $(if $(CAN_32),,%_32.c),$(TEST_SOURCES))
programs_in   = $(patsubst %.c,$(B)/%,$(filter tests/$(1)/%,$(TEST_PROGRAM_SOURCES)))
UNIT_PROGRAMS := $(filter $(B)/tests/unit/test_%,$(call programs_in,unit))
FUZZ_PROGRAMS := $(call programs_in,fuzz)

define test_program
$(B)/$(1:.c=): $(B)/$(1:.c=.o) $(if $(filter %_32.c,$(1)),,$(call archives_of,$(1)))
endef
$(foreach f,$(TEST_PROGRAM_SOURCES),$(eval $(call test_program,$(f))))
$(FUZZ_PROGRAMS): $(B)/tests/fuzz/driver.o

$(B)/tests/%: $(B)/tests/%.o
	$(call say,LD,$@)
	$(Q)$(CC) $(OWN_LDFLAGS) $(LDFLAGS) $(EXTRA_CFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(if $(filter %_32,$@),,$(PACKAGE_LIBS) $(if $(HAVE_URING),-luring) -lcmocka -lm)
%_32 %_32.o: EXTRA_CFLAGS += -m32
$(B)/tests/%.o: TEST_CFLAGS = -I$(O)/$(patsubst $(B)/%,%,$(@D)) $(if $(HAVE_URING),-DHAVE_LIBURING)

tests-unit: $(foreach s,unit fuzz,$(call programs_in,$(s)))
tests: tests-unit $(foreach s,bpf e2e evasion enforce bench,$(call programs_in,$(s)))

# ---------------------------------------------------------------- checks; tests/run reads TAP and sums up

SAN_CHECK  := address,undefined
SAN_B      := $(O)/san-$(subst $(comma),-,$(SAN_CHECK))
UNIT_SUITE := $(foreach p,$(UNIT_PROGRAMS),tap:unit/$(notdir $(p)):$(p)) \
	      $(foreach p,$(wildcard tests/unit/test_*.py),tap:unit/$(notdir $(p)):$(PYTHON)@$(p))
SAN_SUITE  := $(foreach p,$(UNIT_PROGRAMS),tap:sanitized/$(notdir $(p)):$(p:$(B)/%=$(SAN_B)/%)) \
	      $(foreach p,$(FUZZ_PROGRAMS),step:corpus/$(notdir $(p)):$(p:$(B)/%=$(SAN_B)/%)@tests/fuzz/corpus/$(patsubst fuzz_%,%,$(notdir $(p))))
LINT_SUITE  = $(foreach t,format tidy cppcheck shell,tap:lint/$(t):tests/lint@$(t)) step:lint/layers:$(AGAIN)@check-layers \
	      step:lint/headers:$(AGAIN)@check-headers
suite_of    = $(foreach s,$(1),$(if $(wildcard tests/$(s)/run),tap:$(s):tests/$(s)/run))
RUN         = O=$(abspath $(O)) B=$(abspath $(B)) MAKE='$(MAKE) $(JOBS)' PYTHON=$(PYTHON) SOURCES='$(C_SOURCES)' \
	      HEADERS='$(HEADERS)' tests/run -d $(O)/check
AGAIN       = $(MAKE)@--no-print-directory$(addprefix @,$(JOBS))
JOBS        = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
BUILD_STEP  = step:build/programs:$(AGAIN)@-k@programs@tests@WERROR=1

check: deps
	@+$(RUN) $(BUILD_STEP) step:build/sanitized:$(AGAIN)@-k@tests-unit@SAN=$(SAN_CHECK)@WERROR=1 $(UNIT_SUITE) $(SAN_SUITE) \
		$(LINT_SUITE) $(call suite_of,bpf e2e evasion enforce)
check-unit:
	@+$(RUN) step:build/unit:$(AGAIN)@-k@tests-unit@WERROR=1 $(UNIT_SUITE)
check-bpf check-e2e check-evasion check-enforce:
	@+$(RUN) $(BUILD_STEP) $(call suite_of,$(@:check-%=%))
# Kernels are fetched once; VM_KERNELS says where they are kept. Without QEMU or a mirror it is skipped, with the reason.
check-vm:
	@+SUITE_TIMEOUT=3600 $(RUN) $(BUILD_STEP) step:build/vm:$(AGAIN)@$(abspath $(O))/tests/vm/init tap:vm:tests/vm/run

# Process 1 of a machine that has nothing else.
$(O)/tests/vm/init: tests/vm/init.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(LANGUAGE) $(WARNINGS) -O2 -static -o $@ $<

lint:
	@+$(RUN) $(LINT_SUITE)

check-layers:
	$(Q)tests/check-layers $(foreach m,$(MODULES),$(m)=$(subst $() $(),$(comma),$(USES_$(m))))

# bpf/ headers stand on kernel.h and are compiled with every kernel program.
check-headers:
	$(Q)for header in $(HEADERS) bpf/abi.h; do echo "#include \"$$header\"" | $(CC) -I. $(OWN_CFLAGS) -Werror \
		-fsyntax-only -x c - || exit 1; done

# The object decides when to look again: it is rebuilt when any header of the file changes.
$(O)/lint/%.tidy: %.c $(B)/%.o .clang-tidy
	$(call say,TIDY,$<)
	$(Q)mkdir -p $(@D) && clang-tidy --quiet --warnings-as-errors='*' $< -- $(LANGUAGE) -I$(O)/$(dir $*) $(if $(HAVE_URING),-DHAVE_LIBURING) 2>$@.log >$@.out \
		|| { cat $@.out; grep -v 'warnings generated\|Suppressed' $@.log; exit 1; }
	$(Q)touch $@

docs: $(B)/tests/unit/config_documentation
	$(call say,GEN,docs/configuration.md)
	$(Q)$< > docs/configuration.md

bench: deps-build
	@+$(MAKE) --no-print-directory $(JOBS) programs tests
	@O=$(abspath $(O)) B=$(abspath $(B)) tests/bench/run

fuzz: deps-build
	@for f in $(notdir $(FUZZ_PROGRAMS)); do mkdir -p $(O)/corpus/$$f && $(MAKE) --no-print-directory O=$(O)/fuzzing CC=$(CLANG) \
		CFLAGS='-O1 -g -DFUZZER -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' \
		LDFLAGS='-fsanitize=fuzzer,address,undefined' $(O)/fuzzing/tests/fuzz/$$f && $(O)/fuzzing/tests/fuzz/$$f \
		-max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=1024 -artifact_prefix=$(O)/corpus/ $(O)/corpus/$$f \
		tests/fuzz/corpus/$${f#fuzz_} || exit 1; done

coverage:
	-@+$(MAKE) --no-print-directory O=$(O)/coverage CFLAGS='-O0 -g --coverage' LDFLAGS=--coverage check-unit
	@tests/coverage $(O)/coverage

# ---------------------------------------------------------------- run, install

# The build is another make: this one read what pkg-config says before `deps` could install it.
# The policy is copied so that it belongs to root whoever cloned the tree: the daemon trusts no other.
STATE = $(abspath $(O))/state
run: deps-build
	@+$(MAKE) --no-print-directory $(JOBS) programs
	@install -d -m 0700 $(STATE) $(STATE)/policies && install -m 0600 deploy/policies/host.yaml $(STATE)/policies/
	@exec $(abspath $(B))/sagentd --policy $(STATE)/policies --state-dir $(STATE) --set run_dir=$(STATE)/run --output table

install: programs
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/secrets-agent $(DESTDIR)$(UNITDIR)
	install -d -m 0755 $(DESTDIR)$(SYSCONF)/secrets-agent $(DESTDIR)$(SYSCONF)/secrets-agent/policies
	install -m 0755 $(B)/sagentd $(DESTDIR)$(PREFIX)/sbin/
	install -m 0755 $(B)/sagent $(DESTDIR)$(PREFIX)/bin/
	for policy in deploy/policies/*.yaml; do target=$(DESTDIR)$(SYSCONF)/secrets-agent/policies/$${policy##*/}; \
		[ -e $$target ] || install -m 0644 $$policy $$target; done
	cp -R schemas $(DESTDIR)$(PREFIX)/share/secrets-agent/
	for unit in $(wildcard deploy/systemd/*.service); do sed 's|@sbindir@|$(PREFIX)/sbin|' $$unit \
		> $(DESTDIR)$(UNITDIR)/$${unit##*/}; done

deps:
	@tests/dependencies all
deps-build:
	@tests/dependencies build

clean:
	rm -rf $(O)

help:
	@sed -n 's/^#: //p' $(firstword $(MAKEFILE_LIST))

-include $(wildcard $(B)/userspace/*.d $(B)/userspace/*/*.d $(B)/tests/*/*.d $(O)/bpf/*.d $(O)/tests/*/*.d)
