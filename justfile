# Short names for what CONTRIBUTING.md describes. `just` alone lists them.

_list:
    @just --list --unsorted

# Everything that CI runs
ci:
    .ci/run

# Format the sources
fmt:
    cargo fmt

# Find what the compiler allows and we do not
lint:
    cargo fmt --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy --locked --manifest-path bench/Cargo.toml --target-dir target --all-targets -- -D warnings

# Build the documentation of the crates
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# All tests
test:
    cargo test -p walnut-db --lib --features tracing engine::tests::trace
    WALNUT_SEEDS=60 cargo test -p walnut-tests --features shuttle --test interleavings
    cargo check -p walnut-db --no-default-features
    cargo test --workspace
    WALNUT_ENCRYPTION=1 cargo test --workspace --lib engine::tests::opening
    WALNUT_ENCRYPTION=1 cargo test --workspace --test it -- backup regressions full_disk damage failures

# The adapters on PostgreSQL and etcd, which the tests start and stop
servers:
    .ci/servers/run

# The main job: load a real data set, reopen, ask
main *args:
    cargo run --release --bin cities -- {{ args }}

# Measure Walnut alone; `just bench --help` tells more, bench/README.md how to measure the peers too
bench *args:
    cargo run --release --manifest-path bench/Cargo.toml -- {{ args }}

# Count instructions per operation under valgrind; `--save FILE`, `--against FILE`
instructions *args:
    cargo run --release --manifest-path bench/Cargo.toml --bin instructions -- {{ args }}

# Licences and advisories of the dependencies; needs cargo-deny
deny:
    cargo deny check
