//! A runbook's lock: one run at a time has it, whichever runbook it is, and wherever a process dies
//! somebody can have it afterwards.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use support::Place;
use support::pty::Pty;

const RUNBOOK: &str = "name: NAME\ntitle: T\nlock: database/{{ params.cluster }}\nparams:\n  cluster: { type: string, default: main }\nsteps:\n  - { id: look, call: $DATABASE_TOOL status }\n  - { id: fail_over, call: $DATABASE_TOOL failover --cluster main, gate: Go? }\n";

fn place() -> Place {
    let place = Place::new();
    for name in ["one", "two"] {
        place.write(&format!("{name}.yaml"), &RUNBOOK.replace("NAME", name));
    }
    place
}

/// The id of the only run of a runbook.
fn run_of(place: &Place, name: &str) -> String {
    let runs = place.runs();
    let ids = runs
        .iter()
        .map(|run| run.file_name().unwrap().to_str().unwrap());
    let mut ids = ids.filter(|id| id.starts_with(name));
    ids.next().unwrap().to_owned()
}

fn records(place: &Place, run: &str) -> Vec<serde_json::Value> {
    let path = place.state().join("runs").join(run).join("journal.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn taken(place: &Place, run: &str) -> Vec<serde_json::Value> {
    let records = records(place, run);
    let taken = records
        .into_iter()
        .filter(|record| record["kind"] == "lock_taken");
    taken.map(|record| record["data"].clone()).collect()
}

/// A run that waits at its gate, with its process.
fn at_its_gate(place: &Place, name: &str) -> Pty {
    let mut pty = Pty::runbook(place, &["run", &format!("./{name}.yaml")]);
    pty.expect("> ");
    pty
}

fn parked(place: &Place, name: &str) -> String {
    let mut pty = at_its_gate(place, name);
    pty.line("p");
    pty.exits(75);
    run_of(place, name)
}

#[test]
fn a_lock_that_a_living_process_has_is_refused_to_all_others() {
    let place = place();
    let mut pty = at_its_gate(&place, "one");
    let one = run_of(&place, "one");
    for more in [&[][..], &["--take-lock", "mine"]] {
        let args = [&["run", "./two.yaml", "--yes"], more].concat();
        place
            .run(&args)
            .exits(73)
            .says(&format!("sandbox/database/main is held by {one}"))
            .says("process")
            .says(&format!("runbook watch {one}"));
    }
    // Nothing of it is left behind.
    assert_eq!(place.runs().len(), 1);
    assert_eq!(place.worlds().len(), 1);
    // Another cluster is another lock.
    place
        .run(&["run", "./two.yaml", "--yes", "cluster=other"])
        .exits(0);
    place
        .run(&["plan", "./two.yaml"])
        .exits(0)
        .says("is held now by");
    let runs = place.run(&["runs"]);
    runs.exits(0)
        .says("sandbox/database/main is held by")
        .says("running");
    pty.line("y");
    pty.exits(0);
    place.run(&["run", "./two.yaml", "--yes"]).exits(0);
    assert_eq!(taken(&place, &one).len(), 1);
    assert!(taken(&place, &one)[0].get("from").is_none());
    place.run(&["runs"]).exits(0).never_says("is held by");
}

#[test]
fn a_parked_run_keeps_its_lock_until_somebody_takes_it_with_a_reason() {
    let place = place();
    let one = parked(&place, "one");
    place
        .run(&["run", "./two.yaml", "--yes"])
        .exits(73)
        .says("which is parked")
        .says(&format!("runbook resume {one}"))
        .says("--take-lock");
    let runs = place.run(&["runs", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&runs.exits(0).stdout).unwrap();
    assert_eq!(json["locks"][0]["state"], "parked");
    assert_eq!(json["runs"][0]["waits"][0]["for"], "gate");

    let mut pty = Pty::runbook(&place, &["run", "./two.yaml", "--take-lock", "one is ill"]);
    pty.expect("> ");
    pty.line("p");
    pty.exits(75);
    let two = run_of(&place, "two");
    let from = &taken(&place, &two)[0]["from"];
    assert_eq!(from["run"], one.as_str());
    assert_eq!(from["reason"], "one is ill");

    // The robbed run comes back, finds who has it, and takes it back the same way.
    place
        .run(&["resume", &one, "--yes"])
        .exits(73)
        .says(&format!("is held by {two}"));
    place
        .run(&["resume", &one, "--yes", "--take-lock", "back"])
        .exits(0);
    place.run(&["resume", &two, "--yes"]).exits(0);
    for run in [&one, &two] {
        place.run(&["audit", "verify", run]).exits(0);
    }
    assert_eq!(taken(&place, &one).len(), 2);
}

#[test]
fn the_lock_of_a_process_that_was_killed_is_taken_and_said() {
    let place = place();
    place
        .run_with(
            "RUNBOOK_CRASH_IN_WORLD",
            "1",
            &["run", "./one.yaml", "--yes"],
        )
        .exits(137);
    let one = run_of(&place, "one");
    place
        .run(&["runs"])
        .exits(0)
        .says("whose process")
        .says("its process died");
    place
        .run(&["run", "./two.yaml", "--yes"])
        .exits(0)
        .says(&format!("taken from {one}"))
        .says("may have left a step in doubt");
    let from = &taken(&place, &run_of(&place, "two"))[0]["from"];
    assert_eq!(from["run"], one.as_str());
    // It is free again, and the first run can go on to its end.
    let resumed = place.run(&["resume", &one, "--yes"]);
    assert!(matches!(resumed.code, Some(0 | 75)), "{}", resumed.stderr);
}

#[test]
fn a_lock_that_is_not_there_cannot_be_taken() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: look, call: $DATABASE_TOOL status }\n",
    );
    place
        .run(&["run", "./x.yaml", "--take-lock", "mine"])
        .exits(2)
        .says("has no lock");
    place
        .run(&["run", "./x.yaml", "--take-lock", " "])
        .exits(2)
        .says("say why");
}

/// Killed at each change of the disk: whoever comes next gets the lock, and never both have it.
#[test]
fn killed_at_each_change_of_the_disk_nobody_is_locked_out() {
    for n in 1.. {
        let place = place();
        let ran = place.run_with(
            "RUNBOOK_CRASH_AT",
            &n.to_string(),
            &["run", "./one.yaml", "--yes"],
        );
        if ran.code == Some(0) {
            assert!(n > 40, "only {n} changes of the disk");
            break;
        }
        ran.exits(137);
        let two = place.run(&["run", "./two.yaml", "--yes"]);
        assert_eq!(two.code, Some(0), "killed at {n}: {}", two.stderr);
        let one = place.runs().iter().any(|run| {
            let name = run.file_name().unwrap().to_str().unwrap();
            name.starts_with("one")
        });
        if one {
            let resumed = place.run(&["resume", &run_of(&place, "one"), "--yes"]);
            assert!(
                matches!(resumed.code, Some(0 | 2 | 75)),
                "killed at {n}: {:?} {}",
                resumed.code,
                resumed.stderr
            );
        }
    }
}

#[test]
fn a_world_that_others_have_begun_is_joined_as_it_is_or_not_at_all() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: look, call: $DATABASE_TOOL status }\n",
    );
    let run =
        |more: &[&str]| place.run(&[&["run", "./x.yaml", "--world", "shared"], more].concat());
    run(&["--seed", "7"]).exits(0);
    run(&[]).exits(0);
    run(&["--seed", "7", "--scenario", "calm"]).exits(0);
    run(&["--seed", "8"])
        .exits(2)
        .says("was begun with --seed 7");
    run(&["--scenario", "db-primary-down"])
        .exits(2)
        .says("another scenario");
    assert_eq!(place.runs().len(), 3);
}

/// Killed at each change of the disk while it takes the lock of a parked run: until it has begun,
/// the parked one keeps it, and from then on its journal says from whom it was taken.
#[test]
fn a_lock_is_taken_over_by_a_run_that_says_so_or_by_none() {
    let mut begun = [0, 0];
    for n in 1.. {
        let place = place();
        let one = parked(&place, "one");
        let rob = [
            "run",
            "./two.yaml",
            "--take-lock",
            "its operator is gone",
            "--yes",
        ];
        let ran = place.run_with("RUNBOOK_CRASH_AT", &n.to_string(), &rob);
        if ran.code == Some(0) {
            break;
        }
        ran.exits(137);
        let runs = place.runs();
        let two = runs
            .iter()
            .find(|run| run.to_string_lossy().contains("two-"));
        let opened = two.is_some_and(|run| {
            let journal = std::fs::read_to_string(run.join("journal.jsonl"));
            journal.is_ok_and(|text| text.contains("run_opened"))
        });
        if !opened {
            begun[0] += 1;
            place
                .run(&["run", "./two.yaml", "--yes"])
                .exits(73)
                .says(&format!("is held by {one}"));
            continue;
        }
        begun[1] += 1;
        let two = run_of(&place, "two");
        let resumed = place.run(&["resume", &two, "--yes"]);
        assert!(
            matches!(resumed.code, Some(0 | 75)),
            "killed at {n}: {}",
            resumed.stderr
        );
        let taken = taken(&place, &two);
        let said = taken.iter().any(|taken| taken["from"]["run"] == one);
        assert!(said, "killed at {n}: {taken:?}");
    }
    assert!(begun.iter().all(|n| *n > 5), "{begun:?}");
}

#[test]
fn a_command_line_with_a_mistake_takes_no_lock() {
    let place = place();
    let one = parked(&place, "one");
    let rob = ["run", "./two.yaml", "--take-lock", "its operator is gone"];
    let mut pty = Pty::runbook(&place, &rob);
    pty.expect("> ");
    pty.line("p");
    pty.exits(75);
    let before = records(&place, &one).len();
    let mine = [
        "resume",
        &one,
        "--take-lock",
        "mine again",
        "--answer",
        "nosuch=1",
    ];
    place.run(&mine).exits(2).says("nosuch");
    assert_eq!(records(&place, &one).len(), before);
    place
        .run(&["resume", &run_of(&place, "two"), "--yes"])
        .exits(0);
}
