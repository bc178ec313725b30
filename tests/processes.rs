//! Rows of `docs/threats.md` about processes, through the whole program.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use std::process::Command;

use support::pty::Pty;
use support::{Place, ran};

/// An environment in which nobody needs to be asked.
const BENCH: &str = "environments:\n  bench:\n    policy: { unattended: allow, gates: { change: none, destructive: none } }\n";

/// A runbook whose steps stand in that environment; `HERE` is its directory.
fn place(steps: &str) -> Place {
    let place = Place::new();
    let steps = steps.replace("HERE", &place.here().display().to_string());
    place.write("runbook.yaml", BENCH);
    place.write("x.yaml", &format!("name: x\ntitle: X\nsteps:\n{steps}"));
    place
}

const RUN: [&str; 4] = ["run", "./x.yaml", "-e", "bench"];

#[test]
fn threat_35_a_daemon_that_keeps_the_output_is_named_in_the_journal_and_on_the_screen() {
    let place = place(
        "  - id: act\n    run: [sh, -c, 'setsid sleep 1000 & echo $! > HERE/pid']\n    effect: change\n",
    );
    let done = place.run(&RUN);
    let pid = std::fs::read_to_string(place.here().join("pid")).unwrap();
    let named = format!(
        "leaked: a process still holds the output open: pid {}",
        pid.trim()
    );
    let killed = Command::new("kill").args(["-9", pid.trim()]).status();
    assert!(killed.unwrap().success(), "it was ended with its step");
    done.exits(0).says(&named);
    let journal = std::fs::read_to_string(place.journal()).unwrap();
    assert!(journal.contains(&named), "{journal}");
}

#[test]
fn threat_37_nothing_is_typed_into_our_terminal_and_nothing_written_to_it() {
    // TIOCSTI, as python and perl have it; whichever is there.
    let perl =
        "open(my $t, q(+<), q(/dev/tty)) or exit 9; ioctl($t, 0x5412, q(y)) or exit 8; exit 0";
    let steps = format!(
        "  - id: writes\n    run: [sh, -c, 'echo forged > /dev/tty']\n    effect: read\n    ok: exit != 0\n  - id: types\n    run: [perl, -e, '{perl}']\n    effect: read\n    ok: exit == 9\n  - id: through_our_own_files\n    run: [perl, -e, 'for my $f (0..20) {{ open(my $t, qq(+<&=$f)) or next; exit 1 if -t $t }} exit 0']\n    effect: read\n"
    );
    let place = place(&steps);
    // Under a terminal, which is ours and not our children's.
    let screen = Pty::runbook(&place, &RUN).rest();
    assert!(!screen.contains("forged"), "{screen}");
    let finished = place.records();
    let finished: Vec<_> = finished
        .iter()
        .filter(|record| record["kind"] == "step_finished")
        .collect();
    assert_eq!(finished.len(), 3, "{screen}");
    assert!(place.records().iter().any(|record| {
        record["kind"] == "run_closed" && record.to_string().contains("succeeded")
    }));
}

#[test]
fn threat_38_a_child_finds_its_input_at_its_end_whatever_ours_holds() {
    let place = place("  - id: act\n    run: [cat]\n    effect: read\n    ok: stdout == ''\n");
    let input = place.write("input", "typed ahead\n");
    let mut command = place.command(&RUN);
    command.stdin(std::fs::File::open(input).unwrap());
    ran(command.output().unwrap()).exits(0);
}

#[test]
fn threat_39_a_change_that_ignores_term_is_killed_and_its_outcome_is_unknown() {
    let place = place(
        "  - id: act\n    run: [sh, -c, 'trap \"\" TERM; echo $$ > HERE/pid; exec sleep 1000']\n    effect: change\n    timeout: 500ms\n",
    );
    // TERM, the grace of ten seconds, KILL.
    place
        .run(&RUN)
        .exits(75)
        .says("did not end within 10s of TERM, so it was killed");
    let kinds = place.kinds();
    assert!(kinds.contains(&"step_unknown".to_owned()), "{kinds:?}");
    assert!(!kinds.contains(&"step_finished".to_owned()), "{kinds:?}");
    let pid = std::fs::read_to_string(place.here().join("pid")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    assert!(!stat.is_ok_and(|stat| stat.contains("(sleep)") && !stat.contains(") Z ")));
}

#[test]
#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests is to know what they left out"
)]
fn a_run_whose_session_is_led_from_outside_its_pid_namespace_goes_as_any_other() {
    // As in a container that somebody entered: our session has no id that can be seen in there.
    let enter = ["--map-root-user", "--pid", "--fork", "--mount-proc"];
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(enter);
        command
    };
    let can = unshare().arg("true").output();
    if !can.is_ok_and(|tried| tried.status.success()) {
        eprintln!("left out: no PID namespace can be made here");
        return;
    }
    let place =
        place("  - id: act\n    run: [sh, -c, 'sleep 1000 & echo done']\n    effect: change\n");
    let mut command = unshare();
    command.arg(env!("CARGO_BIN_EXE_runbook")).args(RUN);
    place.surround(&mut command);
    command.stdin(std::process::Stdio::null());
    ran(command.output().unwrap())
        .exits(0)
        .says("a process still holds the output open: pid ");
}

#[test]
fn threat_41_how_a_command_failed_is_said_as_such() {
    for (run, said) in [
        (
            "[no-such-program]",
            "the program `no-such-program` was not found",
        ),
        ("[HERE/x.yaml]", "not executable"),
        (
            "[sh, -c, 'kill -SEGV $$']",
            "was ended by SIGSEGV (invalid memory access)",
        ),
        (
            "[sh, -c, 'echo no route >&2; exit 7']",
            "ended with exit status 7: no route",
        ),
    ] {
        let place = place(&format!(
            "  - id: act\n    run: {run}\n    effect: change\n"
        ));
        place.run(&RUN).exits(1).says(said);
    }
}

#[test]
fn threat_42_of_five_hundred_steps_at_once_32_run_and_no_descriptor_runs_out() {
    // Each counts those that run beside it.
    let script = "mkdir HERE/running/$$; ls HERE/running | wc -l >> HERE/counts; sleep 0.05; rmdir HERE/running/$$";
    let place = place(&format!(
        "  - id: many\n    for_each: range(500)\n    max_parallel: 500\n    run: [sh, -c, '{script}']\n    effect: change\n"
    ));
    std::fs::create_dir(place.here().join("running")).unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 256; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_runbook"))
        .args(RUN)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", place.here())
        .env("RUNBOOK_STATE_DIR", place.state())
        .current_dir(place.here())
        .stdin(std::process::Stdio::null());
    ran(command.output().unwrap()).exits(0);
    let counts = std::fs::read_to_string(place.here().join("counts")).unwrap();
    let counts: Vec<usize> = counts.lines().map(|n| n.trim().parse().unwrap()).collect();
    assert_eq!(counts.len(), 500);
    let most = counts.iter().max().copied().unwrap();
    assert!((2..=32).contains(&most), "{most} at once");
    let finished = place.kinds();
    let finished = finished.iter().filter(|kind| *kind == "step_finished");
    assert_eq!(finished.count(), 500);
}
