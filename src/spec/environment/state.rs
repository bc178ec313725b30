//! `state:` of `runbook.yaml`: the state directory that a team shares on a machine.

use std::path::PathBuf;

use super::types::SharedState;
use crate::spec::decode::{Decoder, decode};
use crate::spec::diagnostic::Diagnostics;
use crate::spec::yaml::Node;

/// Reads `state:` of `runbook.yaml` and nothing else: where runs are kept must be known also while
/// something else in the file is wrong.
pub fn read_state(name: &str, bytes: &[u8], found: &mut Diagnostics) -> Option<SharedState> {
    decode(name, bytes, found, |decoder, root| {
        state(decoder, root.get("state")?)
    })
}

pub(super) fn state(decoder: &Decoder, node: &Node) -> Option<SharedState> {
    let mut fields = decoder.fields(node, "`state`")?;
    let dir = fields.required("dir", |node| {
        let dir = PathBuf::from(decoder.line(node)?);
        match dir.is_absolute() {
            true => Some(dir),
            // Each member stands in a checkout of their own.
            false => decoder.unexpected(node, "an absolute path, the same for all who share it"),
        }
    });
    let group = fields.required("group", |node| decoder.id(node));
    fields.finish();
    Some(SharedState {
        dir: dir?,
        group: group?,
    })
}
