//! All shapes that a step's processes may have when it is ended, again and again: nobody survives
//! who is not named, and the step is over within its grace and one second.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use runbook::call::{End, Processes};

use super::step::{GRACE, end, in_a_cgroup, marker, named, run, survivors, ways};

/// How often each shape is ended, and how many of these at once.
const ROUNDS: usize = 50;
const AT_ONCE: usize = 2;

/// How long a step takes at most from the request to end until it is over, its grace left out.
const WITHIN: Duration = Duration::from_secs(1);

/// What a shape leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    Nobody,
    /// Whom nothing but a cgroup can tell from another step's.
    WhoCannotBeTold,
    /// It ends by itself, so that all it left is named and goes on.
    Background,
}

fn one_round(processes: &Processes, shape: &str, leaves: Leaves) {
    let marker = marker();
    let (done, took) = run(processes, &shape.replace("MARK", &marker));
    let left = survivors(&marker);
    end(&marker);
    let named = named(&done.notes);
    let ends = match leaves {
        Leaves::Background => End::Exited(0),
        Leaves::Nobody | Leaves::WhoCannotBeTold => End::Cancelled,
    };
    let holds = [
        (
            "survivors are named",
            left.iter().all(|pid| named.contains(pid)),
        ),
        (
            "nobody survives",
            leaves != Leaves::Nobody || left.is_empty(),
        ),
        ("it is over in time", took <= GRACE + WITHIN),
        ("it ends as it should", done.end == ends),
    ];
    for (what, holds) in holds {
        assert!(
            holds,
            "not so: {what}: {shape}: left {left:?} after {took:?}: {:?}, {:?}, {:?}",
            processes.containment, done.end, done.notes
        );
    }
}

/// Every round of a shape, with a cgroup and without.
fn rounds(shape: &str, leaves: Leaves) {
    for processes in ways() {
        let leaves = match leaves {
            Leaves::WhoCannotBeTold if in_a_cgroup(&processes) => Leaves::Nobody,
            leaves => leaves,
        };
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while next.fetch_add(1, Ordering::Relaxed) < ROUNDS {
                        one_round(&processes, shape, leaves);
                    }
                });
            }
        });
    }
}

#[test]
fn threat_36_shape_01_plain() {
    rounds("echo ready; exec sleep MARK", Leaves::Nobody);
}

#[test]
fn threat_36_shape_02_a_background_child_holds_the_pipe() {
    rounds("sleep MARK & echo ready; exec sleep MARK", Leaves::Nobody);
}

#[test]
fn threat_36_shape_03_a_daemon_by_double_fork() {
    let daemon = "(setsid sh -c 'sleep MARK >/dev/null 2>&1 & echo ready' &)";
    rounds(&format!("{daemon}; exec sleep MARK"), Leaves::Nobody);
}

#[test]
fn threat_36_shape_04_a_grandchild_in_its_own_session() {
    let child = r#"sh -c 'setsid sh -c "echo ready; exec sleep MARK" & wait'"#;
    rounds(&format!("{child} & wait"), Leaves::Nobody);
}

#[test]
fn threat_36_shape_05_own_session_cleared_environment_closed_files() {
    let child = "env -i setsid sh -c 'echo ready; exec sleep MARK <&- >&- 2>&-'";
    rounds(&format!("{child} & wait"), Leaves::Nobody);
}

#[test]
fn threat_36_shape_06_an_orphan_with_nothing_to_know_it_by() {
    let daemon = "env -i setsid -f sh -c 'exec sleep MARK <&- >&- 2>&-'";
    let script = format!("{daemon}; echo ready; exec sleep MARK");
    rounds(&script, Leaves::WhoCannotBeTold);
}

#[test]
fn threat_36_shape_07_term_is_ignored() {
    rounds("trap '' TERM; echo ready; exec sleep MARK", Leaves::Nobody);
}

#[test]
fn threat_36_shape_08_term_is_ignored_and_the_leader_is_gone() {
    let child = "(trap '' TERM; echo ready; exec sleep MARK)";
    rounds(&format!("{child} & wait"), Leaves::Nobody);
}

#[test]
fn threat_36_shape_09_stopped() {
    rounds("echo ready; kill -STOP $$; sleep MARK", Leaves::Nobody);
}

#[test]
fn threat_36_shape_10_a_stopped_child_of_a_running_leader() {
    let child = "sh -c 'kill -STOP $$; exec sleep MARK'";
    let stopped = "while ! grep -q '^State:.T' /proc/$!/status; do :; done";
    rounds(
        &format!("{child} & {stopped}; echo ready; wait"),
        Leaves::Nobody,
    );
}

#[test]
fn threat_36_shape_11_a_storm_of_forks() {
    let ready = "[ $i = 20 ] && echo ready";
    let fork = "(sleep MARK & exec sleep MARK) &";
    let storm = format!("while [ $i -lt 200 ]; do i=$((i+1)); {ready}; {fork} done");
    rounds(&format!("i=0; {storm}; wait"), Leaves::Nobody);
}

#[test]
fn threat_36_shape_12_one_that_prints_without_end() {
    rounds("trap '' TERM; echo ready; exec yes MARK", Leaves::Nobody);
}

#[test]
fn threat_36_shape_13_a_leader_that_exits_and_leaves_one_that_ignores_term() {
    let child = "setsid sh -c 'trap \"\" TERM; exec sleep MARK'";
    rounds(&format!("{child} & exit 0"), Leaves::Background);
}

#[test]
fn threat_36_shape_14_one_that_moves_from_session_to_session() {
    let moves = "export M; setsid -f sh -c \"sleep 0.03; $M\" MARK";
    rounds(
        &format!("M='{moves}'; {moves}; echo ready; exec sleep MARK"),
        Leaves::Nobody,
    );
}

#[test]
fn threat_36_shape_15_nohup() {
    let child = "nohup sh -c 'echo ready; exec sleep MARK'";
    rounds(&format!("{child} & wait"), Leaves::Nobody);
}
