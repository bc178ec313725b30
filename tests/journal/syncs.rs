//! Row 13: without any one of the journal's syncs, something is lost.

use runbook::journal::SyncPoint;

use crate::crash::{lose_power_everywhere, lose_power_while_recovering};

#[test]
fn row_13_removing_any_one_sync_loses_something() {
    for point in SyncPoint::ALL {
        let loss = lose_power_everywhere(Some(point), 101)
            .err()
            .or_else(|| lose_power_while_recovering(Some(point)).err());
        assert!(
            loss.is_some(),
            "{point:?} can be left out and nothing is lost"
        );
    }
}
