//! YAML 1.2 as people write runbooks in: bytes in, a tree with places out.
//!
//! Stands directly on the event parser `granit-parser` instead of `serde-saphyr`, which stands on
//! the same one: events carry byte spans of keys and of collections, anchors and tags can be
//! refused where they are written, reading goes on after a doubled key, and the tree is built
//! without recursion in about a third of the time.
//!
//! Scalars keep their source text: whether `no`, `012` or `1e3` is a word or a number is decided
//! by whoever knows what belongs there. Anchors, aliases, merge keys, tags, directives and several
//! documents are refused: in a file that is read in an emergency, what is written must be what is
//! meant.

mod node;
mod read;
#[cfg(test)]
mod tests;
mod words;

pub use node::{Key, Kind, Node, Scalar};
pub use read::{MAX_BYTES, MAX_DEPTH, MAX_NODES, read};
