//! What tools gave out does not outlive the run.

use crate::call::wipe_issued;
use crate::journal::RunDir;
use crate::model::event::Happened;
use crate::run::Draft;

/// The end of a run, once what its tools gave out is wiped; before it is recorded, so that a run
/// that is closed has none of it. What could not be wiped is somebody's to remove.
pub(super) fn wiped(mut draft: Draft, run: &RunDir) -> Draft {
    if let Happened::RunClosed(closed) = &mut draft.what {
        let dir = run.secrets();
        if let Err(error) = wipe_issued(&dir) {
            closed.follow_ups.push(format!(
                "remove {} by hand: secrets that tools gave out could not be wiped: {error}",
                crate::model::text::escape_controls(&dir.display().to_string())
            ));
        }
    }
    draft
}
