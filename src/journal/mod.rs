//! The journal: record, chain, write, read, verify, store.
