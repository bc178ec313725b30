//! What happens when the program itself fails: the journal is whole, nothing is left running, no
//! value is shown, and the run can be taken up again.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use support::pty::Pty;
use support::{Place, Ran};

/// An environment in which nobody needs to be asked.
const BENCH: &str = "environments:\n  bench:\n    policy: { unattended: allow, gates: { change: none, destructive: none } }\n";

fn place(script: &str) -> Place {
    let place = Place::new();
    let script = serde_json::to_string(script).unwrap();
    place.write("runbook.yaml", BENCH);
    place.write(
        "x.yaml",
        &format!(
            "name: x\ntitle: X\nsteps:\n  - id: act\n    run: [sh, -c, {script}]\n    effect: change\n"
        ),
    );
    place
}

/// What a panic's own text begins with, in the panic points of a debug build.
fn shows_no_value(ran: &Ran) {
    ran.says("defect in runbook")
        .says("src/")
        .never_says("while telling of")
        .never_says("while hearing")
        .never_says("hunter2")
        .never_says("stack backtrace");
}

#[test]
fn threat_34_a_panic_in_the_thread_of_a_call_is_a_doubt_and_leaves_nothing_running() {
    let place = place("exec 2>&1; printf 'boom hunt%s\\n' er2; echo $$ > pid; exec sleep 1000");
    let here = place.here().display().to_string();
    let place = place.var("RUNBOOK_PANIC_AT_LINE", "boom hunter2");
    let text = std::fs::read_to_string(place.here().join("x.yaml")).unwrap();
    place.write("x.yaml", &text.replace("> pid", &format!("> {here}/pid")));
    let ran = place.run(&["run", "./x.yaml", "-e", "bench"]);
    ran.exits(75)
        .says("the engine failed while it was under way");
    shows_no_value(&ran);
    assert!(place.kinds().contains(&"step_unknown".to_owned()));
    // It may have been killed before it wrote its number; if it lives, it has.
    if let Ok(pid) = std::fs::read_to_string(place.here().join("pid")) {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        let lives = |stat: String| stat.contains("(sleep)") && !stat.contains(") Z ");
        assert!(!stat.is_ok_and(lives), "{pid}");
    }
    place.run(&["audit", "verify", "last"]).exits(12);
}

#[test]
fn threat_34_a_panic_in_the_driver_at_any_notice_leaves_a_run_that_resumes() {
    let mut panicked = 0;
    // Three processes each: every third notice.
    for n in (0..).step_by(3) {
        let place = Place::new();
        let n = n.to_string();
        let ran = place.run_with(
            "RUNBOOK_PANIC_AT_NOTICE",
            &n,
            &["run", "db-failover", "--yes"],
        );
        if ran.code == Some(0) {
            break;
        }
        ran.exits(70).says("runbook resume");
        shows_no_value(&ran);
        panicked += 1;
        let journal = std::fs::read_to_string(place.journal()).unwrap();
        assert!(
            journal.ends_with('\n'),
            "notice {n}: the last record is cut"
        );
        let resumed = place.run(&["resume", "last", "--yes"]);
        assert!(
            matches!(resumed.code, Some(0 | 75)),
            "notice {n}: {}",
            resumed.stderr
        );
        let verified = place.run(&["audit", "verify", "last"]);
        assert!(matches!(verified.code, Some(0 | 12)), "{}", verified.stdout);
    }
    assert!(panicked > 10, "only {panicked} notices");
}

#[test]
fn threat_34_what_runs_when_the_driver_panics_is_waited_for_and_named() {
    let mut seen = false;
    for n in 0.. {
        let place = place("echo up; sleep 0.2; touch ../../../../here/done");
        let here = place.here().display().to_string();
        let text = std::fs::read_to_string(place.here().join("x.yaml")).unwrap();
        place.write("x.yaml", &text.replace("../../../../here", &here));
        let n = n.to_string();
        let args = ["run", "./x.yaml", "-e", "bench"];
        let ran = place.run_with("RUNBOOK_PANIC_AT_NOTICE", &n, &args);
        if ran.code == Some(0) {
            break;
        }
        ran.exits(70);
        let kinds = place.kinds();
        let has = |kind: &str| kinds.contains(&kind.to_owned());
        if has("step_started") && !has("step_finished") {
            if ran.stderr.contains("without a record of what came of it") {
                ran.says("came of it: act");
                assert!(place.here().join("done").exists(), "notice {n}");
                seen = true;
            } else {
                // It was recorded and never started: the panic came before.
                assert!(!place.here().join("done").exists(), "notice {n}");
            }
        }
    }
    assert!(seen, "no panic came while the step ran");
}

#[test]
fn threat_34_a_panic_leaves_the_terminal_as_it_was() {
    let place = Place::new();
    let script = format!(
        "stty -g; {} run db-failover --yes; echo code $?; stty -g; echo end",
        env!("CARGO_BIN_EXE_runbook")
    );
    let place = place.var("RUNBOOK_PANIC_AT_NOTICE", "12");
    let mut session = Pty::spawn(&place, &["sh", "-c", &script]);
    let before = session.expect("\n");
    let screen = session.expect("code 70\r\n");
    let after = session.expect("\n");
    session.expect("end");
    assert!(before.contains(':'), "{before}");
    assert_eq!(before, after);
    assert!(screen.contains("defect in runbook"), "{screen}");
    let (hides, shows) = ("\u{1b}[?25l", "\u{1b}[?25h");
    assert!(
        screen.rfind(hides) <= screen.rfind(shows),
        "the cursor is hidden: {screen:?}"
    );
}
