//! What others say about a gate: yes, no, and who may not.

use std::process::Command;

use crate::support::{Place, ran};
use crate::team::{ANA, LI, SAM, TEAM, Team, says, team};

#[test]
fn an_approval_is_shown_to_the_operator_at_once_and_the_step_goes_on() {
    let Some(team) = team() else { return };
    let (mut operator, id) = team.waiting();
    let seen = says(&team, LI, &["approve"], "y", 0);
    assert!(seen.contains("Your approval is asked"), "{seen}");
    assert!(seen.contains("nothing more is needed"), "{seen}");
    let before = operator.expect("approved");
    // It begins a line of its own, and not behind the prompt.
    assert!(before.starts_with("\r\n"), "{before:?}");
    operator.expect(&LI.to_string());
    operator.expect("audit verify");
    operator.exits(0);
    assert_eq!(team.place.world().log().len(), 1);
    let records = team.place.records();
    let given = records
        .iter()
        .find(|record| record["kind"] == "approval_given")
        .unwrap();
    assert_eq!(given["actor"]["person"]["uid"], LI);
    assert_eq!(given["data"]["voter"]["proof"]["login"]["uid"], LI);
    team.run(LI, &["audit", "verify", &id]).exits(0);
}

#[test]
fn a_no_of_somebody_else_ends_the_run_and_nothing_acts() {
    let Some(team) = team() else { return };
    let (mut operator, id) = team.waiting();
    let args = ["decline", &id, "fail_over", "--reason", "not tonight"];
    let seen = says(&team, LI, &args, "y", 0);
    assert!(seen.contains("declined"), "{seen}");
    operator.expect("not tonight");
    operator.expect("audit verify");
    operator.exits(77);
    assert!(team.place.world().log().is_empty());
}

#[test]
fn leaving_it_sends_nothing() {
    let Some(team) = team() else { return };
    let (mut operator, _) = team.waiting();
    let seen = says(&team, LI, &["approve"], "n", 77);
    assert!(seen.contains("Nothing was sent"), "{seen}");
    // Without a terminal nobody has seen what they approve.
    team.run(LI, &["approve"]).exits(77).says("no terminal");
    operator.line("p");
    operator.exits(75);
    let kinds = team.place.kinds();
    assert!(!kinds.contains(&"approval_given".to_owned()), "{kinds:?}");
}

#[test]
fn threat_49_nobody_approves_their_own_request() {
    let Some(team) = team() else { return };
    let (mut operator, id) = team.waiting();
    team.run(ANA, &["approve", &id]).exits(77).says("yourself");
    // Nor by speaking to the socket, whatever they say about themselves.
    let digest = gate_digest(&team.place);
    let vote = format!(
        "{{\"v\":1,\"body\":{{\"vote\":{{\"step\":\"fail_over\",\"attempt\":1,\"digest\":\"{digest}\",\"vote\":\"approve\",\"reason\":null}}}}}}\n"
    );
    let answer = team.say(ANA, &vote);
    assert!(answer.contains("yourself"), "{answer}");
    // What another saw before it changed is no answer to what stands there now.
    let other = vote.replace(&digest, &"0".repeat(64));
    let answer = team.say(LI, &other);
    assert!(answer.contains("look at it again"), "{answer}");
    let other = vote.replace("\"attempt\":1", "\"attempt\":2");
    let answer = team.say(LI, &other);
    assert!(answer.contains("attempt"), "{answer}");
    let answer = team.say(LI, &vote);
    assert!(answer.contains("done"), "{answer}");
    operator.expect("audit verify");
    operator.exits(0);
}

#[test]
fn threat_49_root_without_a_login_is_nobody() {
    let Some(team) = team() else { return };
    let login = std::fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    if login.trim() != u32::MAX.to_string() {
        return;
    }
    let (mut operator, id) = team.waiting();
    team.run(0, &["approve", &id])
        .exits(77)
        .says("root without a login is nobody in particular");
    let kinds = team.place.kinds();
    assert!(!kinds.contains(&"approval_given".to_owned()), "{kinds:?}");
    // To stop it is always safe.
    team.run(0, &["cancel", &id, "--reason", "enough"]).exits(0);
    operator.expect("enough");
    operator.exits(130);
    assert!(team.place.world().log().is_empty());
}

#[test]
fn threat_53_a_parked_run_is_approved_and_then_taken_up() {
    let Some(team) = team() else { return };
    let id = team.parked();
    let before = std::fs::read(team.place.journal()).unwrap();
    let seen = says(&team, LI, &["approve", &id], "y", 0);
    assert!(seen.contains(&format!("runbook resume {id}")), "{seen}");
    let after = std::fs::read(team.place.journal()).unwrap();
    assert!(after.starts_with(&before));
    assert_eq!(
        team.place
            .kinds()
            .iter()
            .filter(|kind| *kind == "run_resumed")
            .count(),
        0,
        "who approves does not take the run up"
    );
    team.run(LI, &["approve", &id])
        .exits(2)
        .says("waits for nobody");
    let mut operator = team.at_terminal(ANA, &["resume", &id]);
    operator.expect("audit verify");
    operator.exits(0);
    assert_eq!(team.place.world().log().len(), 1);
    team.run(SAM, &["audit", "verify", &id]).exits(0);
}

#[test]
fn who_takes_a_run_up_is_named_and_is_no_other_any_more() {
    let Some(team) = team() else { return };
    let id = team.parked();
    let mut session = team.at_terminal(LI, &["resume", &id]);
    session.expect(&format!("taken over from {ANA}"));
    session.expect("more must approve");
    session.expect("> ");
    team.run(LI, &["approve", &id]).exits(77).says("yourself");
    team.run(ANA, &["approve", &id]).exits(77).says("yourself");
    says(&team, SAM, &["approve", &id], "y", 0);
    session.expect("audit verify");
    session.exits(0);
    assert_eq!(team.place.world().log().len(), 1);
}

impl Team {
    /// What the socket answers to somebody who speaks to it by hand.
    fn say(&self, uid: u32, line: &str) -> String {
        let socket = self.place.runs()[0].join("control");
        let script = "use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die $!; print $s $ARGV[1]; print scalar <$s>";
        let mut command = Command::new("setpriv");
        command
            .args([format!("--reuid={uid}"), format!("--regid={TEAM}")])
            .args(["--clear-groups", "perl", "-e", script])
            .arg(&socket)
            .arg(line);
        let said = ran(command.output().unwrap());
        assert_eq!(said.stderr, "");
        said.stdout
    }
}

fn gate_digest(place: &Place) -> String {
    let records = place.records();
    let gate = records
        .iter()
        .find(|record| record["kind"] == "gate_opened");
    gate.unwrap()["data"]["digest"].as_str().unwrap().to_owned()
}

#[test]
fn an_approval_of_a_run_whose_process_died_does_not_say_that_it_goes_on() {
    let Some(team) = team() else { return };
    let (mut operator, id) = team.waiting();
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &team.place.held_by()])
        .status();
    assert!(killed.unwrap().success());
    operator.exits(137);
    let seen = says(&team, LI, &["approve", &id], "y", 0);
    assert!(seen.contains("nobody drives it now"), "{seen}");
    assert!(!seen.contains("goes on"), "{seen}");
}

/// A real environment, in which one of two must approve, and both of them operate runs.
fn dead_end(team: &Team) {
    let state = team.place.state();
    team.place.write(
        "runbook.yaml",
        &format!(
            "state: {{ dir: '{}', group: '{TEAM}' }}\nenvironments:\n  ops:\n    tools: {{}}\n    policy:\n      gates: {{ change: confirm }}\n      approvers: {{ dba: ['{ANA}', '{LI}'] }}\n      break_glass: {{ group: dba }}\n",
            state.display()
        ),
    );
    team.place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - id: mark\n    run: [touch, mark]\n    effect: change\n    gate: { confirm: Go?, approvals: { count: 1, from: [dba] } }\n",
    );
}

#[test]
fn who_operates_the_run_is_not_named_among_those_who_may_approve() {
    let Some(team) = team() else { return };
    dead_end(&team);
    let mut operator = team.at_terminal(ANA, &["run", "./x.yaml", "-e", "ops"]);
    operator.expect("A decision is needed");
    operator.expect(&format!("Others: 1 of dba must approve: {LI}."));
    operator.expect("> ");
    operator.line("y");
    operator.expect(&format!("They may:    {LI}\r\n"));
    operator.expect(&format!(
        "Nobody there? p, then runbook resume {} --break-glass",
        team.id()
    ));
    operator.expect("> ");
    operator.line("p");
    operator.exits(75);
}

#[test]
fn a_takeover_after_which_nobody_can_approve_is_asked_about_first() {
    let Some(team) = team() else { return };
    dead_end(&team);
    let mut operator = team.at_terminal(ANA, &["run", "./x.yaml", "-e", "ops"]);
    operator.expect("> ");
    operator.line("y");
    operator.expect("more must approve");
    operator.expect("> ");
    operator.line("p");
    operator.exits(75);
    // Whoever operates it already changes nothing by coming back.
    let mut operator = team.at_terminal(ANA, &["resume"]);
    operator.expect("more must approve");
    operator.expect("> ");
    operator.line("p");
    operator.exits(75);
    let mut other = team.at_terminal(LI, &["resume"]);
    other.expect("nobody is left to approve mark");
    other.expect("> ");
    other.line("n");
    other.expect("not taken up");
    other.exits(77);
    let resumed = |kind: &&String| *kind == "run_resumed";
    assert_eq!(team.place.kinds().iter().filter(resumed).count(), 1);
    let mut other = team.at_terminal(LI, &["resume"]);
    other.expect("y or n > ");
    other.line("y");
    other.expect("nobody is left in the groups that may");
    let rest = other.expect("--break-glass");
    assert!(!rest.contains("They type"), "{rest}");
    other.expect("> ");
    other.line("p");
    other.exits(75);
}
