//! Policies: who may decide what, and what is said where that cannot work.

use super::*;
use crate::model::Severity;
use crate::spec::Diagnostics;
use crate::spec::runbook;
use crate::spec::step::Runbook;

/// A file whose one environment has this policy, which begins in line 4.
fn file(policy: &str) -> String {
    let policy: String = policy
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect();
    format!("environments:\n  production:\n    policy:\n{policy}")
}

fn lines(found: &Diagnostics) -> String {
    let line = |d: &&crate::spec::Diagnostic| {
        let place = d.source.position(d.span().map_or(0, |span| span.start));
        let help: String = d.help.iter().map(|help| format!(" ({help})")).collect();
        let severity = d.severity.word();
        format!(
            "{}:{} {severity}: {}{help}",
            place.line, place.column, d.message
        )
    };
    let lines: Vec<String> = found.sorted().iter().map(line).collect();
    lines.join("\n")
}

fn said(policy: &str) -> String {
    let mut found = Diagnostics::new();
    let read = read("runbook.yaml", file(policy).as_bytes(), &mut found);
    assert_eq!(read.is_none(), found.has_errors());
    lines(&found)
}

fn good(policy: &str) -> Policy {
    let mut found = Diagnostics::new();
    let read = read("runbook.yaml", file(policy).as_bytes(), &mut found);
    assert!(found.is_empty(), "{}", found.render(false, 120));
    let mut read = read.unwrap();
    read.environments.swap_remove("production").unwrap().policy
}

#[test]
fn a_policy_says_who_may_decide_what() {
    let policy = good(
        "\
gates:
  change: confirm
  destructive: { challenge: target, approvals: { count: 1, from: [dba, sre-lead] } }
after_the_fact: [SEV-1, SEV-2]
approvers:
  dba: [ana@example.org, li]
  sre-lead: kim
allowed_signers: ops/allowed_signers
revoked_keys: ops/revoked
break_glass: { group: sre-lead, announce: incidents }
hosts: { allow: [API.example.org, '*.internal.example.', '[::1]'], deny_private: true }",
    );
    let destructive = &policy.gates.destructive;
    assert_eq!(destructive.rule, GateRule::Challenge);
    let asked = destructive.approvals.as_ref().unwrap();
    assert_eq!(asked.count, 1);
    assert_eq!(asked.from[1].as_str(), "sre-lead");
    assert_eq!(policy.gates.change, GateRule::Confirm.into());
    assert_eq!(policy.after_the_fact, [Severity::Sev1, Severity::Sev2]);
    assert_eq!(policy.approvers["sre-lead"][0].as_str(), "kim");
    let signers = policy.signers.as_ref().unwrap();
    assert_eq!(signers.path, "ops/allowed_signers");
    assert_eq!(signers.revoked.as_deref(), Some("ops/revoked"));
    assert_eq!(signers.text, "", "no file was read");
    let glass = policy.break_glass.as_ref().unwrap();
    assert_eq!(glass.announce.as_deref(), Some("incidents"));
    let allowed = policy.hosts.allow.as_ref().unwrap();
    assert_eq!(allowed, &["api.example.org", "*.internal.example", "::1"]);
    assert!(policy.hosts.deny_private);
    let names: Vec<String> = policy
        .people(&["dba".parse().unwrap(), "nobody".parse().unwrap()])
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["ana@example.org", "li"]);
    let json = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy);
}

#[test]
fn what_is_left_out_of_a_policy_is_strict() {
    for policy in ["gates: {}", "unattended: deny"] {
        assert_eq!(good(policy), Policy::default(), "{policy}");
    }
    let policy = good("gates: { destructive: { approvals: 2 } }");
    let needs = policy.gates.destructive;
    assert_eq!(needs.rule, GateRule::Confirm, "approvals alone confirm");
    let asked = needs.approvals.unwrap();
    assert_eq!((asked.count, asked.from.len()), (2, 0));
    assert_eq!(policy.gates.change, GateRule::Confirm.into());
    let policy =
        good("gates: { destructive: { approvals: { from: a } } }\napprovers: { a: [b, c] }");
    assert_eq!(policy.gates.destructive.approvals.unwrap().count, 1);
}

#[test]
fn everything_that_is_wrong_with_a_policy_is_said_at_once() {
    insta::assert_snapshot!(said(
        "\
gates:
  change: { confirm: true }
  destructive: { challenge: yes, approvals: { count: 0, form: [dba] } }
approvals: 2
after_the_fact: [SEV-9]
approvers:
  DBA: [ana]
  sre: [-f, a b]
allowed_signers: ../allowed_signers
revoked_keys: /etc/revoked
break_glass: { announce: --all }
hosts: { allow: ['https://api.example.org/', 'api.example.org:443', 'a*b', '*', ''], deny: [x] }
anchor: { git: refs/x }
escalation: 5m
approver: {}"
    ), @r#"
    5:19 error: a gate's rule has no key `confirm` (the operator always confirms what others approve: leave it out)
    6:35 error: `yes` is not one of target
    6:60 error: expected a number of at least 1, found `0`
    6:63 error: what others approve has no key `form` (did you mean `from`?) (its keys are count, from)
    7:7 error: a policy has no key `approvals` (they stand at an effect: `gates: { destructive: { challenge: target, approvals: 1 } }`)
    8:24 error: `SEV-9` is not one of SEV-1, SEV-2, SEV-3, SEV-4, P0, P1, P2, P3 (did you mean `SEV-1`?)
    10:9 error: `DBA` is not a group: lower-case letters, digits and `-`, a letter first
    11:15 error: `-f` is not a person: a name or an address: letters, digits and `._+-`, with at most one `@`, beginning with a letter or a digit, at most 128 of them
    11:19 error: `a b` is not a person: a name or an address: letters, digits and `._+-`, with at most one `@`, beginning with a letter or a digit, at most 128 of them
    12:24 error: this path leads out of the directory of this file (keep the file beside runbook.yaml, where the team reviews it)
    13:21 error: this path leads out of the directory of this file (keep the file beside runbook.yaml, where the team reviews it)
    14:20 error: `break_glass` needs the key `group`
    14:32 error: expected a channel's name such as incidents, found `--all`
    15:24 error: expected a host such as api.example.org or *.example.org, found the text "https://api.example.org/" (write the host alone, without `https://` and without a path)
    15:52 error: expected a host such as api.example.org or *.example.org, found the text "api.example.org:443" (write the host alone, without a port)
    15:75 error: expected a host such as api.example.org or *.example.org, found the text "a*b" (a `*` stands in front only: `*.example.org`)
    15:82 error: expected a host such as api.example.org or *.example.org, found the text "*" (leave `allow` out to allow any host)
    15:87 error: expected a host such as api.example.org or *.example.org, found the text ""
    15:92 error: `hosts` has no key `deny` (list what is allowed: all else is denied)
    16:7 error: `anchor` is not available in this version (remove it; keep a copy of the journal's head elsewhere yourself)
    17:7 error: a policy has no key `escalation` (a runbook's gate says who is asked next: `expires: { approve: 30m, escalate: […] }`)
    18:7 error: a policy has no key `approver` (did you mean `approvers`?) (its keys are unattended, gates, after_the_fact, approvers, allowed_signers, revoked_keys, break_glass, hosts)
    "#);
}

#[test]
fn a_group_that_is_named_is_there() {
    insta::assert_snapshot!(said(
        "\
gates:
  change: { approvals: { from: [dbas, dba] } }
  destructive: { approvals: { from: [], count: 2 } }
approvers: { dba: [ana, li, kim] }
break_glass: { group: oncall }"
    ), @r#"
    5:39 error: there is no group `dbas` (did you mean `dba`?) (say who is in it: `approvers: { dbas: [ana, li] }`)
    6:9 warning: what can lose data needs less here than what can be undone
    6:43 error: there is no group in it (name a group, or leave the key out)
    8:29 error: there is no group `oncall` (say who is in it: `approvers: { oncall: [ana, li] }`)
    "#);
    // A group with a mistake in it is there all the same.
    insta::assert_snapshot!(said(
        "gates: { destructive: { approvals: { from: dba } } }\napprovers: { dba: [a b] }"
    ), @"5:26 error: `a b` is not a person: a name or an address: letters, digits and `._+-`, with at most one `@`, beginning with a letter or a digit, at most 128 of them");
}

#[test]
fn a_gate_that_can_lock_everybody_out_is_said_and_still_read() {
    insta::assert_snapshot!(said(
        "\
gates:
  change: { approvals: { from: dba } }
  destructive: { approvals: { from: [dba, sre], count: 2 } }
approvers: { dba: [ana], sre: [ana@example.org, li], empty: [] }
break_glass: { group: empty }"
    ), @r#"
    5:30 warning: 1 approval is asked for, and 1 person is in dba: a run that one of them starts gets stuck, for nobody approves their own (add people or a group; `break_glass` says who may go on where nobody can be reached)
    6:35 warning: 2 approvals are asked for, and 2 people are in dba or sre: a run that one of them starts gets stuck, for nobody approves their own (add people or a group; `break_glass` says who may go on where nobody can be reached)
    8:29 warning: nobody is in empty, so nobody can break the glass
    "#);
    insta::assert_snapshot!(said(
        "\
gates: { destructive: { approvals: { from: dba, count: 2 } } }
approvers: { dba: [ana] }"
    ), @"4:42 warning: 2 approvals are asked for, but 1 person is in dba: nobody gets past this gate (add people or a group; `break_glass` says who may go on where nobody can be reached)");
    // Anybody may approve: how many there are is not known here.
    assert_eq!(said("gates: { destructive: { approvals: 9 } }"), "");
}

#[test]
fn one_human_under_two_names_is_said() {
    insta::assert_snapshot!(said(
        "approvers: { dba: [ana, li, ana@example.org, li], sre: [Ana] }"
    ), @r#"
    4:35 warning: `ana` and `ana@example.org` count as one person (what stands before the `@` tells people apart)
    4:52 warning: `li` is in this group twice
    "#);
}

#[test]
fn what_can_lose_data_needs_no_less_than_what_can_be_undone() {
    let found = said("gates:\n  change: { approvals: 2 }\n  destructive: { challenge: target }");
    assert_eq!(
        found,
        "6:9 warning: what can lose data needs less here than what can be undone"
    );
    assert_eq!(
        said("gates: { change: none, destructive: { approvals: 1 } }"),
        ""
    );
}

#[test]
fn revoked_keys_need_signers() {
    insta::assert_snapshot!(said("revoked_keys: ops/revoked"), @"4:7 error: `revoked_keys` needs `allowed_signers` beside it (without it no signature counts, so none needs to be revoked)");
}

fn asks(name: &str, approvals: &str) -> Runbook {
    let text = format!(
        "name: {name}\ntitle: T\nsteps:\n  - id: block\n    steps:\n      - manual: a\n        gate: {{ confirm: Go?, approvals: {approvals}, expires: {{ approve: 5m, escalate: sre }} }}\n"
    );
    let mut found = Diagnostics::new();
    let read = runbook::read(&format!("{name}.yaml"), text.as_bytes(), &mut found);
    assert!(found.is_empty(), "{}", found.render(false, 120));
    read.unwrap()
}

#[test]
fn what_runbooks_ask_for_is_held_against_each_environment() {
    let text = "\
environments:
  staging: {}
  production:
    policy:
      approvers: { dba: [ana], srey: [li] }
";
    let mut found = Diagnostics::new();
    let environments = read("runbook.yaml", text.as_bytes(), &mut found).unwrap();
    let runbooks = [
        asks("one", "{ from: dba }"),
        asks("two", "{ from: dba, exclude: ana@example.org }"),
        asks("three", "{ from: [dba, sre], count: 2 }"),
    ];
    insta::assert_snapshot!(lines(&hold_against(&environments, &runbooks)), @r#"
    2:12 warning: `staging` has no group `dba`, whose approval one, two, three may ask for (say who is in it: `policy: { approvers: { dba: [ana, li] } }`; nobody can approve for a group that is not there)
    2:12 warning: `staging` has no group `sre`, whose approval one, two, three may ask for (say who is in it: `policy: { approvers: { sre: [ana, li] } }`; nobody can approve for a group that is not there)
    5:7 warning: `production` has no group `sre`, whose approval one, two, three may ask for (did you mean `sre` where it says `srey`?) (say who is in it: `policy: { approvers: { sre: [ana, li] } }`; nobody can approve for a group that is not there)
    5:7 warning: in `production` for one: 1 approval is asked for, and 1 person is in dba: a run that one of them starts gets stuck, for nobody approves their own (add people or a group; `break_glass` says who may go on where nobody can be reached)
    5:7 warning: in `production` for two: 1 approval is asked for, but nobody is in dba: nobody gets past this gate (those whom the gate excludes are not counted) (add people or a group; `break_glass` says who may go on where nobody can be reached)
    5:7 warning: in `production` for three: 2 approvals are asked for, but 1 person is in dba: nobody gets past this gate (add people or a group; `break_glass` says who may go on where nobody can be reached)
    "#);
}
