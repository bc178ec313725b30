//! What gates ask of others, and locks.

use super::*;

#[test]
fn the_names_in_what_others_approve_are_checked() {
    insta::assert_snapshot!(steps(
        r#"  - id: look
    call: $DATABASE_TOOL replica-status
  - id: act
    for_each: [a, b]
    manual: Act on {{ item }}
    gate:
      confirm: Go?
      once: true
      approvals: { if: "steps.look.output.freshest.lagg > duration('5m') or item == 'a'" }
  - manual: x
    gate: { confirm: Go?, approvals: { if: steps.look.output.primary } }
  - manual: x
    gate: { confirm: Go?, approvals: { if: steps.look.output.primary == 'db1' } }
"#
    ), @r#"
    12:25 [steps.look.output.freshest.lagg] `steps.look.output.freshest` has no field `lagg` (did you mean `lag`?)
    12:77 [item] there is no `item` here
    14:44 [steps.look.output.primary] expected true or false, found `steps.look.output.primary` (string) (compare it: `… == 'text'`)
    "#);
}

#[test]
fn a_lock_is_named_by_parameters_only() {
    let with = |lock: &str| {
        let text = format!(
            "name: t\ntitle: T\nlock: \"{lock}\"\nparams: {{ cluster: {{ default: main }} }}\nvars: {{ x: 1 }}\nsteps:\n  - manual: x\n"
        );
        rendered(&[("t", &text)])
    };
    assert_eq!(with("database/{{ params.cluster }}"), "");
    assert_eq!(with("database"), "");
    insta::assert_snapshot!(
        with("{{ params.clustr }}") + &with("{{ run.id }}/{{ vars.x }}/{{ params.clustr }}"), @r#"
    error[expression]: there is no parameter `clustr`
     --> t.yaml:3:11
      |
    3 | lock: "{{ params.clustr }}"
      |           ^^^^^^^^^^^^^
      |
      = help: did you mean `params.cluster`?error[lock]: `run.id` is not known before the run begins
     --> t.yaml:3:11
      |
    3 | lock: "{{ run.id }}/{{ vars.x }}/{{ params.clustr }}"
      |           ^^^^^^
      |
      = help: a lock is named by fixed words and by `params`

    error[lock]: `vars.x` is not known before the run begins
     --> t.yaml:3:24
      |
    3 | lock: "{{ run.id }}/{{ vars.x }}/{{ params.clustr }}"
      |                        ^^^^^^
      |
      = help: a lock is named by fixed words and by `params`
    "#);
}

#[test]
fn a_lock_that_is_not_taken_is_said() {
    let part = "name: part\ntitle: P\nlock: database\nsteps:\n  - manual: x\n";
    let main = "name: main\ntitle: M\nsteps:\n  - runbook: part\n";
    insta::assert_snapshot!(rendered(&[("main", main), ("part", part)]), @r#"
    warning[lock]: `part` has a lock, which is not taken where it is included
     --> main.yaml:4:14
      |
    4 |   - runbook: part
      |              ^^^^
      |
      = help: add a `lock` to this runbook; that of `part` is `database`
    "#);
    let held = main.replace("steps:", "lock: database\nsteps:");
    assert_eq!(rendered(&[("main", &held), ("part", part)]), "");
}
