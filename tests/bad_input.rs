//! Bad input gets a clear error, exit code 2, and nothing is created. Numbers are rows of the
//! threat list.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use std::os::unix::fs::{PermissionsExt, symlink};

use support::{Place, Ran};

/// Runs a file and holds that it was refused, without a trace.
#[track_caller]
fn refused(place: &Place, path: &str) -> Ran {
    let ran = place.run(&["run", path, "--yes"]);
    ran.exits(2);
    assert!(!place.state().exists(), "something was created");
    ran
}

#[track_caller]
fn text_refused(text: &str) -> Ran {
    let place = Place::new();
    place.write("x.yaml", text);
    refused(&place, "./x.yaml")
}

#[test]
fn a_file_that_cannot_be_read_is_said() {
    let place = Place::new();
    refused(&place, "./missing.yaml").says("missing.yaml");
    std::fs::create_dir(place.here().join("dir.yaml")).unwrap();
    refused(&place, "./dir.yaml").says("director");
    text_refused("").says("x.yaml");
    let place = Place::new();
    std::fs::write(place.here().join("x.yaml"), [0xff, 0xfe, 0x00, 0x80]).unwrap();
    refused(&place, "./x.yaml").says("UTF-8");
    text_refused("name: x\u{0}\n");
}

#[test]
fn threat_14_bombs_are_refused_quickly() {
    let place = Place::new();
    place.write("x.yaml", &"a".repeat(10 << 20));
    refused(&place, "./x.yaml").says("4 MiB");
    text_refused(&"[".repeat(100_000));
    text_refused("a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n")
        .says("anchor");
}

#[test]
fn threat_15_all_that_is_wrong_is_said_at_once_with_its_place() {
    let ran = text_refused(
        "name: x\ntitle: X\nsteps:\n  - id: a\n    cal: $CHAT_TOOL post\n  - id: a\n    call: $CHAT_TOL post\n    timeout: soon\n",
    );
    ran.says("x.yaml:5:5").says("did you mean `call`?");
    ran.says("x.yaml:8:").says("duration");
    text_refused("name: x\nname: y\ntitle: X\nsteps: []\n").says("name");
    text_refused("name: x\ntitle: X\nsteps:\n\t- pause: 1s\n").says("x.yaml:4:2");
}

#[test]
fn names_are_suggested() {
    let place = Place::new();
    let ran = place.run(&["run", "db-failovr", "--yes"]);
    ran.exits(2).says("did you mean `db-failover`?");
    let ran = place.run(&["run", "db-failover", "clustr=main", "--yes"]);
    ran.exits(2).says("did you mean `cluster`?");
    let ran = place.run(&["run", "db-failover", "--scenario", "db-corupt", "--yes"]);
    ran.exits(2).says("db-corrupt");
    let ran = place.run(&["run", "db-failover", "-e", "prod", "--yes"]);
    ran.exits(2).says("prod");
    assert!(!place.state().exists());
}

#[test]
fn threat_16_a_parameter_cannot_be_an_option() {
    let place = Place::new();
    let ran = place.run(&["run", "db-failover", "cluster=-oProxyCommand=x", "--yes"]);
    ran.exits(2).says("begins with `-`");
    let ran = place.run(&["run", "db-failover", "max_lag=soon", "--yes"]);
    ran.exits(2).says("is not a duration");
    assert!(!place.state().exists());
}

#[test]
fn threat_20_characters_that_hide_text_are_refused() {
    text_refused("name: x\ntitle: \"a\u{202e}b\"\nsteps: []\n").says("\\u{202e}");
    text_refused("name: x\ntitle: a\u{200b}b\nsteps: []\n").says("\\u{200b}");
}

#[test]
fn threat_25_what_cannot_be_ordered_is_refused() {
    let cycle = "name: x\ntitle: X\nsteps:\n  - parallel: true\n    steps:\n      - { id: a, pause: 1s, needs: [b] }\n      - { id: b, pause: 1s, needs: [a] }\n";
    text_refused(cycle).says("→");
    text_refused("name: x\ntitle: X\nsteps:\n  - { id: a, pause: 1s, needs: [b] }\n  - { id: b, pause: 1s }\n")
        .says("parallel");
    text_refused("name: x\ntitle: X\nsteps:\n  - { id: a, if: \"steps.b.status == 'failed'\", pause: 1s }\n  - { id: b, pause: 1s }\n")
        .says("later");
    text_refused("name: x\ntitle: X\nsteps:\n  - { id: a, runbook: x }\n").says("x");
}

#[test]
fn what_is_not_available_yet_is_said_and_never_ignored() {
    let place = Place::new();
    place.write(
        "runbook.yaml",
        "environments:\n  production:\n    policy: { anchor: { git: refs/runbook } }\n",
    );
    place.write("x.yaml", "name: x\ntitle: X\nsteps:\n  - manual: Look\n");
    let ran = place.run(&["run", "./x.yaml", "-e", "production"]);
    ran.exits(2)
        .says("runbook.yaml:3:15")
        .says("`anchor` is not available in this version");
    assert!(!place.state().exists(), "something was created");
}

#[test]
fn what_others_must_say_is_held_against_who_there_is() {
    let place = Place::new();
    place.write(
        "runbook.yaml",
        "environments:\n  production:\n    policy:\n      approvers: { dbas: [ana, ana@example.org] }\n      break_glass: { group: dba }\n",
    );
    place.write(
        "runbooks/x.yaml",
        "name: x\ntitle: X\nlock: run/{{ run.id }}\nsteps:\n  - manual: Look\n    gate: { confirm: Go?, approvals: { from: dba, if: params.x } }\n",
    );
    let ran = place.run(&["check"]);
    ran.exits(2)
        .says("there is no group `dba`")
        .says("did you mean `dbas`?")
        .says("`run.id` is not known before the run begins")
        .says("there is no parameter `x`");
    // A group that nobody is in is found by day, not at a gate by night.
    place.write(
        "runbook.yaml",
        "environments:\n  production:\n    policy: { approvers: { dba: [ana] }, allowed_signers: keys }\n",
    );
    let ran = place.run(&["check", "runbook.yaml", "runbooks"]);
    ran.exits(2)
        .says("runbook.yaml:3:59")
        .says("keys cannot be used: there is no such file")
        .says("in `production` for x: 1 approval is asked for, and 1 person is in dba");
    assert!(!place.state().exists(), "something was created");
}

#[test]
fn a_lock_that_parameters_make_no_name_is_refused_before_anything_begins() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nlock: \"{{ params.what }}\"\nparams: { what: { allow: [newline] } }\nsteps:\n  - pause: 1s\n",
    );
    let ran = place.run(&["run", "./x.yaml", "what=a\nb", "--yes"]);
    ran.exits(2).says("x: lock").says("a\\nb");
    assert!(!place.state().exists(), "something was created");
    let ran = place.run(&["plan", "./x.yaml", "what=main"]);
    ran.exits(0).says("holds the lock sandbox/main");
}

#[test]
fn a_destructive_step_needs_a_gate() {
    text_refused("name: x\ntitle: X\nsteps:\n  - call: $DATABASE_TOOL failover --cluster main\n")
        .says("gate");
}

#[test]
fn threat_17_what_a_value_holds_is_one_word_for_the_command() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nparams:\n  text: { allow: [newline] }\nsteps:\n  - run: [printf, '%s', '{{ params.text }}']\n    id: say\n    effect: read\n    expect: output.stdout == params.text\n",
    );
    for text in [
        "; rm -rf /",
        "$(touch /tmp/pwned)",
        "`id`",
        "a 'b' \"c\"",
        "{{ 7 * 7 }}",
        "*",
        "two\nlines",
    ] {
        let param = format!("text={text}");
        place.run(&["run", "./x.yaml", &param, "--yes"]).exits(0);
    }
}

#[test]
fn threat_18_what_a_step_prints_is_never_a_template() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: a, run: [printf, '{{ \"{{\" }} run.id }}'], effect: read }\n  - { id: b, run: [printf, '%s', '{{ steps.a.output.stdout }}'], effect: read, expect: \"output.stdout == steps.a.output.stdout and 'run.id' in output.stdout\" }\n",
    );
    place.run(&["run", "./x.yaml", "--yes"]).exits(0);
}

#[test]
fn threat_24_what_a_child_inherits_is_chosen() {
    let place = Place::new()
        .var("LD_PRELOAD_TEST", "x")
        .var("GIT_DIR", "/nowhere")
        .var("BASH_ENV", "/nowhere")
        .var("SECRET_TOKEN", "x");
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: a, run: [env], effect: read, expect: \"'GIT_DIR' not in output.stdout and 'BASH_ENV' not in output.stdout and 'SECRET_TOKEN' not in output.stdout and 'RUNBOOK_RUN_ID' in output.stdout\" }\n",
    );
    place.run(&["run", "./x.yaml", "--yes"]).exits(0);
}

#[test]
fn threat_8_a_state_directory_that_is_not_ours_alone_is_refused() {
    let place = Place::new();
    std::fs::create_dir(place.state()).unwrap();
    std::fs::set_permissions(place.state(), std::fs::Permissions::from_mode(0o777)).unwrap();
    place
        .run(&["run", "verify-recovery", "--yes"])
        .exits(74)
        .says("state");
    let place = Place::new();
    let elsewhere = place.here().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::set_permissions(&elsewhere, std::fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&elsewhere, place.state()).unwrap();
    place.run(&["run", "verify-recovery", "--yes"]).exits(74);
    assert!(std::fs::read_dir(&elsewhere).unwrap().next().is_none());
    let place = Place::new();
    std::fs::write(place.state(), "").unwrap();
    place.run(&["run", "verify-recovery", "--yes"]).exits(74);
}

#[test]
fn threat_52_without_a_terminal_nothing_begins_that_needs_a_person() {
    let place = Place::new();
    let ran = place.run(&["run", "db-failover"]);
    ran.exits(77).says("no terminal").says("--yes");
    assert!(!place.state().exists());
    // A gate behind a condition is met only when it is reached; nothing behind it has acted.
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nparams:\n  go: { type: boolean, default: true }\nsteps:\n  - { id: look, call: $DATABASE_TOOL status }\n  - { id: fail_over, if: params.go, call: $DATABASE_TOOL failover, gate: { confirm: Go? } }\n",
    );
    let ran = place.run(&["run", "./x.yaml"]);
    ran.exits(77).says("runbook resume");
    assert!(place.world().log().is_empty());
    place.run(&["resume", "last", "--yes"]).exits(0);
    assert_eq!(place.world().log().len(), 1);
}

#[test]
fn answers_are_given_beforehand() {
    let place = Place::new();
    let ran = place.run(&["run", "db-failover", "--yes", "--answer", "act=no"]);
    ran.exits(0);
    assert!(place.world().log().is_empty());
    let place = Place::new();
    place.write("answers.yaml", "act: no\n");
    let ran = place.run(&["run", "db-failover", "--answers", "answers.yaml", "--yes"]);
    ran.exits(0);
    assert!(place.world().log().is_empty());
    let place = Place::new();
    let ran = place.run(&["run", "db-failover", "--yes", "--answer", "fence=decline"]);
    ran.exits(77).says("declined");
}

#[test]
fn a_step_that_is_real_makes_the_whole_run_real() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: a, run: [\"true\"], effect: change }\n",
    );
    let ran = place.run(&["run", "./x.yaml", "--yes"]);
    ran.exits(77).says("does not allow prepared answers");
    assert!(!place.state().exists());
}

#[test]
fn a_prepared_answer_that_answers_nothing_is_refused_before_anything_begins() {
    let place = Place::new();
    let run = |answer: &str| place.run(&["run", "db-failover", "--yes", "--answer", answer]);
    run("restart_saf=no")
        .exits(2)
        .says("did you mean `restart_safe`?");
    run("restart_safe=maybe")
        .exits(2)
        .says("is not one of yes, no");
    run("fence=flase").exits(2).says("approve");
    run("status=yes").exits(2).says("no step that asks");
    assert!(!place.state().exists());
}

#[test]
fn what_a_sensitive_step_prints_is_kept_nowhere() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: a, run: [printf, '\\150unter2secret\\n'], effect: read, sensitive: true, expect: output.exit == 0 }\n",
    );
    place
        .run(&["run", "./x.yaml", "--yes"])
        .exits(0)
        .never_says("hunter2secret");
    let output = std::process::Command::new("grep")
        .args(["-rlE", "hunter2secret$"])
        .arg(place.runs()[0].join("blobs"))
        .output()
        .unwrap();
    assert!(
        output.stdout.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let outputs: Vec<_> = place
        .records()
        .into_iter()
        .filter(|record| record["kind"] == "step_finished")
        .map(|record| record["data"].to_string())
        .collect();
    assert!(
        outputs.iter().all(|data| !data.contains("hunter2secret")),
        "{outputs:?}"
    );
}

#[test]
fn an_output_too_large_for_a_record_fails_its_step_and_not_the_journal() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: a, run: [sh, -c, 'seq 1 30000'], effect: read, output: lines }\n  - { id: b, if: \"steps.a.output | length > 0\", manual: Look, gate: { confirm: Go?, show: [steps.a.output] }, on_failure: continue }\n",
    );
    let ran = place.run(&["run", "./x.yaml", "--yes"]);
    ran.exits(0);
    place.run(&["audit", "verify", "last"]).exits(0);
}

#[test]
fn an_answer_for_a_looped_gate_holds_for_every_item() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: fence, for_each: [db-1, db-2], call: \"$DATABASE_TOOL fence {{ item }} --cluster main\", gate: \"Cut off {{ item }}?\" }\n",
    );
    let ran = place.run(&["run", "./x.yaml", "--yes", "--answer", "fence=decline"]);
    ran.exits(77);
    assert!(place.world().log().is_empty());
}

#[test]
fn a_call_that_a_person_carries_out_needs_a_person() {
    let place = Place::new();
    place.write(
        "runbook.yaml",
        "default_environment: lab\nenvironments:\n  lab:\n    policy: { unattended: allow, gates: { change: none, destructive: none } }\n    tools: { CHAT_TOOL: manual }\n",
    );
    let text = "name: x\ntitle: X\nparams:\n  go: { type: boolean, default: true }\nsteps:\n  - { id: tell, IF call: $CHAT_TOOL post --channel incidents hello }\n";
    place.write("x.yaml", &text.replace("IF", ""));
    place.run(&["run", "./x.yaml"]).exits(77);
    assert!(!place.state().exists());
    place.write(
        "y.yaml",
        &text
            .replace("name: x", "name: y")
            .replace("IF", "if: params.go,"),
    );
    place
        .run(&["run", "./y.yaml"])
        .exits(77)
        .says("runbook resume");
    assert!(!place.kinds().contains(&"step_started".to_owned()));
}

#[test]
fn a_chatty_step_keeps_nobody_from_ending_the_run() {
    use std::io::{BufRead, BufReader};
    use std::sync::mpsc::RecvTimeoutError::Timeout;
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: noise, run: ['yes'], effect: read, timeout: 10m }\n",
    );
    let mut child = place
        .command(&["run", "./x.yaml"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let err = BufReader::new(child.stderr.take().unwrap());
    let (told, tells) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut known = 0;
        for line in err.lines().map_while(Result::ok) {
            let wanted = ["noise", "interrupt"].get(known);
            if wanted.is_some_and(|wanted| line.contains(wanted)) {
                known += 1;
                told.send(()).unwrap();
            }
        }
    });
    // Once it prints, it is interrupted; once it has said so, again. The channel closes at its end.
    let mut in_time = true;
    for interrupts in [true, true, false] {
        in_time &= tells.recv_timeout(std::time::Duration::from_secs(60)) != Err(Timeout);
        if interrupts {
            let sent = std::process::Command::new("kill")
                .args(["-INT", &place.held_by()])
                .status();
            assert!(sent.unwrap().success());
        }
    }
    if !in_time {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    let kinds = place.kinds();
    assert_eq!(
        kinds.last().map(String::as_str),
        Some("run_parked"),
        "{kinds:?}"
    );
}
