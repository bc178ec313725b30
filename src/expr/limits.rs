//! How large an expression and what it makes may be, and the budget that holds it to that.
//!
//! Time is bounded by fuel and memory by bytes, because fuel alone does not bound memory. Nothing
//! here depends on the clock: the same expression over the same values ends in the same way.

use std::cell::Cell;

use super::error::ExprError;
use crate::model::Value;

/// The longest source of an expression, and of the inside of each `{{ }}`, in bytes. Operators are
/// parsed by recursion, so this also bounds the stack.
pub const MAX_EXPRESSION: usize = 1024;

/// The longest source of a template, in bytes.
pub const MAX_TEMPLATE: usize = 64 * 1024;

/// How deep operators, fields and calls may lie in one another: `a + b + c` is two deep. Names with
/// their fields count too, so this is also the longest chain of operators.
pub const MAX_DEPTH: usize = 64;

/// How deep brackets may lie in one another. Unoptimised, minijinja's parser takes some 16 KiB of
/// stack for each, and threads have 2 MiB.
pub const MAX_BRACKETS: usize = 24;

/// The most items that `range(…)` gives.
pub const MAX_RANGE: usize = 10_000;

/// How many operations one evaluation may take; a list costs one for each of its items.
pub const MAX_FUEL: u64 = 1_000_000;

/// The longest text that one evaluation may end in or use on its way, in bytes.
pub const MAX_TEXT: usize = 1024 * 1024;

/// How many bytes one evaluation may make in all: texts, and lists at [`ITEM_BYTES`] an item. What
/// is only read, however large, costs nothing.
pub const MAX_PRODUCED: usize = 4 * 1024 * 1024;

/// What an item of a list or a field of an object counts for, beside its own text.
pub const ITEM_BYTES: usize = 16;

/// What one evaluation may still use.
#[derive(Debug)]
pub(super) struct Budget {
    fuel: Cell<u64>,
    bytes: Cell<usize>,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            fuel: Cell::new(MAX_FUEL),
            bytes: Cell::new(MAX_PRODUCED),
        }
    }

    /// Takes so many operations.
    pub(super) fn spend(&self, operations: usize) -> Result<(), ExprError> {
        let operations = u64::try_from(operations).unwrap_or(u64::MAX);
        match self.fuel.get().checked_sub(operations) {
            Some(left) => {
                self.fuel.set(left);
                Ok(())
            }
            None => Err(ExprError::limit(format!(
                "it takes more than {MAX_FUEL} operations"
            ))),
        }
    }

    /// Takes so many bytes, before they are made.
    pub(super) fn produce(&self, bytes: usize) -> Result<(), ExprError> {
        match self.bytes.get().checked_sub(bytes) {
            Some(left) => {
                self.bytes.set(left);
                Ok(())
            }
            None => Err(ExprError::limit(format!(
                "it makes more than {} MiB of text and lists",
                MAX_PRODUCED / 1024 / 1024
            ))),
        }
    }

    /// Takes the bytes of one text, before it is made.
    pub(super) fn text(&self, bytes: usize) -> Result<(), ExprError> {
        if bytes > MAX_TEXT {
            return Err(ExprError::limit(format!(
                "it makes a text of more than {} KiB",
                MAX_TEXT / 1024
            )));
        }
        self.produce(bytes)
    }

    /// Takes what a copy of a value weighs, before it is made.
    pub(super) fn copy(&self, value: &Value) -> Result<(), ExprError> {
        self.spend(1)?;
        self.produce(ITEM_BYTES)?;
        match value {
            Value::Str(text) => self.produce(text.len()),
            Value::List(items) => items.iter().try_for_each(|item| self.copy(item)),
            Value::Map(map) => map.iter().try_for_each(|(name, item)| {
                self.produce(name.len())?;
                self.copy(item)
            }),
            _ => Ok(()),
        }
    }
}
