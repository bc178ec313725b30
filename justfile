# `just` lists the recipes. Everything here is one plain command; without just, type the command.

_default:
    @just --list

# All tests.
test *ARGS:
    cargo test {{ ARGS }}

# Form, lints, licences: what a reviewer should not have to say.
lint:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings
    cargo deny check licenses bans sources

# What a durable record and a process cost. Never on tmpfs.
bench *ARGS:
    cargo bench {{ ARGS }}

# The picture in README.md, from a real run.
picture:
    cargo build --release --locked
    docs/picture/render "${CARGO_TARGET_DIR:-target}/release/runbook" docs/picture/db-failover.svg

# A small production to try runbooks on, and a shell in it: docs/lab.md. It needs root.
lab *ARGS:
    cargo build --locked
    LAB_PATH="$(realpath "${CARGO_TARGET_DIR:-target}")/debug" tests/lab/lab.py shell {{ ARGS }}

# What runs before a change is taken, on a bare Debian machine too.
ci:
    .ci/run
