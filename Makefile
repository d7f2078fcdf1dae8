# The commands of a checkout; `make help` lists them. Longer logic lives in the
# scripts that the targets call.

PREFIX ?= /usr
CARGO ?= cargo
RELEASE := $(CURDIR)/target/release
STATE := $(CURDIR)/.sentinel

# Nothing here is worth running at the same time as something else: Cargo and
# the scripts use all cores themselves.
.NOTPARALLEL:
.PHONY: help run sensor build test test-kernels test-kernels-near test-vm bench package install uninstall clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' Makefile

run: sensor ## install what is missing, build, and watch this machine in the foreground
	@packaging/run-foreground.sh $(RELEASE) $(STATE)

# The training program takes as long to build as half of all the rest, and watching
# works without it.
sensor: ## install what is missing and build the daemon and the command line
	@packaging/install-dependencies.sh build
	@$(CARGO) build --release --locked

build: sensor ## the same, and the program that trains networks and measures models
	@$(CARGO) build --release --locked --package sentinel-train

test: ## everything that must pass before a change lands
	@tests/run.sh

test-kernels: ## boot Debian's kernels under QEMU and run the sensor in each
	@packaging/install-dependencies.sh build
	@packaging/install-dependencies.sh test
	@packaging/install-dependencies.sh kernels
	@tests/kernels/test.sh

test-kernels-near: ## the same in brief, on one kernel older and one newer than this one
	@packaging/install-dependencies.sh build
	@packaging/install-dependencies.sh test
	@packaging/install-dependencies.sh kernels
	@tests/kernels/around.sh

test-vm: build ## boot a virtual machine with systemd and run the service in it
	@packaging/install-dependencies.sh kernels
	@packaging/install-dependencies.sh test
	@tests/vm/test.sh

install: ## install what was built, with unit and default configuration (DESTDIR, PREFIX)
	@packaging/install.sh install "$(DESTDIR)" "$(PREFIX)"

uninstall: ## remove what `make install` installed; keeps configuration and data
	@packaging/install.sh uninstall "$(DESTDIR)" "$(PREFIX)"

bench: sensor ## measure what Sentinel costs here, against no tool and empty programs (root)
	@$(CARGO) build --release --locked --example bench
	@$(RELEASE)/examples/bench

package: build ## make a deb and an rpm in target/package
	@packaging/package.sh

clean: ## remove build products, caches and the data of `make run`
	@$(CARGO) clean
	@rm -rf $(STATE)
