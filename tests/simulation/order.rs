//! In which order steps are done.

use runbook::model::Status;
use runbook::model::event::RunOutcome;

use super::story::story;

#[test]
fn a_list_runs_from_top_to_bottom() {
    story(
        "
steps:
  - { id: a, call: $BOX set a }
  - { id: b, steps: [ { id: c, call: $BOX look }, { id: d, call: $BOX set d } ] }
  - { id: e, call: $BOX set e }
",
    )
    .run()
    .expect_started(&["a", "c", "d", "e"])
    .expect_status("b", Status::Succeeded)
    .expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn the_steps_of_a_parallel_block_start_at_once_and_needs_hold_some_back() {
    let told = story(
        "
steps:
  - parallel: true
    steps:
      - { id: a, call: $BOX set, needs: [c] }
      - { id: b, call: $BOX set }
      - { id: c, call: $BOX set }
      - { id: d, call: $BOX set, needs: [a, b] }
  - { id: last, call: $BOX look }
",
    )
    .run();
    told.expect_started(&["b", "c", "a", "d", "last"])
        .expect_outcome(RunOutcome::Succeeded);
    let started = told.started();
    assert_eq!(started.len(), 5);
}
