//! What the rules allow, and where they are broken for a good reason.

/// The floors, the lowest first. A floor may import those before its line, never its own line's
/// others and never a later one.
pub(super) const FLOORS: &[&[&str]] = &[
    &["model"],
    &["expr"],
    &["spec", "journal", "keys"],
    &["plan"],
    &["run", "sandbox"],
    &["call", "audit", "workspace"],
    &["report"],
    &["engine"],
    &["cli"],
    &["main"],
];

/// Floors that see less than all that lies below them: what they may import, and why no more.
pub(super) const NARROWER: &[(&str, &[&str], &str)] = &[
    (
        "journal",
        &["model"],
        "a record can be read by who knows nothing of expressions or runs",
    ),
    (
        "keys",
        &["model"],
        "a signature holds or not, whatever run or plan it is about",
    ),
    (
        "plan",
        &["model", "expr", "spec"],
        "there is a plan before there is a journal",
    ),
    (
        "run",
        &["model", "expr", "spec", "plan"],
        "a run does not write its own journal: the engine does",
    ),
    (
        "sandbox",
        &["model"],
        "it stands for a system outside, which has never heard of runbooks",
    ),
    (
        "call",
        &["model", "expr", "sandbox"],
        "an adapter gets a request and gives a reply, and sees nothing else of a run",
    ),
    (
        "main",
        &["cli"],
        "arguments go in and an exit code comes out, the rest is cli's",
    ),
];

/// Where one floor may use only some rooms of another: what it may use, and why no more.
pub(super) const ROOMS: &[(&str, &str, &[&str], &str)] = &[(
    "run",
    "spec",
    &["step", "contract", "environment", "source"],
    "a run holds definitions that were read, it never reads one",
)];

/// Imports that break the rules above, with the reason: file, path.
pub(super) const IMPORTS_ANYWAY: &[(&str, &str, &str)] = &[];

/// What touches nothing outside: folders and files.
pub(super) const PURE: &[&str] = &[
    "src/model/",
    "src/expr/",
    "src/spec/",
    "src/plan/",
    "src/run/",
    "src/sandbox/",
    "src/journal/record.rs",
    "src/journal/envelope.rs",
    "src/journal/strict.rs",
    "src/journal/chain.rs",
    "src/journal/verify.rs",
    "src/journal/finding.rs",
    "src/journal/ledger_event.rs",
    "src/keys/ballot.rs",
    "src/keys/request.rs",
    "src/keys/signers.rs",
    "src/keys/sshsig.rs",
    "src/keys/subject.rs",
];

/// What of the standard library a pure room never uses.
pub(super) const IMPURE_STD: &[&str] = &["env", "fs", "net", "os", "process", "thread"];

/// Crates that a pure room never uses.
pub(super) const IMPURE_CRATES: &[&str] = &[
    "duct",
    "etcetera",
    "getrandom",
    "rustix",
    "tempfile",
    "tokio",
];

/// Clocks that a pure room never reads: time is given to it.
pub(super) const CLOCKS: &[&str] = &["Timestamp::now", "Zoned::now", "Instant::now", "SystemTime"];

/// Who may read the wall clock: everyone else is given the time.
pub(super) const CLOCK_READERS: &[&str] = &["src/engine/", "src/cli/"];

/// Where processes are started, and why there.
pub(super) const STARTERS: &[(&str, &str)] = &[
    (
        "src/call/spawn.rs",
        "how that is done can then be replaced by a measurement",
    ),
    (
        "src/keys/keygen.rs",
        "to sign may need the terminal, an agent or a touch, which a call's child never has",
    ),
];

/// No file is longer.
pub(super) const MOST_LINES: usize = 800;

/// Longer files are listed, so that somebody may see how to part them.
pub(super) const HAPPY_LINES: usize = 400;

/// `mod.rs` files that hold more than docs and re-exports, with the reason.
pub(super) const FULL_MODS: &[(&str, &str)] = &[(
    "src/sandbox/area/mod.rs",
    "the table of all areas stands beside their list, so that none is forgotten",
)];

/// Where a panic is right, with the reason: file, the line's text.
pub(super) const PANICS_ANYWAY: &[(&str, &str, &str)] = &[
    (
        "src/call/panicking.rs",
        "panic!(\"while hearing {}\", String::from_utf8_lossy(line));",
        "in a debug build a test asks for it, to see what comes after a defect",
    ),
    (
        "src/report/panicking.rs",
        "0 => panic!(\"while telling of {notice:?}\"),",
        "in a debug build a test asks for it, to see what comes after a defect",
    ),
];
