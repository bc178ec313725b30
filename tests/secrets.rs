//! Secrets from the outside: where they are refused, where they arrive, and that they are found
//! nowhere else. Numbers are rows of the threat list.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use support::pty::Pty;
use support::{Place, Ran};

/// With everything in it that a form can change.
const SECRET: &str = "s3cr\"t/T0ken's $(x) w\u{f6}rd+<9>";

const ENVIRONMENT: &str = "
default_environment: lab
environments:
  lab:
    policy: { unattended: allow, gates: { change: none, destructive: none } }
    tools: {}
";

fn lab() -> Place {
    let place = Place::new().var("LAB_TOKEN", SECRET);
    place.write("runbook.yaml", ENVIRONMENT);
    place
}

/// Checks a runbook with these steps, which is refused there.
#[track_caller]
fn refused(steps: &str) -> Ran {
    let place = lab();
    let text = format!(
        "name: x\ntitle: X\nparams:\n  token: {{ type: secret, default: env:LAB_TOKEN }}\nsteps:\n{steps}\n"
    );
    place.write("x.yaml", &text);
    let ran = place.run(&["check", "./x.yaml"]);
    ran.exits(2);
    let ran = place.run(&["run", "./x.yaml", "--yes"]);
    ran.exits(2);
    assert!(!place.state().exists(), "something was created");
    ran
}

#[test]
fn threat_30_a_secret_where_it_can_be_seen_is_refused_with_its_place() {
    for steps in [
        "  - { run: [curl, -H, '{{ params.token }}'], effect: read }",
        "  - { run: [curl, -H, 'Bearer {{ params.token }}'], effect: read }",
        "  - { run: [pwd], dir: '{{ params.token }}', effect: read }",
        "  - { run: [env], env: { T: 'Bearer {{ params.token }}' }, effect: read }",
        "  - { run: [env], env: { T: '{{ params.token | upper }}' }, effect: read }",
        "  - { run: ['true'], effect: read, if: params.token == 'x' }",
        "  - { run: ['true'], effect: read, if: params.token is none }",
        "  - { run: ['true'], effect: read, if: \"'x' in params.token\" }",
        "  - { run: ['true'], effect: read, title: 'With {{ params.token }}' }",
        "  - { run: ['true'], effect: read, for_each: '[params.token]' }",
        "  - { manual: 'Type {{ params.token }} there' }",
        "  - { ask: 'Is it {{ params.token }}?', choices: [yes, no] }",
        "  - { manual: Look, gate: { confirm: 'Use {{ params.token }}?' } }",
        "  - { manual: Look, gate: { confirm: Go?, show: [params.token] } }",
        "  - { manual: Look, gate: { confirm: Go?, challenge: '{{ params.token }}' } }",
        "  - { call: '$CHAT_TOOL post --channel x {{ params.token }}' }",
        "  - { call: $CHAT_TOOL post --channel x, with: { text: '{{ params.token }}' } }",
    ] {
        let ran = refused(steps);
        ran.says("x.yaml:6:");
        ran.says("secret");
    }
    let place = lab();
    place.write(
        "y.yaml",
        "name: y\ntitle: Y\nparams:\n  token: { type: secret }\nvars:\n  t: '{{ params.token }}'\nsteps:\n  - pause: 1s\n",
    );
    place.run(&["check", "./y.yaml"]).exits(2).says("y.yaml:6:");
}

#[test]
fn threat_30_an_adapter_puts_a_secret_into_a_variable_only() {
    let adapter = |action: &str| {
        let place = lab();
        contract(&place);
        bound(&place, "{ secret: env:LAB_TOKEN }");
        place.write(
            "adapters/vault-tool/own.yaml",
            &format!(
                "adapter: own\nimplements: VAULT_TOOL\ntitle: Own\nsettings:\n  token: {{ type: secret }}\nactions:\n  put: {action}\n"
            ),
        );
        place.write("x.yaml", CALLS);
        place.run(&["run", "./x.yaml", "--yes"])
    };
    adapter("{ command: [sh, -c, 'test -n \"$T\"'], env: { T: '{{ settings.token }}' }, output: { length: 'stdout | length' } }").exits(0);
    for action in [
        "{ command: [echo, '{{ settings.token }}'] }",
        "{ command: [echo, '{{ args.password }}'] }",
        "{ command: [echo, '-p{{ args.password }}'] }",
        "{ command: [pwd], dir: '{{ settings.token }}' }",
        "{ command: [pwd], env: { T: 'x{{ settings.token }}' } }",
        "{ command: [pwd], env: { T: '{{ settings | tojson }}' } }",
        "{ command: [pwd], ok: settings.token == stdout }",
        "{ command: [pwd], output: { length: settings.token } }",
    ] {
        adapter(action).exits(2).says("own.yaml:7:").says("secret");
    }
}

const CALLS: &str = "name: x\ntitle: X\nparams:\n  password: { type: secret, default: env:LAB_TOKEN }\nsteps:\n  - { id: put, call: $VAULT_TOOL put db, with: { password: '{{ params.password }}' } }\n";

fn contract(place: &Place) {
    place.write(
        "adapters/vault-tool/contract.yaml",
        "tool: VAULT_TOOL\ntitle: Vault\nactions:\n  put:\n    effect: change\n    args:\n      name: { positional: 1 }\n      password: { type: secret }\n    output: { length: integer }\n",
    );
}

fn bound(place: &Place, token: &str) {
    let tools = format!("tools: {{ VAULT_TOOL: {{ adapter: own, with: {{ token: {token} }} }} }}");
    place.write("runbook.yaml", &ENVIRONMENT.replace("tools: {}", &tools));
}

#[test]
fn threat_30_a_bare_command_is_handed_no_secret() {
    let place = lab();
    contract(&place);
    let tools = "tools: { VAULT_TOOL: { command: [vaultctl] } }";
    place.write("runbook.yaml", &ENVIRONMENT.replace("tools: {}", tools));
    place.write("x.yaml", CALLS);
    let ran = place.run(&["run", "./x.yaml", "--yes"]);
    ran.exits(2).says("write an adapter");
    assert!(!place.state().exists(), "something was created");
}

#[test]
fn threat_31_a_secret_that_is_written_out_is_refused_and_not_shown() {
    let place = lab();
    contract(&place);
    bound(&place, "hunter2hunter2");
    place.write(
        "adapters/vault-tool/own.yaml",
        "adapter: own\nimplements: VAULT_TOOL\ntitle: Own\nsettings: { token: { type: secret } }\nactions:\n  put: { command: [pwd], output: { length: '1' } }\n",
    );
    place.write("x.yaml", CALLS);
    place
        .run(&["run", "./x.yaml", "--yes"])
        .exits(2)
        .says("runbook.yaml:6:")
        .says("{ secret: env:NAME }")
        .never_says("hunter2");
    bound(&place, "{ secret: env:LAB_TOKEN }");
    place
        .run(&["run", "./x.yaml", "password=hunter2hunter2", "--yes"])
        .exits(2)
        .says("file:/PATH")
        .never_says("hunter2");
    for (text, file) in [
        (
            CALLS.replace("env:LAB_TOKEN", "hunter2hunter2"),
            "x.yaml:4:",
        ),
        (
            CALLS.replace("'{{ params.password }}'", "hunter2hunter2"),
            "x.yaml:6:",
        ),
    ] {
        place.write("x.yaml", &text);
        let ran = place.run(&["run", "./x.yaml", "--yes"]);
        ran.exits(2).says(file).never_says("hunter2");
    }
    assert!(!place.state().exists(), "something was created");
}

#[test]
fn a_secret_arrives_and_where_it_is_not_nothing_is_done() {
    let place = lab();
    let token = place.write("token", "a secret in a file\n");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nparams:\n  token: { type: secret }\nsteps:\n  - id: a\n    run: |\n      test \"${#TOKEN}\" = 18\n      touch \"$RUNBOOK_WORK/done\"\n    env: { TOKEN: '{{ params.token }}' }\n    effect: change\n",
    );
    let given = format!("token=file:{}", token.display());
    place.run(&["run", "./x.yaml", &given, "--yes"]).exits(0);
    assert!(place.runs()[0].join("work/done").exists());
    let text = std::fs::read_to_string(place.journal()).unwrap();
    assert!(text.contains(r#"{"$secret":"file:"#), "{text}");

    let place = lab();
    place.write(
        "x.yaml",
        &std::fs::read_to_string(token.with_file_name("x.yaml")).unwrap(),
    );
    let ran = place.run(&["run", "./x.yaml", "token=env:NOT_THERE", "--yes"]);
    ran.says("the variable is not set").exits(2);
    assert!(!place.state().exists(), "something was created");
}

/// A file that only we may read, with a secret in it.
fn kept(place: &Place, name: &str) -> String {
    let path = place.write(name, "a secret in a file\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

/// Two parameters, a setting, and a parameter that nothing is given for.
fn wanting(place: &Place, file: &str) {
    contract(place);
    bound(place, "{ secret: env:VAULT_TOKEN }");
    place.write(
        "adapters/vault-tool/own.yaml",
        "adapter: own\nimplements: VAULT_TOOL\ntitle: Own\nsettings: { token: { type: secret } }\nactions:\n  put: { command: [pwd], env: { T: '{{ settings.token }}' }, output: { length: '1' } }\n",
    );
    let text = format!(
        "name: x\ntitle: X\nparams:\n  a: {{ type: secret, default: env:NOT_THERE }}\n  b: {{ type: secret, default: 'file:{file}' }}\n  c: {{ type: secret, default: env:LAB_TOKEN }}\nsteps:\n  - {{ id: by_hand, manual: Look }}\n  - {{ id: put, call: $VAULT_TOOL put db, with: {{ password: '{{{{ params.c }}}}' }} }}\n"
    );
    place.write("x.yaml", &text);
}

#[test]
fn all_secrets_that_are_missing_are_said_before_anything_begins() {
    let place = lab();
    wanting(&place, "/nowhere/token");
    let ran = place.run(&["run", "./x.yaml", "--yes"]);
    ran.exits(2)
        .says("nothing was begun: 3 secrets are missing")
        .says("VAULT_TOOL: setting `token` (runbook.yaml, environment lab): the ‹secret env:VAULT_TOKEN› is not there")
        .says("x: parameter `a`: the ‹secret env:NOT_THERE› is not there")
        .says("x: parameter `b`: the ‹secret file:/nowhere/token› cannot be read")
        .says("→ set VAULT_TOKEN where runbook is started")
        .says("→ set NOT_THERE where runbook is started")
        .never_says("park")
        .never_says("parameter `c`");
    for args in [
        &["plan", "./x.yaml"][..],
        &["run", "./x.yaml", "--dry-run"],
        &["run", "./x.yaml", "--dry-run", "--json"],
    ] {
        let ran = place.run(args);
        ran.exits(0)
            .says("warning: it could not be run from here now: 3 secrets are missing");
        assert!(!ran.stdout.contains("missing"), "{}", ran.stdout);
    }
    assert!(!place.state().exists(), "something was created");
}

#[test]
fn a_run_that_is_resumed_where_its_secrets_are_not_is_left_as_it_is() {
    let place = lab().var("NOT_THERE", "this one is there");
    let file = kept(&place, "token");
    wanting(&place, &file);
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("nothing was begun");
    assert!(!place.state().exists(), "something was created");

    let place = place.var("VAULT_TOKEN", "this one as well");
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("> ");
    session.send("p\n");
    session.rest();
    let before = place.records();
    std::fs::remove_file(&file).unwrap();
    let ran = place.run(&["resume", "last"]);
    ran.exits(2)
        .says("nothing was begun: a secret is missing")
        .says("x: parameter `b`");
    assert_eq!(place.records(), before);
}

#[test]
fn a_rehearsal_needs_no_secret_that_nobody_would_be_handed() {
    let place = lab();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nparams:\n  a: { type: secret, default: env:NOT_THERE }\nsteps:\n  - { id: look, call: $DATABASE_TOOL status --cluster=main }\n",
    );
    let ran = place.run(&["run", "./x.yaml", "-e", "sandbox", "--yes"]);
    ran.exits(0);
}

fn base64(bytes: &[u8], alphabet: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut word = 0;
        for at in 0..3 {
            word = word << 8 | usize::from(*three.get(at).unwrap_or(&0));
        }
        for at in 0..=three.len() {
            text.push(char::from(alphabet[word >> (18 - 6 * at) & 63]));
        }
    }
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// The secret as programs write it, made here anew and not by the code that looks for it.
fn planted() -> Vec<String> {
    let standard = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let url_safe = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bytes = SECRET.as_bytes();
    let each = |form: &dyn Fn(u8) -> String| bytes.iter().map(|b| form(*b)).collect::<String>();
    let percent = |space: &str, upper: bool| {
        each(&|b| match b {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => char::from(b).to_string(),
            b' ' => space.to_owned(),
            b if upper => format!("%{b:02X}"),
            b => format!("%{b:02x}"),
        })
    };
    let json = serde_json::to_string(SECRET).unwrap();
    let json = json.trim_matches('"').to_owned();
    let ascii = SECRET.replace('"', "\\\"").replace('\u{f6}', "\\u00f6");
    let mut all_unicode = String::new();
    for c in SECRET.chars() {
        write!(all_unicode, "\\u{:04x}", u32::from(c)).unwrap();
    }
    let mut forms = vec![
        SECRET.to_owned(),
        each(&|b| format!("{b:02x}")),
        each(&|b| format!("{b:02X}")),
        percent("%20", true),
        percent("%20", false),
        percent("+", true),
        each(&|b| format!("%{b:02X}")),
        json.replace('/', "\\/"),
        json,
        ascii,
        all_unicode,
        SECRET.replace('\'', "'\\''"),
        SECRET.replace('"', "\\\"").replace('$', "\\$"),
        SECRET.replace('\'', "\\'"),
        SECRET
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#39;"),
        SECRET
            .chars()
            .flat_map(|c| {
                let plain = c.is_alphanumeric() || c == '/';
                (!plain).then_some('\\').into_iter().chain([c])
            })
            .collect(),
    ];
    for before in ["", "x", "xx"] {
        for alphabet in [standard, url_safe] {
            let text = base64(format!("{before}{SECRET}").as_bytes(), alphabet);
            forms.push(text.trim_end_matches('=').to_owned());
            forms.push(text);
            forms.push(base64(format!("{before}{SECRET}yyy").as_bytes(), alphabet));
        }
    }
    forms
}

/// The heart of each form: that which must be nowhere, whatever stands around it.
fn hearts() -> Vec<String> {
    let hearts = planted().into_iter().map(|form| {
        let form: Vec<char> = form.chars().collect();
        form[4..form.len() - 6].iter().collect()
    });
    hearts.collect()
}

fn all_files(dir: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all_files(&path, into);
        } else {
            into.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn threat_31_secrets_planted_in_every_encoding_and_split_are_found_nowhere() {
    let place = lab();
    // What the child prints comes from files, so that only the run's secret itself is the secret.
    for (at, form) in planted().iter().enumerate() {
        place.write(&format!("forms/{at:02}"), &format!("before {form} after\n"));
    }
    place.write(
        "print.sh",
        "for file in \"$1\"/*; do\n  cat \"$file\"; cat \"$file\" >&2\ndone\n# A byte at a time, each a write of its own.\nfor file in \"$1\"/*; do\n  dd bs=1 status=none < \"$file\"\ndone\nprintf %s \"$TOKEN\"\n",
    );
    let (script, forms) = (place.here().join("print.sh"), place.here().join("forms"));
    let (script, forms) = (script.display(), forms.display());
    let text = format!(
        "name: x
title: X
params:
  token: {{ type: secret, default: env:LAB_TOKEN }}
steps:
  - {{ id: has_it, run: [sh, '{script}', '{forms}'], env: {{ TOKEN: '{{{{ params.token }}}}' }}, effect: read }}
  - {{ id: has_it_not, run: [sh, '{script}', '{forms}'], effect: read, env: {{ TOKEN: none }} }}
  - {{ id: lines, run: [sh, '{script}', '{forms}'], effect: read, output: lines, env: {{ TOKEN: none }} }}
  - {{ id: json, run: [sh, -c, 'cat \"$0\"', '{forms}/07'], effect: read, output: {{ text: stdout }} }}
  - {{ id: fails, run: [sh, -c, 'cat \"$0\"/* >&2; exit 3', '{forms}'], effect: read, on_failure: continue }}
  - {{ id: shown, manual: 'Look at {{{{ steps.has_it.output.stdout }}}}', gate: {{ confirm: 'Go?', show: [steps.lines.output] }} }}
"
    );
    place.write("x.yaml", &text);
    let mut seen = Vec::new();
    for args in [
        &["run", "./x.yaml", "--yes"][..],
        &["run", "./x.yaml", "--yes", "--json"],
        &["audit", "show", "last"],
        &["runs"],
        &["plan", "./x.yaml"],
        &["plan", "./x.yaml", "--json"],
    ] {
        let ran = place.run(args);
        if args[0] == "run" {
            ran.exits(0).says("‹redacted env:LAB_TOKEN›");
        }
        seen.push((args.join(" "), ran.stdout.into_bytes()));
        seen.push((args.join(" "), ran.stderr.into_bytes()));
    }
    all_files(&place.state(), &mut seen);
    assert!(seen.iter().any(|(name, _)| name.contains("blobs")));
    for (name, bytes) in &seen {
        for heart in hearts() {
            let found = bytes
                .windows(heart.len())
                .any(|part| part == heart.as_bytes());
            assert!(
                !found,
                "{heart} in {name}:\n{}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
}

#[test]
fn threat_31_what_people_type_is_redacted_too() {
    let place = lab();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nparams:\n  token: { type: secret, default: env:LAB_TOKEN }\nsteps:\n  - { id: q, ask: What did it say?, type: string }\n",
    );
    let answer = format!("q=it said {SECRET}");
    let ran = place.run(&["run", "./x.yaml", "--answer", &answer]);
    ran.exits(0).never_says(SECRET);
    let text = std::fs::read_to_string(place.journal()).unwrap();
    assert!(text.contains("it said ‹redacted env:LAB_TOKEN›"), "{text}");
}

#[test]
fn a_poll_of_a_sensitive_step_keeps_its_output_out_of_the_journal() {
    let place = lab();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: a, run: [printf, '\\150unter2secret\\n'], effect: read, sensitive: true, until: output.exit == 1, every: 1s, within: 2s, on_failure: continue }\n",
    );
    let ran = place.run(&["run", "./x.yaml", "--yes"]);
    ran.never_says("hunter2secret");
    let text = std::fs::read_to_string(place.journal()).unwrap();
    assert!(text.contains("poll_seen"), "{text}");
    assert!(!text.contains("hunter2secret"), "{text}");
}

#[test]
fn threat_31_a_secret_in_somebodys_reason_is_neither_recorded_nor_shown() {
    let place = lab();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nparams:\n  token: { type: secret, default: env:LAB_TOKEN }\nsteps:\n  - { id: use, run: ['true'], env: { T: '{{ params.token }}' }, effect: read }\n  - { id: by_hand, manual: Look }\n",
    );
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("> ");
    let reason = format!("the token {SECRET} leaked");
    let said = place.run(&["cancel", "last", "--reason", &reason]);
    said.exits(0);
    assert!(!session.rest().contains(SECRET));
    let journal = std::fs::read_to_string(place.journal()).unwrap();
    assert!(journal.contains("cancel_requested"), "{journal}");
    assert!(journal.contains("redacted env:LAB_TOKEN"), "{journal}");
    let plain = serde_json::to_string(SECRET).unwrap();
    assert!(!journal.contains(plain.trim_matches('"')), "{journal}");
    place
        .run(&["audit", "show", "last"])
        .exits(0)
        .never_says(SECRET);
}
