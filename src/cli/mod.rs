//! One file a verb; an error becomes an exit code in exactly one place.
