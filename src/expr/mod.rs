//! minijinja tamed: strict expressions and templates over typed values, with limits.
