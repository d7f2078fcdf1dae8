# The commands of a checkout; `make help` lists them. Longer logic lives in the
# scripts that the targets call.

PREFIX ?= /usr
CARGO ?= cargo
RELEASE := $(CURDIR)/target/release
STATE := $(CURDIR)/.sentinel

# Nothing here is worth running at the same time as something else: Cargo and
# the scripts use all cores themselves.
.NOTPARALLEL:
.PHONY: help run build test test-kernels install uninstall clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

run: build ## install what is missing, build, and watch this machine in the foreground
	@packaging/run-foreground.sh $(RELEASE) $(STATE)

build: ## install what is missing and build the daemon and the command line
	@packaging/install-dependencies.sh build
	@$(CARGO) build --release --locked

test: ## everything that must pass before a change lands
	@tests/run.sh

test-kernels: build ## boot Debian's kernels under QEMU and run the sensor in each
	@packaging/install-dependencies.sh kernels
	@tests/kernels/test.sh

install: ## install what was built, with unit and default configuration (DESTDIR, PREFIX)
	@packaging/install.sh install "$(DESTDIR)" "$(PREFIX)"

uninstall: ## remove what `make install` installed; keeps configuration and data
	@packaging/install.sh uninstall "$(DESTDIR)" "$(PREFIX)"

clean: ## remove build products, caches and the data of `make run`
	@$(CARGO) clean
	@rm -rf $(STATE)
