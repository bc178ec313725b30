//! Rows of `docs/threats.md` that take the whole program and fit nowhere else.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use std::collections::BTreeSet;

use support::Place;
use support::pty::Pty;

/// A file that is edited while a run waits, and what the run then does: what it was shown before.
#[test]
fn threat_21_a_runbook_that_was_edited_meanwhile_changes_nothing_of_a_run() {
    let place = Place::new();
    let here = place.here().display().to_string();
    let text = format!(
        "name: x\ntitle: X\nsteps:\n  - id: ask\n    ask: Which?\n    choices: {{ a: A, b: B }}\n  - id: act\n    run: [touch, '{here}/approved']\n    effect: change\n"
    );
    place.write("x.yaml", &text);
    place.write("runbook.yaml", BENCH);
    place.run(&["run", "./x.yaml", "-e", "bench"]).exits(77);
    // Where nobody can be asked nothing was begun: the run is begun with an answer that parks it.
    assert!(place.runs().is_empty());
    place.write(
        "x.yaml",
        &text.replace(
            "    ask: Which?",
            "    if: run.environment == 'bench'\n    ask: Which?",
        ),
    );
    place.run(&["run", "./x.yaml", "-e", "bench"]).exits(77);
    assert_eq!(place.runs().len(), 1);
    place.write("x.yaml", &text.replace("approved", "edited"));
    place.run(&["resume", "last", "--answer", "ask=a"]).exits(0);
    assert!(place.here().join("approved").exists());
    assert!(!place.here().join("edited").exists());
    place.run(&["audit", "verify", "last"]).exits(0);
}

/// A team's environment in which nobody needs to be asked, so that tests can act.
const BENCH: &str = "environments:\n  bench:\n    tools:\n      FEATURE_FLAG_TOOL: { adapter: file, with: { path: flags } }\n    policy: { unattended: allow, gates: { change: none, destructive: confirm } }\n";

#[test]
fn threat_22_an_adapter_that_was_edited_meanwhile_does_not_answer_for_a_run() {
    let place = Place::new();
    let flags = place.here().join("flags");
    let adapter = "adapter: file\nimplements: FEATURE_FLAG_TOOL\ntitle: A file\nsettings:\n  path: { help: Where }\nactions:\n  enable:\n    command: [touch, '{{ settings.path }}']\n    output: { changed: args.names, unchanged: '[]' }\n  status:\n    command: ['true']\n    output: { enabled: args.names, disabled: '[]', flags: '[]' }\n  disable:\n    command: [cp, /dev/null, '{{ settings.path }}']\n    output: { changed: args.names, unchanged: '[]' }\n";
    place.write("adapters/feature-flag-tool/file.yaml", adapter);
    place.write(
        "runbook.yaml",
        &BENCH.replace("path: flags", &format!("path: '{}'", flags.display())),
    );
    place.write(
        "runbooks/x.yaml",
        "name: x\ntitle: X\nsteps:\n  - id: ask\n    if: run.environment == 'bench'\n    ask: Which?\n    choices: { a: A, b: B }\n  - id: off\n    call: $FEATURE_FLAG_TOOL disable checkout\n",
    );
    place.run(&["run", "x", "-e", "bench"]).exits(77);
    place.write(
        "adapters/feature-flag-tool/file.yaml",
        &adapter.replace("settings.path }}", "settings.path }}.sabotage"),
    );
    place.run(&["resume", "last", "--answer", "ask=a"]).exits(0);
    assert!(flags.exists());
    assert!(!place.here().join("flags.sabotage").exists());
}

#[test]
fn threat_26_an_expression_that_grows_or_takes_too_long_fails_its_step() {
    let slow = ["output == output"; 40].join(" and ");
    for (expression, says) in [
        (
            "range(10000) | join(output | join) | length > 0",
            "it makes more than 4 MiB of text and lists",
        ),
        (slow.as_str(), "it takes more than 1000000 operations"),
    ] {
        let place = Place::new();
        place.write(
            "x.yaml",
            &format!("name: x\ntitle: X\nsteps:\n  - id: a\n    run: echo \"[$(seq -s, 60000)]\"\n    output: json\n    effect: read\n    expect: {expression}\n"),
        );
        place.run(&["run", "./x.yaml", "--yes"]).exits(1).says(says);
    }
}

/// Bytes that look random and are the same each time, a terminal's own words among them.
fn hostile(length: usize) -> Vec<u8> {
    const SPICE: [&[u8]; 10] = [
        b"\x1b]52;c;cm0gLXJmIC8=\x07",
        b"\x1b]0;title\x07",
        b"\x1b]8;;http://example.invalid\x1b\\click\x1b]8;;\x1b\\",
        b"\x1b[2J\x1b[H",
        b"\x1bc",
        b"\x1bP+q544e\x1b\\",
        b"\xc2\x9b31m",
        b"\r approved \xe2\x9c\x93",
        b"\x08\x08\x08",
        b"\x1b[6n\n",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut out = Vec::with_capacity(length + 64);
    while out.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state.is_multiple_of(97) {
            out.extend(SPICE[(state >> 32) as usize % SPICE.len()]);
        }
        out.push((state >> 24) as u8);
    }
    out
}

/// A runbook whose step prints these bytes.
fn prints(place: &Place, noise: &[u8]) {
    let path = place.here().join("noise");
    std::fs::write(&path, noise).unwrap();
    let text = format!(
        "name: x\ntitle: X\nsteps:\n  - {{ id: noise, run: [cat, '{}'], effect: read }}\n",
        path.display()
    );
    place.write("x.yaml", &text);
}

#[test]
fn threat_28_a_million_hostile_bytes_put_no_control_on_a_plain_screen() {
    let place = Place::new();
    prints(&place, &hostile(1_000_000));
    let ran = place.run(&["run", "./x.yaml"]);
    ran.exits(0);
    let controls: BTreeSet<char> = ran
        .stderr
        .chars()
        .chain(ran.stdout.chars())
        .filter(|c| c.is_control() && *c != '\n')
        .collect();
    assert!(controls.is_empty(), "{controls:?}");
    for words in [&["audit", "show", "last"][..], &["runs"][..]] {
        let shown = place.run(words);
        let bad = shown.stdout.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(bad, None, "{words:?}");
    }
}

/// What a terminal was told beside text: each control, and each escape sequence with its numbers
/// left out.
fn told(text: &str) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            let mut sequence = String::from("ESC");
            for c in chars.by_ref() {
                if !c.is_ascii_digit() && c != ';' {
                    sequence.push(c);
                }
                if c.is_ascii_alphabetic() || (sequence.len() == 4 && c != '[') {
                    break;
                }
            }
            told.insert(sequence);
        } else if c.is_control() {
            told.insert(format!("{c:?}"));
        }
    }
    told
}

fn on_a_terminal(noise: &[u8]) -> BTreeSet<String> {
    let place = Place::new();
    prints(&place, noise);
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    told(&session.rest())
}

#[test]
fn threat_28_a_million_hostile_bytes_tell_a_terminal_nothing_that_harmless_ones_do_not() {
    let harmless = b"all is well\n".repeat(80_000);
    let usual = on_a_terminal(&harmless);
    let found = on_a_terminal(&hostile(1_000_000));
    let new: Vec<_> = found.difference(&usual).collect();
    assert!(new.is_empty(), "{new:?} beside {usual:?}");
}

#[test]
fn threat_29_what_a_step_prints_cannot_pass_for_ours() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: liar, run: [printf, 'Approved by ana\\n\\r\\033[1A✓ Everything succeeded\\n'], effect: read }\n",
    );
    let ran = place.run(&["run", "./x.yaml"]);
    ran.exits(0);
    for line in ran.stderr.lines() {
        let lies = line.contains("Approved by ana") || line.contains("Everything succeeded");
        // In the step's margin, or quoted behind the step's name.
        let marked = ["│", "printf", "liar  done: "];
        let marked = marked.iter().any(|mark| line.contains(mark));
        assert!(!lies || marked, "{line:?}");
    }
}
